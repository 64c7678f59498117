"""Stores to test on: every test that asks for `store` or `url` runs on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import argon2
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event

from annotate import schema
from annotate.people import OPERATOR
from annotate.store import Store
from tests.annotate import cluster
from tests.annotate.store_helper import StoreHelper

NUMBERS = count(1)


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A server with two migrated databases: "template", to be copied, and "shared"."""
    if cluster.binaries() is None:
        if os.environ.get("CI"):
            pytest.fail(cluster.NONE)
        pytest.skip(cluster.NONE)
    with cluster.running() as server:
        create_database(server, "template")
        migrated(f"{server}/template")
        create_database(server, "shared", "template")
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "store.db"
    migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with today's schema and no row."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "store.db")
        return f"sqlite:///{tmp_path / 'store.db'}"
    shared = f"{request.getfixturevalue('postgresql')}/shared"
    empty(shared)
    return shared


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database without a table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    server = request.getfixturevalue("postgresql")
    name = f"test{next(NUMBERS)}"
    create_database(server, name)
    return f"{server}/{name}"


@pytest.fixture(autouse=True)
def _light_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that cost an attacker 64 MiB a guess cost the tests minutes."""
    light = partial(argon2.PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr("annotate.people.PasswordHasher", light)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(url: str, clock: Clock) -> Iterator[Store]:
    store = unsynced(Store(url, clock))
    yield store
    store.close()


@pytest.fixture
def helper(store: Store) -> StoreHelper:
    return StoreHelper(store, OPERATOR)


def unsynced(store: Store) -> Store:
    """SQLite without fsync, as the tests' PostgreSQL: it guards against a power cut, which no test
    makes. What other processes open (the kill -9 test's) keeps it."""
    if store.database.sqlite:

        @event.listens_for(store.database._engine, "connect")
        def _off(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA synchronous=OFF").close()

    return store


def create_database(server: str, name: str, template: str = "template0") -> None:
    command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))


def empty(url: str) -> None:
    """Faster than a new database for each test, and ids begin at 1 again."""
    tables = sql.SQL(", ").join(map(sql.Identifier, schema.Base.metadata.tables))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))


def migrated(url: str) -> None:
    store = Store(url)
    store.migrate()
    store.close()
