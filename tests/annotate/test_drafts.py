"""Drafts and submissions: none is lost, a repeated one counts once, boxes lie in their photo."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from annotate import schema
from annotate.errors import FinalError, InvalidError, StaleError
from annotate.store import Store
from annotate.work import Content
from core.formats.record import Suggestion
from core.formats.validation import MOST_BOXES, box_of
from tests.annotate.conftest import Clock
from tests.annotate.store_helper import HEIGHT, WIDTH, StoreHelper, content, key, region


def test_a_draft_is_back_on_another_machine(helper: StoreHelper, url: str, clock: Clock) -> None:
    project, ada = helper.project(), helper.person()
    task = helper.next(ada, project)
    edges = (0.1, 1 / 3, 99.99999999999999, math.nextafter(80, 0))
    draft = Content(
        (
            region(0, "", provenance="accepted", seconds=1.5),
            replace(region(7, "Zwei «Hunde» 🐕‍🦺 <b>"), box=edges, provenance="edited"),
        ),
        12.25,
    )
    receipt = helper.store.work.save(ada, task.assignment, draft, 0, key())
    assert (receipt.version, receipt.state, receipt.at) == (1, "open", clock.now)
    elsewhere = Store(url, clock)
    again = elsewhere.work.next_photo(ada, project)
    elsewhere.close()
    assert again == replace(
        task, version=1, content=draft, lease_until=clock.now + timedelta(minutes=60)
    )


def test_a_draft_may_be_emptied(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    task = helper.next(ada, project)
    helper.store.work.save(ada, task.assignment, content(2), 0)
    helper.store.work.save(ada, task.assignment, Content(), 1)
    assert helper.store.work.task(ada, task.assignment).content == Content()


def test_a_stale_form_is_told_who_changed_what_and_when(helper: StoreHelper, clock: Clock) -> None:
    """No update is lost: who saves an older form is told who changed what, and when."""
    project, ada = helper.project(), helper.person()
    task = helper.next(ada, project)
    helper.store.work.save(ada, task.assignment, content(1, "here"), 0)
    saved = clock.now
    clock.turn(1)
    for change in (
        lambda: helper.store.work.save(ada, task.assignment, content(1, "there"), 0, key()),
        lambda: helper.store.work.submit(ada, task.assignment, content(2, "there"), 0, key()),
        lambda: helper.store.work.skip(ada, task.assignment, "there", 0, key()),
    ):
        with pytest.raises(StaleError, match="Ada saved this on 2026-05-04 at 12:00:00") as caught:
            change()
        error = caught.value
        assert (error.who, error.what, error.when, error.version) == ("Ada", "saved", saved, 1)
    assert helper.store.work.task(ada, task.assignment).content == content(1, "here")


def test_four_threads_of_sixty_saves_lose_nothing(helper: StoreHelper) -> None:
    """None is lost: every acknowledged save builds on the one before; all are in the history."""
    project, ada = helper.project(), helper.person()
    assignment = helper.next(ada, project).assignment
    work = helper.store.work

    def save(thread: int) -> list[str]:
        acknowledged = []
        while len(acknowledged) < 60:
            task = work.task(ada, assignment)
            mark = f"thread {thread} save {len(acknowledged)}"
            try:
                work.save(ada, assignment, content(1, mark), task.version)
            except StaleError:
                continue  # somebody was faster: look again
            acknowledged.append(mark)
        return acknowledged

    with ThreadPoolExecutor(4) as threads:
        acknowledged = [mark for marks in threads.map(save, range(4)) for mark in marks]
    history = helper.store.review.history(ada, assignment)
    assert [change.version for change in history] == list(range(1, 241))
    stored = [one["snippet"] for change in history for one in change.before["annotations"]]
    stored += [one.snippet for one in work.task(ada, assignment).content.annotations]
    assert sorted(stored) == sorted(acknowledged)


def test_twenty_parallel_submits_are_one(helper: StoreHelper) -> None:
    """A submit that is sent twenty times is one submit."""
    project, ada = helper.project(), helper.person()
    task, again = helper.next(ada, project), key()

    def submit(_: int) -> object:
        return helper.store.work.submit(ada, task.assignment, content(), 0, again)

    with ThreadPoolExecutor(20) as threads:
        receipts = list(threads.map(submit, range(20)))
    assert set(receipts) == {receipts[0]}
    assert len(helper.store.review.history(ada, task.assignment)) == 1
    assert helper.store.progress.mine(ada, project).done == 1
    with pytest.raises(FinalError, match="submitted and is final"):
        helper.store.work.submit(ada, task.assignment, content(), 1, key())


def test_a_repeated_save_or_skip_gives_the_first_receipt(helper: StoreHelper, clock: Clock) -> None:
    project, ada = helper.project(), helper.person()
    task = helper.next(ada, project)
    work, first, second = helper.store.work, key(), key()
    saved = work.save(ada, task.assignment, content(1, "first"), 0, first)
    work.save(ada, task.assignment, content(1, "second"), 1)
    clock.turn(1)
    assert work.save(ada, task.assignment, content(1, "lost answer"), 0, first) == saved
    assert work.task(ada, task.assignment).content == content(1, "second")
    with pytest.raises(InvalidError, match="used for something else"):
        work.submit(ada, task.assignment, content(), 2, first)
    skipped = work.skip(ada, task.assignment, "too dark", 2, second)
    assert work.skip(ada, task.assignment, "too dark", 2, second) == skipped
    assert helper.store.progress.mine(ada, project).skipped == 1


def test_submit_wants_all_boxes_with_words_in_order(helper: StoreHelper) -> None:
    project, ada = helper.project(boxes_per_photo=2), helper.person()
    task = helper.next(ada, project)
    refused = (
        (content(1), "has 1 boxes; expected 2"),
        (content(3), "has 3 boxes; expected 2"),
        (Content((region(0), region(1, " \t\u200b"))), "snippet is blank"),
        (Content((region(0), region(0))), "same identity"),
        (Content((region(0), replace(region(1), order=0))), "same place"),
        (Content((region(0), region(1)), -1), "time spent is -1 s"),
        (Content((region(0), region(1)), math.nan), "finite"),
    )
    for wrong, sentence in refused:
        with pytest.raises(InvalidError, match=sentence):
            helper.store.work.submit(ada, task.assignment, wrong, 0, key())
    assert helper.store.work.task(ada, task.assignment) == task
    turned = Content((replace(region(1), order=9), replace(region(2), order=4)))
    helper.store.work.submit(ada, task.assignment, turned, 0, key())
    stored = helper.store.work.task(ada, task.assignment)
    assert [(one.id, one.order) for one in stored.content.annotations] == [("r2", 0), ("r1", 1)]
    with pytest.raises(InvalidError, match="The reason is blank"):
        helper.skip(ada, helper.next(ada, project), " ")


NO_DRAFT: list[Any] = [
    region(snippet="a\0b"),
    region(snippet="\ud800"),
    region(snippet="x" * 1_001),
    region(snippet=7),
    region(provenance="guessed"),
    region(seconds=math.inf),
    region(seconds="1"),
    replace(region(), order=-1),
    replace(region(), order=True),
    replace(region(), order=2**31),
    replace(region(), id=""),
    replace(region(), box="1234"),
    replace(region(), box=(0, 0, 10)),
    replace(region(), box=(0, 0, "10", 10)),
    replace(region(), box=(0, 0, True, 10)),
    replace(region(), box=(0, 0, 10**400, 10)),
    replace(region(), box=(0, 0, WIDTH + 0.001, 10)),
    replace(region(), box=(0, 0, 5e-324, 5e-324)),
]


def test_what_no_draft_may_hold(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    task = helper.next(ada, project)
    for wrong in NO_DRAFT:
        with pytest.raises(InvalidError, match=r"^[A-Z].*\.$"):
            helper.store.work.save(ada, task.assignment, Content((wrong,)), 0)
    assert helper.store.work.task(ada, task.assignment) == task


def test_a_flood_of_boxes_is_refused(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    task = helper.next(ada, project)
    flood = Content(tuple(replace(region(), id=str(n), order=n) for n in range(MOST_BOXES + 1)))
    with pytest.raises(InvalidError, match="at most 1,000"):
        helper.store.work.save(ada, task.assignment, flood, 0)


ANY_NUMBER = st.floats() | st.integers(-5, 120) | st.sampled_from([0.0, -0.0, 80.0, 100.0])


@given(st.tuples(ANY_NUMBER, ANY_NUMBER, ANY_NUMBER, ANY_NUMBER))
def test_any_four_numbers_are_a_box_inside_or_refused(numbers: tuple[float, ...]) -> None:
    """Stored boxes are finite, inside their photo and of positive area."""
    x0, y0, x1, y1 = numbers
    good = (
        all(math.isfinite(one) for one in numbers)
        and 0 <= x0 < x1 <= WIDTH
        and 0 <= y0 < y1 <= HEIGHT
        and (x1 - x0) * (y1 - y0) > 0
    )
    if good:
        assert box_of(numbers, WIDTH, HEIGHT) == numbers
    else:
        with pytest.raises(InvalidError):
            box_of(numbers, WIDTH, HEIGHT)


@given(st.none() | st.text() | st.lists(st.none() | st.text() | ANY_NUMBER, max_size=5))
def test_anything_from_json_is_a_box_or_a_sentence(value: object) -> None:
    sentence = ""
    try:
        x0, y0, x1, y1 = box_of(value, WIDTH, HEIGHT)
    except InvalidError as error:
        sentence = str(error)
    if sentence:
        assert sentence.endswith(".")
        assert len(sentence) < 300
    else:
        assert 0 <= x0 < x1 <= WIDTH
        assert 0 <= y0 < y1 <= HEIGHT


REFUSED = [
    "x0 = -1",
    "x0 = x1",
    "y1 = y0 - 1",
    "x1 = width + 0.5",
    "y1 = 1e300",
    "x1 = NULL",
    "x0 = 0, x1 = 5e-324, y0 = 0, y1 = 5e-324",
    "width = 1000, x1 = 900",
    "height = 20",
    *(
        f"{column} = '{word}'"
        for column in ("x0", "y1")
        for word in ("NaN", "Infinity", "-Infinity", "wide")
    ),
]


@pytest.mark.parametrize("table", ["annotation", "suggestion"])
def test_the_database_itself_refuses_such_boxes(helper: StoreHelper, url: str, table: str) -> None:
    """The constraints of the tables refuse them from raw SQL: with a photo's wrong size, too."""
    _stored(helper)
    for change in REFUSED:
        with pytest.raises(sqlalchemy.exc.DBAPIError):
            _raw(url, f"UPDATE {table} SET {change}")


def test_the_database_takes_a_good_box(helper: StoreHelper, url: str) -> None:
    _stored(helper)
    for table in ("annotation", "suggestion"):
        _raw(url, f"UPDATE {table} SET x0 = 0, y0 = 0, x1 = width, y1 = height")
    with helper.store.database.read() as connection:
        boxes = connection.execute(select(schema.Annotation.x1, schema.Annotation.y1)).all()
    assert set(boxes) == {(WIDTH, HEIGHT)}


def _stored(helper: StoreHelper) -> None:
    project, ada = helper.project(photos=1), helper.person()
    helper.submit(ada, helper.next(ada, project))
    proposed = Suggestion("s1", (1, 2, 30, 40), "a dog", 0.5, "model")
    helper.store.projects.add_suggestions(helper.operator, project, {"0.jpg": [proposed]})


def _raw(url: str, statement: str) -> None:
    """Run SQL past the store, as somebody with the database's own tool would."""
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.execute(text("PRAGMA foreign_keys=ON"))
            connection.execute(text(statement))
    finally:
        engine.dispose()
