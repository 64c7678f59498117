"""`train table alignment` on the tiny data set, and what it says of the paper's claims."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from train import __main__ as command
from train.experiments.alignment import verdict
from train.experiments.published import FLICKR8K


def figures(annotation: list[float], search: list[float]) -> dict[str, dict[str, float]]:
    names = ("r1", "r5", "r10", "medr")
    return {
        "annotation": dict(zip(names, annotation, strict=True)),
        "search": dict(zip(names, search, strict=True)),
    }


def test_verdict_by_hand() -> None:
    better = figures([20, 50, 60, 4], [15, 40, 50, 9])
    worse = figures([19, 51, 59, 4], [14, 39, 49, 9])
    assert verdict(better, worse) == "holds: better in 5 of 6 recalls, +4.0 points in their sum"
    assert verdict(worse, better).startswith("does not hold: better in 1 of 6 recalls, -4.0")


def test_the_table(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    for split in ("train", "dev", "test"):
        names = (tiny_flickr / "splits" / f"{split}.txt").read_text().split()
        folder, n = tmp_path / split, len(names)
        folder.mkdir()
        np.save(folder / "features.npy", rng.normal(size=(n, 20, 608)).astype(np.float16))
        np.save(folder / "boxes.npy", np.zeros((n, 20, 4), np.float32))
        np.save(folder / "objectness.npy", np.zeros((n, 20), np.float32))
        np.save(folder / "count.npy", np.full(n, 20, np.int32))
        header = {"encoder": "bundled", "dimension": 608, "names": names}
        (folder / "names.json").write_text(json.dumps(header))

    def run(recipes: str) -> None:
        monkeypatch.setattr(
            sys, "argv",
            ["train", "table", "alignment", "--data", str(tiny_flickr),
             "--encoder", str(random_checkpoint), "--features", str(tmp_path / "train"),
             "--dev-features", str(tmp_path / "dev"), "--test-features", str(tmp_path / "test"),
             "--recipes", recipes, "--epochs", "1", "--runs", str(tmp_path / "runs"),
             "--out", str(tmp_path / "docs"), "--threads", "1", "--batch", "6"],
        )  # fmt: skip
        command.main()

    run("defrag,words,image")
    page = (tmp_path / "docs" / "alignment.md").read_text()
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == [
        "defrag", "words", "image",
    ]  # fmt: skip
    assert all(name in page for name, _ in FLICKR8K.alignment)
    assert "Eq. 8 beats Eq. 7" in page
    assert (
        "Features: up to 20 regions of a photo, 608 numbers each, of the encoder `bundled`" in page
    )
    assert f" --encoder {random_checkpoint} --epochs 1 --batch 6\n" in page, "not the default"
    assert "regions beat the whole image" not in page, "the BRNN has not been measured"
    found = json.loads((tmp_path / "runs" / "words" / "test.json").read_text())
    assert found["search"]["r10"] == 100  # six photos
    kept = (tmp_path / "runs" / "words" / "test.json").stat().st_mtime_ns
    run("words")  # done already: nothing is trained again
    assert (tmp_path / "runs" / "words" / "test.json").stat().st_mtime_ns == kept
    with pytest.raises(SystemExit, match="recipe is 'fancy'; expected some of"):
        run("fancy")
