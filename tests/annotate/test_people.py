"""Who may sign in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from annotate import schema
from annotate.errors import InvalidError, NotAllowedError, NotFoundError
from annotate.people import OPERATOR, Person
from annotate.store import Store

PASSWORD = "correct horse"


def test_the_first_administrator_is_made_once(store: Store) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: store.people.first_administrator(), range(4)))
    [(owner, password)] = [one for one in made if one is not None]
    assert (owner.name, owner.role, owner.owner) == ("owner", "owner", True)
    assert len(password) >= 12
    assert store.people.verify("owner", password) == owner
    assert store.people.verify("owner", password + "x") is None


def test_the_first_administrator_finds_a_free_name(store: Store) -> None:
    store.people.enter("owner")
    made = store.people.first_administrator()
    assert made is not None
    assert made[0].name == "owner2"


def test_passwords_are_kept_as_salted_hashes(store: Store) -> None:
    for name in ("Ada", "Bob"):
        store.people.add(OPERATOR, name, PASSWORD)
    with store.database.read() as connection:
        hashes = connection.scalars(select(schema.Person.password_hash)).all()
    assert all(one is not None and one.startswith("$argon2id$") for one in hashes)
    assert len(set(hashes)) == 2
    assert PASSWORD not in str(hashes)


def test_nobody_else_gets_in(store: Store) -> None:
    store.people.add(OPERATOR, "Ada", PASSWORD)
    store.people.add(OPERATOR, "Dis", PASSWORD)
    store.people.set_disabled(OPERATOR, "Dis", True)
    store.people.enter("Open")
    for name in ("Eve", "", "ada", "Ada\0", "Ada' OR '1'='1", "Dis", "Open"):
        assert store.people.verify(name, PASSWORD) is None
    assert store.people.verify("Open", "") is None
    assert store.people.verify("Ada", PASSWORD + "x" * 2_000) is None


def test_open_use_asks_for_a_name_only(store: Store) -> None:
    ada = store.people.enter("  Ada  ")
    assert (ada.name, ada.role) == ("Ada", "annotator")
    assert store.people.enter("Ada") == ada == store.people.named("Ada")
    store.people.add(OPERATOR, "Root", PASSWORD, "owner")
    with pytest.raises(NotAllowedError, match="signs in with a password"):
        store.people.enter("Root")
    store.people.set_disabled(OPERATOR, "Ada", True)
    with pytest.raises(NotAllowedError, match="may not sign in"):
        store.people.enter("Ada")
    assert store.people.named("Ada") is None
    for wrong in ("", " ", "a\nb", "x" * 101, "a\u202eb", "\ud800", "a\0"):
        with pytest.raises(InvalidError):
            store.people.enter(wrong)


def test_one_name_entered_at_once_is_one_person(store: Store) -> None:
    with ThreadPoolExecutor(6) as threads:
        people = list(threads.map(store.people.enter, ["Zoë"] * 3 + ["Zoe\u0308"] * 3))
    assert len(set(people)) == 1


def test_changing_passwords(store: Store) -> None:
    ada = store.people.add(OPERATOR, "Ada", PASSWORD)
    with pytest.raises(NotAllowedError, match="old password is not right"):
        store.people.change_password(ada, "wrong horse", "new password")
    with pytest.raises(InvalidError, match="at least 8"):
        store.people.change_password(ada, PASSWORD, "short")
    store.people.change_password(ada, PASSWORD, "new password")
    assert store.people.verify("Ada", PASSWORD) is None
    assert store.people.verify("Ada", "new password") == ada
    store.people.set_password(OPERATOR, "Ada", PASSWORD)
    assert store.people.verify("Ada", PASSWORD) == ada
    with pytest.raises(NotFoundError, match="nobody called Eve"):
        store.people.set_password(OPERATOR, "Eve", PASSWORD)


def test_only_owners_manage_people(store: Store) -> None:
    owner = store.people.add(OPERATOR, "Root", PASSWORD, "owner")
    ada = store.people.add(owner, "Ada", None)
    for forbidden in (
        lambda: store.people.all(ada),
        lambda: store.people.add(ada, "Eve", PASSWORD, "owner"),
        lambda: store.people.set_password(ada, "Root", PASSWORD),
        lambda: store.people.set_disabled(ada, "Root", True),
        lambda: store.people.set_disabled(owner, "Root", True),
    ):
        with pytest.raises(NotAllowedError):
            forbidden()
    listed = [(one.person.name, one.has_password, one.disabled) for one in store.people.all(owner)]
    assert listed == [("Ada", False, False), ("Root", True, False)]
    with pytest.raises(InvalidError, match="a Ada already"):
        store.people.add(owner, "Ada", None)
    store.people.set_disabled(owner, "Ada", True)
    with pytest.raises(NotAllowedError, match="may not sign in any more"):
        store.projects.all(ada)


def test_no_session_is_the_command_line(store: Store) -> None:
    """Only the very object counts, and nothing that a browser sends can be it."""
    with pytest.raises(NotAllowedError):
        store.people.all(Person(0, "the command line", "owner"))
