"""The owner's part: reading everybody's work, reopening, marking as bad; and who may not."""

from __future__ import annotations

import pytest

from annotate.errors import InvalidError, NotAllowedError, StaleError
from annotate.people import OPERATOR
from tests.annotate.conftest import Clock
from tests.annotate.people import Crew, content, key


def test_blind_until_the_project_says_otherwise(crew: Crew) -> None:
    project = crew.project(photos=1, annotators_per_photo=4)
    ada, bob, cid, eve = (crew.person(name) for name in ("Ada", "Bob", "Cid", "Eve"))
    photo = crew.done(ada, project).photo.id
    bad = crew.done(cid, project)
    crew.store.review.mark_bad(OPERATOR, bad.assignment, "careless")
    draft = crew.next(bob, project)
    crew.store.work.save(bob, draft.assignment, content(1), 0)
    owner = crew.store.people.add(OPERATOR, "Root", "correct horse", "owner")
    seen = [(one.annotator, one.state, one.bad) for one in crew.store.review.others(owner, photo)]
    assert seen == [("Ada", "submitted", ""), ("Cid", "submitted", "careless"), ("Bob", "open", "")]
    for who in (ada, bob, eve):
        with pytest.raises(NotAllowedError, match="nobody sees the others' work"):
            crew.store.review.others(who, photo)
    settings = crew.store.projects.get(ada, project).settings
    shown = type(settings)(**{**vars(settings), "blind": False})
    crew.store.projects.change(owner, project, shown)
    assert [one.annotator for one in crew.store.review.others(bob, photo)] == ["Ada"]
    assert crew.store.review.others(ada, photo) == []
    [work] = crew.store.review.others(bob, photo)
    assert work.annotations == content(2).annotations


def test_submitted_is_final_until_reopened(crew: Crew, clock: Clock) -> None:
    project, ada = crew.project(photos=2), crew.person()
    task = crew.done(ada, project)
    receipt = crew.store.review.reopen(OPERATOR, task.assignment)
    assert (receipt.state, receipt.version) == ("open", 2)
    assert crew.store.progress.project(OPERATOR, project).submissions == 0
    again = crew.next(ada, project)
    assert (again.photo, again.content) == (task.photo, task.content)
    with pytest.raises(StaleError, match="the command line reopened this"):
        crew.store.work.save(ada, task.assignment, content(1), 1)
    clock.turn(60 * 24)  # nobody has to come at once
    assert crew.store.work.next_photo(crew.person("Bob"), project).photo.name == "1.jpg"  # type: ignore[union-attr]
    crew.store.work.submit(ada, task.assignment, content(2, "a cat"), 2, key())
    history = crew.store.review.history(ada, task.assignment)
    assert [(one.who, one.what) for one in history] == [
        ("Ada", "submitted"),
        ("the command line", "reopened"),
        ("Ada", "submitted"),
    ]
    before = history[1].before
    assert (before["state"], before["seconds"]) == ("submitted", 4.0)
    assert [one["snippet"] for one in before["annotations"]] == ["a dog", "a dog"]
    with pytest.raises(InvalidError, match="not finished"):
        crew.store.review.reopen(OPERATOR, crew.next(crew.person("Bob"), project).assignment)


def test_bad_work_is_kept_and_the_photo_wants_another_person(crew: Crew) -> None:
    project = crew.project(photos=1)
    ada, bob = crew.person("Ada"), crew.person("Bob")
    task = crew.done(ada, project)
    crew.store.review.mark_bad(OPERATOR, task.assignment, "boxes of the sky")
    crew.store.review.mark_bad(OPERATOR, task.assignment, "boxes of clouds")
    assert crew.store.work.task(ada, task.assignment).content == task.content
    assert crew.store.progress.project(OPERATOR, project).submissions == 0
    assert crew.store.work.next_photo(ada, project) is None
    crew.done(bob, project)
    with pytest.raises(InvalidError, match="all its people"):
        crew.store.review.reopen(OPERATOR, task.assignment)
    crew.store.review.unmark(OPERATOR, task.assignment)
    assert crew.store.progress.project(OPERATOR, project).submissions == 2
    people = crew.store.progress.people(OPERATOR, project)
    assert [(one.annotator, one.submitted, one.bad) for one in people] == [
        ("Ada", 1, 0),
        ("Bob", 1, 0),
    ]
    assert [one.before["bad"] for one in crew.store.review.history(OPERATOR, task.assignment)] == [
        "",
        "",
        "boxes of the sky",
        "boxes of clouds",
    ]


def test_a_skipped_photo_is_reopened_while_there_is_a_place(crew: Crew) -> None:
    project = crew.project(photos=1)
    ada, bob = crew.person("Ada"), crew.person("Bob")
    task = crew.next(ada, project)
    crew.store.work.save(ada, task.assignment, content(1), 0)
    crew.skip(ada, crew.store.work.task(ada, task.assignment), "too dark")
    skipped = crew.store.work.task(ada, task.assignment)
    assert (skipped.state, skipped.reason, skipped.content.annotations) == (
        "skipped",
        "too dark",
        (),
    )
    with pytest.raises(InvalidError, match="only submitted work is judged"):
        crew.store.review.mark_bad(OPERATOR, task.assignment, "lazy")
    crew.store.review.reopen(OPERATOR, task.assignment)
    assert crew.store.work.next_photo(bob, project) is None
    assert crew.next(ada, project).reason == ""
    crew.skip(ada, crew.next(ada, project))
    crew.done(bob, project)
    with pytest.raises(InvalidError, match="all its people"):
        crew.store.review.reopen(OPERATOR, task.assignment)


def test_only_owners_judge(crew: Crew) -> None:
    project, ada = crew.project(photos=1), crew.person()
    task = crew.done(ada, project)
    review = crew.store.review
    for call in (
        lambda: review.reopen(ada, task.assignment),
        lambda: review.mark_bad(ada, task.assignment, "mine"),
        lambda: review.unmark(ada, task.assignment),
    ):
        with pytest.raises(NotAllowedError, match="only an owner"):
            call()
    with pytest.raises(InvalidError, match="The reason is blank"):
        review.mark_bad(OPERATOR, task.assignment, " ")


def test_a_reopened_skip_has_its_boxes_again(crew: Crew) -> None:
    project, ada = crew.project(photos=2), crew.person()
    task = crew.next(ada, project)
    crew.store.work.save(ada, task.assignment, content(2, "half"), 0)
    crew.store.work.skip(ada, task.assignment, "too dark", 1, key())
    [skipped] = crew.store.records(OPERATOR, project).submissions
    assert skipped.annotations == ()
    crew.store.review.reopen(OPERATOR, task.assignment)
    assert crew.store.work.task(ada, task.assignment).content == content(2, "half")
