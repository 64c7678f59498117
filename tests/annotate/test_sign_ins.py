"""Sessions outlive a restart, and nothing else that they should not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from annotate import schema
from annotate.errors import NotAllowedError, NotFoundError
from annotate.people import OPERATOR, Person, Proof
from annotate.sign_ins import SessionLimits, SignIns
from annotate.store import Store
from tests.annotate.conftest import Clock

PASSWORD = "correct horse"


def proved(store: Store, name: str, password: str = PASSWORD) -> Proof:
    proof = store.people.prove(name, password)
    assert proof is not None
    return proof


@pytest.fixture
def ada(store: Store) -> Person:
    return store.people.add(OPERATOR, "Ada", PASSWORD)


def test_another_server_knows_a_session(store: Store, ada: Person, clock: Clock) -> None:
    token = store.sign_ins.begin(proved(store, "Ada"))
    url = store.database._engine.url.render_as_string(hide_password=False)
    other = Store(url, clock)  # a second process, or the same one after a restart
    assert other.sign_ins.person(token, by_password=True) == ada
    assert other.sign_ins.identity() == store.sign_ins.identity()
    other.sign_ins.end(token)
    assert store.sign_ins.person(token, by_password=True) is None
    other.close()


def test_a_session_ends_with_what_it_began_by(store: Store, ada: Person) -> None:
    owner = store.people.add(OPERATOR, "Root", PASSWORD, "owner")
    ends: dict[str, Callable[[], object]] = {
        "a change of one's password": lambda: store.people.change_password(
            ada, PASSWORD, "another horse"
        ),
        "a reset": lambda: store.people.set_password(owner, "Ada", PASSWORD),
        "disabling": lambda: store.people.set_disabled(owner, "Ada", True),
        "enabling": lambda: store.people.set_disabled(owner, "Ada", False),
        "signing out everywhere": lambda: store.sign_ins.end_all(ada, "Ada"),
        "an owner's": lambda: store.sign_ins.end_all(owner, "Ada"),
    }
    for what, end in ends.items():
        password = "another horse" if what == "a reset" else PASSWORD
        if what != "enabling":  # a disabled person cannot sign in
            tokens = [store.sign_ins.begin(proved(store, "Ada", password)) for _ in range(2)]
        others = store.sign_ins.begin(proved(store, "Root"))
        end()
        assert [store.sign_ins.person(one, True) for one in tokens] == [None, None], what
        assert store.sign_ins.person(others, True) == owner, what


def test_a_session_begins_only_by_what_is_true_now(store: Store, ada: Person) -> None:
    """Between the password and the session, the password changed, or the person was disabled."""
    owner = store.people.add(OPERATOR, "Root", PASSWORD, "owner")
    proof = proved(store, "Ada")
    changed = store.people.change_password(ada, PASSWORD, "another horse")
    with pytest.raises(NotAllowedError, match="may not sign in this way"):
        store.sign_ins.begin(proof)
    store.sign_ins.begin(changed)
    store.people.set_disabled(owner, "Ada", True)
    with pytest.raises(NotAllowedError, match="may not sign in this way"):
        store.sign_ins.begin(changed)
    guest = store.people.enter("Guest")
    store.people.set_password(owner, "Guest", PASSWORD)
    with pytest.raises(NotAllowedError, match="may not sign in this way"):
        store.sign_ins.begin(guest)


def test_a_name_is_no_password(store: Store) -> None:
    """A session of an open server is none where a password is asked for."""
    guest = store.people.enter("Guest")
    token = store.sign_ins.begin(guest)
    assert store.sign_ins.person(token, by_password=False) == guest
    assert store.sign_ins.person(token, by_password=True) is None


def test_a_new_session_ends_the_one_before(store: Store, ada: Person) -> None:
    planted = store.sign_ins.begin(proved(store, "Ada"))
    token = store.sign_ins.begin(proved(store, "Ada"), before=planted)
    assert token != planted
    assert store.sign_ins.person(planted, True) is None
    assert store.sign_ins.person(token, True) == ada


def test_sessions_grow_old_and_few(store: Store, ada: Person, clock: Clock) -> None:
    limits = SessionLimits(days=30, each=3, all=5)
    sign_ins = SignIns(store.database, clock, limits)
    tokens = []
    for _ in range(4):
        tokens.append(sign_ins.begin(proved(store, "Ada")))
        clock.turn(1)
    assert [sign_ins.person(one, True) for one in tokens] == [None, ada, ada, ada]
    for k in range(3):
        sign_ins.begin(store.people.enter(f"guest {k}"))
        clock.turn(1)
    assert [sign_ins.person(one, True) for one in tokens] == [None, None, ada, ada]
    clock.turn(30 * 24 * 60)
    assert [sign_ins.person(one, True) for one in tokens] == [None] * 4
    sign_ins.begin(proved(store, "Ada"))
    with store.database.read() as connection:
        assert len(connection.execute(select(schema.Session.token_hash)).all()) == 1


def test_tokens_are_nowhere_in_the_database(store: Store, ada: Person) -> None:
    token = store.sign_ins.begin(proved(store, "Ada"))
    with store.database.read() as connection:
        rows = [
            connection.execute(select(table)).all()
            for table in (schema.Session.__table__, schema.Deed.__table__)
        ]
    assert all(rows)
    assert token not in str(rows)
    for wrong in ("", "x", "\0", "\ud800", token + "x", token[:-1]):
        assert store.sign_ins.person(wrong, True) is None


def test_who_signs_out_whom(store: Store, ada: Person) -> None:
    store.people.add(OPERATOR, "Ben", PASSWORD)
    with pytest.raises(NotAllowedError, match="only an owner"):
        store.sign_ins.end_all(ada, "Ben")
    with pytest.raises(NotFoundError, match="nobody called Eve"):
        store.sign_ins.end_all(OPERATOR, "Eve")
    assert store.sign_ins.end_all(ada, "Ada") == 0
