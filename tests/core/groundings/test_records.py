"""Formats of grounding sets: what is written is read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.groundings.records import (
    FORMATS,
    PhotoRecord,
    PhraseRecord,
    read_records,
    write_text,
)
from core.groundings.schema import GroundingError

RECORD = PhotoRecord(
    "a/b.jpg",
    100,
    50,
    ("a dog runs", "=HYPERLINK(1) <b>\u202e"),
    (
        PhraseRecord("a dog", ((10.0, 5.0, 60.0, 45.0),), 0, 0.25),
        PhraseRecord("runs", ((0.0, 0.0, 100.0, 50.0),)),
    ),
)


def round_trip(folder: Path, kind: str, records: list[PhotoRecord]) -> list[PhotoRecord]:
    path = folder / f"set.{kind}"
    path.write_text("".join(write_text(records, kind)), encoding="utf-8")
    return read_records(path)


@pytest.mark.parametrize("kind", FORMATS)
def test_whole_pixels_come_back_from_every_format(tmp_path: Path, kind: str) -> None:
    records = [RECORD, PhotoRecord("empty.png", 7, 9)]
    assert round_trip(tmp_path, kind, records) == records
    assert round_trip(tmp_path, kind, []) == []


sides = some.floats(0, 1, exclude_max=True).map(lambda x: round(x * 99, 3))


@some.composite
def photos(draw: some.DrawFn) -> PhotoRecord:
    phrases = []
    for _ in range(draw(some.integers(0, 3))):
        x, y = draw(sides), draw(sides)
        box = (x, y, x + 0.5, 100.0)
        sentence = draw(some.none() | some.integers(0, 3))
        phrases.append(PhraseRecord(draw(some.text(min_size=1)), (box,), sentence))
    sentences = tuple(draw(some.lists(some.text(), max_size=2)))
    return PhotoRecord(draw(some.text(min_size=1)), 101, 101, sentences, tuple(phrases))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=some.lists(photos(), min_size=1, max_size=3))
def test_jsonl_and_coco_keep_everything(tmp_path: Path, records: list[PhotoRecord]) -> None:
    assert round_trip(tmp_path, "jsonl", records) == records
    again = round_trip(tmp_path, "coco", records)
    assert [(r.name, r.sentences) for r in again] == [(r.name, r.sentences) for r in records]
    for before, after in zip(records, again, strict=True):
        assert [p.words for p in after.phrases] == [p.words for p in before.phrases]
        for p, q in zip(before.phrases, after.phrases, strict=True):
            assert q.boxes[0] == pytest.approx(p.boxes[0], abs=1e-9)


@pytest.mark.parametrize("kind", ["vg", "entities"])
def test_the_others_round_to_pixels(tmp_path: Path, kind: str) -> None:
    phrase = PhraseRecord("x", ((1.4, 2.6, 3.3, 2.7),))
    [record] = round_trip(tmp_path, kind, [PhotoRecord("p.jpg", 9, 9, (), (phrase,))])
    assert record.phrases[0].boxes == ((1, 3, 3, 4),)  # never without an area


def test_several_boxes(tmp_path: Path) -> None:
    phrase = PhraseRecord("two dogs", ((0.0, 0.0, 2.0, 2.0), (4.0, 4.0, 6.0, 6.0)))
    records = [PhotoRecord("p.jpg", 9, 9, (), (phrase,))]
    for kind in ("jsonl", "entities"):
        assert round_trip(tmp_path, kind, records) == records
    for kind in ("coco", "vg"):
        [record] = round_trip(tmp_path, kind, records)
        assert [(p.words, p.boxes) for p in record.phrases] == [
            ("two dogs", (box,)) for box in phrase.boxes
        ]


def test_the_formats_are_what_others_read() -> None:
    coco = json.loads("".join(write_text([RECORD], "coco")))
    assert coco["images"][0]["file_name"] == "a/b.jpg"
    assert coco["annotations"][0]["bbox"] == [10, 5, 50, 40]
    assert coco["annotations"][0]["area"] == 50 * 40
    vg = json.loads("".join(write_text([RECORD], "vg")))
    told = {k: vg[0]["regions"][0][k] for k in ("x", "y", "width", "height", "phrase")}
    assert told == {"x": 10, "y": 5, "width": 50, "height": 40, "phrase": "a dog"}
    entities = json.loads("".join(write_text([RECORD], "entities")))
    assert entities[0]["phrases"][0]["boxes"] == [[11, 6, 60, 45]]


def test_a_plain_visual_genome_file_and_coco_captions(tmp_path: Path) -> None:
    region = {"region_id": 1, "image_id": 61, "x": 0, "y": 1, "width": 2, "height": 3}
    path = tmp_path / "vg.json"
    path.write_text(json.dumps([{"id": 61, "regions": [region | {"phrase": "a clock"}]}]))
    [record] = read_records(path)
    assert (record.name, record.phrases[0].boxes) == ("61.jpg", ((0, 1, 2, 4),))
    image = {"id": 5, "file_name": "x.jpg", "width": 4, "height": 4}
    captions = {"images": [image], "annotations": [{"image_id": 5, "caption": "a dog"}]}
    path.write_text(json.dumps(captions))
    assert read_records(path) == [PhotoRecord("x.jpg", 4, 4, ("a dog",))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "neither JSON nor JSONL"),
        ('[{"name": 1}]', "unknown form"),
        ("[1]", "unknown form"),
        ('{"file": "a", "phrases": [{"phrase": "x", "boxes": [[1, 2, 1, 4]]}]}', "entry 0: .*area"),
        ('{"file": "a", "phrases": [{"boxes": []}]}', "entry 0: KeyError 'phrase'"),
        ('[{"file": "a"}, {}]', "entry 1: KeyError 'file'"),
    ],
)
def test_broken_files_are_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(GroundingError, match=said):
        read_records(path)


def test_unknown_formats_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(GroundingError, match="format is 'xml'; expected one of jsonl"):
        write_text([], "xml")
    with pytest.raises(GroundingError, match="cannot be opened"):
        read_records(tmp_path / "none.json")
