"""What is done, what is left, by whom and how fast."""

from __future__ import annotations

from datetime import timedelta

import pytest

from annotate.errors import NotAllowedError
from annotate.people import OPERATOR
from annotate.progress import Mine, PersonProgress, Totals
from tests.annotate.conftest import Clock
from tests.annotate.store_helper import StoreHelper, content, key


def test_my_progress(helper: StoreHelper, clock: Clock) -> None:
    project, ada = helper.project(photos=5), helper.person()
    assert helper.store.progress.mine(ada, project) == Mine(0, 0, 0, 5, 0.0)
    helper.done(ada, project)
    clock.turn(60 * 24)
    for seconds in (8.0, 9.0):
        task = helper.next(ada, project)
        helper.store.work.submit(ada, task.assignment, content(2, seconds=seconds), 0, key())
    helper.skip(ada, helper.next(ada, project))
    # 4, 8 and 9 seconds; the skipped one is open to others, not to Ada
    assert helper.store.progress.mine(ada, project) == Mine(3, 1, 2, 1, 7.0)
    yesterday = clock.now - timedelta(days=1)
    assert helper.store.progress.mine(ada, project, yesterday).today == 3
    assert helper.store.progress.mine(helper.person("Bob"), project) == Mine(0, 0, 0, 2, 0.0)


def test_the_projects_progress(helper: StoreHelper) -> None:
    project = helper.project(photos=3, annotators_per_photo=2)
    ada, bob, cid = (helper.person(name) for name in ("Ada", "Bob", "Cid"))
    helper.done(ada, project)
    helper.done(bob, project)
    helper.done(ada, project)
    helper.skip(bob, helper.next(bob, project))
    bad = helper.done(cid, project)  # 1.jpg was full, so it stands behind 2.jpg now
    helper.store.review.mark_bad(OPERATOR, bad.assignment, "careless")
    helper.next(ada, project)
    progress = helper.store.progress
    assert progress.project(OPERATOR, project) == Totals(3, 1, 3, 6, {0: 1, 1: 1, 2: 1})
    assert progress.people(OPERATOR, project) == [
        PersonProgress("Ada", 2, 0, 0, 2, 4.0),
        PersonProgress("Bob", 1, 1, 0, 1, 4.0),
        PersonProgress("Cid", 1, 0, 1, 1, 4.0),
    ]
    photos = progress.photos(OPERATOR, project)
    assert [
        (one.photo.name, one.submitted, one.open, one.skipped, one.bad, one.seconds_per_person)
        for one in photos
    ] == [("0.jpg", 2, 0, 0, 0, 4.0), ("1.jpg", 1, 0, 1, 0, 4.0), ("2.jpg", 0, 1, 0, 1, 4.0)]
    assert progress.photos(OPERATOR, project, limit=1) == photos[:1]
    assert progress.photos(OPERATOR, project, photos[0].photo.id, 9) == photos[1:]


def test_an_empty_project(helper: StoreHelper) -> None:
    project = helper.project(photos=0)
    assert helper.store.progress.project(OPERATOR, project) == Totals(0, 0, 0, 0, {})
    assert helper.store.progress.people(OPERATOR, project) == []
    assert helper.store.progress.photos(OPERATOR, project) == []


def test_only_owners_see_everybodys_progress(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    progress = helper.store.progress
    for call in (progress.project, progress.people, progress.photos):
        with pytest.raises(NotAllowedError, match="only an owner"):
            call(ada, project)
