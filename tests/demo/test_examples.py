"""The example photos: whatever is listed is there, is free, and can be tried."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.vision import images
from demo import examples


def test_a_folder_without_a_list_offers_nothing(tmp_path: Path) -> None:
    assert examples.load(tmp_path) == ()


def test_a_listed_photo_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    entry = {"file": "no.jpg", "title": "T", "sentences": ["a"], "licence": "L", "author": "A"}
    (tmp_path / "examples.json").write_text(json.dumps([entry | {"source": "S"}]))
    assert examples.load(tmp_path) == ()


@pytest.mark.parametrize("example", examples.load(), ids=lambda example: example.file)
def test_each_can_be_tried(example: examples.Example) -> None:
    photo = images.read(examples.FOLDER / example.file)
    assert min(photo.width, photo.height) >= 200
    assert all(sentence.strip() for sentence in example.sentences)
    assert len(example.sentences) >= 1
    for word in (example.title, example.author, example.licence):
        assert word in example.credit
