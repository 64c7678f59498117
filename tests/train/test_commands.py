"""`python -m train ...` end to end on a tiny data set: features, align, joint, evaluate, export."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from core.checkpoints import load_checkpoint, load_encoder
from core.describer import Describer
from core.results import align
from core.vision.images import DecodedPhoto, ImageError, read
from train import __main__ as command
from train import align as trainer
from train.data import DataError
from train.features import FeatureStore, write_features


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["train", *map(str, arguments)])
    command.main()


SMALL = ("--word-dimension", 8, "--hidden-dimension", 8, "--common-dimension", 8, "--threads", 1)


@pytest.fixture(scope="module")
def features(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("features")
    with pytest.MonkeyPatch.context() as patch:
        for split in ("train", "dev"):
            run(patch, "features", "--data", tiny_flickr, "--split", split, "--threads", 1,
                "--encoder", random_checkpoint, "--out", folder / split)  # fmt: skip
    return folder


def test_features_are_the_encoders(
    features: Path, tiny_flickr: Path, random_checkpoint: Path
) -> None:
    store = FeatureStore(features / "dev")
    assert store.encoder == "bundled"
    photo = read(tiny_flickr / "images" / store.names[2]).pixels
    [regions] = load_encoder(random_checkpoint).encode([photo])
    stored, present = store.rows(np.array([2]))
    assert int(present.sum()) == len(regions)
    np.testing.assert_allclose(
        stored[0, : len(regions)],
        regions.features,
        rtol=2e-2,
        atol=2e-2 * np.abs(regions.features).max(),
    )


def test_mirrored_features_are_those_of_the_mirror_image(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path
) -> None:
    encoder = load_encoder(random_checkpoint)
    path = tiny_flickr / "images" / "dev0_red_ball.png"
    write_features(encoder, [path.name], [path], tmp_path, mirrored=True)
    store = FeatureStore(tmp_path)
    [regions] = encoder.encode([read(path).pixels[:, ::-1]])
    k = len(regions)
    found = store.boxes[0, :k]
    np.testing.assert_allclose(found[:, 0], 1 - regions.boxes[:, 2], atol=1e-6)
    np.testing.assert_allclose(found[:, 1], regions.boxes[:, 1], atol=1e-6)
    np.testing.assert_allclose(
        store.rows(np.array([0]))[0][0, :k],
        regions.features,
        atol=2e-2 * np.abs(regions.features).max(),
    )
    with pytest.raises(DataError, match="holds other photos"):  # upright ones do not mix in
        write_features(encoder, [path.name], [path], tmp_path)


def test_a_stopped_run_goes_on_where_it_was(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path
) -> None:
    encoder = load_encoder(random_checkpoint)
    names = sorted(p.name for p in (tiny_flickr / "images").iterdir())[:5]
    paths = [tiny_flickr / "images" / name for name in names]
    from train import features as module

    def until_the_last(path: Path) -> DecodedPhoto:
        """As a photo on a disk that is taken away in the meantime."""
        return read(path if path != paths[4] else path.with_name("gone.png"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH", 1)
        patch.setattr(module, "read_photo", until_the_last)
        with pytest.raises(ImageError, match="cannot be opened"):
            write_features(encoder, names, paths, tmp_path)
        counts = np.load(tmp_path / "count.npy")
        assert (counts > 0).tolist() == [True] * 4 + [False]
        with pytest.raises(DataError, match=r"lacks 1 of 5 photos; run `train features` again"):
            FeatureStore(tmp_path)
        seen = []
        patch.setattr(module, "read_photo", lambda path: seen.append(path) or read(path))
        write_features(encoder, names, paths, tmp_path)
    assert seen == paths[4:], "photos that were done must not be read again"
    assert len(FeatureStore(tmp_path).names) == 5
    with pytest.raises(DataError, match="holds other photos"):
        write_features(encoder, names[:2], paths[:2], tmp_path)


@pytest.mark.parametrize(("loss", "rate"), [("softmax", 1e-2), ("margin", 5e-4)])
def test_align_learns(
    loss: str, rate: float, features: Path, tiny_flickr: Path, random_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run(
        monkeypatch, "align", "--data", tiny_flickr, "--encoder", random_checkpoint,
        "--features", features / "train", "--dev-features", features / "dev", "--out", tmp_path,
        "--recipe", "baseline", "--dropout", 0, "--epochs", 30, "--batch", 6, "--warm-up", 5,
        "--rate", rate, "--loss", loss, "--margin", 0.2, *SMALL,
    )  # fmt: skip
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(log) == 30
    assert log[-1]["alignment"] < 0.8 * log[0]["alignment"]
    assert json.loads((tmp_path / "config.json").read_text())["loss"] == loss
    assert load_checkpoint(tmp_path / "checkpoint").vocabulary.words[0] in {
        "ball",
        "box",
        "a",
        "is",
    }


def test_a_killed_training_resumes_to_the_same_curve(
    features: Path,
    tiny_flickr: Path,
    random_checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def train(folder: Path, rate: float = 1e-2) -> list[str]:
        run(
            monkeypatch, "align", "--data", tiny_flickr, "--encoder", random_checkpoint,
            "--features", features / "train", "--dev-features", features / "dev", "--out", folder,
            "--epochs", 4, "--batch", 6, "--warm-up", 2, "--rate", rate, *SMALL,
        )  # fmt: skip
        return (folder / "log.jsonl").read_text().splitlines()

    class Killed(BaseException):
        pass

    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    whole = train(Path("run"))
    monkeypatch.chdir(tmp_path / "killed")
    with monkeypatch.context() as patch:
        original, calls = trainer.rank, []

        def kill_in_the_third_epoch(*arguments: object) -> object:
            calls.append(1)
            if len(calls) == 3:
                raise Killed
            return original(*arguments)  # type: ignore[arg-type]

        patch.setattr(trainer, "rank", kill_in_the_third_epoch)
        with pytest.raises(Killed):
            train(Path("run"))
    resumed = train(Path("run"))
    assert len(whole) == 4
    assert resumed == whole
    with pytest.raises(SystemExit, match="holds a run with other options"):
        train(Path("run"), rate=2e-2)


def test_joint_training_moves_every_layer(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (tiny_flickr / "splits" / "train.txt").read_text().split()
    np.savez(tmp_path / "nanodet.npz", **{name: np.zeros((0, 4), np.float32) for name in names})
    run(
        monkeypatch, "align", "--data", tiny_flickr, "--encoder", random_checkpoint,
        "--train-encoder", "--phrases", tiny_flickr / "phrases.json",
        "--nanodet-boxes", tmp_path / "nanodet.npz", "--out", tmp_path / "run", "--epochs", 1,
        "--batch", 4, "--warm-up", 1, *SMALL,
    )  # fmt: skip
    before = load_encoder(random_checkpoint).network.state_dict()  # type: ignore[attr-defined]
    after = load_checkpoint(tmp_path / "run" / "checkpoint").encoder.network  # type: ignore[attr-defined]
    still = [key for key, value in after.state_dict().items() if value.equal(before[key])]
    assert not still, f"these tensors did not learn: {still[:5]}"
    [line] = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert {"alignment", "classification", "bbox_regression"} <= json.loads(line).keys()


def test_evaluate_rank_keeps_its_contract(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "rank.json"
    common = ("evaluate", "rank", "--checkpoint", random_checkpoint, "--json", out, "--threads", 1)
    # the random checkpoint knows "a", "red", "ball" only: sentences without them are left out
    names = ("test0_red_ball.png", "test0_red_box.png")
    sentences = ("a red ball", "a dog")
    captions = {
        "images": [{"id": k, "file_name": name} for k, name in enumerate(names)],
        "annotations": [{"image_id": k, "caption": s} for k, s in enumerate(sentences)],
    }
    (tmp_path / "coco.json").write_text(json.dumps(captions))
    run(
        monkeypatch,
        *common,
        "--images",
        tiny_flickr / "images",
        "--captions",
        tmp_path / "coco.json",
    )
    coco = json.loads(out.read_text())
    assert (coco["images"], coco["sentences"]) == (2, 2)
    assert coco["annotation"].keys() == coco["search"].keys() == {"r1", "r5", "r10", "medr"}
    assert coco["annotation"]["r5"] == 100  # two photos, two sentences
    assert coco["seconds"] >= 0


def test_evaluate_ground_keeps_its_contract(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "ground.json"
    run(
        monkeypatch, "evaluate", "ground", "--images", tiny_flickr / "images", "--phrases",
        tiny_flickr / "phrases.json", "--sizes", "exact", "--checkpoint", random_checkpoint,
        "--json", out, "--threads", 1,
    )  # fmt: skip
    figures = json.loads(out.read_text())
    assert figures["phrases"] == 24
    assert figures.keys() == {
        "phrases", "recall_at_1", "recall_at_5", "recall_at_20_any_box", "pointing",
    }  # fmt: skip
    assert figures["recall_at_1"] <= figures["recall_at_5"] <= figures["recall_at_20_any_box"]


def test_export_keeps_the_answer(random_checkpoint: Path, tmp_path: Path, photo_pixels: np.ndarray,
                                 monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip

    run(monkeypatch, "export", random_checkpoint, "--out", tmp_path, "--name", "shipped")
    first, second = Describer.load(random_checkpoint), Describer.load(tmp_path)
    photo = DecodedPhoto(photo_pixels)
    scores = [align(d.look(photo), d.read("a red ball")).scores for d in (first, second)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)
    assert second.checkpoint.name == "shipped"


def test_errors_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"^error: checkpoint '.*' has no config.json; expected"):
        run(monkeypatch, "export", tmp_path, "--out", tmp_path / "x")
