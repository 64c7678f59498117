"""A photo's places for people: taken when it is handed out, given back when it is not done.

The queue: a photo has a `turn`, a person has a `cursor`, and goes forward only. The next photo is
the first behind the cursor that wants people, found by an index in any project's size. It is right
because a photo that was full, so that people passed it, moves to the queue's end when it wants
people again.

Locks are always taken in the order member, assignment, project, photo, so that PostgreSQL's
transactions wait for each other and never in a circle.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, case, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from annotate import schema
from annotate.database import Database


def lock_member(connection: Connection, project: int, person: int) -> int:
    """Make sure that the person takes part, hold their row, and give their cursor."""
    table = schema.Member
    query = (
        select(table.cursor)
        .where(table.project_id == project, table.person_id == person)
        .with_for_update(key_share=True)
    )
    cursor = connection.scalar(query)
    if cursor is not None:
        return int(cursor)
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        insert(table)
        .values(
            project_id=project,
            person_id=person,
            cursor=0,
            submitted=0,
            skipped=0,
            bad=0,
            seconds=0,
            admitted=True,
        )
        .on_conflict_do_nothing()  # another of their requests came first, and has ended now
    )
    return connection.execute(query).scalar_one()


def advance(connection: Connection, project: int, person: int, turn: int) -> None:
    """Set the person's cursor; their row is locked."""
    table = schema.Member
    connection.execute(
        update(table)
        .where(table.project_id == project, table.person_id == person)
        .values(cursor=turn)
    )


def take(connection: Connection, photo: int) -> bool:
    """Take a place on the photo; False where none is free, also of two who ask at once."""
    taken = connection.execute(
        update(schema.Photo)
        .where(schema.Photo.id == photo, schema.Photo.free > 0)
        .values(free=schema.Photo.free - 1)
    )
    return taken.rowcount == 1


def give_back(connection: Connection, project: int, photo: int) -> None:
    """Free a place; a photo that was full goes to the end of the queue."""
    turn = connection.execute(
        update(schema.Project)
        .where(schema.Project.id == project)
        .values(turns=schema.Project.turns + 1)
        .returning(schema.Project.turns)
    ).scalar_one()
    connection.execute(
        update(schema.Photo)
        .where(schema.Photo.id == photo)
        .values(
            free=schema.Photo.free + 1,
            turn=case((schema.Photo.free <= 0, turn), else_=schema.Photo.turn),
        )
    )


def next_wanting(
    connection: Connection, project: int, person: int, cursor: int
) -> tuple[int, int] | None:
    """The next photo for this person and its turn, with a place taken; None where there is none."""
    photo, assignment = schema.Photo, schema.Assignment
    had = exists().where(assignment.photo_id == photo.id, assignment.person_id == person)
    query = (
        select(photo.id, photo.turn)
        .where(photo.project_id == project, schema.WANTING, photo.turn > cursor, ~had)
        .order_by(photo.turn)
        .limit(1)
    )
    while (found := connection.execute(query).first()) is not None:
        if take(connection, found.id):
            return found.id, found.turn
    return None


def release_lapsed(database: Database, project: int, now: datetime) -> None:
    """Give back the places of all whose lease has run out; their drafts stay theirs."""
    table = schema.Assignment
    lapsed = (
        select(table.id, table.photo_id)
        .where(table.project_id == project, schema.LEASED, table.lease_until < now)
        .order_by(table.photo_id)
    )
    with database.read() as connection:  # nearly always nothing: then nobody is made to wait
        if connection.execute(lapsed.limit(1)).first() is None:
            return
    with database.write() as connection:
        # Rows that somebody holds are being saved at this moment: not lapsed after all.
        held = lapsed.with_for_update(key_share=True, skip_locked=True)
        for assignment, photo in connection.execute(held).all():
            connection.execute(
                update(table)
                .where(table.id == assignment)
                .values(state=schema.LAPSED, lease_until=None)
            )
            give_back(connection, project, photo)
