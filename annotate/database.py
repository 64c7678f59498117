"""One database: how it is opened, what a transaction is, what becomes of its errors, its schema.

SQLite opens every writing transaction with BEGIN IMMEDIATE: it waits for its turn at the start,
where waiting works, and not in the middle, where SQLite would refuse ("database is locked").
"""

from __future__ import annotations

import fcntl
import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from annotate.errors import BusyError, FullError, InvalidError, SchemaError, StoreError

WAIT_SECONDS = 30
"""How long a call waits for others' transactions, each of which takes milliseconds."""
WAL_SINCE = (3, 51, 3)
"""Before, a checkpoint could lose a transaction that a crash interrupted."""
MIGRATIONS = Path(__file__).with_name("migrations")
ALONE = 7_301_265  # any number that names our lock among PostgreSQL's advisory locks
URL_EXPECTED = "expected sqlite:///FILE or postgresql://USER@HOST/NAME"


def sqlite_url(file: Path) -> sqlalchemy.URL:
    """A file's URL. As text, a "?" in its folder's name would end the path."""
    return sqlalchemy.URL.create("sqlite", database=str(file))


class Database:
    """Connections to the database at `url`; safe to share among threads, not across a fork."""

    def __init__(self, url: str | sqlalchemy.URL) -> None:
        try:
            parsed = sqlalchemy.make_url(url)
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
                raise InvalidError(f"The store's URL is of another kind; {URL_EXPECTED}.")
            self.sqlite = parsed.drivername == "sqlite"
            self.file = Path(parsed.database) if self.sqlite and parsed.database else None
            if self.sqlite and isinstance(url, str) and "?" in url:
                raise InvalidError(
                    f"The store's URL has a question mark, which no file's name there may have; "
                    f"{URL_EXPECTED}."
                )
            if self.sqlite and parsed.database in (None, "", ":memory:"):
                raise InvalidError(f"The store's URL names no file; {URL_EXPECTED}.")
            if self.sqlite:
                options: dict[str, Any] = {"timeout": WAIT_SECONDS}
            else:
                server = f"-c timezone=UTC -c lock_timeout={WAIT_SECONDS}s"
                options = {"connect_timeout": 10, "options": server}
            self._engine = create_engine(
                parsed,
                connect_args=options,
                pool_timeout=WAIT_SECONDS,
                pool_pre_ping=not self.sqlite,
            )
        except (ArgumentError, NoSuchModuleError) as error:
            raise InvalidError(f"The store's URL cannot be read; {URL_EXPECTED}.") from error
        self._writing = self._engine.execution_options(writing=True)
        # PostgreSQL's stock level shows each statement another state.
        self._reading = (
            self._engine
            if self.sqlite
            else self._engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._turn = threading.Lock()  # SQLite's waiters poll; ours of one process stand in line
        if self.sqlite:
            event.listen(self._engine, "connect", _set_up)
            event.listen(self._engine, "begin", _begin)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that changes nothing and sees one state of the database."""
        with _plain_errors(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def write(self, alone: bool = False) -> Iterator[Connection]:
        """A transaction: all of it is durable at the end, or nothing of it after an error.

        SQLite writes one at a time. PostgreSQL locks rows, and everybody who writes `alone` waits
        for the others who do: for rare changes that look first whether something is there.
        """
        with _plain_errors():
            if self.sqlite:
                with self._turn, self._writing.begin() as connection:
                    yield connection
            else:
                with self._writing.begin() as connection:
                    if alone:
                        connection.execute(
                            sqlalchemy.select(sqlalchemy.func.pg_advisory_xact_lock(ALONE))
                        )
                    yield connection

    def migrate(self, to: str = "head") -> str:
        """Bring the schema up to revision `to`, in one transaction; gives the revision it has.

        SchemaError, and nothing is changed, where the database has a revision that this program
        does not know.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        script = ScriptDirectory.from_config(config)
        known = {revision.revision for revision in script.walk_revisions()}
        if to == "head" and (there := self._revision()) == script.get_current_head():
            return str(there)  # and nothing was written: it may lie where only reading is allowed
        with self.write(alone=True) as connection:
            current = MigrationContext.configure(connection).get_current_heads()
            if not set(current) <= known:
                raise SchemaError(
                    "The database was written by a newer version of this program; expected a "
                    "schema that this one knows: update the program."
                )
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            [after] = MigrationContext.configure(connection).get_current_heads()
        return after

    def _revision(self) -> str | None:
        """The schema's revision; None where there is none, or it cannot be read."""
        if self.file is not None and not self.file.is_file():
            return None  # to look would make it
        try:
            with self.read() as connection:
                return MigrationContext.configure(connection).get_current_revision()
        except (StoreError, CommandError):
            return None


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin` does
    journal = "WAL" if sqlite3.sqlite_version_info >= WAL_SINCE else "DELETE"
    for pragma in ("foreign_keys=ON", "synchronous=FULL", f"journal_mode={journal}"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    if not connection.get_execution_options().get("writing", False):
        driver.execute("BEGIN").close()
        return
    # SQLite's own wait sleeps up to 100 ms between two looks, and whoever has just written comes
    # first again: others starve. So only the first in line looks for SQLite's lock; who comes back
    # finds that file locked, and waits.
    deadline = time.monotonic() + WAIT_SECONDS
    driver.execute("PRAGMA busy_timeout=0").close()
    _, _, path = driver.execute("PRAGMA database_list").fetchone()
    try:
        turn = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError("The database's file cannot be opened for writing.") from error
    try:
        while not (_first_in_line(turn) and _begun(driver)):
            if time.monotonic() > deadline:
                raise BusyError("The store is busy, and nothing was saved; try again.")
            time.sleep(random.uniform(0.001, 0.005))
    finally:
        os.close(turn)  # the next one's turn
        driver.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}").close()


def _first_in_line(turn: int) -> bool:
    """Whether this process is the first in line; it stays so until the file is closed."""
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _begun(driver: sqlite3.Connection) -> bool:
    """Whether the transaction began; False where another one runs."""
    try:
        driver.execute("BEGIN IMMEDIATE").close()
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise
        return False
    return True


@contextmanager
def _plain_errors() -> Iterator[None]:
    """A database's error becomes a sentence that reveals neither a path nor SQL."""
    try:
        yield
    except IntegrityError as error:
        raise InvalidError(
            "A value breaks a rule of the store, so nothing of this was saved."
        ) from error
    except DataError as error:
        raise InvalidError("A value is out of range, so nothing of this was saved.") from error
    except PoolTimeoutError as error:
        raise BusyError("The store is busy, and nothing was saved; try again.") from error
    except DBAPIError as error:
        raise _translated(error.orig) from error
    except sqlite3.Error as error:  # from `_begin`, which calls the driver itself
        raise _translated(error) from error


def _translated(error: BaseException | None) -> StoreError:
    # SQLite names its errors, PostgreSQL numbers them.
    name = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    if name in ("SQLITE_FULL", "53100"):
        return FullError(
            "The disk is full: nothing of this was saved; what was saved before is still there."
        )
    if name in ("SQLITE_LOCKED", "55P03", "40P01") or str(name).startswith("SQLITE_BUSY"):
        return BusyError("The store is busy, and nothing was saved; try again.")
    if name in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
        return SchemaError("The database's file is damaged or no database.")
    if str(name).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):  # and their further kinds
        return StoreError("The database's file cannot be opened for writing.")
    if name == "25006":
        return StoreError("The database cannot be written at this moment; nothing was saved.")
    if name == "42P01" or "no such table" in str(error):
        return SchemaError("The database has no tables yet; expected `migrate` to be run first.")
    if name is None or name.startswith(("08", "57P")):  # no connection, or it ended
        return StoreError("The database cannot be reached; nothing was saved.")
    return StoreError("The database refused this; nothing was saved.")
