"""The paper's amount of work: nine people, 200 photos, 9,000 snippets; and any project's round trip
through a store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from annotate.__main__ import parser
from annotate.agreement import measure
from annotate.people import OPERATOR
from annotate.statistics import describe
from annotate.store import Store
from core.formats import FORMATS
from core.formats.record import Project
from tests.annotate.conftest import create_database, unsynced
from tests.annotate.simulated import PEOPLE, PHOTOS, drawn_by, fill
from tests.core.formats.strategies import projects

NUMBERS = count(1)


def run(*arguments: str) -> None:
    chosen = parser().parse_args(arguments)
    chosen.main(chosen)


def test_nine_people_and_9000_snippets_out_and_in_and_out_again(
    sqlite_template: Path, postgresql: str, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "store.db")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with closing(unsynced(Store(url))) as store:
        fill(store, "simulated")
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    out = ("--project", "simulated", "--format", "jsonl", "--out")
    run("export", "--url", url, *out, str(first))
    create_database(postgresql, "simulated", "template")
    run("import", str(first), "--format", "jsonl", "--url", f"{postgresql}/simulated")
    run("export", "--url", f"{postgresql}/simulated", *out, str(second))
    assert second.read_bytes() == first.read_bytes()

    project = FORMATS["jsonl"].read(second.read_bytes())
    assert project.photos == PHOTOS
    assert project.annotators == PEOPLE
    assert len(project.submissions) == 9 * 200
    photos = {photo.name: photo for photo in PHOTOS}
    for submission in project.submissions:  # nothing was lost or changed on the way
        made = drawn_by(submission.annotator, photos[submission.photo])
        assert submission.annotations == made.annotations
        assert submission.seconds == made.seconds
    figures = describe(project)
    assert (figures.snippets, figures.people, figures.photos_with_boxes) == (9000, 9, 200)
    found = measure(project)
    assert found.overall.pairs == 200 * 9 * 8 / 2
    assert all(len(texts) == 8 for texts in found.references.values())
    assert len(found.references) == 9000


@pytest.fixture(scope="module")
def one_store(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("one") / "store.db"
    shutil.copy(sqlite_template, path)
    with closing(unsynced(Store(f"sqlite:///{path}"))) as store:
        yield store


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(project=projects())
def test_any_project_through_a_store(one_store: Store, project: Project) -> None:
    """Equal but for the order of annotators, which is by name, and sentences about whole photos,
    for which the store has no place."""
    info = one_store.load(OPERATOR, project, f"project {next(NUMBERS)}")
    back = one_store.records(OPERATOR, info.id)
    assert back == replace(
        project,
        name=info.name,
        annotators=tuple(sorted(project.annotators)),
        photos=tuple(replace(photo, sentences=()) for photo in project.photos),
    )
