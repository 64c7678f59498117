"""Sessions: who signed in, kept in the database, so that a restart signs nobody out and several
servers of one database share them.

A session ends when its person signs out, here or everywhere, when their password changes or is set
anew, when they are disabled, and after `SessionLimits.days`. The browser has a random token, the
database its hash.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from annotate import schema
from annotate.audit_log import note
from annotate.database import Database
from annotate.errors import NotAllowedError
from annotate.people import People, Person, Proof

IDENTITY = "identity"


@dataclass(frozen=True)
class SessionLimits:
    """How long and how many."""

    days: int = 30
    """After signing in; then the password is asked for again."""
    each: int = 20
    """Of one person: their browsers and programs. The oldest ends when there is one more."""
    all: int = 10_000
    """Names are free on an open server; the oldest end first."""


class SignIns:
    """The sessions of one database."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        limits: SessionLimits = SessionLimits(),
    ) -> None:
        self._database = database
        self._clock = clock
        self.limits = limits

    def identity(self) -> str:
        """16 hexadecimal digits that are this database's, the same for every server of it."""
        query = select(schema.Setting.value).where(schema.Setting.name == IDENTITY)
        with self._database.read() as connection:
            found = connection.scalar(query)
        if found is None:
            with self._database.write(alone=True) as connection:
                found = connection.scalar(query)
                if found is None:
                    found = secrets.token_hex(8)
                    connection.execute(insert(schema.Setting).values(name=IDENTITY, value=found))
        return found

    def begin(self, who: Person | Proof, address: str = "", before: str | None = None) -> str:
        """A new session -> its token. By name (a Person, who has no password) or by password.

        before: the token that the browser had; that session ends, so that nobody goes on with a
        token which they had planted there. NotAllowedError where the person was disabled, or their
        password changed, meanwhile.
        """
        token, now, table = secrets.token_urlsafe(32), self._clock(), schema.Session
        proved = isinstance(who, Proof)
        person = who.person if isinstance(who, Proof) else who
        password_hash = who.password_hash if isinstance(who, Proof) else None
        with self._database.write(alone=True) as connection:
            here = select(schema.Person.id).where(
                schema.Person.id == person.id,
                schema.Person.password_hash.is_not_distinct_from(password_hash),
                ~schema.Person.disabled,
            )
            if connection.scalar(here) is None:
                raise NotAllowedError(f"{person.name} may not sign in this way any more.")
            if before is not None:
                connection.execute(delete(table).where(table.token_hash == _hash(before)))
            connection.execute(delete(table).where(table.created <= now - self._lifetime))
            self._make_room(connection, person)
            connection.execute(
                insert(table).values(
                    token_hash=_hash(token),
                    person_id=person.id,
                    by_password=proved,
                    created=now,
                )
            )
            detail = "" if proved else "by name"
            note(connection, now, person.name, "signed in", detail=detail, address=address)
        return token

    def person(self, token: str, by_password: bool) -> Person | None:
        """Whose session it is, as they are in the store now; None where it is none, has ended, or
        was begun without a password although one is asked for."""
        table, people = schema.Session, schema.Person
        query = (
            select(people.id, people.name, people.role)
            .join(table, table.person_id == people.id)
            .where(
                table.token_hash == _hash(token),
                table.created > self._clock() - self._lifetime,
                ~people.disabled,
            )
        )
        if by_password:
            query = query.where(table.by_password)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else Person(*row)

    def end(self, token: str, address: str = "") -> None:
        """Sign out; a token that is none changes nothing."""
        table = schema.Session
        with self._database.write() as connection:
            name = connection.scalar(
                select(schema.Person.name)
                .join(table, table.person_id == schema.Person.id)
                .where(table.token_hash == _hash(token))
            )
            if name is not None:
                connection.execute(delete(table).where(table.token_hash == _hash(token)))
                note(connection, self._clock(), name, "signed out", address=address)

    def end_all(self, by: Person, name: str, address: str = "") -> int:
        """Sign somebody out everywhere: oneself, or, as an owner, anybody; -> of how many sessions.

        NotFoundError where there is nobody of that name.
        """
        with self._database.write(alone=True) as connection:
            whose = People.find(connection, by, name, owner=by.name != name)
            ended = connection.execute(
                delete(schema.Session).where(schema.Session.person_id == whose)
            ).rowcount
            note(
                connection,
                self._clock(),
                by.name,
                "signed out everywhere",
                person=name,
                detail=f"{ended} sessions",
                address=address,
            )
        return ended

    @property
    def _lifetime(self) -> timedelta:
        return timedelta(days=self.limits.days)

    def _make_room(self, connection: Connection, person: Person) -> None:
        table = schema.Session
        for query, most in (
            (select(table.token_hash).where(table.person_id == person.id), self.limits.each),
            (select(table.token_hash), self.limits.all),
        ):
            count = connection.scalar(select(func.count()).select_from(query.subquery())) or 0
            if count >= most:
                oldest = query.order_by(table.created).limit(count - most + 1)
                connection.execute(
                    delete(table).where(table.token_hash.in_(oldest.scalar_subquery()))
                )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
