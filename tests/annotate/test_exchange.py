"""Whole projects in and out: equal on both databases, and all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from annotate.errors import InvalidError, NotAllowedError
from annotate.people import OPERATOR
from annotate.store import Store
from core.formats.record import Annotation, Photo, Project, Submission, Suggestion
from tests.annotate.conftest import empty
from tests.annotate.store_helper import StoreHelper, content

SUBMITTED = Submission(
    "s1",
    "b.jpg",
    "Zoë",
    "submitted",
    (
        Annotation("r1", (0.1, 1 / 3, 7.000000000000001, 9), "ein «Hund» 🐕‍🦺\n=1+1", 0),
        Annotation("r2", (0, 0, 8, 10), "<b>", 1, "edited", 0.1 + 0.2),
    ),
    bad="careless",
    started=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
    finished=datetime(2026, 1, 2, 5, 4, 5, 1, timezone(timedelta(hours=2))),
    seconds=1 / 3,
)
SKIPPED = Submission("s2", "a.jpg", "Zoë", "skipped", reason="too dark")
WHOLE = Project(
    "dogs & cats",
    2,
    3,
    "Draw.\n\nThen type.",
    False,
    True,
    (
        Photo("b.jpg", 8, 10, "0" * 64, (Suggestion("x", (0, 0, 1.5, 1), "a cat", -0.25, "m"),)),
        Photo("a.jpg", 5, 5),
    ),
    ("Ada", "Zoë"),
    (SUBMITTED, SKIPPED),
    lease_minutes=45,
)


@pytest.fixture
def other(postgresql: str, tmp_path: Path, helper: StoreHelper) -> Iterator[Store]:
    """A second store, on the other database than the first."""
    if helper.store.database.sqlite:
        empty(f"{postgresql}/shared")
        store = Store(f"{postgresql}/shared")
    else:
        store = Store(f"sqlite:///{tmp_path / 'other.db'}")
    store.migrate()
    yield store
    store.close()


def test_what_goes_in_comes_out_of_both_databases(helper: StoreHelper, other: Store) -> None:
    loaded = helper.store.load(OPERATOR, WHOLE)
    out = helper.store.records(OPERATOR, loaded.id)
    assert out == WHOLE
    there = other.load(OPERATOR, out)
    assert other.records(OPERATOR, there.id) == WHOLE
    again = helper.store.load(OPERATOR, other.records(OPERATOR, there.id), "again")
    assert helper.store.records(OPERATOR, again.id) == replace(WHOLE, name="again")


def test_work_goes_on_where_a_project_was_loaded(helper: StoreHelper) -> None:
    project = helper.store.load(OPERATOR, WHOLE).id
    ada, zoe = helper.person("Ada"), helper.person("Zoë")
    assert helper.store.work.next_photo(zoe, project) is None  # had both
    assert helper.next(ada, project).photo.name == "b.jpg"
    totals = helper.store.progress.project(OPERATOR, project)
    assert (totals.photos, totals.submissions, totals.wanted) == (2, 0, 6)
    assert helper.store.people.verify("Zoë", "") is None


def test_drafts_stay_where_they_are(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    task = helper.next(ada, project)
    helper.store.work.save(ada, task.assignment, content(1), 0)
    out = helper.store.records(OPERATOR, project)
    assert (out.annotators, out.submissions) == (("Ada",), ())
    helper.submit(ada, helper.next(ada, project))
    [done] = helper.store.records(OPERATOR, project).submissions
    assert (done.annotations, done.seconds) == (content(2).annotations, 4.0)


def region(**more: Any) -> Submission:
    return replace(SUBMITTED, annotations=(replace(SUBMITTED.annotations[0], **more),))


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("called taken already", {"name": "taken"}),
    ("is blank", {"name": " "}),
    ("Two photos", {"photos": (Photo("a.jpg", 5, 5), Photo("a.jpg", 5, 5))}),
    ("is a path", {"photos": (Photo("../a.jpg", 5, 5),)}),
    ("a whole number", {"photos": (Photo("a.jpg", 0, 5),)}),
    ("Two annotators", {"annotators": ("Zoë", "Zoë")}),
    ("by 'Zoë'", {"annotators": ("Ada",)}),
    ("on 'b.jpg'", {"photos": (Photo("a.jpg", 5, 5),)}),
    ("no area inside", {"submissions": (region(box=(0, 0, 9, 9)),)}),
    ("snippet is blank", {"submissions": (region(snippet=" "),)}),
    ("provenance", {"submissions": (region(provenance="dreamt"),)}),
    ("same identity", {"submissions": (SKIPPED, replace(SUBMITTED, id="s2"))}),
    ("2 submissions on b.jpg", {"submissions": (SUBMITTED, replace(SUBMITTED, id="s3"))}),
    ("submitted or skipped", {"submissions": (replace(SUBMITTED, state="open"),)}),
    ("expected neither", {"submissions": (replace(SUBMITTED, state="skipped"),)}),
    ("time zone", {"submissions": (replace(SKIPPED, started=datetime(2026, 1, 2)),)}),
    ("time spent", {"submissions": (replace(SKIPPED, seconds=-1.0),)}),
]


def test_a_wrong_project_leaves_nothing(helper: StoreHelper) -> None:
    taken = helper.project(name="taken")
    for sentence, change in WRONG:
        with pytest.raises(InvalidError, match=sentence):
            helper.store.load(OPERATOR, replace(WHOLE, **change))
    assert [one.id for one in helper.store.projects.all(OPERATOR)] == [taken]
    assert helper.store.people.all(OPERATOR) == []


def test_only_owners_exchange(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    with pytest.raises(NotAllowedError):
        helper.store.load(ada, WHOLE)
    with pytest.raises(NotAllowedError):
        helper.store.records(ada, project)
