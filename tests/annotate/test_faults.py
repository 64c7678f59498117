"""A bad day: a clock that is moved back, a database that may only be read, or that others hold, a
full disk. Each ends in one sentence, and nothing is lost."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from annotate import database
from annotate.__main__ import main
from annotate.errors import BusyError, StoreError
from annotate.people import OPERATOR
from annotate.store import Store
from tests.annotate.conftest import Clock
from tests.annotate.store_helper import StoreHelper, content, key


def test_a_clock_that_is_moved_back_by_an_hour(helper: StoreHelper, clock: Clock) -> None:
    """Nobody loses a photo, no session ends, and the order of changes stays."""
    store, project = helper.store, helper.project(photos=1, lease_minutes=60)
    ada, ben = helper.person("Ada"), helper.person("Ben")
    token = store.sign_ins.begin(ada)
    task = helper.next(ada, project)
    clock.turn(30)
    first = store.work.save(ada, task.assignment, content(1), 0, key())
    clock.turn(-60)
    assert store.sign_ins.person(token, by_password=False) == ada
    assert store.work.next_photo(ben, project) is None
    second = store.work.save(ada, task.assignment, content(2), first.version, key())
    assert (second.version, second.at < first.at) == (2, True)
    history = store.review.history(OPERATOR, task.assignment)
    assert [(one.version, len(one.before["annotations"])) for one in history] == [(1, 0), (2, 1)]
    clock.turn(59)  # the lease began anew with the save
    assert store.work.next_photo(ben, project) is None
    clock.turn(2)
    assert helper.next(ben, project).photo == task.photo
    with store.audit.lines(OPERATOR) as lines:
        assert sum(one.what == "saved" for one in lines) == 2


@pytest.fixture
def locked_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second for the thirty that a call waits."""
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.5)


@contextmanager
def held_by_another_program(url: str) -> Iterator[None]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
        connection.close()
    else:
        with psycopg.connect(url) as other:
            other.execute("LOCK TABLE person, assignment, revision IN ACCESS EXCLUSIVE MODE")
            yield
            other.rollback()


@pytest.mark.usefixtures("locked_soon")
def test_a_database_that_another_program_holds(url: str, clock: Clock) -> None:
    store = Store(url, clock)
    helper = StoreHelper(store, OPERATOR)
    project = helper.project()
    ada = helper.person()
    task = helper.next(ada, project)
    saved = store.work.save(ada, task.assignment, content(1), 0, key())
    fresh = Store(url, clock)  # its connections are new
    calls: list[Callable[[], Any]] = [
        lambda: fresh.work.save(ada, task.assignment, content(2), saved.version, key()),
        lambda: fresh.people.add(OPERATOR, "Eve", None),
        lambda: fresh.people.named("Ada"),
        lambda: fresh.projects.all(ada),
    ]
    with held_by_another_program(url):
        for call in calls:
            with pytest.raises(BusyError, match="is busy, and nothing was saved; try again"):
                call()
    assert fresh.work.task(ada, task.assignment).content == content(1)
    fresh.work.save(ada, task.assignment, content(2), saved.version, key())
    assert fresh.people.named("Eve") is None
    fresh.close()
    store.close()


def test_a_database_that_may_only_be_read(url: str, clock: Clock) -> None:
    store = Store(url, clock)
    helper = StoreHelper(store, OPERATOR)
    project = helper.project()
    ada = helper.person()
    task = helper.next(ada, project)
    fresh = Store(url, clock)
    only = (
        "PRAGMA query_only = ON"
        if store.database.sqlite
        else "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
    )

    @event.listens_for(fresh.database._engine, "connect")
    def _read_only(connection: Any, _: object) -> None:
        connection.execute(only).close()
        if not fresh.database.sqlite:
            connection.commit()

    for call in (
        lambda: fresh.work.save(ada, task.assignment, content(2), 0, key()),
        lambda: fresh.people.add(OPERATOR, "Eve", None),
        lambda: fresh.sign_ins.begin(ada),
    ):
        with pytest.raises(StoreError, match=r"The database('s file)? cannot be .*writ"):
            call()
    assert fresh.projects.all(ada)[0].id == project  # looking goes on
    assert fresh.work.task(ada, task.assignment).version == 0
    fresh.close()
    store.close()


@pytest.mark.parametrize("command", ["export", "audit", "backup"])
def test_a_disk_that_fills_while_a_file_is_written(
    store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """What was there stays whole, and no half of the new one is left."""
    helper = StoreHelper(store, OPERATOR)
    helper.done(helper.person(), helper.project())
    folder = tmp_path / "kept"
    folder.mkdir()
    file = folder / "file"
    file.write_text("what was there")

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    options = {
        "export": ["--project", "horses", "--format", "coco", "--out", str(file)],
        "audit": ["--out", str(file)],
        "backup": [str(file)],
    }
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(SystemExit) as ended:
            main([command, *options[command], "--url", url])
    assert ended.value.code == 2
    assert "No space left on device" in str(ended.value)
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert file.read_text() == "what was there"
