"""Photos with sentences and phrases, as grounding sets have them: what is written is read again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.errors import InvalidError
from core.formats import FORMATS, FormatError, ReadOptions, named, read_file, writer
from core.formats.record import Photo, Phrase, Project

RECORD = Photo(
    "a/b.jpg",
    100,
    50,
    sentences=("a dog runs", "=HYPERLINK(1) <b>\u202e"),
    phrases=(
        Phrase("a dog", ((10.0, 5.0, 60.0, 45.0),), 0, 0.25),
        Phrase("runs", ((0.0, 0.0, 100.0, 50.0),)),
    ),
)


LENIENT = ReadOptions(storable=False)


def text_of(kind: str, photos: Sequence[Photo]) -> str:
    return named(kind).write(Project("set", photos=tuple(photos))).decode()


def round_trip(folder: Path, kind: str, photos: Sequence[Photo]) -> list[Photo]:
    path = folder / f"set.{kind}"
    path.write_text(text_of(kind, photos), encoding="utf-8", newline="")
    return list(read_file(path, LENIENT).photos)


def carried(kind: str, photo: Photo) -> Photo:
    """What the format says that it carries."""
    carries = FORMATS[kind].carries
    if carries.phrases == "no":
        photo = replace(photo, phrases=tuple(Phrase(p.words, p.boxes) for p in photo.phrases))
    return photo if carries.sentences else replace(photo, sentences=())


@pytest.mark.parametrize("kind", FORMATS)
def test_whole_pixels_come_back_from_every_format(tmp_path: Path, kind: str) -> None:
    records = [RECORD, Photo("empty.png", 7, 9)]
    assert round_trip(tmp_path, kind, records) == [carried(kind, one) for one in records]
    assert round_trip(tmp_path, kind, []) == []


sides = some.floats(0, 1, exclude_max=True).map(lambda x: round(x * 99, 3))


@some.composite
def photos(draw: some.DrawFn) -> Photo:
    phrases = []
    for _ in range(draw(some.integers(0, 3))):
        x, y = draw(sides), draw(sides)
        box = (x, y, x + 0.5, 100.0)
        sentence = draw(some.none() | some.integers(0, 3))
        phrases.append(Phrase(draw(some.text(min_size=1)), (box,), sentence))
    sentences = tuple(draw(some.lists(some.text(), max_size=2)))
    name = draw(some.text(min_size=1))
    return Photo(name, 101, 101, sentences=sentences, phrases=tuple(phrases))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=some.lists(photos(), min_size=1, max_size=3, unique_by=lambda one: one.name))
def test_jsonl_and_coco_keep_everything(tmp_path: Path, records: list[Photo]) -> None:
    assert round_trip(tmp_path, "jsonl", records) == records
    again = round_trip(tmp_path, "coco", records)
    assert [(r.name, r.sentences) for r in again] == [(r.name, r.sentences) for r in records]
    for before, after in zip(records, again, strict=True):
        assert [p.words for p in after.phrases] == [p.words for p in before.phrases]
        for p, q in zip(before.phrases, after.phrases, strict=True):
            assert q.boxes[0] == pytest.approx(p.boxes[0], abs=1e-9)


@pytest.mark.parametrize("kind", ["vg", "web-annotation", "csv"])
def test_fractions_of_pixels_stay(tmp_path: Path, kind: str) -> None:
    phrase = Phrase("x", ((1.4, 2.6, 3.3, 2.7),))
    [photo] = round_trip(tmp_path, kind, [Photo("p.jpg", 9, 9, phrases=(phrase,))])
    assert photo.phrases[0].boxes[0] == pytest.approx((1.4, 2.6, 3.3, 2.7), abs=1e-12)


def test_entities_round_to_pixels(tmp_path: Path) -> None:
    phrase = Phrase("x", ((1.4, 2.6, 3.3, 2.7), (8.6, 8.7, 9.0, 9.0)))
    [photo] = round_trip(tmp_path, "entities", [Photo("p.jpg", 9, 9, phrases=(phrase,))])
    # never without an area, and never outside
    assert photo.phrases[0].boxes == ((1, 3, 3, 4), (8, 8, 9, 9))


def test_several_boxes(tmp_path: Path) -> None:
    phrase = Phrase("two dogs", ((0.0, 0.0, 2.0, 2.0), (4.0, 4.0, 6.0, 6.0)), 0, 0.5)
    records = [Photo("p.jpg", 9, 9, phrases=(phrase,))]
    for kind, one in FORMATS.items():
        if one.carries.phrases == "yes" or "several boxes" in one.carries.phrases:
            assert round_trip(tmp_path, kind, records) == records
        else:
            [record] = round_trip(tmp_path, kind, records)
            assert [(p.words, p.boxes) for p in record.phrases] == [
                ("two dogs", (box,)) for box in phrase.boxes
            ]


def test_the_formats_are_what_others_read() -> None:
    coco = json.loads(text_of("coco", [RECORD]))
    assert coco["images"][0]["file_name"] == "a/b.jpg"
    assert coco["annotations"][0]["bbox"] == [10, 5, 50, 40]
    assert coco["annotations"][0]["area"] == 50 * 40
    vg = json.loads(text_of("vg", [RECORD]))
    told = {k: vg[0]["regions"][0][k] for k in ("x", "y", "width", "height", "phrase")}
    assert told == {"x": 10, "y": 5, "width": 50, "height": 40, "phrase": "a dog"}
    entities = json.loads(text_of("entities", [RECORD]))
    assert entities[0]["phrases"][0]["boxes"] == [[11, 6, 60, 45]]


def test_a_plain_visual_genome_file_and_coco_captions(tmp_path: Path) -> None:
    region = {"region_id": 1, "image_id": 61, "x": 0, "y": 1, "width": 2, "height": 3}
    path = tmp_path / "vg.json"
    path.write_text(json.dumps([{"id": 61, "regions": [region | {"phrase": "a clock"}]}]))
    [record] = read_file(path, LENIENT).photos
    assert (record.name, record.phrases[0].boxes) == ("61.jpg", ((0, 1, 2, 4),))
    image = {"id": 5, "file_name": "x.jpg", "width": 4, "height": 4}
    captions = {"images": [image], "annotations": [{"image_id": 5, "caption": "a dog"}]}
    path.write_text(json.dumps(captions))
    assert list(read_file(path, LENIENT).photos) == [Photo("x.jpg", 4, 4, sentences=("a dog",))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "broken.json, the beginning: This is not JSON"),
        ('[{"name": 1}]', "no format that is known; expected one of jsonl, csv, coco"),
        ("[1]", "no format that is known"),
        ("hello", "no format that is known"),
        (
            '{"file": "a", "phrases": [{"phrase": "x", "boxes": [[1, 2, 1, 4]]}]}',
            r"line 1.phrases\[0\]: The box is \[1.0, 2.0, 1.0, 4.0\]; .*area",
        ),
        (
            '{"file": "a", "phrases": [{"boxes": []}]}',
            r"line 1.phrases\[0\].phrase: This key is missing",
        ),
        ('[{"file": "a"}, {}]', r"\$\[1\].file: This key is missing"),
        ('[{"file": ""}]', r"\$\[0\]: A photo's name is empty"),
        ('{"file": "a", "width": 4}', "line 1: The photo's height is 0"),
    ],
)
def test_broken_files_are_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=said):
        read_file(path, LENIENT)


def test_unknown_formats_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="format is 'xml'; expected one of jsonl"):
        named("xml")
    with pytest.raises(InvalidError, match="format is 'xml'; expected one of jsonl"):
        writer("xml")
    with pytest.raises(InvalidError, match="format is 'cvat', which is only read; expected one of"):
        writer("cvat")
    with pytest.raises(FormatError, match="cannot be read: No such file"):
        read_file(tmp_path / "none.json")


def test_a_set_is_written_as_it_is_read() -> None:
    """Memory does not grow: when the first photos are written, the last were not made yet."""

    class Endless:
        made = 0

        def __len__(self) -> int:
            return 10**9

        def __iter__(self) -> Iterator[Photo]:
            while True:
                self.made += 1
                yield replace(RECORD, name=f"{self.made}.jpg")

    for one in FORMATS.values():
        photos = Endless()
        pieces = one.pieces(Project("endless", photos=photos))
        size = sum(len(piece) for piece in islice(pieces, 50))
        assert size > 2_000
        assert photos.made <= 50
