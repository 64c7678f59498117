"""The owner's part: everybody's work on a photo, its changes; giving back, correcting, judging."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, true, update

from annotate import queue, schema
from annotate.database import Database
from annotate.errors import InvalidError, NotAllowedError, NotFoundError
from annotate.people import OPERATOR, Person, confirm
from annotate.projects import photo_info, project_info
from annotate.revisions import (
    Receipt,
    What,
    check_version,
    count,
    hold,
    replace_annotations,
    revise,
    skipped_annotations,
    stored_annotations,
)
from core.formats.record import Annotation
from core.formats.validation import NAME_LENGTH, annotations_of, text_of, words_of

REOPENED_LEASE = timedelta(days=7)
"""Whoever is to mend something may not sit there at this moment."""


@dataclass(frozen=True)
class PersonsWork:
    """One person's work on one photo, as others may see it."""

    assignment: int
    annotator: str
    state: str
    version: int
    annotations: tuple[Annotation, ...]
    seconds: float
    reason: str
    bad: str
    finished: datetime | None
    returned: str = ""
    """What an owner wants changed, while it is with its author again."""
    approved: bool = False


@dataclass(frozen=True)
class RemarkInfo:
    """What somebody said about a piece of work."""

    id: int
    region: str
    """The box's id; "" for all of the work."""
    who: str
    at: datetime
    text: str


@dataclass(frozen=True)
class Change:
    """One revision: see revisions.py for the keys of `before`."""

    version: int
    who: str
    at: datetime
    what: str
    before: dict[str, Any]


class Review:
    """Reading and judging others' work."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def others(self, who: Person, photo: int) -> list[PersonsWork]:
        """Work on a photo. Owners see everybody's, drafts too.

        Annotators see others' submissions that are not bad, and only where the project is not
        blind: NotAllowedError otherwise.
        """
        table = schema.Assignment
        query = (
            select(
                table.id,
                schema.Person.name,
                table.state,
                table.version,
                table.seconds,
                table.reason,
                table.bad,
                table.finished,
                table.returned,
                table.approved,
            )
            .join(schema.Person, schema.Person.id == table.person_id)
            .where(table.photo_id == photo)
            .order_by(table.id)
        )
        with self._database.read() as connection:
            confirm(connection, who, owner=who.owner)
            if not who.owner:
                project = project_info(connection, photo_info(connection, photo).project)
                if project.settings.blind:
                    raise NotAllowedError("In this project nobody sees the others' work.")
                query = query.where(
                    table.state == schema.SUBMITTED, table.bad == "", table.person_id != who.id
                )
            return [
                PersonsWork(
                    row.id,
                    row.name,
                    row.state,
                    row.version,
                    stored_annotations(connection, row.id),
                    row.seconds,
                    row.reason,
                    row.bad,
                    row.finished,
                    row.returned,
                    row.approved,
                )
                for row in connection.execute(query).all()
            ]

    def send_back(self, by: Person, assignment: int, reason: str) -> Receipt:
        """Give submitted work back to its author, boxes and all, who sees what has to be changed.
        Only for owners; errors as `reopen`'s."""
        return self._reopen(by, assignment, words_of("What has to be changed", reason))

    def approve(self, by: Person, assignment: int, approved: bool) -> None:
        """Say that submitted work was looked at and is good, or take that back. It changes nothing
        of the work. Only for owners."""
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            held = hold(connection, assignment, None)
            if held.state != schema.SUBMITTED or held.bad:
                raise InvalidError("Only submitted work that is not marked as bad is approved.")
            connection.execute(
                update(schema.Assignment)
                .where(schema.Assignment.id == held.id)
                .values(approved=approved)
            )

    def correct(
        self, by: Person, assignment: int, annotations: Sequence[Annotation], base_version: int
    ) -> Receipt:
        """An owner's boxes and words in place of the author's; what was there is in the revision.

        Only submitted work; StaleError where it was changed since `base_version`; InvalidError for
        boxes that cannot be. Only for owners.
        """
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            held = hold(connection, assignment, None)
            check_version(connection, held, base_version)
            if held.state != schema.SUBMITTED:
                raise InvalidError("This work is not submitted; only submitted work is corrected.")
            checked = annotations_of(annotations, held.width, held.height, True)
            receipt = revise(connection, held, by, self._clock(), "saved", {})
            replace_annotations(connection, held, checked)
            return replace(receipt, state=schema.SUBMITTED)

    def remark(self, who: Person, assignment: int, text: str, region: str = "") -> RemarkInfo:
        """Say something about a piece of work, or a box of it: an owner, or its author."""
        text = words_of("The remark", text)
        now = self._clock()
        with self._database.write() as connection:
            self._may_remark(connection, who, assignment)
            made = connection.execute(
                insert(schema.Remark).values(
                    assignment_id=assignment,
                    region=text_of("The box", region, NAME_LENGTH),
                    person_id=who.id,
                    at=now,
                    text=text,
                )
            )
            [key] = made.inserted_primary_key or (0,)
        return RemarkInfo(int(key), region, who.name, now, text)

    def remarks(self, who: Person, assignment: int) -> list[RemarkInfo]:
        """What was said, the oldest first: about one's own work, or, for owners, anybody's."""
        table = schema.Remark
        with self._database.read() as connection:
            self._may_remark(connection, who, assignment)
            rows = connection.execute(
                select(table.id, table.region, schema.Person.name, table.at, table.text)
                .join(schema.Person, schema.Person.id == table.person_id)
                .where(table.assignment_id == assignment)
                .order_by(table.id)
            )
            return [RemarkInfo(*row) for row in rows]

    @staticmethod
    def _may_remark(connection: Connection, who: Person, assignment: int) -> None:
        confirm(connection, who, owner=who.owner)
        table = schema.Assignment
        whose = connection.scalar(select(table.person_id).where(table.id == assignment))
        if whose is None or (whose != who.id and not who.owner):
            raise NotFoundError("There is no such work of yours.")

    def reopen(self, by: Person, assignment: int) -> Receipt:
        """Let its person change submitted or skipped work again; what was drafted before a skip is
        there again. Only for owners.

        InvalidError where it is open, or where it holds no place (skipped or bad) and the photo
        has all its people.
        """
        return self._reopen(by, assignment, "")

    def _reopen(self, by: Person, assignment: int, returned: str) -> Receipt:
        now = self._clock()
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            held = hold(connection, assignment, None, member=True)
            if held.state not in (schema.SUBMITTED, schema.SKIPPED):
                raise InvalidError("This work is not finished; expected submitted or skipped work.")
            counted = held.state == schema.SUBMITTED and not held.bad
            values: dict[str, object] = {
                "state": schema.OPEN,
                "lease_until": now + REOPENED_LEASE,
                "finished": None,
                "reason": "",
                "bad": "",
                "returned": returned,
                "approved": False,
            }
            if returned and held.state != schema.SUBMITTED:
                raise InvalidError("This work is not submitted; only submitted work is given back.")
            receipt = revise(connection, held, by, now, "reopened", values)
            if held.state == schema.SKIPPED:
                replace_annotations(connection, held, skipped_annotations(connection, held))
            if counted:
                _count_photo(connection, held.photo_id, -1)
            elif not queue.take(connection, held.photo_id):
                raise InvalidError("The photo has all its people; expected a free place.")
            if held.state == schema.SUBMITTED:
                count(
                    connection,
                    held,
                    submitted=-1,
                    seconds=-held.seconds,
                    bad=-1 if held.bad else 0,
                )
            else:
                count(connection, held, skipped=-1)
            return receipt

    def mark_bad(self, by: Person, assignment: int, reason: str) -> Receipt:
        """Say why submitted work does not count: it is kept, and the photo wants another person.

        Marked already, it gets the new reason. Only for owners.
        """
        return self._judge(by, assignment, words_of("The reason", reason))

    def unmark(self, by: Person, assignment: int) -> Receipt:
        """Let it count again, even if the photo then has more people than were wanted."""
        return self._judge(by, assignment, "")

    def _judge(self, by: Person, assignment: int, bad: str) -> Receipt:
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            held = hold(connection, assignment, None, member=True)
            if held.state != schema.SUBMITTED:
                raise InvalidError("This work is not submitted; only submitted work is judged.")
            what: What = "marked" if bad else "unmarked"
            receipt = revise(
                connection, held, by, self._clock(), what, {"bad": bad, "approved": False}
            )
            if bad and not held.bad:
                queue.give_back(connection, held.project_id, held.photo_id)
                _count_photo(connection, held.photo_id, -1)
                count(connection, held, bad=1)
            elif held.bad and not bad:
                connection.execute(
                    update(schema.Photo)
                    .where(schema.Photo.id == held.photo_id)
                    .values(free=schema.Photo.free - 1, submitted=schema.Photo.submitted + 1)
                )
                count(connection, held, bad=-1)
            return receipt

    def history(self, who: Person, assignment: int) -> list[Change]:
        """Every change, the oldest first: of one's own work, or, for owners, of anybody's."""
        table = schema.Revision
        with self._database.read() as connection:
            confirm(connection, who, owner=who.owner)
            owns = schema.Assignment.person_id == who.id
            found = select(schema.Assignment.id).where(
                schema.Assignment.id == assignment, true() if who.owner else owns
            )
            if connection.execute(found).first() is None:
                raise NotFoundError("There is no such work of yours.")
            rows = connection.execute(
                select(table.version, schema.Person.name, table.at, table.what, table.before)
                .outerjoin(schema.Person, schema.Person.id == table.person_id)
                .where(table.assignment_id == assignment)
                .order_by(table.version)
            )
            return [
                Change(version, name or OPERATOR.name, at, what, before)
                for version, name, at, what, before in rows
            ]


def _count_photo(connection: Connection, photo: int, more: int) -> None:
    connection.execute(
        update(schema.Photo)
        .where(schema.Photo.id == photo)
        .values(submitted=schema.Photo.submitted + more)
    )
