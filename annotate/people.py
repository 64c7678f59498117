"""Who may sign in and who may do what. Passwords are kept as salted Argon2 hashes."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError
from sqlalchemy import Connection, delete, insert, select, update

from annotate import schema
from annotate.audit_log import What, note
from annotate.database import Database
from annotate.errors import InvalidError, NotAllowedError, NotFoundError
from core.formats.validation import name_of, text_of

Role = Literal["owner", "annotator"]
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 1_000  # hashing takes longer for more


@dataclass(frozen=True)
class Person:
    """Somebody whom the server knows from their session; owners administer everything."""

    id: int
    name: str
    role: Role

    @property
    def owner(self) -> bool:
        return self.role == "owner"


@dataclass(frozen=True)
class Proof:
    """That somebody knew their password; worth as long as it is theirs."""

    person: Person
    password_hash: str = field(repr=False)


OPERATOR = Person(0, "the command line", "owner")
"""Whoever runs `python -m annotate` has the database's file anyway. No session gives this."""


@dataclass(frozen=True)
class PersonInfo:
    """One line of the list of people."""

    person: Person
    disabled: bool
    has_password: bool
    created: datetime
    active: datetime | None
    """When they last did something to a photo; None: never."""


def confirm(connection: Connection, who: Person, owner: bool = False) -> None:
    """NotAllowedError unless `who` is still there, not disabled and, if asked, an owner."""
    if who is OPERATOR:
        return
    role = connection.scalar(
        select(schema.Person.role).where(
            schema.Person.id == who.id, schema.Person.name == who.name, ~schema.Person.disabled
        )
    )
    if role is None:
        raise NotAllowedError(f"{who.name} may not sign in any more.")
    if owner and role != "owner":
        raise NotAllowedError(f"{who.name} is an annotator; only an owner may do this.")


_COLUMNS = (
    schema.Person.id,
    schema.Person.name,
    schema.Person.role,
    schema.Person.disabled,
    schema.Person.password_hash,
    schema.Person.created,
    schema.Person.active,
)


@dataclass(frozen=True)
class _Row:
    """One row of the table."""

    id: int
    name: str
    role: Role
    disabled: bool
    password_hash: str | None
    created: datetime
    active: datetime | None

    @property
    def person(self) -> Person:
        return Person(self.id, self.name, self.role)


class People:
    """The people of one database. Names are kept in Unicode's composed form, case and all."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._hasher = PasswordHasher()
        # Checked for names that are not there, so that time does not tell which names are.
        self._nobody = self._hasher.hash(secrets.token_urlsafe(12))

    def first_administrator(self, name: str = "owner") -> tuple[Person, str] | None:
        """An owner and their password, told only this once; None where there is an owner already.

        Where the name is taken (by an imported annotator), a number is put behind it.
        """
        password = secrets.token_urlsafe(12)
        hashed = self._hasher.hash(password)
        with self._database.write(alone=True) as connection:
            known = connection.execute(select(schema.Person.name, schema.Person.role)).all()
            if any(role == "owner" for _, role in known):
                return None
            taken = {one for one, _ in known}
            free = (name, *(f"{name}{number}" for number in range(2, len(taken) + 3)))
            chosen = next(one for one in free if one not in taken)
            person = self._insert(connection, OPERATOR, chosen, hashed, "owner")
            return person, password

    def verify(self, name: str, password: str) -> Person | None:
        """The person whose name and password these are; None for any other, or a disabled one."""
        proof = self.prove(name, password)
        return None if proof is None else proof.person

    def prove(self, name: str, password: str) -> Proof | None:
        """The same, with what a session begins by (`SignIns.begin`)."""
        with self._database.read() as connection:
            row = self._row(connection, name)
        hashed = row.password_hash if row else None
        try:
            self._hasher.verify(hashed or self._nobody, str(password)[:LONGEST_PASSWORD])
        except (VerifyMismatchError, VerificationError):
            return None
        if row is None or hashed is None or row.disabled:
            return None
        return Proof(row.person, hashed)

    def password_hash(self, name: str) -> str | None:
        """To sign what only somebody who signed in as them can have got; None where there is
        none.
        """
        with self._database.read() as connection:
            row = self._row(connection, name)
        return None if row is None else row.password_hash

    def enter(self, name: str) -> Person:
        """`--open` use among people who trust each other: the annotator of this name, made if new.

        NotAllowedError for a name that has a password or is disabled; InvalidError for no name.
        """
        name = name_of("Your name", name)
        with self._database.write(alone=True) as connection:
            row = self._row(connection, name)
            if row is None:
                return self._insert(connection, None, name, None, "annotator")
        if row.password_hash is not None or row.role != "annotator":
            raise NotAllowedError(f"{name} signs in with a password; choose another name.")
        if row.disabled:
            raise NotAllowedError(f"{name} may not sign in any more.")
        return row.person

    def named(self, name: str) -> Person | None:
        """The person whom a session names, as they are now; None if unknown or disabled."""
        with self._database.read() as connection:
            row = self._row(connection, name)
        if row is None or row.disabled:
            return None
        return row.person

    def all(self, by: Person) -> list[PersonInfo]:
        """Everybody, by name. Only for owners."""
        with self._database.read() as connection:
            confirm(connection, by, owner=True)
            rows = [_Row(*row) for row in connection.execute(select(*_COLUMNS))]
        people = [
            PersonInfo(
                row.person, row.disabled, row.password_hash is not None, row.created, row.active
            )
            for row in rows
        ]
        return sorted(people, key=lambda one: one.person.name)

    def add(self, by: Person, name: str, password: str | None, role: Role = "annotator") -> Person:
        """A new person; without a password they can only `enter`. Only for owners."""
        name = name_of("The name", name)
        hashed = None if password is None else self._hash(password)
        with self._database.write(alone=True) as connection:
            confirm(connection, by, owner=True)
            return self._insert_new(connection, by, name, hashed, role)

    def hashed(self, password: str) -> str:
        """A password as it is kept; InvalidError where it is too short or too long."""
        return self._hash(password)

    def insert(self, connection: Connection, name: str, hashed: str, role: Role) -> Person:
        """Somebody who comes in by themselves, in a transaction that is `alone`; InvalidError where
        the name is taken."""
        return self._insert_new(connection, None, name_of("Your name", name), hashed, role)

    def set_role(self, by: Person, name: str, role: Role) -> None:
        """Make somebody an owner or an annotator; whoever came in as they were is out. Nobody
        changes their own role, so that an owner is left. Only for owners."""
        if by.name == name:
            raise NotAllowedError("Nobody can change their own role.")
        if role not in ("owner", "annotator"):
            raise InvalidError(f"The role is {role!r}; expected owner or annotator.")
        self._set(by, name, "changed a role", True, role=role)

    def change_password(self, who: Person, old: str, new: str) -> Proof:
        """One's own; ends all their sessions, and proves the new password for the next one.

        NotAllowedError where `old` is not the password now.
        """
        if self.verify(who.name, old) is None:
            raise NotAllowedError("The old password is not right; nothing was changed.")
        hashed = self._hash(new)
        self._set(who, who.name, "changed their password", False, password_hash=hashed)
        return Proof(who, hashed)

    def set_password(self, by: Person, name: str, new: str) -> None:
        """Anybody's; ends all their sessions. Only for owners."""
        self._set(by, name, "set a password", True, password_hash=self._hash(new))

    def set_disabled(self, by: Person, name: str, disabled: bool) -> None:
        """Whether a person is kept from signing in; their work stays, their sessions end. Only for
        owners."""
        if by.name == name:
            raise NotAllowedError("Nobody can disable themselves.")
        what: What = "disabled a person" if disabled else "enabled a person"
        self._set(by, name, what, True, disabled=disabled)

    @staticmethod
    def find(connection: Connection, by: Person, name: str, owner: bool) -> int:
        """The id of the person called so, whom `by` (owner: an owner) is about to change.

        Their row is held until the transaction ends.
        """
        confirm(connection, by, owner)
        found = connection.scalar(
            select(schema.Person.id)
            .where(schema.Person.name == name)
            .with_for_update(key_share=True)
        )
        if found is None:
            raise NotFoundError(f"There is nobody called {name}.")
        return found

    def _set(self, by: Person, name: str, what: What, owner: bool, **values: object) -> None:
        """Change a person's row; whoever came in as they were is out."""
        with self._database.write(alone=True) as connection:
            key = self.find(connection, by, name, owner)
            connection.execute(update(schema.Person).where(schema.Person.id == key).values(values))
            connection.execute(delete(schema.Session).where(schema.Session.person_id == key))
            note(connection, self._clock(), by.name, what, person="" if by.name == name else name)

    def _hash(self, password: str) -> str:
        text_of("The password", password, LONGEST_PASSWORD)
        if len(password) < SHORTEST_PASSWORD:
            raise InvalidError(
                f"The password has {len(password)} characters; expected at least "
                f"{SHORTEST_PASSWORD}."
            )
        return self._hasher.hash(password)

    def _insert_new(
        self, connection: Connection, by: Person | None, name: str, hashed: str | None, role: Role
    ) -> Person:
        if self._row(connection, name) is not None:
            raise InvalidError(f"There is a {name} already; choose another name.")
        return self._insert(connection, by, name, hashed, role)

    def _insert(
        self, connection: Connection, by: Person | None, name: str, hashed: str | None, role: Role
    ) -> Person:
        """A new row. by: who adds them; None: they come in by themselves."""
        if name == OPERATOR.name:
            raise InvalidError(f"Nobody can be called {name}; choose another name.")
        now = self._clock()
        made = connection.execute(
            insert(schema.Person).values(
                name=name, role=role, password_hash=hashed, disabled=False, created=now
            )
        )
        [key] = made.inserted_primary_key or (0,)
        who = name if by is None else by.name
        note(connection, now, who, "added a person", person=name, detail=role)
        return Person(int(key), name, role)

    @staticmethod
    def _row(connection: Connection, name: str) -> _Row | None:
        if not isinstance(name, str) or "\0" in name:  # no database holds such a name
            return None
        query = select(*_COLUMNS).where(schema.Person.name == unicodedata.normalize("NFC", name))
        row = connection.execute(query).first()
        return None if row is None else _Row(*row)
