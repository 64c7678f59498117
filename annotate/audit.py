"""Who did what, and when: a line for each deed that changes more than one's own work.

`audit_log.py` writes them. What people did to photos stands in the revisions already; `Audit.lines`
lists both, by time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import aliased

from annotate import schema
from annotate.audit_log import What, note
from annotate.database import Database
from annotate.people import OPERATOR, Person, confirm


@dataclass(frozen=True)
class AuditLine:
    """One deed; "" for what it has not."""

    at: datetime
    who: str
    """"" for somebody who was not signed in."""
    what: str
    """A word of `audit_log.py`, or what a revision says: saved, submitted, skipped, reopened,
    marked, unmarked."""
    person: str
    """Whom it was done to, or whose work."""
    project: str
    photo: str
    detail: str
    address: str
    """Where it came from, for signing in and out."""


class Audit:
    """The audit of one database."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def note(self, who: str, what: What, **more: str) -> None:
        """A line for a deed that changes nothing else here; see `audit_log.note`."""
        with self._database.write() as connection:
            note(connection, self._clock(), who, what, **more)

    @contextmanager
    def lines(self, by: Person, since: datetime | None = None) -> Iterator[Iterator[AuditLine]]:
        """All deeds from then on, the oldest first, of one state of the database. Only for owners.

        A context, because they are read from the database as they are taken.
        """
        deed, revision, work = schema.Deed, schema.Revision, schema.Assignment
        actor, worker = aliased(schema.Person), aliased(schema.Person)
        nothing = literal("")
        deeds = select(
            deed.at,
            deed.who,
            deed.what,
            deed.person,
            deed.project,
            nothing.label("photo"),
            deed.detail,
            deed.address,
            deed.id.label("number"),
        )
        changes = (
            select(
                revision.at,
                func.coalesce(actor.name, OPERATOR.name).label("who"),
                revision.what,
                worker.name.label("person"),
                schema.Project.name.label("project"),
                schema.Photo.name.label("photo"),
                nothing.label("detail"),
                nothing.label("address"),
                revision.version.label("number"),
            )
            .join(work, work.id == revision.assignment_id)
            .join(worker, worker.id == work.person_id)
            .join(schema.Project, schema.Project.id == work.project_id)
            .join(schema.Photo, schema.Photo.id == work.photo_id)
            .outerjoin(actor, actor.id == revision.person_id)
        )
        if since is not None:
            deeds, changes = deeds.where(deed.at >= since), changes.where(revision.at >= since)
        both = union_all(deeds, changes).subquery()
        columns = [both.c[name] for name in AuditLine.__dataclass_fields__]
        query = select(*columns).order_by(both.c.at, both.c.project, both.c.photo, both.c.number)
        with self._database.read() as connection:
            confirm(connection, by, owner=True)
            rows = connection.execution_options(yield_per=1000).execute(query)
            yield (AuditLine(*row) for row in rows)
