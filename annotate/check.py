"""Looking for what cannot be: in the database, and among the photos' files. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, and_, func, not_, or_, select, text

from annotate import schema
from annotate.errors import StoreError
from annotate.people import OPERATOR
from annotate.store import Store
from core.errors import shown
from core.vision import images
from core.vision.images import ImageError

SHOWN = 20
"""Lines of one kind; a further one says how many more there are."""


def faults(store: Store, photos: bool = True) -> Iterator[str]:
    """One line for each fault. photos: decode every photo, too."""
    with store.database.read() as connection:
        if store.database.sqlite:
            yield from _sqlite(connection)
        yield from _boxes(connection)
        yield from _counters(connection)
    yield from _files(store, photos)


def _sqlite(connection: Connection) -> Iterator[str]:
    """A damaged file, and rows that refer to none: another program may have written without
    rules.
    """
    for (line,) in connection.execute(text(f"PRAGMA integrity_check({SHOWN})")):
        if line != "ok":
            yield f"the database's file: {shown(line, 200)}"
    orphans = [
        f"{table}: row {row} belongs to no {parent}"
        for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check"))
    ]
    yield from _some(orphans)


def _boxes(connection: Connection) -> Iterator[str]:
    """Outside of their photo, without an area, or of another photo's size."""
    photo = schema.Photo
    for kind, table in (("box", schema.Annotation), ("suggestion", schema.Suggestion)):
        inside = and_(
            table.x0 >= 0,
            table.x0 < table.x1,
            table.x1 <= photo.width,
            table.y0 >= 0,
            table.y0 < table.y1,
            table.y1 <= photo.height,
        )
        query = (
            select(schema.Project.name, photo.name, table.uid)
            .join(photo, photo.id == table.photo_id)
            .join(schema.Project, schema.Project.id == photo.project_id)
            .where(or_(not_(inside), and_(inside).is_(None)))
        )
        found = [
            f"project {project}, photo {name}: the {kind} '{shown(uid)}' is not inside of it"
            for project, name, uid in connection.execute(query)
        ]
        yield from _some(found)


def _counters(connection: Connection) -> Iterator[str]:
    """Numbers beside the rows that they count."""
    photo, work, project = schema.Photo, schema.Assignment, schema.Project
    good = and_(work.state == schema.SUBMITTED, work.bad == "")
    submitted = _counted(select(func.count()).where(work.photo_id == photo.id, good))
    taken = _counted(
        select(func.count()).where(work.photo_id == photo.id, or_(work.state == schema.OPEN, good))
    )
    wanted = project.annotators_per_photo
    query = (
        select(project.name, photo.name, photo.submitted, submitted, photo.free, wanted - taken)
        .join(project, project.id == photo.project_id)
        .where(or_(photo.submitted != submitted, photo.free != wanted - taken))
    )
    yield from _some(
        [
            f"project {one}, photo {name}: counts {has} submissions and {free} places; there are "
            f"{right} and {places}"
            for one, name, has, right, free, places in connection.execute(query)
        ]
    )
    member, person = schema.Member, schema.Person
    theirs = (work.project_id == member.project_id, work.person_id == member.person_id)
    counts = [
        _counted(select(func.count()).where(*theirs, condition))
        for condition in (
            work.state == schema.SUBMITTED,
            work.state == schema.SKIPPED,
            and_(work.state == schema.SUBMITTED, work.bad != ""),
        )
    ]
    columns = (member.submitted, member.skipped, member.bad)
    wrong = or_(*(one != other for one, other in zip(columns, counts, strict=True)))
    query = (
        select(project.name, person.name, *columns, *counts)
        .join(project, project.id == member.project_id)
        .join(person, person.id == member.person_id)
        .where(wrong)
    )
    yield from _some(
        [
            f"project {one}: {name} has {rest[:3]} submitted, skipped and bad; there are {rest[3:]}"
            for one, name, *rest in connection.execute(query)
        ]
    )


def _counted(query: Select[int]) -> Any:
    return query.scalar_subquery()


def _files(store: Store, decode: bool) -> Iterator[str]:
    """Photos that are gone, changed, no photos, or of another size than their boxes were drawn
    in.
    """
    photo, project = schema.Photo, schema.Project
    query = (
        select(photo.id, photo.name, photo.width, photo.height, project.name)
        .join(project, project.id == photo.project_id)
        .where(photo.file.is_not(None))
        .order_by(project.name, photo.id)
    )
    with store.database.read() as connection:
        rows = connection.execute(query).all()
    for key, name, width, height, where in rows:
        try:
            data = store.photos.bytes(OPERATOR, key)
            if decode:
                found = images.decode(data)
                if (found.width, found.height) != (width, height):
                    yield (
                        f"project {where}, photo {name}: has {found.width} x {found.height} "
                        f"pixels; its boxes were drawn in {width} x {height}"
                    )
        except (StoreError, ImageError) as error:
            yield f"project {where}, photo {name}: {error}"


def _some(lines: list[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"and {len(lines) - SHOWN:,} more of this kind"
