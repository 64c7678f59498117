"""The tables on a Karpathy file print the published rows of its set, COCO's in both protocols."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from core.alignment.model import AlignmentModel
from core.alignment.ranking import Recall
from train import ranking
from train.__main__ import main
from train.experiments import published
from train.experiments.captioning import CaptioningTable, captioning_table
from train.experiments.published import COCO, FLICKR8K, FLICKR30K, Published, published_for
from train.ranking import RegionSource, Sentences, rank_folds


def karpathy(tiny_flickr: Path, path: Path, dataset: str) -> None:
    """The tiny Flickr8k folder as a Karpathy file."""
    said: dict[str, list[str]] = {}
    for line in (tiny_flickr / "captions.token.txt").read_text().splitlines():
        key, _, sentence = line.partition("\t")
        said.setdefault(key.partition("#")[0], []).append(sentence)
    images = [
        {"filename": name, "split": part.replace("dev", "val"),
         "sentences": [{"raw": sentence} for sentence in said[name]]}
        for part in ("train", "dev", "test")
        for name in (tiny_flickr / "splits" / f"{part}.txt").read_text().split()
    ]  # fmt: skip
    path.write_text(json.dumps({"dataset": dataset, "images": images}))


def test_which_set_it_is(tiny_flickr: Path, tmp_path: Path) -> None:
    assert published_for(tiny_flickr) is FLICKR8K
    (tmp_path / "Sentences").mkdir()
    assert published_for(tmp_path) is FLICKR30K
    for name, text, wanted in (
        ("dataset_coco.json", "{}", COCO),
        ("dataset_flickr30k.json", "{}", FLICKR30K),
        ("mine.json", '{"dataset": "coco"}', COCO),
        ("own.json", '{"dataset": "birds"}', Published("birds")),
        ("own.csv", "photo,sentence\n", Published("own")),
    ):
        (tmp_path / name).write_text(text)
        assert published_for(tmp_path / name) == wanted


def test_folds_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five photos with a sentence each, in folds of two: the fifth photo is in none."""
    scores = np.array(
        [
            [5, 1, 9, 9, 9],  # among all: third after ties count, in its fold first
            [1, 5, 0, 0, 0],
            [0, 0, 1, 2, 0],  # second in its fold
            [0, 0, 5, 1, 0],  # second in its fold
            [0, 0, 0, 0, 5],
        ],
        dtype=np.float32,
    )
    monkeypatch.setattr(ranking, "score_all", lambda *_: (scores, np.arange(5)))
    nothing = (AlignmentModel, RegionSource, Sentences)
    whole, folds = rank_folds(*nothing, folds=(0, 2))  # type: ignore[arg-type]
    # Annotation, all: ranks 4, 1, 2, 2, 1; folds: 1, 1 and 2, 2.
    assert whole["annotation"] == Recall(40, 100, 100, 2)
    assert folds["annotation"] == Recall(50, 100, 100, 1.5)
    # Search, in folds: photo 1's sentence first, photo 2's first; then 5 > 1 and 2 > 1.
    assert folds["search"] == Recall(50, 100, 100, 1.5)
    [few] = rank_folds(*nothing, folds=(1000,))  # type: ignore[arg-type]
    assert few == whole


def test_the_alignment_table_of_coco(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "dataset_mine.json"
    karpathy(tiny_flickr, path, "coco")
    monkeypatch.setitem(published._BY_NAME, "coco", dataclasses.replace(COCO, fold=2))
    images = str(tiny_flickr / "images")
    for split in ("train", "dev", "test"):
        main(["features", "--data", str(path), "--images", images, "--split", split, "--encoder",
              str(random_checkpoint), "--out", str(tmp_path / split),
              "--threads", "1"])  # fmt: skip
    main(["table", "alignment", "--data", str(path), "--images", images, "--encoder",
          str(random_checkpoint), "--features", str(tmp_path / "train"),
          "--dev-features", str(tmp_path / "dev"), "--test-features", str(tmp_path / "test"),
          "--recipes", "words", "--epochs", "1", "--batch", "6", "--threads", "1",
          "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "docs")])  # fmt: skip
    page = (tmp_path / "docs" / "alignment.md").read_text()
    assert "# Alignment models on COCO's test split\n\n6 photos, 12 sentences;" in page
    assert "--data dataset_mine.json --images IMAGES --features FEATURES/train" in page
    assert "| BRNN (the paper), 1K | 38.4 | 69.9 | 80.5 | 1.0 | 27.4 | 60.2 | 74.8 | 3.0 |" in page
    assert "| BRNN (the paper), 5K | 16.5 | 39.2 | 52.0 | 9.0 | 10.7 | 29.6 | 42.2 | 14.0 |" in page
    assert "Flickr8k" not in page
    assert "DeViSE" not in page
    found = json.loads((tmp_path / "runs" / "words" / "test.json").read_text())
    assert found["folds"]["search"]["r5"] == 100  # two photos in a fold
    assert f", 1K | {found['folds']['annotation']['r1']:.1f} |" in page
    assert f", 5K | {found['annotation']['r1']:.1f} |" in page


@pytest.mark.parametrize(
    ("dataset", "theirs", "title"),
    [
        ("flickr30k", "57.3 | 36.9 | 24.0 | 15.7 | 15.3 |  | 24.7 |", "Flickr30k"),
        ("coco", "62.5 | 45.0 | 32.1 | 23.0 | 19.5 |  | 66.0 |", "COCO"),
    ],
)
def test_the_captioning_table(
    dataset: str, theirs: str, title: str, tiny_flickr: Path, tmp_path: Path
) -> None:
    """Rows that are there are not computed again, and the published ones are the set's."""
    path = tmp_path / f"dataset_{dataset}.json"
    karpathy(tiny_flickr, path, dataset)
    beam = {"beam": 7, "seen_in_training": 1.0, "words": 9.0, "bleu_4": 20.0, "cider": 50.0}
    row = {"bleu_1": 60.0, "images": 6, "references": 12, "tokenizer": "project",
           "decoding": {"longest": 20, "length_power": 0.0}, "by_beam": [beam]}  # fmt: skip
    for name in ("photos", "photos_nearest", "photos_human"):
        (tmp_path / f"{name}.json").write_text(json.dumps(row))
    options = CaptioningTable(
        path, tmp_path, tmp_path, tmp_path, images=Path("photos"), out=tmp_path / "captioning.md"
    )
    page = captioning_table(options)
    assert f"{title} test, 6 photos, 12 sentences" in page
    assert f"| Karpathy & Fei-Fei 2015 | {theirs}" in page
    assert "57.9" not in page  # Flickr8k's
    assert f"--data dataset_{dataset}.json" in page
    assert "--images IMAGES" in page
    assert options.photos().images == Path("photos")
