"""`train proposals`: its targets by hand, and the command with stand-ins for the teachers."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from core.checkpoints import load_network
from core.vision.encoders.bundled import RegionNetworkConfig
from tests.conftest import random_network
from tests.train.test_commands import run
from train import proposals
from train.data import DataError, Phrase, PhrasePhoto
from train.teachers import NanoDet, network_from_efficientnet


def test_peoples_boxes_first_then_the_teachers_that_add_something() -> None:
    dog = np.array([[0.0, 0.0, 0.5, 0.5]])
    dot = np.array([[0.1, 0.1, 0.101, 0.2]])
    phrases = (Phrase("a dog", dog), Phrase("it", dog), Phrase("dot", dot))
    photo = PhrasePhoto("x", 10, 10, "exact", 1.0, phrases)
    detected = np.array([[0.0, 0.0, 0.5, 0.45], [0.6, 0.6, 0.9, 0.9]])  # the dog again, a new thing
    assert proposals.target_boxes(photo, detected).tolist() == pytest.approx(
        np.array([[0, 0, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]], dtype=np.float32)
    )
    assert len(proposals.target_boxes(None, detected)) == 2


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of random weights and no boxes, in the teachers' place."""
    nothing = np.zeros((0, 4), dtype=np.float32)
    monkeypatch.setattr(proposals, "teacher_boxes", lambda _, paths, __: [nothing] * len(paths))
    monkeypatch.setattr(
        proposals, "network_from_efficientnet", lambda _, config: random_network(config.side)
    )


def teach(patch: pytest.MonkeyPatch, data: Path, out: Path, *options: object) -> str:
    run(
        patch, "proposals", "--data", data, "--phrases", data / "phrases.json",
        "--efficientnet", "x", "--nanodet", "x", "--out", out, "--side", 97, "--epochs", 3,
        "--batch", 4, "--held-out", 4, "--threads", 1, *options,
    )  # fmt: skip
    return (out / "log.jsonl").read_text()


@pytest.mark.usefixtures("stand_ins")
def test_a_killed_training_resumes_to_the_same_curve(
    tiny_flickr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    whole = teach(monkeypatch, tiny_flickr, Path("run"))
    monkeypatch.chdir(tmp_path / "killed")
    original, calls = proposals.recall, []

    def kill_in_the_second_epoch(*arguments: object) -> float:
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return original(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(proposals, "recall", kill_in_the_second_epoch)
        with pytest.raises(Killed):
            teach(patch, tiny_flickr, Path("run"))
    assert teach(monkeypatch, tiny_flickr, Path("run")) == whole
    assert len(whole.splitlines()) == 3
    states = [(tmp_path / name / "run/progress.safetensors") for name in ("whole", "killed")]
    first, second = (load_file(path) for path in states)
    assert all(value.equal(second[key]) for key, value in first.items())
    with pytest.raises(SystemExit, match=r"holds a run with other options: batch 6 \(there 4\)"):
        teach(monkeypatch, tiny_flickr, Path("run"), "--batch", 6)


@pytest.mark.usefixtures("stand_ins")
def test_the_best_epoch_is_exported(
    tiny_flickr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recalls, saved = iter([0.2, 0.4, 0.3]), []
    original = proposals.save_checkpoint

    def save(*arguments: object, **named: object) -> None:
        saved.append((tmp_path / "log.jsonl").read_text().count("\n"))
        original(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(proposals, "recall", lambda *_: next(recalls))
    monkeypatch.setattr(proposals, "save_checkpoint", save)
    teach(monkeypatch, tiny_flickr, tmp_path)
    assert saved == [1, 2]


@pytest.mark.usefixtures("stand_ins")
def test_the_command(tiny_flickr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, tiny_flickr, tmp_path)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(log) == 3
    assert log[-1]["classification"] < log[0]["classification"]
    assert load_network(tmp_path / "checkpoint").config.side == 97


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_without_teachers_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is not there, or no safetensors file; expected the trunk"):
        network_from_efficientnet(tmp_path / name, RegionNetworkConfig())
    with pytest.raises(DataError, match=r"416\.param and nanodet-plus-m_416\.bin cannot be"):
        NanoDet(tmp_path / name)
