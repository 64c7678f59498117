"""Ctrl-C in the commands that `test_command_line.py` does not start: what was kept, how to go on.

SIGINT comes at a known step of the command, in this process, so that it can be started again and
must go on from there.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from core.vision.encoders.class_detector import ClassDetector
from tests.conftest import random_network
from tests.train.test_download import Server, assert_whole, server
from tests.train.test_refusals import refusal, right
from train import classes, download, loop, proposals
from train.runs import Progress

__all__ = ["server"]  # a fixture


@pytest.fixture(autouse=True)
def _sigint() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and so would these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def paths(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    found = right(tiny_flickr, random_checkpoint, tmp_path_factory.mktemp("right"))
    data = found["data"]
    names = sorted((data / "splits" / "train.txt").read_text().split())
    header = found["features"] / "train" / "names.json"  # labelled photos come by the alphabet
    header.write_text(json.dumps(json.loads(header.read_text()) | {"names": names}))
    (data / "splits").unlink()
    (data / "splits").mkdir()
    for split in ("train", "dev", "test"):
        listed = (
            names
            if split == "train"
            else (tiny_flickr / "splits" / f"{split}.txt").read_text().split()
        )
        (data / "splits" / f"{split}.txt").write_text("\n".join(listed) + "\n")
    (data / "labels.json").write_text(json.dumps({n: [n.split("_")[1]] for n in names}))
    (data / "coco_names.json").write_text(
        json.dumps({"0": "person", "1": "red", "2": "green", "3": "blue"})
    )
    return found


DATA = "--data {data} --threads 1 --out {out}"
FEATURES = "--features {features}/train --dev-features {features}/dev"
TRAININGS = {
    "caption": f"caption --level image --least 1 --epochs 3 --hidden-dimension 8 {DATA} {FEATURES}",
    "proposals": f"proposals {DATA} --phrases {{data}}/phrases.json --efficientnet x --nanodet x "
    "--side 97 --epochs 3 --batch 4 --held-out 4",
    "classes": f"classes {DATA} --phrases {{data}}/phrases.json --labelled {{data}} --nanodet "
    "{data} --encoder {checkpoint} --steps 3 --report 1 --batch 2 --side 64 --large-side 64",
    "everyday": f"everyday {DATA} {FEATURES} --labelled {{data}} --labelled-features "
    "{features}/train --word-table x --encoder {checkpoint} --start {checkpoint} --steps 3 "
    "--report 1 --batch 6",
}


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_says_what_it_keeps_and_goes_on(
    name: str, paths: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    nothing = np.zeros((0, 4), dtype=np.float32)
    monkeypatch.setattr(proposals, "teacher_boxes", lambda _, photos, __: [nothing] * len(photos))
    monkeypatch.setattr(
        proposals, "network_from_efficientnet", lambda _, config: random_network(config.side)
    )
    monkeypatch.setattr(classes, "class_detector_from_nanodet", lambda _: ClassDetector(4))
    out = tmp_path / "run"
    argv = TRAININGS[name].format(**paths, out=out).split()
    kept: list[int] = []
    save, check = Progress.save, loop.check_finite

    def saved(progress: Progress, **numbers: float) -> None:
        save(progress, **numbers)
        kept.append(1)

    def pressed(parts: dict[str, Tensor]) -> Tensor:
        if len(kept) == 1:
            signal.raise_signal(signal.SIGINT)
        return check(parts)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "save", saved)
        patch.setattr(loop, "check_finite", pressed)
        end = refusal(argv)
    told = capsys.readouterr().err
    assert end is not None
    assert end.code == 130, told
    assert "Traceback" not in told
    assert told.splitlines()[-1] == (
        f"stopped in epoch 2 of 3: {out} keeps the first 1, the same command goes on from there"
    )
    assert refusal(argv) is None
    assert f"{out} goes on after epoch 1 of 3" in capsys.readouterr().out
    lines = (out / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


def test_a_download_says_what_it_keeps_and_goes_on(
    server: Server,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "flickr8k"
    url = f"http://127.0.0.1:{server.server_address[1]}/release"
    argv = ["download", "flickr8k", "--out", str(out), "--base-url", url]
    monkeypatch.setattr(download, "CHUNK", 1000)

    class Pressed(download.tqdm):  # type: ignore[misc,type-arg]
        def update(self, n: Any = 1) -> Any:
            if self.n > 2000 and self.desc == "Flickr8k_Dataset.zip":
                signal.raise_signal(signal.SIGINT)
            return super().update(n)

    with monkeypatch.context() as patch:
        patch.setattr(download, "tqdm", Pressed)
        end = refusal(argv)
    told = capsys.readouterr().err
    assert end is not None
    assert end.code == 130, told
    assert "Traceback" not in told
    assert told.splitlines()[-1] == (
        f"stopped: {out} keeps what came, the same command goes on from there"
    )
    assert refusal(argv) is None
    assert_whole(out)
    last = server.asked[-1][1]
    assert last is not None
    assert re.fullmatch(r"bytes=[34]000-", last)  # where it was stopped
