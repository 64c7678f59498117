"""Invitations: a link by which one person comes in once, with a name and password of their own."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, insert, select, update

from annotate import schema
from annotate.administration import admit
from annotate.audit_log import note
from annotate.database import Database
from annotate.errors import NotFoundError
from annotate.people import People, Person, Proof, Role, confirm
from annotate.projects import project_info
from core.formats.validation import NAME_LENGTH, text_of, whole

DAYS = 7
MOST_DAYS = 90
GONE = "This invitation was used, was withdrawn or has expired; ask for another one."


@dataclass(frozen=True)
class InvitationInfo:
    """An invitation that can still be used."""

    id: int
    role: Role
    note: str
    projects: tuple[int, ...]
    by: str
    created: datetime
    expires: datetime


class Invitations:
    """The invitations of one database."""

    def __init__(self, database: Database, clock: Callable[[], datetime], people: People) -> None:
        self._database = database
        self._clock = clock
        self._people = people

    def invite(
        self,
        by: Person,
        role: Role = "annotator",
        projects: Sequence[int] = (),
        whom: str = "",
        days: int = DAYS,
    ) -> tuple[InvitationInfo, str]:
        """A new invitation and its token, which only the link holds. Only for owners."""
        token, now = secrets.token_urlsafe(24), self._clock()
        expires = now + timedelta(days=whole("The invitation's days", days, 1, MOST_DAYS))
        text_of("The note", whom, NAME_LENGTH)
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            for project in projects:
                project_info(connection, project)
            made = connection.execute(
                insert(schema.Invitation).values(
                    token_hash=_hash(token),
                    role=role,
                    note=whom,
                    projects={"ids": list(projects)},
                    by=by.name,
                    created=now,
                    expires=expires,
                )
            )
            [key] = made.inserted_primary_key or (0,)
            note(connection, now, by.name, "invited somebody", person=whom, detail=role)
        info = InvitationInfo(int(key), role, whom, tuple(projects), by.name, now, expires)
        return info, token

    def open(self, by: Person) -> list[InvitationInfo]:
        """Those that can still be used, the newest first. Only for owners."""
        table = schema.Invitation
        with self._database.read() as connection:
            confirm(connection, by, owner=True)
            rows = connection.execute(
                select(table.__table__)
                .where(table.used.is_(None), table.expires > self._clock())
                .order_by(table.id.desc())
            ).all()
        return [
            InvitationInfo(
                row.id,
                row.role,
                row.note,
                tuple(row.projects["ids"]),
                row.by,
                row.created,
                row.expires,
            )
            for row in rows
        ]

    def withdraw(self, by: Person, invitation: int) -> None:
        """Nobody can use it any more. Only for owners."""
        table, now = schema.Invitation, self._clock()
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            whom = connection.scalar(select(table.note).where(table.id == invitation))
            changed = connection.execute(
                update(table)
                .where(table.id == invitation, table.used.is_(None), table.expires > now)
                .values(expires=now)
            )
            if changed.rowcount == 0:
                raise NotFoundError(GONE)
            note(connection, now, by.name, "withdrew an invitation", person=whom or "")

    def accept(self, token: str, name: str, password: str) -> Proof:
        """Come in as a new person -> what a session begins by. The invitation is used up then.

        NotFoundError where it cannot be used; InvalidError for a name that is taken or a password
        that is too short: it can be used again then.
        """
        with self._database.read() as connection:
            self._usable(connection, token)  # before a password is hashed for anybody
        hashed = self._people.hashed(password)
        now = self._clock()
        with self._database.write(alone=True) as connection:
            row = self._usable(connection, token)
            person = self._people.insert(connection, name, hashed, row.role)
            connection.execute(
                update(schema.Invitation).where(schema.Invitation.id == row.id).values(used=now)
            )
            there = select(schema.Project.id).where(schema.Project.id.in_(row.projects["ids"]))
            for project in connection.scalars(there).all():
                admit(connection, project, person.id, True)
            note(connection, now, person.name, "came by an invitation", detail=f"of {row.by}")
        return Proof(person, hashed)

    def _usable(self, connection: Connection, token: str) -> Row[tuple[object, ...]]:
        table = schema.Invitation
        row = connection.execute(
            select(table.__table__)
            .where(
                table.token_hash == _hash(token),
                table.used.is_(None),
                table.expires > self._clock(),
            )
            .with_for_update()
        ).first()
        if row is None:
            raise NotFoundError(GONE)
        return row


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
