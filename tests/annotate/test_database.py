"""Settings, migrations, a full disk, and errors that reveal neither a path nor SQL."""

from __future__ import annotations

import re
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, func, select, text

from annotate import schema
from annotate.database import MIGRATIONS, WAL_SINCE, Database
from annotate.errors import FullError, InvalidError, SchemaError, StoreError
from annotate.people import OPERATOR
from annotate.store import Store
from tests.annotate.store_helper import StoreHelper, content

REVISIONS = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def described(database: Database) -> list[tuple[object, ...]]:
    """Everything that a database says of its tables."""
    query = (
        "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"
        if database.sqlite
        else "SELECT table_name, column_name, data_type, is_nullable, ordinal_position"
        " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 5"
    )
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_migrating_twice_does_nothing(empty_url: str) -> None:
    store = Store(empty_url)
    store.migrate()
    store.people.enter("Ada")
    once = described(store.database)
    store.migrate()
    assert described(store.database) == once
    assert store.people.named("Ada") is not None
    store.close()


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_older_schema_upgrades_and_keeps_its_rows(empty_url: str, revision: str) -> None:
    database = Database(empty_url)
    assert database.migrate(revision) == revision
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO person (name, role, disabled, created)"
                " VALUES ('Ada', 'annotator', false, '2026-01-02 03:04:05')"
            )
        )
    assert database.migrate() == REVISIONS[-1]
    with database.read() as connection:
        assert connection.execute(text("SELECT name FROM person")).all() == [("Ada",)]
    database.close()


def test_a_projects_folder_becomes_that_of_each_photo(empty_url: str, tmp_path: Path) -> None:
    store = Store(empty_url)
    store.database.migrate("0001")
    (tmp_path / "a.jpg").write_bytes(b"its bytes")
    with store.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO project (id, name, boxes_per_photo, annotators_per_photo, guidelines,"
                " blind, suggestions, lease_minutes, folder, turns, created) VALUES"
                " (7, 'old', 1, 1, '', true, false, 60, :folder, 1, '2026-01-02 03:04:05')"
            ),
            {"folder": str(tmp_path)},
        )
        connection.execute(
            text(
                "INSERT INTO photo (id, project_id, name, width, height, sha256, turn, free,"
                " submitted) VALUES (3, 7, 'a.jpg', 10, 10, '', 1, 1, 0)"
            )
        )
    store.migrate()
    assert store.photos.bytes(OPERATOR, 3) == b"its bytes"
    store.close()


def test_the_migrations_make_what_the_models_say(store: Store) -> None:
    with store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.Base.metadata) == []


def test_a_newer_schema_is_refused(empty_url: str) -> None:
    store = Store(empty_url)
    store.migrate()
    with store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = described(store.database)
    with pytest.raises(SchemaError, match="written by a newer version of this program"):
        store.migrate()
    assert described(store.database) == before
    store.close()


def test_an_unmigrated_database_says_so(empty_url: str) -> None:
    store = Store(empty_url)
    with pytest.raises(SchemaError, match="expected `migrate` to be run first"):
        store.people.enter("Ada")
    store.close()


def test_a_read_sees_one_state_of_the_database(helper: StoreHelper) -> None:
    """Else an export could hold a submission without the boxes that were saved meanwhile."""
    count = select(func.count()).select_from(schema.Person)
    with ThreadPoolExecutor(1) as thread:
        with helper.store.database.read() as connection:
            assert connection.scalar(count) == 0
            entering = thread.submit(helper.person)
            wait([entering], timeout=0.5)  # SQLite's writer waits for its readers
            assert connection.scalar(count) == 0
        entering.result()
    with helper.store.database.read() as connection:
        assert connection.scalar(count) == 1


def test_sqlites_settings(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    with database.read() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("foreign_keys", "synchronous", "busy_timeout", "journal_mode")
        }
    wal = sqlite3.sqlite_version_info >= WAL_SINCE
    assert found == {
        "foreign_keys": 1,
        "synchronous": 2,
        "busy_timeout": 30_000,
        "journal_mode": "wal" if wal else "delete",
    }
    database.close()


def test_a_full_disk_says_so_and_old_data_stays(sqlite_template: Path, tmp_path: Path) -> None:
    """A full disk, made by a file that may not grow past what it has now."""
    shutil.copy(sqlite_template, tmp_path / "store.db")
    roomy = Store(f"sqlite:///{tmp_path / 'store.db'}")
    helper = StoreHelper(roomy, OPERATOR)
    project, ada = helper.project(), helper.person()
    task = helper.next(ada, project)
    roomy.work.save(ada, task.assignment, content(2), 0)
    with roomy.database.read() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    roomy.close()

    store = Store(f"sqlite:///{tmp_path / 'store.db'}")

    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}").close()

    event.listen(store.database._engine, "connect", limit)
    version, saved, draft = 1, content(2), content(50, "x" * 900)

    def fill() -> None:
        nonlocal version, saved
        for _ in range(200):
            version = store.work.save(ada, task.assignment, draft, version).version
            saved = draft

    with pytest.raises(FullError, match="disk is full: nothing of this was saved"):
        fill()
    assert store.work.task(ada, task.assignment).content == saved
    store.close()

    after = Store(f"sqlite:///{tmp_path / 'store.db'}")
    with after.database.read() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    after.work.save(ada, task.assignment, content(1), version)  # there is room again
    after.close()


def test_sqlite_errors_reveal_nothing(tmp_path: Path) -> None:
    """An error reveals neither a path nor SQL."""
    (tmp_path / "text.db").write_text("no database, " * 500)
    for url, kind in (
        (f"sqlite:///{tmp_path / 'nowhere' / 'store.db'}", StoreError),
        (f"sqlite:///{tmp_path / 'text.db'}", SchemaError),
        (f"sqlite:///{tmp_path}", StoreError),
        ("postgresql://somebody:secret@127.0.0.1:1/store", StoreError),
    ):
        store = Store(url)
        with pytest.raises(kind) as caught:
            store.migrate()
        store.close()
        assert re.fullmatch(r"The database[^/]*\.", str(caught.value))
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://a/b"])
def test_urls_of_other_kinds_are_refused(url: str) -> None:
    with pytest.raises(InvalidError, match=r"expected sqlite:///FILE or postgresql://"):
        Store(url)
