"""Which boxes teach a word, by hand, and the whole measure on random weights."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.checkpoints import load_checkpoint
from core.vision.regions import Regions
from train import __main__ as command
from train.data import DataError
from train.evaluate import phrase_scores
from train.objects import NamedThings
from train.taught import Seen, examples, taught_figures


def test_examples_by_hand() -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, 0.5, 1], [0.6, 0.6, 0.7, 0.7]], np.float32)
    features = np.arange(6, dtype=np.float32).reshape(3, 2)
    regions = Regions(boxes, np.ones(3, np.float32), features)
    dogs = np.array([[0, 0, 0.5, 0.9], [0.1, 0, 0.5, 0.8]])
    own = np.array([[10.0, 11], [12, 13]])
    seen = [Seen(NamedThings("x.jpg", {"dog": dogs}), regions, {"dog": own})] * 2
    shown, others = examples(seen, "dog", 1)
    # The photo (IoU 0.45) and the left half (0.9) overlap the dogs; the small region does not. One
    # box is enough, so the second photo is not looked at.
    assert shown.tolist() == [[10, 11]]
    assert others.tolist() == [[4, 5]]
    shown, others = examples(seen, "dog", 3)
    assert shown.tolist() == [[10, 11], [12, 13], [10, 11]]
    assert len(others) == 2


def test_the_whole_measure(random_checkpoint: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    photos, annotations = [], []
    for k in range(5):
        pixels = generator.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
        photos.append({"id": k, "file_name": f"{k}.png", "width": 50, "height": 40})
        annotations.append({"image_id": k, "category_id": 1, "bbox": [5, 5, 20, 20]})
    data = {"images": photos, "categories": [{"id": 1, "name": "dog"}], "annotations": annotations}
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(data))
    checkpoint = load_checkpoint(random_checkpoint)
    figures = taught_figures(checkpoint, tmp_path, file, phrase_scores)
    assert figures["pairs"] == 2  # of five photos, the second and the fourth are asked on
    assert set(figures) == {"pairs", "own_name", "examples_1", "examples_5", "examples_20"}
    assert all(0 <= figures["examples_5"][key] <= 100 for key in ("recall_at_1", "centre"))
    data["annotations"] = annotations[:4]
    file.write_text(json.dumps(data))
    with pytest.raises(DataError, match="on 5 photos"):
        taught_figures(checkpoint, tmp_path, file, phrase_scores)


def test_the_command_teaches_what_an_export_names(
    random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    phrases = [{"phrase": "a small capybara", "boxes": [[5, 5, 25, 25]]},
               {"phrase": "red grass", "boxes": [[0, 20, 50, 40]]}]  # fmt: skip
    photo = {"file": "a.png", "width": 50, "height": 40, "sentences": [], "phrases": phrases}
    (tmp_path / "export.jsonl").write_text(json.dumps(photo) + "\n")

    def run(*options: str) -> None:
        paths = ("--annotations", str(tmp_path / "export.jsonl"), "--images", str(tmp_path))
        shared = ("--checkpoint", str(random_checkpoint), "--threads", "1")
        monkeypatch.setattr(sys, "argv", ["train", "teach", *paths, *shared, *options])
        command.main()

    run("--out", str(tmp_path / "out"))
    before, after = load_checkpoint(random_checkpoint), load_checkpoint(tmp_path / "out")
    # "grass" was learnt before; "capybara" is a phrase's last word that was not.
    assert after.vocabulary.words == (*before.vocabulary.words, "capybara")
    old = before.alignment.sentences.word_vectors.weight
    new = after.alignment.sentences.word_vectors.weight[: len(old)]
    np.testing.assert_allclose(new.detach(), old.detach(), atol=1e-3)
    with pytest.raises(SystemExit, match="no phrase of the annotations holds 'yak'"):
        run("--word", "yak", "--out", str(tmp_path / "none"))
