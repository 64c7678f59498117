"""How far a project is: counts from counters and indexes, never from all annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from annotate import schema
from annotate.database import Database
from annotate.people import Person, confirm
from annotate.photos import absent
from annotate.projects import PHOTO_COLUMNS, PhotoInfo, ProjectSettings, project_info, projects_of
from core.formats.contents import Contents


@dataclass(frozen=True)
class Mine:
    """One person's own progress in a project."""

    done: int
    """Photos submitted."""
    skipped: int
    today: int
    """Photos submitted since the day began."""
    left: int
    """Photos that this person could still get now."""
    seconds_per_photo: float
    """Mean over the submitted photos; 0 before the first."""


@dataclass(frozen=True)
class Overview:
    """A project as somebody sees it who has to choose one."""

    id: int
    name: str
    settings: ProjectSettings
    photos: int
    absent: int
    """Photos whose files are not here: nobody can draw on them."""
    mine: Mine
    in_hand: bool
    """Whether a photo of it is in this person's hands already."""
    archived: bool


@dataclass(frozen=True)
class Totals:
    """A whole project's progress."""

    photos: int
    complete: int
    """Photos that have all their people."""
    submissions: int
    """That count: not marked as bad."""
    wanted: int
    """Submissions that the project wants in all."""
    photos_by_people: dict[int, int]
    """How many photos have this many submissions that count."""


@dataclass(frozen=True)
class PersonProgress:
    """One line of the list of a project's people."""

    annotator: str
    submitted: int
    """Bad ones too."""
    skipped: int
    bad: int
    today: int
    seconds_per_photo: float


@dataclass(frozen=True)
class PhotoProgress:
    """One line of the list of a project's photos."""

    photo: PhotoInfo
    submitted: int
    """That count."""
    open: int
    skipped: int
    bad: int
    seconds_per_person: float
    """Mean over submissions; 0 without."""


class Progress:
    """Progress queries. A day begins at `day_start`, or at the last midnight UTC."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def mine(self, who: Person, project: int, day_start: datetime | None = None) -> Mine:
        """What `who` has done and what is left for them."""
        with self._database.read() as connection:
            confirm(connection, who)
            project_info(connection, project)
            return self._mine(connection, who, project, day_start)

    def _mine(
        self, connection: Connection, who: Person, project: int, day_start: datetime | None
    ) -> Mine:
        table = schema.Member
        row = connection.execute(
            select(table.cursor, table.submitted, table.skipped, table.seconds).where(
                table.project_id == project, table.person_id == who.id
            )
        ).first()
        cursor, submitted, skipped, seconds = row or (0, 0, 0, 0.0)
        return Mine(
            submitted,
            skipped,
            self._today(connection, project, day_start).get(who.id, 0),
            self._left(connection, project, who.id, cursor),
            seconds / submitted if submitted else 0.0,
        )

    def overview(self, who: Person, day_start: datetime | None = None) -> list[Overview]:
        """Every project that `who` may work on, by name, and how far they are in each."""
        photo, work = schema.Photo, schema.Assignment
        with self._database.read() as connection:
            confirm(connection, who)
            projects = projects_of(connection, who)
            counted = connection.execute(
                select(photo.project_id, func.count()).group_by(photo.project_id)
            )
            photos, gone = dict(counted.all()), absent(connection)
            held = connection.scalars(
                select(work.project_id).where(work.person_id == who.id, work.state == schema.OPEN)
            )
            in_hand = set(held)
            return [
                Overview(
                    one.id,
                    one.name,
                    one.settings,
                    photos.get(one.id, 0),
                    gone.get(one.id, 0),
                    self._mine(connection, who, one.id, day_start),
                    one.id in in_hand,
                    one.archived,
                )
                for one in projects
            ]

    def project(self, by: Person, project: int) -> Totals:
        """How many photos have how many people. Only for owners."""
        with self._database.read() as connection:
            confirm(connection, by, owner=True)
            wanted = project_info(connection, project).settings.annotators_per_photo
            table = schema.Photo
            rows = connection.execute(
                select(table.submitted, func.count())
                .where(table.project_id == project)
                .group_by(table.submitted)
                .order_by(table.submitted)
            )
            by_people = dict(rows.all())
        photos = sum(by_people.values())
        return Totals(
            photos,
            sum(number for people, number in by_people.items() if people >= wanted),
            sum(people * number for people, number in by_people.items()),
            photos * wanted,
            by_people,
        )

    def people(
        self, by: Person, project: int, day_start: datetime | None = None
    ) -> list[PersonProgress]:
        """Everybody who took part, by name. Only for owners."""
        with self._database.read() as connection:
            confirm(connection, by, owner=True)
            project_info(connection, project)
            today = self._today(connection, project, day_start)
            table = schema.Member
            rows = connection.execute(
                select(
                    table.person_id,
                    schema.Person.name,
                    table.submitted,
                    table.skipped,
                    table.bad,
                    table.seconds,
                )
                .join(schema.Person, schema.Person.id == table.person_id)
                .where(table.project_id == project)
            ).all()
        people = [
            PersonProgress(
                row.name,
                row.submitted,
                row.skipped,
                row.bad,
                today.get(row.person_id, 0),
                row.seconds / row.submitted if row.submitted else 0.0,
            )
            for row in rows
        ]
        return sorted(people, key=lambda one: one.annotator)

    def photos(
        self, by: Person, project: int, after: int = 0, limit: int = 100
    ) -> list[PhotoProgress]:
        """The `limit` photos that follow the photo with id `after` (0: the first ones).

        Only for owners.
        """
        with self._database.read() as connection:
            confirm(connection, by, owner=True)
            photos = connection.execute(
                select(*PHOTO_COLUMNS, schema.Photo.submitted)
                .where(schema.Photo.project_id == project, schema.Photo.id > after)
                .order_by(schema.Photo.id)
                .limit(limit)
            ).all()
            table = schema.Assignment
            marked = (table.bad != "").label("marked")
            rows = connection.execute(
                select(table.photo_id, table.state, marked, func.count(), func.sum(table.seconds))
                .where(table.photo_id.in_([photo.id for photo in photos]))
                .group_by(table.photo_id, table.state, marked)
            )
            counts: dict[int, dict[tuple[str, bool], tuple[int, float]]] = {}
            for photo, state, bad, number, seconds in rows:
                counts.setdefault(photo, {})[state, bool(bad)] = (number, seconds)
        return [
            _line(PhotoInfo(*photo[:6]), photo[6], counts.get(photo[0], {})) for photo in photos
        ]

    def contents(self, by: Person, project: int) -> Contents:
        """What an export of everything would hold, counted row by row. Only for owners."""
        work, region = schema.Assignment, schema.Annotation
        with self._database.read() as connection:
            confirm(connection, by, owner=True)
            project_info(connection, project)
            marked = (work.bad != "").label("marked")
            boxes = (
                select(region.assignment_id, func.count().label("boxes"))
                .group_by(region.assignment_id)
                .subquery()
            )
            rows = connection.execute(
                select(
                    work.state,
                    marked,
                    func.count(),
                    func.coalesce(func.sum(boxes.c.boxes), 0),
                    func.count().filter(boxes.c.boxes.is_(None)),
                )
                .outerjoin(boxes, boxes.c.assignment_id == work.id)
                .where(
                    work.project_id == project, work.state.in_((schema.SUBMITTED, schema.SKIPPED))
                )
                .group_by(work.state, marked)
            )
            counts = {
                (state, bool(bad)): (number, int(snippets), empty)
                for state, bad, number, snippets, empty in rows
            }
            photos = connection.scalar(
                select(func.count()).where(schema.Photo.project_id == project)
            )
            suggestions = connection.scalar(
                select(func.count())
                .select_from(schema.Suggestion)
                .join(schema.Photo, schema.Photo.id == schema.Suggestion.photo_id)
                .where(schema.Photo.project_id == project)
            )
        good = counts.get((schema.SUBMITTED, False), (0, 0, 0))
        bad = counts.get((schema.SUBMITTED, True), (0, 0, 0))
        skipped = counts.get((schema.SKIPPED, False), (0, 0, 0))[0]
        return Contents(
            photos or 0,
            good[0] + bad[0] + skipped,
            good[1] + bad[1],
            bad[0],
            bad[1],
            skipped,
            good[2],
            suggestions or 0,
        )

    def _today(
        self, connection: Connection, project: int, day_start: datetime | None
    ) -> dict[int, int]:
        """By person: photos submitted since the day began."""
        if day_start is None:
            day_start = (
                self._clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            )
        table = schema.Assignment
        # Grouped by the bare column, SQLite would read all work there is by another index, in the
        # groups' order, to spare itself sorting today's.
        person = (table.person_id + 0).label("person")
        rows = connection.execute(
            select(person, func.count())
            .where(
                table.project_id == project,
                table.finished >= day_start,
                table.state == schema.SUBMITTED,
            )
            .group_by(person)
        )
        return dict(rows.all())

    @staticmethod
    def _left(connection: Connection, project: int, person: int, cursor: int) -> int:
        """Photos that want people behind the cursor, less those there that the person had."""
        photo, assignment = schema.Photo, schema.Assignment
        ahead = (photo.project_id == project, schema.WANTING, photo.turn > cursor)
        wanting = connection.scalar(select(func.count()).select_from(photo).where(*ahead)) or 0
        had = connection.scalar(
            select(func.count())
            .select_from(assignment)
            .join(photo, photo.id == assignment.photo_id)
            .where(assignment.person_id == person, assignment.project_id == project, *ahead)
        )
        return wanting - (had or 0)


def _line(
    photo: PhotoInfo, submitted: int, counts: dict[tuple[str, bool], tuple[int, float]]
) -> PhotoProgress:
    def of(state: str, bad: bool = False) -> tuple[int, float]:
        return counts.get((state, bad), (0, 0.0))

    all_submitted, seconds = (
        a + b for a, b in zip(of(schema.SUBMITTED), of(schema.SUBMITTED, True), strict=True)
    )
    return PhotoProgress(
        photo,
        submitted,
        of(schema.OPEN)[0],
        of(schema.SKIPPED)[0],
        of(schema.SUBMITTED, True)[0],
        seconds / all_submitted if all_submitted else 0.0,
    )
