"""What owners do to whole projects: rename, copy, archive, delete; and who works on them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, literal, select, update
from sqlalchemy.orm import aliased

from annotate import queue, schema
from annotate.audit_log import What, note
from annotate.database import Database
from annotate.errors import InvalidError, NotFoundError
from annotate.people import OPERATOR, Person, confirm
from annotate.projects import (
    ProjectInfo,
    lock_project,
    make_project,
    photo_info,
    project_info,
)
from annotate.review import REOPENED_LEASE
from core.formats.validation import name_of


@dataclass(frozen=True)
class MemberInfo:
    """Somebody and their place in a project."""

    name: str
    admitted: bool
    """Whether they may work on it."""
    put_in: bool
    """Whether they have a place of their own: an owner gave it, or they worked on it."""


class Administration:
    """The owner's part for projects of one database."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def rename(self, by: Person, project: int, name: str) -> ProjectInfo:
        """InvalidError where the name is taken. Only for owners."""
        name = name_of("The project's name", name)
        with self._database.write(alone=True) as connection:
            confirm(connection, by, owner=True)
            before = project_info(connection, project).name
            other = select(schema.Project.id).where(
                schema.Project.name == name, schema.Project.id != project
            )
            if connection.scalar(other) is not None:
                raise InvalidError(
                    f"There is a project called {name} already; choose another name."
                )
            connection.execute(
                update(schema.Project).where(schema.Project.id == project).values(name=name)
            )
            if name != before:
                self._note(connection, by, "renamed a project", name, detail=f"it was {before}")
            return project_info(connection, project)

    def copy(self, by: Person, project: int, name: str) -> ProjectInfo:
        """A new project with the same rules and photos, and nobody's work. Only for owners."""
        now = self._clock()
        with self._database.write(alone=True) as connection:
            confirm(connection, by, owner=True)
            old = project_info(connection, project)
            made = make_project(connection, name, old.settings, now)
            _copy_photos(connection, project, made.id)
            self._note(connection, by, "copied a project", made.name, detail=f"from {old.name}")
            return made

    def archive(self, by: Person, project: int, archived: bool) -> ProjectInfo:
        """Whether nobody may take photos of it any more; all of it is kept. Only for owners."""
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            project_info(connection, project)
            connection.execute(
                update(schema.Project).where(schema.Project.id == project).values(archived=archived)
            )
            info = project_info(connection, project)
            what: What = "archived a project" if archived else "brought a project back"
            self._note(connection, by, what, info.name)
            return info

    def delete(self, by: Person, project: int, name: str) -> None:
        """Delete a project with its photos' places, uploads and everybody's work, for ever.

        `name` is the project's, typed once more: InvalidError for another. Photos in folders stay
        where they are. Only for owners.
        """
        photos = select(schema.Photo.id).where(schema.Photo.project_id == project)
        work = select(schema.Assignment.id).where(schema.Assignment.project_id == project)
        with self._database.write(alone=True) as connection:
            confirm(connection, by, owner=True)
            lock_project(connection, project)
            info = project_info(connection, project)
            if name != info.name:
                raise InvalidError(
                    f"The name is {name[:100]!r}; expected {info.name}: nothing was deleted."
                )
            for table, condition in (
                (schema.Revision, schema.Revision.assignment_id.in_(work)),
                (schema.Remark, schema.Remark.assignment_id.in_(work)),
                (schema.Annotation, schema.Annotation.assignment_id.in_(work)),
                (schema.Assignment, schema.Assignment.project_id == project),
                (schema.Suggestion, schema.Suggestion.photo_id.in_(photos)),
                (schema.Upload, schema.Upload.photo_id.in_(photos)),
                (schema.Photo, schema.Photo.project_id == project),
                (schema.Folder, schema.Folder.project_id == project),
                (schema.Member, schema.Member.project_id == project),
                (schema.Project, schema.Project.id == project),
            ):
                connection.execute(delete(table).where(condition))
            self._note(connection, by, "deleted a project", info.name)

    def members(self, by: Person, project: int) -> list[MemberInfo]:
        """Every annotator who may sign in, by name, and whether they may work here. Only for
        owners."""
        person, member = schema.Person, schema.Member
        with self._database.read() as connection:
            confirm(connection, by, owner=True)
            info = project_info(connection, project)
            rows = connection.execute(
                select(person.name, member.admitted)
                .outerjoin(member, (member.person_id == person.id) & (member.project_id == project))
                .where(~person.disabled)
            ).all()
        return sorted(
            (
                MemberInfo(
                    name,
                    not info.settings.members_only if admitted is None else admitted,
                    admitted is not None,
                )
                for name, admitted in rows
            ),
            key=lambda one: one.name,
        )

    def admit(self, by: Person, project: int, name: str, admitted: bool) -> None:
        """Put somebody into a project, or take them out of it: they get no further photo, and
        their work stays. Only for owners."""
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            info = project_info(connection, project)
            person = _person(connection, name)
            admit(connection, project, person, admitted)
            what: What = (
                "put somebody into a project" if admitted else "took somebody out of a project"
            )
            self._note(connection, by, what, info.name, person=name)

    def give(self, by: Person, photo: int, name: str) -> None:
        """Give a photo to somebody: it is theirs for a week, and the next one that they get.

        InvalidError where they had it already, or it has all its people. Only for owners.
        """
        now, table = self._clock(), schema.Assignment
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            info = photo_info(connection, photo)
            person = _person(connection, name)
            admit(connection, info.project, person, True)
            had = select(table.state).where(table.photo_id == photo, table.person_id == person)
            if (state := connection.scalar(had)) is not None:
                said = {"lapsed": "given"}.get(state, state)
                raise InvalidError(
                    f"{name} had the photo {info.name} already ({said}); expected somebody else."
                )
            if not queue.take(connection, photo):
                raise InvalidError(
                    f"The photo {info.name} has all its people; expected a free place."
                )
            connection.execute(
                insert(table).values(
                    uid=secrets.token_hex(8),
                    project_id=info.project,
                    photo_id=photo,
                    person_id=person,
                    state=schema.OPEN,
                    version=0,
                    lease_until=now + REOPENED_LEASE,
                    reason="",
                    bad="",
                    returned="",
                    approved=False,
                    started=now,
                    seconds=0,
                )
            )
            project = project_info(connection, info.project).name
            self._note(
                connection, by, "gave a photo to somebody", project, person=name, detail=info.name
            )

    def _note(
        self,
        connection: Connection,
        by: Person,
        what: What,
        project: str,
        person: str = "",
        detail: str = "",
    ) -> None:
        who = OPERATOR.name if by is OPERATOR else by.name
        note(connection, self._clock(), who, what, person=person, project=project, detail=detail)


def admit(connection: Connection, project: int, person: int, admitted: bool) -> None:
    """Give somebody a place in a project, or keep it from them."""
    queue.lock_member(connection, project, person)
    table = schema.Member
    connection.execute(
        update(table)
        .where(table.project_id == project, table.person_id == person)
        .values(admitted=admitted)
    )


def _person(connection: Connection, name: str) -> int:
    found = connection.scalar(select(schema.Person.id).where(schema.Person.name == name))
    if found is None:
        raise NotFoundError(f"There is nobody called {name[:100]}.")
    return int(found)


def _copy_photos(connection: Connection, old: int, new: int) -> None:
    folder, photo, upload = schema.Folder, schema.Photo, schema.Upload
    connection.execute(
        insert(folder).from_select(
            ["project_id", "path"],
            select(literal(new), folder.path).where(folder.project_id == old),
        )
    )
    there = aliased(folder)
    wanted = project_info(connection, new).settings.annotators_per_photo
    columns = ("name", "width", "height", "sha256", "turn", "file")
    connection.execute(
        insert(photo).from_select(
            ["project_id", "free", "submitted", "folder_id", *columns],
            select(
                literal(new),
                literal(wanted),
                literal(0),
                there.id,
                *(getattr(photo, name) for name in columns),
            )
            .select_from(photo)
            .outerjoin(folder, folder.id == photo.folder_id)
            .outerjoin(there, (there.project_id == new) & (there.path == folder.path))
            .where(photo.project_id == old)
            .order_by(photo.id),
        )
    )
    twin = aliased(photo)
    connection.execute(
        insert(upload).from_select(
            ["photo_id", "data"],
            select(twin.id, upload.data)
            .select_from(photo)
            .join(upload, upload.photo_id == photo.id)
            .join(twin, (twin.project_id == new) & (twin.name == photo.name))
            .where(photo.project_id == old),
        )
    )
    turns = select(schema.Project.turns).where(schema.Project.id == old).scalar_subquery()
    connection.execute(update(schema.Project).where(schema.Project.id == new).values(turns=turns))
