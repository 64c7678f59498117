"""Who gets which photo when: assignment, leases, and both under many hands."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from annotate import schema
from annotate.errors import LapsedError, NotAllowedError, NotFoundError
from annotate.people import OPERATOR, Person
from annotate.store import Store
from annotate.work import Content
from tests.annotate.conftest import Clock
from tests.annotate.store_helper import StoreHelper, content, key, region


def names(helper: StoreHelper, who: Person, project: int) -> list[str]:
    """Do every photo there is for `who`; their names."""
    found = []
    while (task := helper.store.work.next_photo(who, project)) is not None:
        found.append(task.photo.name)
        helper.submit(who, task)
    return found


def test_the_open_photo_comes_again_until_it_is_done(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    first = helper.next(ada, project)
    assert first.photo.name == "0.jpg"
    assert (first.state, first.version, first.content) == ("open", 0, Content())
    assert helper.next(ada, project) == first
    helper.submit(ada, first)
    assert helper.next(ada, project).photo.name == "1.jpg"


def test_each_photo_once_for_each_person_and_never_for_too_many(helper: StoreHelper) -> None:
    project = helper.project(photos=3, annotators_per_photo=2)
    ada, bob, eve = (helper.person(name) for name in ("Ada", "Bob", "Eve"))
    assert names(helper, ada, project) == ["0.jpg", "1.jpg", "2.jpg"]
    assert helper.next(bob, project).photo.name == "0.jpg"
    assert names(helper, eve, project) == ["1.jpg", "2.jpg"]  # Bob's open one counts
    assert names(helper, bob, project) == ["0.jpg"]


def test_a_skipped_photo_goes_to_somebody_else(helper: StoreHelper) -> None:
    project = helper.project(photos=2)
    ada, bob = helper.person("Ada"), helper.person("Bob")
    helper.skip(ada, helper.next(ada, project))
    assert names(helper, ada, project) == ["1.jpg"]
    assert names(helper, bob, project) == ["0.jpg"]


def test_people_who_passed_a_full_photo_get_it_when_it_is_free_again(helper: StoreHelper) -> None:
    project = helper.project(photos=2)
    ada, bob = helper.person("Ada"), helper.person("Bob")
    held = helper.next(ada, project)
    assert names(helper, bob, project) == ["1.jpg"]
    helper.skip(ada, held)
    assert names(helper, bob, project) == ["0.jpg"]


def test_a_lease_frees_what_was_abandoned_and_its_draft_stays(
    helper: StoreHelper, clock: Clock
) -> None:
    project = helper.project(photos=1, lease_minutes=60)
    ada, bob = helper.person("Ada"), helper.person("Bob")
    task = helper.next(ada, project)
    helper.store.work.save(ada, task.assignment, content(1), 0)
    clock.turn(59.9)
    assert helper.store.work.next_photo(bob, project) is None
    clock.turn(0.2)
    taken = helper.next(bob, project)
    assert taken.photo.name == "0.jpg"
    assert helper.store.work.next_photo(ada, project) is None
    with pytest.raises(LapsedError, match="what was saved is kept"):
        helper.store.work.save(ada, task.assignment, content(2), 1)
    mine = helper.store.work.task(ada, task.assignment)
    assert (mine.state, mine.content) == ("lapsed", content(1))
    helper.skip(bob, taken)
    assert helper.next(ada, project).content == content(1)


def test_whoever_comes_back_first_goes_on(helper: StoreHelper, clock: Clock) -> None:
    project = helper.project(photos=1)
    ada, bob = helper.person("Ada"), helper.person("Bob")
    task = helper.next(ada, project)
    clock.turn(61)
    assert helper.store.progress.mine(bob, project).left == 0  # nobody asked for a photo yet
    receipt = helper.store.work.save(ada, task.assignment, content(1), 0)
    assert helper.store.work.next_photo(bob, project) is None
    clock.turn(61)
    other = helper.person("Cid")
    helper.skip(other, helper.next(other, project))
    helper.store.work.submit(ada, task.assignment, content(2), receipt.version, key())
    assert helper.store.work.next_photo(bob, project) is None


def test_a_save_renews_the_lease(helper: StoreHelper, clock: Clock) -> None:
    project = helper.project(photos=1)
    ada, bob = helper.person("Ada"), helper.person("Bob")
    task = helper.next(ada, project)
    for version in range(4):
        clock.turn(50)
        helper.store.work.save(ada, task.assignment, content(1), version)
    assert helper.store.work.next_photo(bob, project) is None


def test_more_people_wanted_brings_full_photos_back(helper: StoreHelper) -> None:
    project = helper.project(photos=3)
    ada, bob = helper.person("Ada"), helper.person("Bob")
    assert len(names(helper, ada, project)) == 3
    assert names(helper, bob, project) == []
    settings = helper.store.projects.get(ada, project).settings
    more = type(settings)(**{**vars(settings), "annotators_per_photo": 2})
    helper.store.projects.change(OPERATOR, project, more)
    assert names(helper, ada, project) == []
    assert names(helper, bob, project) == ["0.jpg", "1.jpg", "2.jpg"]
    helper.store.projects.change(OPERATOR, project, settings)
    assert names(helper, helper.person("Eve"), project) == []


def test_who_is_told_by_the_session_and_never_by_the_payload(helper: StoreHelper) -> None:
    """Every call looks among the caller's own; no payload has a place for a name."""
    project = helper.project(annotators_per_photo=2)
    ada, eve = helper.person("Ada"), helper.person("Eve")
    task = helper.next(ada, project)
    work = helper.store.work
    for forge in (
        lambda: work.task(eve, task.assignment),
        lambda: work.save(eve, task.assignment, content(), 0),
        lambda: work.submit(eve, task.assignment, content(), 0, key()),
        lambda: work.skip(eve, task.assignment, "not mine", 0, key()),
        lambda: helper.store.review.history(eve, task.assignment),
    ):
        with pytest.raises(NotFoundError, match="no such work of yours"):
            forge()
    assert helper.store.work.task(ada, task.assignment) == task
    for nobody in (Person(ada.id, "Eve", "owner"), Person(99, "Ada", "owner"), OPERATOR):
        with pytest.raises(NotAllowedError):
            work.next_photo(nobody, project)
    assert "annotator" not in Content.__dataclass_fields__


def test_a_role_in_hand_is_looked_up_again(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    claimed = Person(ada.id, ada.name, "owner")
    for call in (
        lambda: helper.store.progress.project(claimed, project),
        lambda: helper.store.review.others(claimed, 1),
        lambda: helper.store.records(claimed, project),
        lambda: helper.store.photos.bytes(claimed, 1),
    ):
        with pytest.raises(NotAllowedError, match="only an owner"):
            call()


def recount(store: Store, project: int) -> None:
    """Every counter says what counting all rows says, and no photo has too many people."""
    photo, work = schema.Photo, schema.Assignment
    counts = work.state.in_(("open", "submitted")) & (work.bad == "")
    with store.database.read() as connection:
        wanted = connection.scalar(
            select(schema.Project.annotators_per_photo).where(schema.Project.id == project)
        )
        rows = connection.execute(
            select(
                photo.free,
                photo.submitted,
                select(func.count()).where(work.photo_id == photo.id, counts).scalar_subquery(),
                select(func.count())
                .where(work.photo_id == photo.id, work.state == "submitted", work.bad == "")
                .scalar_subquery(),
            ).where(photo.project_id == project)
        ).all()
        for free, submitted, held, good in rows:
            assert (free, submitted) == (wanted - held, good)
            assert held <= wanted
        member = schema.Member
        for row in connection.execute(select(member.__table__)).all():
            mine = select(work.state, work.bad, work.seconds).where(
                work.person_id == row.person_id, work.project_id == row.project_id
            )
            done = connection.execute(mine).all()
            submitted = [one for one in done if one.state == "submitted"]
            assert row.submitted == len(submitted)
            assert row.skipped == sum(one.state == "skipped" for one in done)
            assert row.bad == sum(bool(one.bad) for one in submitted)
            assert row.seconds == pytest.approx(sum(one.seconds for one in submitted))


def may_have(store: Store, who: Person, project: int) -> int:
    """By brute force: photos that want people and that the person never had."""
    with store.database.read() as connection:
        had = select(schema.Assignment.photo_id).where(schema.Assignment.person_id == who.id)
        query = select(func.count()).where(
            schema.Photo.project_id == project, schema.Photo.free > 0, schema.Photo.id.not_in(had)
        )
        return connection.scalar(query) or 0


@pytest.mark.parametrize("seed", range(3))
def test_the_queue_against_counting(helper: StoreHelper, clock: Clock, seed: int) -> None:
    """Whatever happens in whatever order: a photo is found if and only if there is one."""
    dice = random.Random(seed)
    store, project = helper.store, helper.project(photos=5, annotators_per_photo=2)
    people = [helper.person(f"person {number}") for number in range(4)]
    for _ in range(60):
        who = dice.choice(people)
        deed = dice.choice(("next", "next", "submit", "submit", "skip", "time", "judge", "rules"))
        tasks = [
            one
            for photo in store.progress.photos(OPERATOR, project)
            for one in store.review.others(OPERATOR, photo.photo.id)
        ]
        mine = [one for one in tasks if one.annotator == who.name and one.state == "open"]
        finished = [one for one in tasks if one.state in ("submitted", "skipped")]
        if deed == "next":
            expected = may_have(store, who, project)
            assert store.progress.mine(who, project).left == expected
            lapsed = [one for one in tasks if one.state == "lapsed"]
            task = store.work.next_photo(who, project)
            if not lapsed:
                assert (task is not None) == bool(mine or expected)
        elif deed == "submit" and mine:
            task_now = store.work.task(who, mine[0].assignment)
            helper.submit(who, task_now)
        elif deed == "skip" and mine:
            helper.skip(who, store.work.task(who, mine[0].assignment))
        elif deed == "time":
            clock.turn(dice.choice((5, 61)))
        elif deed == "judge" and finished:
            one = dice.choice(finished)
            if one.state == "submitted" and not one.bad:
                store.review.mark_bad(OPERATOR, one.assignment, "careless")
            elif one.state == "submitted":
                if dice.random() < 0.3 and free(store, one.assignment) > 0:
                    store.review.unmark(OPERATOR, one.assignment)
            elif free(store, one.assignment) > 0:
                store.review.reopen(OPERATOR, one.assignment)
        elif deed == "rules" and dice.random() < 0.2:
            settings = store.projects.get(who, project).settings
            wanted = settings.annotators_per_photo + 1
            store.projects.change(
                OPERATOR,
                project,
                type(settings)(**{**vars(settings), "annotators_per_photo": wanted}),
            )
        recount(store, project)


def free(store: Store, assignment: int) -> int:
    with store.database.read() as connection:
        return connection.execute(
            select(schema.Photo.free)
            .join(schema.Assignment, schema.Assignment.photo_id == schema.Photo.id)
            .where(schema.Assignment.id == assignment)
        ).scalar_one()


def test_many_who_ask_at_once_never_get_too_many(helper: StoreHelper) -> None:
    project = helper.project(photos=4, annotators_per_photo=2)
    people = [helper.person(f"person {number}") for number in range(8)]

    def work(who: Person) -> list[str]:
        return names(helper, who, project)

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(work, people))
    photos = [name for one in done for name in one]
    assert sorted(photos) == sorted([f"{number}.jpg" for number in range(4)] * 2)
    assert all(len(set(one)) == len(one) for one in done)
    recount(helper.store, project)


def test_one_person_who_asks_twice_at_once_gets_one_photo(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    with ThreadPoolExecutor(6) as threads:
        tasks = list(threads.map(lambda _: helper.next(ada, project), range(6)))
    assert {task.assignment for task in tasks} == {tasks[0].assignment}


def test_many_who_skip_submit_and_lapse_at_once(helper: StoreHelper, clock: Clock) -> None:
    """No deadlock, no photo too many, whatever waits for whatever."""
    project = helper.project(photos=6, annotators_per_photo=2)
    people = [helper.person(f"person {number}") for number in range(6)]

    def work(who: Person) -> None:
        dice = random.Random(who.name)
        for _ in range(8):
            task = helper.store.work.next_photo(who, project)
            if task is None:
                return
            deed = dice.randrange(3)
            try:
                if deed == 0:
                    helper.submit(who, task)
                elif deed == 1:
                    helper.skip(who, task)
                else:
                    clock.turn(61)
                    helper.store.work.save(who, task.assignment, Content((region(),)), task.version)
            except LapsedError:
                pass

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, people))
    recount(helper.store, project)


def test_no_photos_and_no_project(helper: StoreHelper) -> None:
    assert helper.store.work.next_photo(helper.person(), helper.project(photos=0)) is None
    with pytest.raises(NotFoundError, match="no project 99"):
        helper.store.work.next_photo(helper.person(), 99)


def test_to_look_takes_nothing_and_an_untouched_photo_is_given_back(helper: StoreHelper) -> None:
    project = helper.project(photos=1)
    ada, ben = helper.person("Ada"), helper.person("Ben")
    work, progress = helper.store.work, helper.store.progress
    [seen] = progress.overview(ada)
    assert (seen.name, seen.photos, seen.absent, seen.mine.left) == ("horses", 1, 1, 1)
    assert not seen.in_hand
    assert work.in_hand(ada, project) is None
    task = helper.next(ada, project)
    assert progress.overview(ada)[0].in_hand
    assert work.next_photo(ben, project) is None
    assert work.put_back(ada, task.assignment)
    assert not work.put_back(ada, task.assignment)  # it is given back already
    assert work.in_hand(ada, project) is None
    again = helper.next(ben, project)
    assert again.photo == task.photo
    work.save(ben, again.assignment, content(1), 0)
    assert not work.put_back(ben, again.assignment)  # a draft is kept, and its lease
    held = work.in_hand(ben, project)
    assert held is not None
    assert held.content == content(1)
    with pytest.raises(NotFoundError):
        work.put_back(ada, again.assignment)
    recount(helper.store, project)
