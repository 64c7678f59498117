"""Changing one person's work on one photo: hold it, check what the page knew, note what was before.

Each change adds 1 to the assignment's version and writes one revision; its `before` has the keys
state, reason, bad, seconds and annotations (id, box, snippet, order, provenance, seconds each).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update

from annotate import queue, schema
from annotate.errors import InvalidError, NotFoundError, StaleError
from annotate.people import OPERATOR, Person
from core.formats.record import Annotation
from core.formats.validation import words_of

What = Literal["saved", "submitted", "skipped", "reopened", "marked", "unmarked"]

STATES: dict[What, str] = {
    "saved": schema.OPEN,
    "submitted": schema.SUBMITTED,
    "skipped": schema.SKIPPED,
    "reopened": schema.OPEN,
    "marked": schema.SUBMITTED,
    "unmarked": schema.SUBMITTED,
}
"""The state that each change leads to."""


@dataclass(frozen=True)
class Receipt:
    """What a change came to; it is durable."""

    assignment: int
    version: int
    """To be passed back as the next change's `base_version`."""
    state: str
    at: datetime


@dataclass(frozen=True)
class Held:
    """An assignment whose row this transaction holds."""

    id: int
    project_id: int
    photo_id: int
    person_id: int
    state: str
    version: int
    reason: str
    bad: str
    seconds: float
    width: int
    height: int
    """Of the photo."""


def hold(connection: Connection, assignment: int, person: int | None, member: bool = False) -> Held:
    """Hold the assignment, and before it, if asked, the row that counts its person's work.

    NotFoundError where there is none, or it is not `person`'s (None: anybody's).
    """
    table, photo = schema.Assignment, schema.Photo
    whose = connection.execute(
        select(table.project_id, table.person_id).where(table.id == assignment)
    ).first()
    if whose is None or (person is not None and whose.person_id != person):
        raise NotFoundError("There is no such work of yours.")
    if member:
        queue.lock_member(connection, whose.project_id, whose.person_id)
    row = connection.execute(
        select(
            table.id,
            table.project_id,
            table.photo_id,
            table.person_id,
            table.state,
            table.version,
            table.reason,
            table.bad,
            table.seconds,
            photo.width,
            photo.height,
        )
        .join(photo, photo.id == table.photo_id)
        .where(table.id == assignment)
        .with_for_update(of=table, key_share=True)
    ).one()
    return Held(*row)


def repeated(
    connection: Connection, held: Held, client_key: str | None, what: What
) -> Receipt | None:
    """The receipt of the first call with this key, if there was one: repeating changes nothing."""
    if client_key is None:
        return None
    table = schema.Revision
    row = connection.execute(
        select(table.version, table.what, table.at).where(
            table.assignment_id == held.id,
            table.client_key == words_of("The request's key", client_key, 100),
        )
    ).first()
    if row is None:
        return None
    if row.what != what:
        raise InvalidError("The request's key was used for something else; expected a fresh one.")
    return Receipt(held.id, row.version, STATES[what], row.at)


def check_version(connection: Connection, held: Held, base_version: int) -> None:
    """StaleError, with who changed what and when, unless the page knew the last version."""
    if base_version == held.version:
        return
    table = schema.Revision
    row = connection.execute(
        select(table.what, table.at, schema.Person.name)
        .outerjoin(schema.Person, schema.Person.id == table.person_id)
        .where(table.assignment_id == held.id, table.version == held.version)
    ).first()
    if row is None:  # imported, so without revisions; or a version that never was
        raise InvalidError(f"The page's version is {base_version}; expected {held.version}.")
    final = held.state not in (schema.OPEN, schema.LAPSED)
    raise StaleError(row.name or OPERATOR.name, row.at, row.what, held.version, final)


def revise(
    connection: Connection,
    held: Held,
    who: Person,
    now: datetime,
    what: What,
    values: dict[str, object],
    client_key: str | None = None,
) -> Receipt:
    """Write down what is there now, and that `who` changes it; then change the row to `values`.

    To be called before the regions are replaced.
    """
    version = held.version + 1
    before = {
        "state": held.state,
        "reason": held.reason,
        "bad": held.bad,
        "seconds": held.seconds,
        "annotations": [asdict(one) for one in stored_annotations(connection, held.id)],
    }
    connection.execute(
        insert(schema.Revision).values(
            assignment_id=held.id,
            version=version,
            person_id=None if who is OPERATOR else who.id,
            at=now,
            what=what,
            before=before,
            client_key=client_key,
        )
    )
    connection.execute(
        update(schema.Assignment)
        .where(schema.Assignment.id == held.id)
        .values(version=version, **values)
    )
    return Receipt(held.id, version, STATES[what], now)


ANNOTATION_COLUMNS = (
    schema.Annotation.assignment_id,
    schema.Annotation.uid,
    schema.Annotation.x0,
    schema.Annotation.y0,
    schema.Annotation.x1,
    schema.Annotation.y1,
    schema.Annotation.snippet,
    schema.Annotation.place,
    schema.Annotation.provenance,
    schema.Annotation.seconds,
)


def annotation_of(row: Any) -> Annotation:
    """One row of ANNOTATION_COLUMNS as plain data."""
    box = (row.x0, row.y0, row.x1, row.y1)
    return Annotation(row.uid, box, row.snippet, row.place, row.provenance, row.seconds)


def stored_annotations(connection: Connection, assignment: int) -> tuple[Annotation, ...]:
    """The regions of one assignment, in order."""
    rows = connection.execute(
        select(*ANNOTATION_COLUMNS)
        .where(schema.Annotation.assignment_id == assignment)
        .order_by(schema.Annotation.place)
    )
    return tuple(annotation_of(row) for row in rows)


def skipped_annotations(connection: Connection, held: Held) -> tuple[Annotation, ...]:
    """What was drafted when this photo was skipped; its last revision tells."""
    table = schema.Revision
    before = connection.scalar(
        select(table.before)
        .where(table.assignment_id == held.id, table.what == "skipped")
        .order_by(table.version.desc())
        .limit(1)
    )
    kept = [] if before is None else before["annotations"]
    return tuple(Annotation(**{**one, "box": tuple(one["box"])}) for one in kept)


def replace_annotations(
    connection: Connection, held: Held, annotations: Sequence[Annotation]
) -> None:
    """Put these regions in the place of those that the last revision noted."""
    table = schema.Annotation
    connection.execute(delete(table).where(table.assignment_id == held.id))
    if annotations:
        connection.execute(
            insert(table),
            [
                annotation_row(held.id, held.photo_id, held.width, held.height, one)
                for one in annotations
            ],
        )


def annotation_row(
    assignment: int, photo: int, width: int, height: int, one: Annotation
) -> dict[str, object]:
    """A region as a row of the table."""
    x0, y0, x1, y1 = one.box
    return {
        "assignment_id": assignment,
        "uid": one.id,
        "photo_id": photo,
        "place": one.order,
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "width": width,
        "height": height,
        "snippet": one.snippet,
        "provenance": one.provenance,
        "seconds": one.seconds,
    }


def count(connection: Connection, held: Held, **more: float) -> None:
    """Add to the counters of the person's part in the project, by name."""
    table = schema.Member
    connection.execute(
        update(table)
        .where(table.project_id == held.project_id, table.person_id == held.person_id)
        .values({name: getattr(table, name) + number for name, number in more.items()})
    )
