"""Files travel between the folders: for every format of the registry, what one part of the project
writes the others read, with the same photos, words and boxes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotate.__main__ import parser as annotate_parser
from annotate.people import OPERATOR
from annotate.store import Store
from core.formats import FORMATS, Format, ReadOptions, read_file, recognised
from core.formats.record import (
    Annotation,
    Box,
    Photo,
    Project,
    Submission,
    counted_work,
    said_where,
)
from core.groundings.export import Export
from core.groundings.reader import GroundingSet
from core.vision import boxes
from tests.core.handmade import handmade
from train import ground
from train.captions.regions import read_annotations
from train.data import read_captions, read_phrases

PIXEL = 1.0
"""How far a box may move in a format of whole pixels; others keep it."""
Said = list[tuple[str, str, Box]]
"""Photo, words, box: in order."""
WORK = Project(
    "harbour",
    photos=(
        Photo("a.jpg", 100, 80, sentences=("a boat at sea",)),
        Photo("empty.jpg", 30, 20, sentences=("fog", "nothing to see")),
    ),
    annotators=("Ada", "Ben", "Cyn"),
    submissions=(
        Submission(
            "w1",
            "a.jpg",
            "Ada",
            "submitted",
            (
                Annotation("b1", (10.0, 20.5, 40.0, 60.25), "=a red boat", 0, "edited", 2.5),
                Annotation("b2", (0.0, 0.0, 100.0, 80.0), "the sea", 1),
            ),
        ),
        Submission(
            "w2",
            "a.jpg",
            "Ben",
            "submitted",
            (Annotation("b3", (11.0, 20.0, 40.0, 60.0), "a boat", 0),),
        ),
        Submission("w3", "empty.jpg", "Cyn", "skipped", reason="fog"),
    ),
)


def close(format: Format) -> float:
    return PIXEL if format.carries.boxes == "whole pixels" else 1e-9


def said(project: Project) -> Said:
    return sorted(
        (photo.name, phrase.words, box)
        for photo, work in counted_work(project)
        for phrase in said_where(photo, work)
        for box in phrase.boxes
    )


def assert_same(found: Said, expected: Said, within: float) -> None:
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    corners = np.array([one[2] for one in found])
    assert np.abs(corners - [one[2] for one in expected]).max() <= within


def annotate(*arguments: object) -> None:
    chosen = annotate_parser().parse_args([str(argument) for argument in arguments])
    chosen.main(chosen)


def stored(url: str, name: str) -> Project:
    store = Store(url)
    try:
        return store.records(OPERATOR, store.projects.named(OPERATOR, name).id)
    finally:
        store.close()


@pytest.fixture(scope="module")
def groundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GroundingSet]:
    opened = GroundingSet(handmade(tmp_path_factory.mktemp("hand")))
    yield opened
    opened.close()


@pytest.fixture(params=FORMATS.values(), ids=list(FORMATS))
def format(request: pytest.FixtureRequest) -> Format:
    chosen: Format = request.param
    return chosen


@pytest.fixture(params=["annotation project", "people's phrases", "model's segments"])
def written(
    request: pytest.FixtureRequest, format: Format, groundings: GroundingSet, tmp_path: Path
) -> tuple[Path, Project]:
    """A file that one of them wrote, and what it wrote."""
    path = tmp_path / f"written{format.ending}"
    if request.param == "annotation project":
        whole = tmp_path / "whole.jsonl"
        whole.write_bytes(FORMATS["jsonl"].write(WORK))
        annotate("export", "--annotations", whole, "--format", format.name, "--out", path)
        return path, WORK
    kind = "model" if request.param == "model's segments" else "people"
    export = Export(groundings, kind, beta=0.1)
    path.write_bytes(b"".join(format.pieces(export.project)))
    return path, Project("set", photos=tuple(export))


def test_the_annotation_store_reads_it(
    format: Format, written: tuple[Path, Project], tmp_path: Path
) -> None:
    path, source = written
    url = f"sqlite:///{tmp_path / 'store.db'}"
    annotate("import", path, "--url", url, "--project", "here")  # no --format: it is recognised
    project = stored(url, "here")
    assert [(p.name, p.width, p.height) for p in project.photos] == [
        (p.name, p.width, p.height) for p in source.photos
    ]
    assert_same(said(project), said(source), close(format))
    who = {s.annotator for s in project.submissions if s.counts}
    assert who == ({"Ada", "Ben"} if source is WORK else {"imported"})


def test_commands_on_annotations_read_it(written: tuple[Path, Project], tmp_path: Path) -> None:
    path, source = written
    out = tmp_path / "statistics.json"
    annotate("statistics", "--annotations", path, "--json", out)
    assert json.loads(out.read_text())["snippets"] == len(said(source))
    annotate("agreement", "--no-meteor", "--annotations", path, "--json", out)
    assert json.loads(out.read_text())["overall"]["pairs"] == (1 if source is WORK else 0)


def test_evaluation_reads_it(format: Format, written: tuple[Path, Project]) -> None:
    path, source = written
    sizes = {photo.name: (photo.width, photo.height) for photo in source.photos}
    phrases = [
        (photo.name, phrase.words, tuple(box))
        for photo in read_phrases(path, "exact")
        for phrase in photo.phrases
        for box in boxes.normalised_to_pixels(phrase.boxes, *sizes[photo.name]).tolist()
    ]
    assert_same(sorted(phrases), said(source), close(format) + 1e-9)
    regions = [
        (photo.name, region.text, tuple(boxes.normalised_to_pixels(region.box, *sizes[photo.name])))
        for photo in read_annotations(path)
        for region in photo.regions
    ]
    assert_same(sorted(regions), said(source), close(format) + 1e-9)
    who = {region.annotator for photo in read_annotations(path) for region in photo.regions}
    assert who == ({"Ada", "Ben"} if source is WORK else {""})


def test_grounding_sets_read_it(
    format: Format, written: tuple[Path, Project], tmp_path: Path
) -> None:
    path, source = written
    found = read_file(path, ReadOptions(storable=False))
    captions = ground.captions_of(found.photos, tmp_path)
    assert captions.names == tuple(photo.name for photo in source.photos)
    sentences = tuple(photo.sentences for photo in source.photos)
    assert captions.sentences == (
        sentences if format.carries.sentences else ((),) * len(source.photos)
    )
    boxed = ground.read_boxed(path, "exact")
    count = sum(len(phrase.boxes) for group in boxed.values() for phrase in group)
    assert count == len(said(source))


def test_training_reads_its_sentences(
    format: Format, written: tuple[Path, Project], tmp_path: Path
) -> None:
    path, source = written
    if format.carries.sentences:
        expected = [photo.sentences for photo in source.photos if photo.sentences]
        for named in ((None, tmp_path, path), (path, tmp_path, None)):
            data, images, captions = named
            found = read_captions(data, "dev", images, captions)
            assert list(found.sentences) == expected


def test_a_format_is_known_by_what_it_writes(format: Format) -> None:
    for project in (WORK, Project("one", photos=(Photo("a.jpg", 1, 1),))):
        assert recognised(format.write(project)) is format
    nothing = format.write(Project("none"))
    assert recognised(nothing).read(nothing).photos == ()


def test_the_room_loads_no_model() -> None:
    code = "import sys, core.formats; print({'torch', 'sqlalchemy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
