"""The whole store in one file, and back: for both databases, also from one to the other.

A backup is a zip archive: `store.db`, an SQLite database with all rows as they stood at one moment;
`photos/ID`, the file of each photo that lies in a folder, where they were asked for; and
`backup.json`, which says what these are, with the SHA-256 of each. People may go on working while
it is made. Sessions and invitations are left out: what was ended since must not let anybody in
again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update

from annotate import schema
from annotate.audit_log import note
from annotate.database import Database, sqlite_url
from annotate.errors import InvalidError, NotFoundError, SchemaError
from annotate.people import OPERATOR
from annotate.store import Store
from core.errors import UserError, shown
from core.formats.archives import DAMAGED
from core.formats.validation import file_name_of

FORMAT = 1
ROWS, CHUNK = 1000, 2**20
STORE, ABOUT = "store.db", "backup.json"
MOST_ABOUT = 2**28
"""Bytes of backup.json: 200 for each photo, and a million of them."""
LEFT_OUT = {schema.Session.__tablename__, schema.Invitation.__tablename__}
TABLES = [table for table in schema.Base.metadata.sorted_tables if table.name not in LEFT_OUT]


@dataclass(frozen=True)
class BackedUp:
    """What a backup has, or what was restored."""

    rows: int
    photos: int
    missing: tuple[str, ...] = ()
    """Photos whose files could not be read, each with why."""


def back_up(store: Store, path: Path, photos: bool = False) -> BackedUp:
    """Write a backup to `path`: the whole file or none of it, for its owner's eyes only.

    photos: with the files of the photos that lie in folders; uploaded ones are always in it.
    """
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.resolve().parent) as folder:
        snapshot = Path(folder, STORE)
        rows = _snapshot(store, snapshot)
        made = Path(folder, "backup.zip")
        missing: list[str] = []
        sums: dict[str, str] = {}
        with (
            closing(Store(sqlite_url(snapshot))) as frozen,
            zipfile.ZipFile(made, "x", zipfile.ZIP_DEFLATED) as archive,
        ):
            revision = frozen.database.migrate()
            sums[STORE] = _put(archive, STORE, snapshot)
            for key, name in _photos(frozen) if photos else ():
                try:
                    data = frozen.photos.bytes(OPERATOR, key)
                except NotFoundError as error:
                    missing.append(f"{name}: {error}")
                    continue
                member = f"photos/{key}"
                sums[member] = hashlib.sha256(data).hexdigest()
                archive.writestr(zipfile.ZipInfo(member), data)  # stored: photos do not shrink
            about = {"format": FORMAT, "schema": revision, "rows": rows, "sha256": sums}
            archive.writestr(ABOUT, json.dumps(about, indent=1))
        _sync(made)
        made.chmod(0o600)  # password hashes are in it
        made.replace(path)
        _sync(path.resolve().parent)
    store.audit.note(OPERATOR.name, "backed up", detail=f"{rows} rows, {len(sums) - 1} photos")
    return BackedUp(rows, len(sums) - 1, tuple(missing))


def restore(path: Path, store: Store, photos: Path | None = None) -> BackedUp:
    """Put a backup into a store that has no row yet, or nothing of it.

    photos: the folder to put photos' files into, which then are the store's; without it the store
    looks for them where they were. InvalidError where the file is no whole backup, or the store has
    something in it.
    """
    with _opened(path) as archive, tempfile.TemporaryDirectory(prefix="restore-") as folder:
        about = _about(archive)
        kept = Path(folder, STORE)
        with kept.open("wb") as copy:
            _take(archive, STORE, about["sha256"][STORE], copy)
        _check_snapshot(kept)
        written: list[Path] = []
        try:
            with closing(Store(sqlite_url(kept))) as frozen:
                frozen.migrate()  # SchemaError for a newer one
                places = _unpack(archive, about["sha256"], frozen, photos, written)
                rows = _fill(frozen.database, store.database, places, store.clock())
        except BaseException:
            for one in written:
                one.unlink(missing_ok=True)
            raise
    return BackedUp(rows, len(written))


def _snapshot(store: Store, path: Path) -> int:
    """All rows of one moment, as an SQLite file without sessions -> how many."""
    if store.database.file is not None:
        source = f"{store.database.file.resolve().as_uri()}?mode=ro"
        with (
            closing(sqlite3.connect(source, uri=True, timeout=30)) as there,
            closing(sqlite3.connect(path)) as here,
        ):
            there.backup(here)  # in one step: the pages of one moment
            here.execute("PRAGMA journal_mode = DELETE").close()
            here.execute("PRAGMA secure_delete = ON").close()
            for name in LEFT_OUT:
                here.execute(f"DELETE FROM {name}").close()
            here.commit()
    with closing(Store(sqlite_url(path))) as frozen:
        if store.database.file is None:
            frozen.migrate()
            with store.database.read() as there_, frozen.database.write() as here_:
                _copy(there_, here_)
        with frozen.database.read() as connection:
            counts = [connection.scalar(select(func.count()).select_from(one)) for one in TABLES]
    return sum(count or 0 for count in counts)


def _copy(source: Connection, target: Connection) -> int:
    copied = 0
    source = source.execution_options(yield_per=ROWS)
    for table in TABLES:
        for rows in source.execute(select(table)).mappings().partitions():
            target.execute(insert(table), [dict(row) for row in rows])
            copied += len(rows)
    return copied


def _photos(store: Store) -> list[tuple[int, str]]:
    """Ids and names of the photos whose files lie in folders."""
    table = schema.Photo
    query = select(table.id, table.name).where(table.folder_id.is_not(None)).order_by(table.id)
    with store.database.read() as connection:
        return [(key, name) for key, name in connection.execute(query)]


def _put(archive: zipfile.ZipFile, member: str, path: Path) -> str:
    """Write a file into the archive -> its SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as source, archive.open(member, "w", force_zip64=True) as copy:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive; whatever is wrong in it is one sentence."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except UserError:
        raise
    except OSError as error:
        raise InvalidError(f"{error.filename or path} cannot be used: {error.strerror}.") from error
    except (*DAMAGED, RuntimeError, ValueError) as error:
        raise InvalidError(f"{path} is no whole backup; expected one of `backup`.") from error


def _about(archive: zipfile.ZipFile) -> dict[str, Any]:
    """backup.json, checked as far as it is used."""
    name = archive.filename
    try:
        size = archive.getinfo(ABOUT).file_size
        about = json.loads(archive.read(ABOUT)) if size <= MOST_ABOUT else None
    except (KeyError, ValueError, RecursionError):
        about = None
    sums = about.get("sha256") if isinstance(about, dict) else None
    if not isinstance(about, dict) or not isinstance(sums, dict) or STORE not in sums:
        raise InvalidError(f"{name} is no backup; expected a file that `backup` wrote.")
    if about.get("format") != FORMAT:
        raise InvalidError(
            f"{name} has format {shown(about.get('format'))}; this version reads {FORMAT}."
        )
    for member, digest in sums.items():
        if not re.fullmatch(rf"{STORE}|photos/[0-9]{{1,18}}", member) or not isinstance(
            digest, str
        ):
            raise InvalidError(f"{name} lists '{shown(member)}'; expected photos by number.")
    return about


def _take(archive: zipfile.ZipFile, member: str, digest: str, copy: IO[bytes]) -> None:
    """A member's bytes, which must be those that backup.json means."""
    found = hashlib.sha256()
    try:
        source = archive.open(member)
    except KeyError:
        raise InvalidError(f"{archive.filename} lacks {member}; expected a whole backup.") from None
    with source:
        while chunk := source.read(CHUNK):
            found.update(chunk)
            copy.write(chunk)
    if found.hexdigest() != digest:
        raise InvalidError(f"{archive.filename}: {member} was changed since it was backed up.")


def _check_snapshot(path: Path) -> None:
    """SchemaError unless it is a whole SQLite file of tables and indices alone: a trigger of
    somebody else's would run while its rows are read."""
    wrong = "The backup's store is damaged or no store of this program."
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF").close()
            rows = connection.execute("SELECT type, sql FROM sqlite_master").fetchall()
            plain = all(
                kind in ("table", "index") and "virtual" not in str(sql).lower().split()[:2]
                for kind, sql in rows
            )
            if not plain or connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise SchemaError(wrong)
    except sqlite3.Error as error:
        raise SchemaError(wrong) from error


def _unpack(
    archive: zipfile.ZipFile,
    sums: dict[str, str],
    frozen: Store,
    folder: Path | None,
    written: list[Path],
) -> dict[int, Path]:
    """Write the photos' files, each project's into a folder of its own -> where each project's lie.

    A file that is there already stays, and must be the same one. `written` gets the new ones.
    """
    if folder is None:
        return {}
    table = schema.Photo
    with frozen.database.read() as connection:
        rows = connection.execute(select(table.id, table.project_id, table.name)).all()
        names = dict(connection.execute(select(schema.Project.id, schema.Project.name)).all())
    places: dict[int, Path] = {}
    for key, project, name in rows:
        member = f"photos/{key}"
        if member not in sums:
            continue
        readable = re.sub(r"[^A-Za-z0-9]+", "-", names[project]).strip("-")
        place = places.setdefault(project, folder.resolve() / f"{project}-{readable}".rstrip("-"))
        target = place / file_name_of(name)
        place.mkdir(parents=True, exist_ok=True)
        if target.exists():
            if hashlib.sha256(target.read_bytes()).hexdigest() != sums[member]:
                raise InvalidError(f"{target} is another photo; expected an empty folder.")
            continue
        with target.open("xb") as copy:
            written.append(target)
            _take(archive, member, sums[member], copy)
    return places


def _fill(frozen: Database, target: Database, places: dict[int, Path], now: datetime) -> int:
    """All rows, in one transaction."""
    with frozen.read() as source, target.write(alone=True) as connection:
        for table in TABLES:
            if table.name in ("setting", "audit"):  # a server that was started makes these
                connection.execute(delete(table))
            elif connection.execute(select(table).limit(1)).first() is not None:
                raise InvalidError("The store has something in it; expected an empty one.")
        copied = _copy(source, connection)
        if connection.dialect.name == "postgresql":
            for table in TABLES:
                _restart(connection, table)
        for project, place in places.items():
            _move_photos(connection, project, place)
        note(connection, now, OPERATOR.name, "restored a backup", detail=f"{copied} rows")
    return copied


def _move_photos(connection: Connection, project: int, place: Path) -> None:
    """The photos that lay in folders lie in this one now, under their names."""
    folder, photo = schema.Folder, schema.Photo
    old = connection.scalars(select(folder.id).where(folder.project_id == project)).all()
    made = connection.execute(insert(folder).values(project_id=project, path=str(place)))
    [key] = made.inserted_primary_key or (0,)
    lying = (photo.project_id == project, photo.folder_id.is_not(None))
    connection.execute(update(photo).where(*lying).values(folder_id=key, file=photo.name))
    connection.execute(delete(folder).where(folder.id.in_(old)))


def _restart(connection: Connection, table: Table) -> None:
    """PostgreSQL counts ids by itself: on from the highest."""
    [first, *more] = table.primary_key.columns
    if more or first.name != "id":
        return
    highest = select(func.coalesce(func.max(first), 0) + 1).scalar_subquery()
    sequence = func.pg_get_serial_sequence(table.name, "id")
    connection.execute(select(func.setval(sequence, highest, text("false"))))
