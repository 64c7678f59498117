"""Where the photos' bytes are: in folders that the command line names, or uploaded by the page.

A photo's name is a file name and unique in its project. Of two different files with one name, in
two folders, the second one's folders stand before its name: `b/001.jpg` becomes `b_001.jpg`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from annotate import schema
from annotate.audit_log import note
from annotate.database import Database
from annotate.errors import InvalidError, NotAllowedError, NotFoundError
from annotate.people import OPERATOR, Person, confirm
from annotate.photo_folder import FoundPhoto, photo_of
from annotate.projects import (
    append_photos,
    lock_project,
    may_see,
    photo_info,
    photo_row,
    project_info,
)
from core.formats.record import Photo
from core.formats.validation import text_of
from core.vision.images import ImageError

UPLOADED = ""
"""The `file` of a photo whose bytes the database holds."""


@dataclass(frozen=True)
class Added:
    """What became of photos that were to be added."""

    new: int
    known: int
    """That were there already, their bytes too."""
    linked: int
    """That were there without their bytes, which are here now."""
    refused: tuple[tuple[str, str], ...] = ()
    """Path and reason of each that was not taken."""


@dataclass
class _There:
    """A photo that the project has."""

    id: int
    photo: Photo
    place: Path | None
    """Where its file should be."""
    uploaded: bool

    def same(self, photo: Photo) -> bool:
        """Whether it is this photo: its size and, where both are known, its bytes."""
        size = (photo.width, photo.height) == (self.photo.width, self.photo.height)
        known = photo.sha256 and self.photo.sha256
        return size and (not known or photo.sha256 == self.photo.sha256)

    @property
    def here(self) -> bool:
        """Whether its bytes seem to be here."""
        return self.uploaded or (self.place is not None and self.place.is_file())


class Photos:
    """The photos of one database, as files."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def add_found(
        self, by: Person, project: int, folder: Path, found: Sequence[FoundPhoto]
    ) -> Added:
        """Photos of a folder, each of which stays where it is. What the project had stays, too.

        A photo that is there without its bytes, or whose file is gone, gets this file. Only from
        the command line: a path is never a page's.
        """
        _only_operator(by)
        path = text_of("The folder", str(folder.resolve()))
        with self._database.write() as connection:
            lock_project(connection, project)
            here = _folder(connection, project, path)
            added, _ = _add(
                connection, project, found, lambda file: {"folder_id": here, "file": file}
            )
            _forget_empty_folders(connection, project)
            self._note(connection, by, project, added.new + added.linked)
            return added

    def add_folder(self, by: Person, project: int, folder: Path) -> int:
        """Photos of the project whose bytes are not here get those that lie directly in `folder`
        under their names -> how many. Only from the command line."""
        _only_operator(by)
        path = text_of("The folder", str(folder.resolve()))
        with self._database.read() as connection:
            project_info(connection, project)
            wanting = [one for one in _there(connection, project) if not one.here]
        # Outside the transaction: it reads every file.
        found = [one.id for one in wanting if _matching(folder, one.photo)]
        if not found:
            return 0
        with self._database.write() as connection:
            lock_project(connection, project)
            here = _folder(connection, project, path)
            for key in found:
                connection.execute(
                    update(schema.Photo)
                    .where(schema.Photo.id == key)
                    .values(folder_id=here, file=schema.Photo.name)
                )
            _forget_empty_folders(connection, project)
            self._note(connection, by, project, len(found))
        return len(found)

    def upload(self, by: Person, project: int, path: str, data: bytes) -> Added:
        """One photo through the page; `path` is its name, or its path in the folder that was
        dropped, and leads nowhere here. Only for owners."""
        name = PurePosixPath(path.replace("\\", "/")).name
        try:
            photo = photo_of(name, data)
        except ImageError as error:
            return Added(0, 0, 0, ((path, str(error)),))
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            lock_project(connection, project)
            place = {"folder_id": None, "file": UPLOADED}
            added, placed = _add(connection, project, [FoundPhoto(photo, path)], lambda _: place)
            for stored in placed.values():
                key = select(schema.Photo.id).where(
                    schema.Photo.project_id == project, schema.Photo.name == stored
                )
                connection.execute(
                    insert(schema.Upload).values(photo_id=key.scalar_subquery(), data=data)
                )
            self._note(connection, by, project, added.new + added.linked)
            return added

    def _note(self, connection: Connection, by: Person, project: int, photos: int) -> None:
        if photos:
            name, detail = project_info(connection, project).name, f"{photos} photos"
            note(connection, self._clock(), by.name, "added photos", project=name, detail=detail)

    def bytes(self, who: Person, photo: int) -> bytes:
        """The photo's file as it is.

        NotAllowedError for an annotator who was not given this photo (unless the project is not
        blind). NotFoundError where the file is not here, is gone, leads out of its folder or has
        changed: boxes on another picture would say nothing.
        """
        with self._database.read() as connection:
            may_see(connection, who, photo)
            info = photo_info(connection, photo)
            file, folder, data = connection.execute(
                select(schema.Photo.file, schema.Folder.path, schema.Upload.data)
                .outerjoin(schema.Folder, schema.Folder.id == schema.Photo.folder_id)
                .outerjoin(schema.Upload, schema.Upload.photo_id == schema.Photo.id)
                .where(schema.Photo.id == photo)
            ).one()
        if file == UPLOADED and data is not None:
            return bytes(data)
        if not file or folder is None:
            raise NotFoundError(
                f"The photo {info.name} is not here: its project was brought in without it."
            )
        path = Path(folder, file)
        try:
            if not path.resolve().is_relative_to(Path(folder).resolve()):
                raise NotFoundError(f"The photo {info.name} is not in its project's folder.")
            data = path.read_bytes()
        except OSError as error:
            raise NotFoundError(f"The photo {info.name} cannot be read.") from error
        if info.sha256 and hashlib.sha256(data).hexdigest() != info.sha256:
            raise NotFoundError(f"The photo {info.name} has changed since it was added.")
        return data


def absent(connection: Connection) -> dict[int, int]:
    """By project: how many of its photos are not here; projects that have all are left out."""
    table = schema.Photo
    rows = connection.execute(
        select(table.project_id, func.count()).where(schema.ABSENT).group_by(table.project_id)
    )
    return dict(rows.all())


def _only_operator(by: Person) -> None:
    if by is not OPERATOR:
        raise NotAllowedError("Only the command line names a folder of photos.")


def _folder(connection: Connection, project: int, path: str) -> int:
    table = schema.Folder
    known = select(table.id).where(table.project_id == project, table.path == path)
    found = connection.scalar(known)
    if found is None:
        connection.execute(insert(table).values(project_id=project, path=path))
        found = connection.scalar(known)
    return int(found or 0)


def _forget_empty_folders(connection: Connection, project: int) -> None:
    table = schema.Folder
    connection.execute(
        delete(table).where(
            table.project_id == project, ~exists().where(schema.Photo.folder_id == table.id)
        )
    )


def _there(connection: Connection, project: int) -> Iterator[_There]:
    table = schema.Photo
    rows = connection.execute(
        select(
            table.id,
            table.name,
            table.width,
            table.height,
            table.sha256,
            table.file,
            schema.Folder.path,
        )
        .outerjoin(schema.Folder, schema.Folder.id == table.folder_id)
        .where(table.project_id == project)
    )
    for key, name, width, height, sha256, file, folder in rows.all():
        place = Path(folder, file) if folder is not None and file else None
        yield _There(key, Photo(name, width, height, sha256), place, file == UPLOADED)


def _add(
    connection: Connection,
    project: int,
    found: Sequence[FoundPhoto],
    place: Callable[[str], dict[str, Any]],
) -> tuple[Added, dict[str, str]]:
    """Insert what is new, link what was there without its bytes; `place` gives a file's columns.

    -> what became of them, and the name of each file that has its place now.
    """
    there = {one.photo.name: one for one in _there(connection, project)}
    rows: list[dict[str, Any]] = []
    placed: dict[str, str] = {}
    known = linked = 0
    refused: list[tuple[str, str]] = []
    for one in found:
        try:
            row, old = _fitting(there, one)
        except InvalidError as error:
            refused.append((one.file, str(error)))
            continue
        name = row["name"]
        if old is None:
            rows.append(row | place(one.file))
            there[name] = _There(0, replace(one.photo, name=name), None, uploaded=True)
        elif old.here:
            known += 1
            continue
        else:
            linked += 1
            values = {"sha256": row["sha256"], **place(one.file)}
            connection.execute(update(schema.Photo).where(schema.Photo.id == old.id).values(values))
            old.uploaded = True
        placed[one.file] = name
    append_photos(connection, project, rows)
    return Added(len(rows), known, linked, tuple(refused)), placed


def _fitting(there: dict[str, _There], one: FoundPhoto) -> tuple[dict[str, Any], _There | None]:
    """The photo's row under the first name that is free or its own, and what has that name now.

    InvalidError where its names are another photo's, or no names.
    """
    parts = PurePosixPath(one.file.replace("\\", "/")).parts
    joined = "_".join(part for part in parts if part not in ("/", "..", "."))
    for name in dict.fromkeys((one.photo.name, joined)):
        row = photo_row(replace(one.photo, name=name))
        old = there.get(name)
        if old is None or old.same(one.photo):
            return row, old
    other = there[joined].photo
    raise InvalidError(
        f"The project has another photo called {other.name} ({other.width} x {other.height})."
    )


def _matching(folder: Path, photo: Photo) -> bool:
    """Whether the file of this name in `folder` is the photo's."""
    path = folder / photo.name
    try:
        data = path.read_bytes()
        if not path.resolve().is_relative_to(folder.resolve()):
            return False
        if photo.sha256:
            return hashlib.sha256(data).hexdigest() == photo.sha256
        found = photo_of(photo.name, data)
    except (OSError, ImageError):
        return False
    return (found.width, found.height) == (photo.width, photo.height)
