"""What owners do to whole projects, who works on them, and invitations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from annotate import schema
from annotate.errors import InvalidError, NotAllowedError, NotFoundError
from annotate.people import OPERATOR, Person
from annotate.photo_folder import scan
from annotate.store import Store
from core.formats.record import Suggestion
from tests.annotate.conftest import Clock
from tests.annotate.store_helper import StoreHelper, content
from tests.annotate.test_projects import ids, png
from tests.annotate.test_work import recount


@pytest.fixture
def owner(helper: StoreHelper) -> Person:
    return helper.store.people.add(OPERATOR, "Root", "correct horse", "owner")


def rows(store: Store) -> dict[str, int]:
    """How many rows every table has that a project's may stand in."""
    with store.database.read() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in schema.Base.metadata.tables.items()
            if name not in ("audit", "setting", "person", "session", "invitation")
        }


def test_a_project_is_renamed_copied_archived_and_deleted(
    helper: StoreHelper, owner: Person
) -> None:
    store, ada = helper.store, helper.person()
    other = helper.project(photos=1, name="another")
    helper.done(ada, other)
    before = rows(store)
    project = helper.project(photos=2, annotators_per_photo=2, name="horses")
    store.photos.upload(owner, project, "up.png", png())
    hound = Suggestion("1", (1, 2, 30, 40), "a hound", 0.5, "a model")
    store.projects.add_suggestions(owner, project, {"0.jpg": [hound]})
    helper.done(ada, project)

    keep = store.administration
    assert keep.rename(owner, project, " ponies ").name == "ponies"
    with pytest.raises(InvalidError, match="called another already"):
        keep.rename(owner, project, "another")
    copied = keep.copy(owner, project, "copy")
    assert copied.settings == store.projects.get(owner, project).settings
    assert sorted(ids(helper, copied.id)) == ["0.jpg", "1.jpg", "up.png"]
    assert store.photos.bytes(owner, ids(helper, copied.id)["up.png"]) == png()
    assert store.records(owner, copied.id).submissions == ()
    recount(store, copied.id)
    assert helper.done(ada, copied.id).photo.name == "0.jpg"  # in the same order, for everybody

    task = helper.next(ada, project)
    keep.archive(owner, project, True)
    assert [one.name for one in store.projects.all(ada)] == ["another", "copy"]
    assert {one.name: one.archived for one in store.projects.all(owner)}["ponies"]
    for call in (store.work.next_photo, store.work.in_hand):
        with pytest.raises(NotAllowedError, match="ponies is archived"):
            call(ada, project)
    store.work.save(ada, task.assignment, content(1), 0)  # what is in hand is not lost
    assert not keep.archive(owner, project, False).archived
    assert store.work.in_hand(ada, project) is not None

    with pytest.raises(InvalidError, match="expected ponies: nothing was deleted"):
        keep.delete(owner, project, "horses")
    keep.delete(owner, project, "ponies")
    keep.delete(owner, copied.id, "copy")
    assert rows(store) == before
    assert store.records(owner, other).submissions
    with pytest.raises(NotFoundError):
        store.projects.get(owner, project)
    with store.audit.lines(owner) as lines:
        done = [one.what for one in lines]
    for what in ("renamed a project", "copied a project", "archived a project"):
        assert what in done
    assert done.count("deleted a project") == 2


def test_a_copy_keeps_the_places_of_photos(
    helper: StoreHelper, owner: Person, tmp_path: Path
) -> None:
    project = helper.project(photos=0)
    (tmp_path / "a.png").write_bytes(png())
    helper.store.photos.add_found(OPERATOR, project, tmp_path, scan(tmp_path).found)
    copied = helper.store.administration.copy(owner, project, "copy").id
    assert helper.store.photos.bytes(owner, ids(helper, copied)["a.png"]) == png()


def test_only_owners(helper: StoreHelper) -> None:
    project, ada = helper.project(), helper.person()
    photo = ids(helper, project)["0.jpg"]
    keep, invitations = helper.store.administration, helper.store.invitations
    for call in (
        lambda: keep.rename(ada, project, "x"),
        lambda: keep.copy(ada, project, "x"),
        lambda: keep.archive(ada, project, True),
        lambda: keep.delete(ada, project, "horses"),
        lambda: keep.members(ada, project),
        lambda: keep.admit(ada, project, "Ada", True),
        lambda: keep.give(ada, photo, "Ada"),
        lambda: invitations.invite(ada),
        lambda: invitations.open(ada),
        lambda: invitations.withdraw(ada, 1),
        lambda: helper.store.people.set_role(ada, "Ben", "owner"),
    ):
        with pytest.raises(NotAllowedError, match="only an owner"):
            call()


def test_who_works_on_a_project(helper: StoreHelper, owner: Person) -> None:
    store, ada, ben = helper.store, helper.person("Ada"), helper.person("Ben")
    project = helper.project(photos=3, annotators_per_photo=2)
    helper.done(ada, project)
    settings = store.projects.get(owner, project).settings
    store.projects.change(owner, project, replace(settings, members_only=True))
    assert {one.name: one.admitted for one in store.administration.members(owner, project)} == {
        "Ada": True,  # who worked on it goes on
        "Ben": False,
        "Root": False,
    }
    assert store.projects.all(ben) == []
    with pytest.raises(NotAllowedError, match="An owner has to put you into the project horses"):
        store.work.next_photo(ben, project)
    store.administration.admit(owner, project, "Ben", True)
    helper.done(ben, project)
    store.administration.admit(owner, project, "Ada", False)
    with pytest.raises(NotAllowedError):
        store.work.next_photo(ada, project)
    assert len(store.records(owner, project).submissions) == 2  # her work stays
    with pytest.raises(NotFoundError, match="nobody called Zed"):
        store.administration.admit(owner, project, "Zed", True)


def test_a_photo_is_given_to_somebody(helper: StoreHelper, owner: Person, clock: Clock) -> None:
    store, ada, ben = helper.store, helper.person("Ada"), helper.person("Ben")
    project = helper.project(photos=3, members_only=True)
    last = ids(helper, project)["2.jpg"]
    store.administration.give(owner, last, "Ben")
    clock.turn(60 * 24)
    task = helper.next(ben, project)  # a day later it is still theirs, and the first
    assert task.photo.id == last
    with pytest.raises(InvalidError, match=r"Ben had the photo 2\.jpg already \(open\)"):
        store.administration.give(owner, last, "Ben")
    with pytest.raises(InvalidError, match=r"2\.jpg has all its people"):
        store.administration.give(owner, last, "Ada")
    helper.submit(ben, task)
    assert helper.next(ben, project).photo.name == "0.jpg"
    assert ada.name == "Ada"
    recount(store, project)


def test_an_invitation_lets_one_person_in_once(
    helper: StoreHelper, owner: Person, clock: Clock
) -> None:
    store = helper.store
    project = helper.project(members_only=True)
    gone = helper.project(name="gone")
    info, token = store.invitations.invite(owner, "annotator", [project, gone], "the new one", 2)
    store.administration.delete(owner, gone, "gone")
    assert [one.note for one in store.invitations.open(owner)] == ["the new one"]
    helper.person("Ada")
    with pytest.raises(InvalidError, match="There is a Ada already"):
        store.invitations.accept(token, "Ada", "a long password")
    with pytest.raises(InvalidError, match="expected at least 8"):
        store.invitations.accept(token, "Nell", "short")
    proof = store.invitations.accept(token, "Nell", "a long password")
    assert proof.person.role == "annotator"
    assert store.people.verify("Nell", "a long password") == proof.person
    assert store.sign_ins.begin(proof)
    assert helper.next(proof.person, project)
    with pytest.raises(NotFoundError, match="was used, was withdrawn or has expired"):
        store.invitations.accept(token, "Other", "a long password")
    assert store.invitations.open(owner) == []

    _, late = store.invitations.invite(owner, "owner", days=1)
    clock.turn(60 * 24)
    info, taken = store.invitations.invite(owner)
    store.invitations.withdraw(owner, info.id)
    with pytest.raises(NotFoundError):
        store.invitations.withdraw(owner, info.id)
    for useless in (late, taken, "", "x" * 40, "\ud800"):
        with pytest.raises(NotFoundError, match="ask for another one"):
            store.invitations.accept(useless, "Other", "a long password")
    with pytest.raises(InvalidError):
        store.invitations.invite(owner, days=0)


def test_roles_and_when_somebody_was_last_here(
    helper: StoreHelper, owner: Person, clock: Clock
) -> None:
    store, ada = helper.store, helper.person()
    token = store.sign_ins.begin(ada)
    store.people.set_role(owner, "Ada", "owner")
    assert store.sign_ins.person(token, False) is None  # whoever came in as annotator is out
    now = store.people.named("Ada")
    assert now is not None
    assert now.owner
    with pytest.raises(NotAllowedError, match="their own role"):
        store.people.set_role(owner, "Root", "annotator")
    assert {one.person.name: one.active for one in store.people.all(owner)}["Ada"] is None
    project = helper.project()
    helper.next(now, project)
    first = clock.now
    clock.turn(0.5)
    task = helper.next(now, project)
    seen = {one.person.name: one.active for one in store.people.all(owner)}
    assert seen["Ada"] == first  # to the minute
    clock.turn(5)
    store.work.save(now, task.assignment, content(1), 0)
    seen = {one.person.name: one.active for one in store.people.all(owner)}
    assert seen["Ada"] == clock.now
