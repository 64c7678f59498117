"""A whole project out of the store and into one, as the plain data of records.py.

What goes out and comes in again is equal: identities, boxes to the last bit, times to the
microsecond. Drafts and revisions stay where they are. Skipped photos have a reason and no regions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from annotate import schema
from annotate.audit_log import note
from annotate.database import Database
from annotate.errors import InvalidError
from annotate.people import OPERATOR, Person, confirm
from annotate.projects import (
    PHOTO_COLUMNS,
    SUGGESTION_COLUMNS,
    PhotoInfo,
    ProjectInfo,
    ProjectSettings,
    insert_photos,
    make_project,
    photo_sizes,
    project_info,
    suggestion_from,
)
from annotate.revisions import ANNOTATION_COLUMNS, annotation_of, annotation_row
from core.formats.record import Annotation, Photo, Project, Submission, Suggestion
from core.formats.validation import (
    NAME_LENGTH,
    annotations_of,
    name_of,
    seconds_of,
    shown,
    text_of,
    words_of,
)


class Exchange:
    """Reading and writing whole projects."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def records(self, by: Person, project: int) -> Project:
        """All of a project but drafts and revisions; annotators by name, the rest in the order in
        which it came. Only for owners."""
        with self._database.read() as connection:
            confirm(connection, by, owner=True)
            info = project_info(connection, project)
            suggestions = _suggestions(connection, project)
            photos = [
                PhotoInfo(*row)
                for row in connection.execute(
                    select(*PHOTO_COLUMNS)
                    .where(schema.Photo.project_id == project)
                    .order_by(schema.Photo.id)
                )
            ]
            people = connection.execute(
                select(schema.Person.id, schema.Person.name)
                .join(schema.Member, schema.Member.person_id == schema.Person.id)
                .where(schema.Member.project_id == project)
            )
            names = dict(people.all())
            submissions = _submissions(
                connection, project, {photo.id: photo.name for photo in photos}, names
            )
        settings = info.settings
        return Project(
            info.name,
            settings.boxes_per_photo,
            settings.annotators_per_photo,
            settings.guidelines,
            settings.blind,
            settings.suggestions,
            tuple(
                Photo(
                    photo.name,
                    photo.width,
                    photo.height,
                    photo.sha256,
                    tuple(suggestions.get(photo.id, ())),
                )
                for photo in photos
            ),
            tuple(sorted(names.values())),
            submissions,
            settings.lease_minutes,
        )

    def load(self, by: Person, project: Project, name: str | None) -> ProjectInfo:
        """See `Store.load`."""
        now = self._clock()
        settings = ProjectSettings(
            project.boxes_per_photo,
            project.annotators_per_photo,
            project.guidelines,
            project.blind,
            project.suggestions,
            project.lease_minutes,
        )
        with self._database.write(alone=True) as connection:
            confirm(connection, by, owner=True)
            info = make_project(connection, project.name if name is None else name, settings, now)
            if insert_photos(connection, info.id, tuple(project.photos)) < len(project.photos):
                raise InvalidError("Two photos have the same name; expected one each.")
            people = _insert_people(connection, project.annotators, now)
            sizes = photo_sizes(connection, info.id)
            checked = [_checked(one, sizes, people) for one in project.submissions]
            _check_unique(checked)
            _insert_members(connection, info.id, people, checked)
            _insert_submissions(connection, info.id, checked)
            detail = f"{len(project.photos)} photos, {len(checked)} submissions"
            note(connection, now, by.name, "imported a project", project=info.name, detail=detail)
            return info


@dataclass(frozen=True)
class _Checked:
    """A submission whose values can be stored."""

    value: Submission
    photo: int
    width: int
    height: int
    person: int
    annotations: tuple[Annotation, ...]

    @property
    def counts(self) -> bool:
        return self.value.state == schema.SUBMITTED and not self.value.bad


def _suggestions(connection: Connection, project: int) -> dict[int, list[Suggestion]]:
    rows = connection.execute(
        select(*SUGGESTION_COLUMNS)
        .join(schema.Photo, schema.Photo.id == schema.Suggestion.photo_id)
        .where(schema.Photo.project_id == project)
        .order_by(schema.Suggestion.id)
    )
    found: dict[int, list[Suggestion]] = {}
    for row in rows:
        found.setdefault(row.photo_id, []).append(suggestion_from(row))
    return found


def _submissions(
    connection: Connection, project: int, photos: dict[int, str], people: dict[int, str]
) -> tuple[Submission, ...]:
    work, region = schema.Assignment, schema.Annotation
    finished = (work.project_id == project, work.state.in_((schema.SUBMITTED, schema.SKIPPED)))
    regions: dict[int, list[Annotation]] = {}
    for row in connection.execute(
        select(*ANNOTATION_COLUMNS)
        .join(work, work.id == region.assignment_id)
        .where(*finished)
        .order_by(region.assignment_id, region.place)
    ):
        regions.setdefault(row.assignment_id, []).append(annotation_of(row))
    rows = connection.execute(select(work.__table__).where(*finished).order_by(work.id))
    return tuple(
        Submission(
            row.uid,
            photos[row.photo_id],
            people[row.person_id],
            row.state,
            tuple(regions.get(row.id, ())),
            row.reason,
            row.bad,
            row.started,
            row.finished,
            row.seconds,
        )
        for row in rows
    )


def _insert_people(
    connection: Connection, annotators: tuple[str, ...], now: datetime
) -> dict[str, int]:
    """By name: ids of the project's people; new ones have no password."""
    names = [name_of("An annotator's name", name) for name in annotators]
    if OPERATOR.name in names:
        raise InvalidError(f"Nobody can be called {OPERATOR.name}; expected another name.")
    if len(set(names)) < len(names):
        raise InvalidError("Two annotators have the same name; expected one each.")
    everybody = select(schema.Person.name, schema.Person.id)
    known = dict(connection.execute(everybody).all())
    new = [
        {"name": name, "role": "annotator", "disabled": False, "created": now}
        for name in names
        if name not in known
    ]
    if new:
        connection.execute(insert(schema.Person), new)
        known = dict(connection.execute(everybody).all())
    return {name: known[name] for name in names}


def _checked(
    value: Submission, sizes: dict[str, tuple[int, int, int]], people: dict[str, int]
) -> _Checked:
    if value.photo not in sizes:
        raise InvalidError(
            f"A submission is on {shown(value.photo)}; expected a photo of the project."
        )
    if value.annotator not in people:
        raise InvalidError(
            f"A submission is by {shown(value.annotator)}; expected an annotator of the project."
        )
    if value.state not in (schema.SUBMITTED, schema.SKIPPED):
        raise InvalidError(
            f"A submission's state is {shown(value.state)}; expected submitted or skipped."
        )
    if value.state == schema.SKIPPED and (value.annotations or value.bad):
        raise InvalidError("A skipped photo has boxes or is marked as bad; expected neither.")
    for moment in (value.started, value.finished):
        if moment is not None and moment.tzinfo is None:
            raise InvalidError(f"A time is {moment}; expected one with its time zone.")
    words_of("A submission's identity", value.id, NAME_LENGTH)
    text_of("A skipped photo's reason", value.reason)
    text_of("The reason of a bad mark", value.bad)
    seconds_of(value.seconds)
    photo, width, height = sizes[value.photo]
    annotations = annotations_of(value.annotations, width, height, True)
    return _Checked(value, photo, width, height, people[value.annotator], annotations)


def _check_unique(checked: list[_Checked]) -> None:
    if len({one.value.id for one in checked}) < len(checked):
        raise InvalidError("Two submissions have the same identity; expected one each.")
    pairs = Counter((one.value.photo, one.value.annotator) for one in checked)
    for (photo, annotator), number in pairs.items():
        if number > 1:
            raise InvalidError(f"{annotator} has {number} submissions on {photo}; expected one.")


def _insert_members(
    connection: Connection, project: int, people: dict[str, int], checked: list[_Checked]
) -> None:
    """The people's counters. Every cursor begins anew: the queue knows what they had."""
    rows: dict[int, dict[str, Any]] = {
        person: {
            "project_id": project,
            "person_id": person,
            "cursor": 0,
            "submitted": 0,
            "skipped": 0,
            "bad": 0,
            "seconds": 0.0,
            "admitted": True,
        }
        for person in people.values()
    }
    for one in checked:
        row = rows[one.person]
        if one.value.state == schema.SKIPPED:
            row["skipped"] += 1
        else:
            row["submitted"] += 1
            row["bad"] += bool(one.value.bad)
            row["seconds"] += one.value.seconds
    if rows:
        connection.execute(insert(schema.Member), list(rows.values()))


def _insert_submissions(connection: Connection, project: int, checked: list[_Checked]) -> None:
    if not checked:
        return
    table = schema.Assignment
    connection.execute(
        insert(table),
        [
            {
                "uid": one.value.id,
                "project_id": project,
                "photo_id": one.photo,
                "person_id": one.person,
                "state": one.value.state,
                "version": 0,
                "lease_until": None,
                "reason": one.value.reason,
                "bad": one.value.bad,
                "returned": "",
                "approved": False,
                "started": one.value.started,
                "finished": one.value.finished,
                "seconds": float(one.value.seconds),
            }
            for one in checked
        ],
    )
    keys = select(table.uid, table.id).where(table.project_id == project)
    ids = dict(connection.execute(keys).all())
    rows = [
        annotation_row(ids[one.value.id], one.photo, one.width, one.height, region)
        for one in checked
        for region in one.annotations
    ]
    if rows:
        connection.execute(insert(schema.Annotation), rows)
    people = Counter(one.photo for one in checked if one.counts)
    for photo, number in people.items():
        connection.execute(
            update(schema.Photo)
            .where(schema.Photo.id == photo)
            .values(free=schema.Photo.free - number, submitted=number)
        )
