"""An annotator's work: the next photo, drafts that save themselves, submit, skip.

Every call looks for the assignment among `who`'s own: another's is not found,
whatever a request says.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, or_, select, update

from annotate import queue, schema
from annotate.database import Database
from annotate.errors import FinalError, InvalidError, LapsedError, NotAllowedError, NotFoundError
from annotate.people import OPERATOR, Person, confirm
from annotate.projects import PHOTO_COLUMNS, PhotoInfo, may_work, project_info, suggestions_of
from annotate.revisions import (
    Held,
    Receipt,
    check_version,
    count,
    hold,
    repeated,
    replace_annotations,
    revise,
    stored_annotations,
)
from core.formats.record import Annotation, Suggestion
from core.formats.validation import annotations_of, seconds_of, words_of


@dataclass(frozen=True)
class Content:
    """All that a person made on a photo so far. In a draft, snippets may be empty and boxes few."""

    annotations: tuple[Annotation, ...] = ()
    """`id` is the page's: any string that stays the same while the region lives."""
    seconds: float = 0.0
    """Time spent on the photo, all visits together."""


@dataclass(frozen=True)
class Task:
    """One photo in one person's hands, with what they saved last."""

    assignment: int
    photo: PhotoInfo
    state: str
    """"open"; "submitted" or "skipped" (final); "lapsed": the next save tries to take it again."""
    version: int
    content: Content
    suggestions: tuple[Suggestion, ...]
    """What models propose; empty where the project does not allow it."""
    lease_until: datetime | None
    reason: str
    """Why it was skipped."""
    returned: str = ""
    """What an owner wants changed, where they gave it back."""
    bad: str = ""
    """Why an owner marked it as bad."""
    approved: bool = False


@dataclass(frozen=True)
class Finished:
    """A line of somebody's own finished work."""

    assignment: int
    photo: PhotoInfo
    state: str
    boxes: int
    finished: datetime | None
    bad: str
    approved: bool


class Work:
    """The annotators' part of one database."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def next_photo(self, who: Person, project: int) -> Task | None:
        """The photo that `who` has open, or the next one that wants people; None: no more for now.

        A person never gets a photo again that they submitted or skipped, and a photo never more
        people than its project wants. The lease starts anew.
        """
        now = self._clock()
        queue.release_lapsed(self._database, project, now)
        with self._database.write() as connection:
            _worker(connection, who, now)
            may_work(connection, who, project)
            lease = _lease(connection, project, now)
            cursor = queue.lock_member(connection, project, who.id)
            assignment = self._resumed(connection, who, project, lease)
            if assignment is None:
                found = queue.next_wanting(connection, project, who.id, cursor)
                if found is None:
                    return None
                photo, turn = found
                queue.advance(connection, project, who.id, turn)
                made = connection.execute(
                    insert(schema.Assignment).values(
                        uid=secrets.token_hex(8),
                        project_id=project,
                        photo_id=photo,
                        person_id=who.id,
                        state=schema.OPEN,
                        version=0,
                        lease_until=lease,
                        reason="",
                        bad="",
                        returned="",
                        approved=False,
                        started=now,
                        seconds=0,
                    )
                )
                [assignment] = made.inserted_primary_key or (0,)
            return _task(connection, who, int(assignment))

    def in_hand(self, who: Person, project: int) -> Task | None:
        """The photo that `who` has open, its lease renewed; None where they have none. Nothing new
        is taken."""
        table = schema.Assignment
        now = self._clock()
        queue.release_lapsed(self._database, project, now)
        with self._database.write() as connection:
            _worker(connection, who)
            may_work(connection, who, project)
            lease = _lease(connection, project, now)
            queue.lock_member(connection, project, who.id)
            assignment = connection.scalar(
                select(table.id)
                .where(
                    table.person_id == who.id,
                    table.project_id == project,
                    table.state == schema.OPEN,
                )
                .order_by(table.id)
                .limit(1)
            )
            if assignment is None:
                return None
            connection.execute(
                update(table)
                .where(table.id == assignment, table.lease_until < lease)
                .values(lease_until=lease)
            )
            return _task(connection, who, assignment)

    def put_back(self, who: Person, assignment: int) -> bool:
        """Give a photo back on which nothing was ever saved, so that nobody waits for its lease ->
        whether it was given back. It comes to this person again if it still wants people then."""
        with self._database.write() as connection:
            _worker(connection, who)
            held = hold(connection, assignment, who.id)
            if held.state != schema.OPEN or held.version > 0:
                return False
            connection.execute(
                update(schema.Assignment)
                .where(schema.Assignment.id == held.id)
                .values(state=schema.LAPSED, lease_until=None)
            )
            queue.give_back(connection, held.project_id, held.photo_id)
            return True

    @staticmethod
    def _resumed(connection: Connection, who: Person, project: int, lease: datetime) -> int | None:
        """The oldest open assignment, or a lapsed one whose photo still wants people."""
        table = schema.Assignment
        mine = (
            select(table.id, table.photo_id, table.state)
            .where(
                table.person_id == who.id,
                table.project_id == project,
                table.state.in_((schema.OPEN, schema.LAPSED)),
            )
            .order_by(table.state.desc(), table.id)  # "open" before "lapsed"
            .with_for_update(key_share=True)
        )
        for assignment, photo, state in connection.execute(mine).all():
            if state == schema.OPEN or queue.take(connection, photo):
                connection.execute(
                    update(table)
                    .where(table.id == assignment)
                    .values(state=schema.OPEN, lease_until=lease)
                )
                return int(assignment)
        return None

    def task(self, who: Person, assignment: int) -> Task:
        """One of `who`'s own tasks as it is now, in any state."""
        with self._database.read() as connection:
            _worker(connection, who)
            return _task(connection, who, assignment)

    def finished(
        self, who: Person, project: int, before: int = 0, limit: int = 50
    ) -> list[Finished]:
        """`who`'s own submitted and skipped photos, the newest first, below the work `before` (0:
        from the newest)."""
        table, region = schema.Assignment, schema.Annotation
        boxes = select(func.count()).where(region.assignment_id == table.id).scalar_subquery()
        query = (
            select(
                table.id,
                table.state,
                boxes,
                table.finished,
                table.bad,
                table.approved,
                *PHOTO_COLUMNS,
            )
            .join(schema.Photo, schema.Photo.id == table.photo_id)
            .where(
                table.person_id == who.id,
                table.project_id == project,
                table.state.in_((schema.SUBMITTED, schema.SKIPPED)),
            )
            .order_by(table.id.desc())
            .limit(limit)
        )
        if before:
            query = query.where(table.id < before)
        with self._database.read() as connection:
            _worker(connection, who)
            return [
                Finished(key, PhotoInfo(*photo), state, number, finished, bad, approved)
                for key, state, number, finished, bad, approved, *photo in connection.execute(query)
            ]

    def save(
        self,
        who: Person,
        assignment: int,
        content: Content,
        base_version: int,
        client_key: str | None = None,
    ) -> Receipt:
        """Keep a draft and renew the lease.

        StaleError where the stored version is not `base_version`; FinalError after submit or skip;
        LapsedError where the lease ran out and others took the photo; InvalidError for a box
        outside the photo. The same `client_key` again gives the first call's receipt.
        """
        now = self._clock()
        with self._database.write() as connection:
            _worker(connection, who, now)
            held = hold(connection, assignment, who.id)
            if first := repeated(connection, held, client_key, "saved"):
                return first
            _continue(connection, held, base_version)
            annotations = annotations_of(content.annotations, held.width, held.height, False)
            values: dict[str, object] = {
                "state": schema.OPEN,
                "lease_until": _lease(connection, held.project_id, now),
                "seconds": seconds_of(content.seconds),
            }
            receipt = revise(connection, held, who, now, "saved", values, client_key)
            replace_annotations(connection, held, annotations)
            return receipt

    def submit(
        self, who: Person, assignment: int, content: Content, base_version: int, client_key: str
    ) -> Receipt:
        """Finish the photo: final until the owner reopens it.

        Needs exactly the project's number of boxes, each with words. The same `client_key` again
        gives the first call's receipt and changes nothing. Errors as `save`'s.
        """
        now = self._clock()
        with self._database.write() as connection:
            _worker(connection, who, now)
            held = hold(connection, assignment, who.id, member=True)
            if first := repeated(connection, held, client_key, "submitted"):
                return first
            _continue(connection, held, base_version)
            wanted = project_info(connection, held.project_id).settings.boxes_per_photo
            if len(content.annotations) != wanted:
                raise InvalidError(
                    f"The photo has {len(content.annotations)} boxes; expected {wanted}."
                )
            annotations = annotations_of(content.annotations, held.width, held.height, True)
            seconds = seconds_of(content.seconds)
            values: dict[str, object] = {
                "state": schema.SUBMITTED,
                "lease_until": None,
                "finished": now,
                "returned": "",
                "approved": False,
                "seconds": seconds,
            }
            receipt = revise(connection, held, who, now, "submitted", values, client_key)
            replace_annotations(connection, held, annotations)
            connection.execute(
                update(schema.Photo)
                .where(schema.Photo.id == held.photo_id)
                .values(submitted=schema.Photo.submitted + 1)
            )
            count(connection, held, submitted=1, seconds=seconds)
            return receipt

    def skip(
        self, who: Person, assignment: int, reason: str, base_version: int, client_key: str
    ) -> Receipt:
        """Give the photo back for good, with a reason: another person gets it, this one never.

        What was drafted is kept in the revision, and is there again if an owner reopens the photo.
        Errors as `submit`'s.
        """
        now = self._clock()
        with self._database.write() as connection:
            _worker(connection, who, now)
            held = hold(connection, assignment, who.id, member=True)
            if first := repeated(connection, held, client_key, "skipped"):
                return first
            _check_open(connection, held, base_version)
            values: dict[str, object] = {
                "state": schema.SKIPPED,
                "lease_until": None,
                "finished": now,
                "reason": words_of("The reason", reason),
            }
            receipt = revise(connection, held, who, now, "skipped", values, client_key)
            replace_annotations(connection, held, ())
            if held.state == schema.OPEN:
                queue.give_back(connection, held.project_id, held.photo_id)
            count(connection, held, skipped=1)
            return receipt


def _worker(connection: Connection, who: Person, now: datetime | None = None) -> None:
    """Whether they may; `now`: and write down that they were here, at most once a minute."""
    if who is OPERATOR:
        raise NotAllowedError("The command line annotates nothing; expected a person.")
    confirm(connection, who)
    if now is not None:
        table = schema.Person
        connection.execute(
            update(table)
            .where(
                table.id == who.id,
                or_(table.active.is_(None), table.active < now - timedelta(minutes=1)),
            )
            .values(active=now)
        )


def _lease(connection: Connection, project: int, now: datetime) -> datetime:
    minutes = project_info(connection, project).settings.lease_minutes
    return now + timedelta(minutes=minutes)


def _check_open(connection: Connection, held: Held, base_version: int) -> None:
    check_version(connection, held, base_version)
    if held.state not in (schema.OPEN, schema.LAPSED):
        raise FinalError(
            f"The photo was {held.state} and is final; expected the project's owner to reopen it."
        )


def _continue(connection: Connection, held: Held, base_version: int) -> None:
    """May be changed, and has its place on the photo: again, where it had lapsed."""
    _check_open(connection, held, base_version)
    if held.state == schema.LAPSED and not queue.take(connection, held.photo_id):
        raise LapsedError(
            "This photo was left for too long and others have finished it; what was saved is kept, "
            "and the next photo waits."
        )


def _task(connection: Connection, who: Person, assignment: int) -> Task:
    table, project = schema.Assignment, schema.Project
    row = connection.execute(
        select(
            table.state,
            table.version,
            table.seconds,
            table.lease_until,
            table.reason,
            table.returned,
            table.bad,
            table.approved,
            project.suggestions,
            *PHOTO_COLUMNS,
        )
        .join(schema.Photo, schema.Photo.id == table.photo_id)
        .join(project, project.id == table.project_id)
        .where(table.id == assignment, table.person_id == who.id)
    ).first()
    if row is None:
        raise NotFoundError("There is no such work of yours.")
    state, version, seconds, lease_until, reason, returned, bad, approved, shown, *photo = row
    info = PhotoInfo(*photo)
    return Task(
        assignment,
        info,
        state,
        version,
        Content(stored_annotations(connection, assignment), seconds),
        suggestions_of(connection, info.id) if shown else (),
        lease_until,
        reason,
        returned,
        bad,
        approved,
    )
