"""Described regions: phrases, what `annotate` exports, and what others said of the same thing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import UserError
from core.formats import FORMATS, FormatError
from core.formats.record import Annotation, Photo, Project, Submission
from train.captions.regions import (
    Region,
    RegionPhoto,
    read_annotations,
    regions_of_phrases,
    wanted_regions,
)
from train.data import DataError, Phrase, PhrasePhoto, read_other_sentences

DOG = Annotation("1", (0.0, 0.0, 50.0, 40.0), "a dog", 0)
DONE = Submission("s", "a.jpg", "ann", "submitted", (DOG,))


def export(tmp_path: Path, *submissions: Submission) -> Path:
    project = Project("dogs", photos=(Photo("a.jpg", 100, 80),), submissions=submissions)
    path = tmp_path / "export.jsonl"
    path.write_bytes(FORMATS["jsonl"].write(project))
    return path


def test_phrases_take_the_box_around_theirs() -> None:
    two = np.array([[0.0, 0.1, 0.2, 0.3], [0.5, 0.0, 0.6, 0.2]])
    photo = PhrasePhoto("a.jpg", 10, 10, "exact", 1.0, (Phrase("two dogs", two),))
    empty = PhrasePhoto("b.jpg", 10, 10, "exact", 1.0, ())
    [found] = regions_of_phrases([photo, empty])
    assert found.regions[0].box.tolist() == [0.0, 0.0, 0.6, 0.3]
    assert found.regions[0].text == "two dogs"


def test_json_lines(tmp_path: Path) -> None:
    skipped = Submission("t", "a.jpg", "bob", "skipped")
    bad = replace(DONE, id="u", annotator="cyn", bad="spam")
    [photo] = read_annotations(export(tmp_path, DONE, skipped, bad))
    [region] = photo.regions
    assert (photo.name, region.text, region.annotator) == ("a.jpg", "a dog", "ann")
    assert region.box.tolist() == [0, 0, 0.5, 0.5]


def test_a_snippet_may_hold_any_line_separator(tmp_path: Path) -> None:
    """The export is written as UTF-8, in which JSON leaves these as they are."""
    snippet = "a\u2028dog\x85\u2029here"
    path = export(tmp_path, DONE)
    path.write_text(path.read_text(encoding="utf-8").replace("a dog", snippet), encoding="utf-8")
    [photo] = read_annotations(path)
    assert photo.regions[0].text == snippet


def test_coco(tmp_path: Path) -> None:
    data = {
        "images": [{"id": 4, "file_name": "a.jpg", "width": 100, "height": 80}],
        "annotations": [{"image_id": 4, "bbox": [10, 0, 40, 40], "caption": "a dog"}],
    }
    (tmp_path / "export.json").write_text(json.dumps(data))
    [photo] = read_annotations(tmp_path / "export.json")
    assert photo.regions[0].box.tolist() == [0.1, 0, 0.5, 0.5]
    assert photo.regions[0].annotator == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"photo": "x.jpg"}, r"export.jsonl, line 3.submission: Photo 'x.jpg' is not among"),
        (
            {"annotations": (replace(DOG, box=(0.0, 0.0, 1.0, 0.0)),)},
            "line 3.*expected finite numbers and a positive area",
        ),
        ({"annotations": ()}, "has no described region"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_annotations(export(tmp_path, replace(DONE, **change)))
    with pytest.raises(FormatError, match=r"gone\.jsonl: The file cannot be read"):
        read_annotations(tmp_path / "gone.jsonl")


def test_what_others_said_of_the_same_thing() -> None:
    dog = np.array([0.0, 0.0, 0.5, 0.5])
    near = np.array([0.0, 0.0, 0.5, 0.4])  # IoU 0.2 / 0.25 = 0.8
    far = np.array([0.5, 0.5, 1.0, 1.0])
    photo = RegionPhoto(
        "a.jpg",
        (Region(dog, "a dog", "ann"), Region(dog, "an animal", "ann"),
         Region(near, "a brown dog", "bob"), Region(far, "a tree", "bob")),
    )  # fmt: skip
    anns, bobs, tree = wanted_regions([photo])
    assert (anns.own, anns.others) == (("a dog", "an animal"), ("a brown dog",))
    assert (bobs.own, bobs.others) == (("a brown dog",), ("a dog",))
    assert (tree.own, tree.others) == (("a tree",), ())
    assert anns.references == ["a dog", "an animal", "a brown dog"]


def test_sentences_of_another_language(tmp_path: Path) -> None:
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "dev.txt").write_text("b.jpg\na.jpg\nc.jpg\n")
    english = "".join(f"{name}.jpg#0\tx\n" for name in "abc")
    (tmp_path / "captions.token.txt").write_text(english)
    other = tmp_path / "other.txt"
    other.write_text("a.jpg#0\tكلب\nيجري\na.jpg#1\tحيوان\nb लड़की बैठती है\n", encoding="utf-8")
    found = read_other_sentences(tmp_path, "dev", other)
    assert found.names == ("b.jpg", "a.jpg")  # c.jpg has none; the split's order
    assert found.sentences == (("लड़की बैठती है",), ("كلب يجري", "حيوان"))
    assert found.paths[0] == tmp_path / "images" / "b.jpg"
    other.write_text("x.jpg#0\tكلب\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 1: 'x.jpg#0.*expected the name of a photo"):
        read_other_sentences(tmp_path, "dev", other)
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(DataError, match="has no sentence for the photos of split 'dev'"):
        read_other_sentences(tmp_path, "dev", tmp_path / "empty.txt")
