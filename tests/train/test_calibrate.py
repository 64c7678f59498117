"""How words score on training photos, and what that says of photos without a thing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.checkpoints import CheckpointError, load_checkpoint
from core.describer import Describer
from core.results import align
from core.vision.images import read
from train import __main__ as command
from train.calibrate import fitted, spread
from train.data import DataError
from train.export import exported, with_grounding
from train.seen import auc, name_figures


def test_spread_by_hand() -> None:
    assert spread(10, 4) == [0, 3, 6, 9]
    assert spread(3, 10) == [0, 1, 2]


def test_auc_by_hand() -> None:
    # pairs: 3 > 1, 3 > 2, 2 > 1, and 2 = 2, which counts half
    assert auc(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
    assert auc(np.array([1.0]), np.array([2.0])) == 0.0


def test_both_truths_of_a_word_weigh_alike() -> None:
    """One feature that tells nothing: even odds, however rare the truth is. One that tells all: the
    border lies midway between both."""
    features = np.zeros((200, 1, 3))
    truth = np.zeros((200, 1), dtype=bool)
    truth[:20] = True
    factors = fitted(features, truth)
    assert factors == pytest.approx([0, 0, 0, 0], abs=1e-6)
    features[:20, 0, 0] = 1.0
    features[::10, 0, 0] = 0.5  # two true ones and eighteen false ones between
    factors = fitted(features, truth)
    assert factors[0] > 5
    assert factors[1:3] == pytest.approx([0, 0], abs=1e-6)
    # A word that is true everywhere teaches nothing.
    twice = fitted(np.repeat(features, 2, axis=1), np.c_[truth, np.ones_like(truth)])
    assert twice == pytest.approx(factors, abs=1e-6)


@pytest.fixture(scope="module")
def material(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A checkpoint that was calibrated, and instances of the photos it was calibrated on."""
    folder = tmp_path_factory.mktemp("calibrated")
    shutil.copytree(random_checkpoint, folder / "checkpoint")
    photos = sorted(path.name for path in (tiny_flickr / "images").glob("train*.png"))
    labelled = folder / "labelled"
    labelled.mkdir()
    (labelled / "images").symlink_to(tiny_flickr / "images")
    names = {name: ["ball" if "ball" in name else "dog"] for name in photos}
    (labelled / "labels.json").write_text(json.dumps(names))
    command.main(
        ["calibrate", str(folder / "checkpoint"), "--data", str(tiny_flickr), "--labelled",
         str(labelled), "--photos", "12", "--labelled-photos", "12", "--least-photos", "3",
         "--threads", "1"]
    )  # fmt: skip
    instances = {
        "images": [
            {"id": k, "file_name": name, "width": 80, "height": 64} for k, name in enumerate(photos)
        ],
        "categories": [{"id": 1, "name": "ball"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"image_id": k, "category_id": 1 if "ball" in name else 2, "bbox": [1, 1, 20, 20]}
            for k, name in enumerate(photos)
        ],
    }
    (folder / "instances.json").write_text(json.dumps(instances))
    said = {
        "images": instances["images"],
        "annotations": [
            {"image_id": k, "caption": "a dog and a red ball on the grass"}
            for k in range(len(photos))
        ],
    }
    (folder / "captions.json").write_text(json.dumps(said))
    return folder, labelled


def test_a_calibrated_checkpoint_judges(material: tuple[Path, Path], tiny_flickr: Path) -> None:
    folder, _ = material
    describer = Describer.load(folder / "checkpoint")
    evidence = describer.checkpoint.evidence
    assert evidence is not None
    [ball, red] = describer.checkpoint.vocabulary.ids(["ball", "red"])
    assert (float(evidence.thing[ball]), float(evidence.thing[red])) == (1.0, 0.0)
    assert bool((evidence.high[1:] >= evidence.usual[1:]).all())
    look = describer.look(read(tiny_flickr / "images" / "train0_red_ball.png"))
    found = align(look, describer.read("a red ball xyzzy"))
    # As judged word by word, alone: the best score among the regions that are shown.
    told = [word["confidence"] for word in found.as_dict()["words"]]
    assert [one is None for one in told] == [True, False, False, True]
    alone = align(look, describer.read("ball"), 0.0)
    assert told[2] == pytest.approx(alone.as_dict()["words"][0]["confidence"])
    # A stored reading gets the same, without being read again.
    stored = replace(describer.read("a red ball xyzzy"), judge=None, read_as=())
    assert align(look, describer.judged(stored)).as_dict() == found.as_dict()
    # A segment is seen where its name of things is, whatever its other words are.
    assert found.seen is not None
    apart = replace(found, seen=np.array([False, True, False, False]))
    assert apart.is_seen(0, 3) is False
    assert apart.is_seen(0, 1) is True
    assert apart.is_seen(0, 0) is None
    assert align(look, replace(describer.read("ball"), judge=None)).as_dict()["words"][0] | {
        "confidence": None, "seen": None
    } == align(look, replace(describer.read("ball"), judge=None)).as_dict()["words"][0]  # fmt: skip


def test_the_figures(material: tuple[Path, Path], tiny_flickr: Path, tmp_path: Path) -> None:
    folder, _ = material
    out = tmp_path / "seen.json"
    command.main(
        ["evaluate", "seen", "--images", str(tiny_flickr / "images"), "--instances",
         str(folder / "instances.json"), "--captions", str(folder / "captions.json"),
         "--checkpoint", str(folder / "checkpoint"), "--threads", "1", "--json", str(out)]
    )  # fmt: skip
    figures = json.loads(out.read_text())
    assert (figures["true"], figures["absent"]) == (12, 12)
    assert 0 <= figures["auc"] <= 1
    assert figures["as_shown"]["of_function_words"] == 0
    assert figures["as_shown"]["firm"] <= figures["as_shown"]["boxes"]


def test_what_is_missing_is_said(random_checkpoint: Path, material: tuple[Path, Path]) -> None:
    with pytest.raises(DataError, match=r"no evidence\.safetensors"):
        name_figures(Describer.load(random_checkpoint), [], ["dog"])
    folder, _ = material
    copy = folder / "broken"
    shutil.copytree(folder / "checkpoint", copy)
    (copy / "evidence.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="sha256"):
        load_checkpoint(copy)


def test_export_keeps_what_is_still_true(material: tuple[Path, Path], tmp_path: Path) -> None:
    """Another beta to begin with changes no score; another prior changes them all."""
    checkpoint = load_checkpoint(material[0] / "checkpoint")
    assert checkpoint.evidence is not None
    exported(with_grounding(checkpoint, merging_share=0.2), tmp_path / "same", "same")
    kept = load_checkpoint(tmp_path / "same").evidence
    assert kept is not None
    assert kept.usual.tolist() == checkpoint.evidence.usual.tolist()
    for change in ({"prior": 0.5}, {"copy_iou": 0.9}):
        assert with_grounding(checkpoint, **change).evidence is None
