"""Files that were written before all formats lay in one folder are still read: `older/` holds what
the annotation store and the Browse page wrote then, to the byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.formats import FORMATS, ReadOptions, named, read_file, recognised
from core.formats.record import Annotation, Photo, Phrase, Project, Submission, Suggestion

OLDER = Path(__file__).with_name("older")
SUBMITTED = Submission(
    "s1",
    "b.jpg",
    "Zoë",
    "submitted",
    (Annotation("r1", (0.1, 1 / 3, 7.000000000000001, 9.0), "=a dog", 0, "edited", 0.3),),
    started=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
    seconds=1 / 3,
)
WORK = Project(
    "harbour",
    2,
    3,
    "Draw.",
    False,
    True,
    (
        Photo("b.jpg", 8, 10, "ab", (Suggestion("x", (0.0, 0.0, 1.5, 1.0), "a cat", -0.25, "m"),)),
        Photo("a.jpg", 5, 5),
    ),
    ("Ada", "Zoë"),
    (SUBMITTED, Submission("s2", "a.jpg", "Zoë", "skipped", reason="too dark")),
    45,
)
SET = Photo(
    "a/b.jpg",
    100,
    50,
    sentences=("a dog runs", "=HYPERLINK(1) <b>\u202e"),
    phrases=(
        Phrase("a dog", ((10.0, 5.0, 60.0, 45.0),), 0, 0.25),
        Phrase("runs", ((0.0, 0.0, 100.0, 50.0),)),
    ),
)


def kinds(writer: str) -> list[str]:
    return sorted(path.suffix.removeprefix(".") for path in OLDER.glob(f"{writer}.*"))


def test_all_are_there() -> None:
    assert kinds("annotation") == ["coco", "csv", "jsonl", "visual-genome", "web-annotation"]
    assert kinds("groundings") == ["coco", "entities", "jsonl", "vg"]


@pytest.mark.parametrize("kind", kinds("groundings"))
def test_a_grounding_sets(kind: str) -> None:
    path = OLDER / f"groundings.{kind}"
    assert recognised(path.read_bytes()) is named(kind)
    assert list(read_file(path, ReadOptions(storable=False)).photos) == [SET]


@pytest.mark.parametrize("kind", kinds("annotation"))
def test_an_annotation_projects(kind: str) -> None:
    path = OLDER / f"annotation.{kind}"
    assert recognised(path.read_bytes()) is named(kind)
    project = read_file(path)
    if kind == "jsonl":
        assert project == WORK
    assert [(p.name, p.width, p.height) for p in project.photos] == [
        ("b.jpg", 8, 10),
        ("a.jpg", 5, 5),
    ]
    done = project.submissions[0]
    [found], [expected] = done.annotations, SUBMITTED.annotations
    assert found.box == pytest.approx(expected.box, rel=1e-12)
    assert (done.annotator, found.snippet) == ("Zoë", "=a dog")
    if FORMATS[kind].carries.ids == "yes":
        assert replace(found, box=expected.box) == expected
