"""The owner's part: reading everybody's work, reopening, marking as bad; and who may not."""

from __future__ import annotations

import pytest

from annotate.errors import InvalidError, NotAllowedError, NotFoundError, StaleError
from annotate.people import OPERATOR
from tests.annotate.conftest import Clock
from tests.annotate.store_helper import StoreHelper, content, key
from tests.annotate.test_work import recount


def test_blind_until_the_project_says_otherwise(helper: StoreHelper) -> None:
    project = helper.project(photos=1, annotators_per_photo=4)
    ada, bob, cid, eve = (helper.person(name) for name in ("Ada", "Bob", "Cid", "Eve"))
    photo = helper.done(ada, project).photo.id
    bad = helper.done(cid, project)
    helper.store.review.mark_bad(OPERATOR, bad.assignment, "careless")
    draft = helper.next(bob, project)
    helper.store.work.save(bob, draft.assignment, content(1), 0)
    owner = helper.store.people.add(OPERATOR, "Root", "correct horse", "owner")
    seen = [(one.annotator, one.state, one.bad) for one in helper.store.review.others(owner, photo)]
    assert seen == [("Ada", "submitted", ""), ("Cid", "submitted", "careless"), ("Bob", "open", "")]
    for who in (ada, bob, eve):
        with pytest.raises(NotAllowedError, match="nobody sees the others' work"):
            helper.store.review.others(who, photo)
    settings = helper.store.projects.get(ada, project).settings
    shown = type(settings)(**{**vars(settings), "blind": False})
    helper.store.projects.change(owner, project, shown)
    assert [one.annotator for one in helper.store.review.others(bob, photo)] == ["Ada"]
    assert helper.store.review.others(ada, photo) == []
    [work] = helper.store.review.others(bob, photo)
    assert work.annotations == content(2).annotations


def test_submitted_is_final_until_reopened(helper: StoreHelper, clock: Clock) -> None:
    project, ada = helper.project(photos=2), helper.person()
    task = helper.done(ada, project)
    receipt = helper.store.review.reopen(OPERATOR, task.assignment)
    assert (receipt.state, receipt.version) == ("open", 2)
    assert helper.store.progress.project(OPERATOR, project).submissions == 0
    again = helper.next(ada, project)
    assert (again.photo, again.content) == (task.photo, task.content)
    with pytest.raises(StaleError, match="the command line reopened this"):
        helper.store.work.save(ada, task.assignment, content(1), 1)
    clock.turn(60 * 24)  # nobody has to come at once
    assert helper.store.work.next_photo(helper.person("Bob"), project).photo.name == "1.jpg"  # type: ignore[union-attr]
    helper.store.work.submit(ada, task.assignment, content(2, "a cat"), 2, key())
    history = helper.store.review.history(ada, task.assignment)
    assert [(one.who, one.what) for one in history] == [
        ("Ada", "submitted"),
        ("the command line", "reopened"),
        ("Ada", "submitted"),
    ]
    before = history[1].before
    assert (before["state"], before["seconds"]) == ("submitted", 4.0)
    assert [one["snippet"] for one in before["annotations"]] == ["a dog", "a dog"]
    with pytest.raises(InvalidError, match="not finished"):
        helper.store.review.reopen(OPERATOR, helper.next(helper.person("Bob"), project).assignment)


def test_bad_work_is_kept_and_the_photo_wants_another_person(helper: StoreHelper) -> None:
    project = helper.project(photos=1)
    ada, bob = helper.person("Ada"), helper.person("Bob")
    task = helper.done(ada, project)
    helper.store.review.mark_bad(OPERATOR, task.assignment, "boxes of the sky")
    helper.store.review.mark_bad(OPERATOR, task.assignment, "boxes of clouds")
    assert helper.store.work.task(ada, task.assignment).content == task.content
    assert helper.store.progress.project(OPERATOR, project).submissions == 0
    assert helper.store.work.next_photo(ada, project) is None
    helper.done(bob, project)
    with pytest.raises(InvalidError, match="all its people"):
        helper.store.review.reopen(OPERATOR, task.assignment)
    helper.store.review.unmark(OPERATOR, task.assignment)
    assert helper.store.progress.project(OPERATOR, project).submissions == 2
    people = helper.store.progress.people(OPERATOR, project)
    assert [(one.annotator, one.submitted, one.bad) for one in people] == [
        ("Ada", 1, 0),
        ("Bob", 1, 0),
    ]
    assert [
        one.before["bad"] for one in helper.store.review.history(OPERATOR, task.assignment)
    ] == [
        "",
        "",
        "boxes of the sky",
        "boxes of clouds",
    ]


def test_a_skipped_photo_is_reopened_while_there_is_a_place(helper: StoreHelper) -> None:
    project = helper.project(photos=1)
    ada, bob = helper.person("Ada"), helper.person("Bob")
    task = helper.next(ada, project)
    helper.store.work.save(ada, task.assignment, content(1), 0)
    helper.skip(ada, helper.store.work.task(ada, task.assignment), "too dark")
    skipped = helper.store.work.task(ada, task.assignment)
    assert (skipped.state, skipped.reason, skipped.content.annotations) == (
        "skipped",
        "too dark",
        (),
    )
    with pytest.raises(InvalidError, match="only submitted work is judged"):
        helper.store.review.mark_bad(OPERATOR, task.assignment, "lazy")
    helper.store.review.reopen(OPERATOR, task.assignment)
    assert helper.store.work.next_photo(bob, project) is None
    assert helper.next(ada, project).reason == ""
    helper.skip(ada, helper.next(ada, project))
    helper.done(bob, project)
    with pytest.raises(InvalidError, match="all its people"):
        helper.store.review.reopen(OPERATOR, task.assignment)


def test_only_owners_judge(helper: StoreHelper) -> None:
    project, ada = helper.project(photos=1), helper.person()
    task = helper.done(ada, project)
    review = helper.store.review
    for call in (
        lambda: review.reopen(ada, task.assignment),
        lambda: review.mark_bad(ada, task.assignment, "mine"),
        lambda: review.unmark(ada, task.assignment),
    ):
        with pytest.raises(NotAllowedError, match="only an owner"):
            call()
    with pytest.raises(InvalidError, match="The reason is blank"):
        review.mark_bad(OPERATOR, task.assignment, " ")


def test_a_reopened_skip_has_its_boxes_again(helper: StoreHelper) -> None:
    project, ada = helper.project(photos=2), helper.person()
    task = helper.next(ada, project)
    helper.store.work.save(ada, task.assignment, content(2, "half"), 0)
    helper.store.work.skip(ada, task.assignment, "too dark", 1, key())
    [skipped] = helper.store.records(OPERATOR, project).submissions
    assert skipped.annotations == ()
    helper.store.review.reopen(OPERATOR, task.assignment)
    assert helper.store.work.task(ada, task.assignment).content == content(2, "half")


def test_work_needs_changes_is_corrected_and_approved(helper: StoreHelper) -> None:
    project, ada, ben = helper.project(photos=2), helper.person("Ada"), helper.person("Ben")
    owner = helper.store.people.add(OPERATOR, "Root", "correct horse", "owner")
    review, work = helper.store.review, helper.store.work
    task = helper.done(ada, project)
    review.remark(owner, task.assignment, "too wide", "r0")
    receipt = review.send_back(owner, task.assignment, "tighter boxes, please")
    again = helper.next(ada, project)  # before any other photo, boxes and all
    assert (again.assignment, again.returned) == (task.assignment, "tighter boxes, please")
    assert again.content == task.content
    review.remark(ada, task.assignment, "better now?")
    assert [(one.who, one.region, one.text) for one in review.remarks(ada, task.assignment)] == [
        ("Root", "r0", "too wide"),
        ("Ada", "", "better now?"),
    ]
    for call in (
        lambda: review.remarks(ben, task.assignment),
        lambda: review.remark(ben, task.assignment, "mine too"),
    ):
        with pytest.raises(NotFoundError):
            call()
    with pytest.raises(InvalidError, match="not submitted; only submitted work is corrected"):
        review.correct(owner, task.assignment, (), receipt.version)
    done = work.submit(ada, task.assignment, content(2, "a cat"), receipt.version, key())
    assert work.task(ada, task.assignment).returned == ""
    review.approve(owner, task.assignment, True)
    [line] = work.finished(ada, project)
    assert (line.photo.name, line.boxes, line.approved) == ("0.jpg", 2, True)
    assert work.finished(ben, project) == []

    better = content(1, "a black cat").annotations
    with pytest.raises(StaleError, match="Ada submitted this"):
        review.correct(owner, task.assignment, better, done.version - 1)
    with pytest.raises(InvalidError, match="is blank"):
        review.correct(owner, task.assignment, content(1, " ").annotations, done.version)
    fixed = review.correct(owner, task.assignment, better, done.version)
    assert (fixed.state, fixed.version) == ("submitted", done.version + 1)
    [made] = helper.store.records(OPERATOR, project).submissions
    assert (made.annotator, made.annotations) == ("Ada", better)
    change = review.history(owner, task.assignment)[-1]
    assert change.who == "Root"
    assert [one["snippet"] for one in change.before["annotations"]] == ["a cat", "a cat"]
    review.mark_bad(owner, task.assignment, "after all")
    with pytest.raises(InvalidError, match="not marked as bad"):
        review.approve(owner, task.assignment, True)
    for call in (
        lambda: review.send_back(ada, task.assignment, "x"),
        lambda: review.approve(ada, task.assignment, True),
        lambda: review.correct(ada, task.assignment, better, 0),
    ):
        with pytest.raises(NotAllowedError):
            call()
    recount(helper.store, project)
