"""A backup holds all of one moment and comes back as it was, in either database."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import stat
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Connection, func, select

from annotate import schema
from annotate.__main__ import main
from annotate.backup import TABLES, back_up, restore
from annotate.check import faults
from annotate.errors import InvalidError, SchemaError
from annotate.people import OPERATOR
from annotate.photo_folder import scan
from annotate.projects import ProjectSettings
from annotate.store import Store
from tests.annotate.conftest import Clock, create_database
from tests.annotate.store_helper import StoreHelper, content, key

RULES = ProjectSettings(boxes_per_photo=2)
Rows = dict[str, list[tuple[Any, ...]]]


def rows(store: Store) -> Rows:
    """All rows of all tables but the sessions."""
    with store.database.read() as connection:
        return {
            table.name: [tuple(row) for row in
            connection.execute(select(table).order_by(*table.primary_key))] for table in TABLES
        }  # fmt: skip


def worked(store: Store, folder: Path) -> int:
    """A project with photos in a folder and one that was uploaded, and work of every kind."""
    helper = StoreHelper(store, OPERATOR)
    project = store.projects.create(OPERATOR, "Streets & squares", RULES).id
    folder.mkdir()
    for k in range(3):
        Image.new("RGB", (40 + k, 30), (k, 90, 120)).save(folder / f"{k}.png")
    assert store.photos.add_found(OPERATOR, project, folder, scan(folder).found).new == 3
    uploaded = folder.parent / "up.png"
    Image.new("RGB", (44, 33)).save(uploaded)
    store.photos.upload(OPERATOR, project, "up.png", uploaded.read_bytes())
    store.people.add(OPERATOR, "Root", "correct horse", "owner")
    ada, ben = helper.person("Ada"), helper.person("Ben")
    helper.done(ada, project)
    helper.skip(ben, helper.next(ben, project))
    store.review.mark_bad(OPERATOR, helper.done(ben, project).assignment, "not all there")
    task = helper.next(ada, project)
    store.work.save(ada, task.assignment, content(1, "ein Haus 🏠"), 0, key())
    store.sign_ins.begin(ada)
    return project


@pytest.fixture
def other_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """A new, empty database of a kind."""

    def made(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / 'restored.db'}"
        server = request.getfixturevalue("postgresql")
        name = f"restored{abs(hash(tmp_path)) % 10**9}"
        create_database(server, name)
        return f"{server}/{name}"

    return made


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_restored_is_what_was_there(
    store: Store, url: str, tmp_path: Path, kind: str, other_url: Callable[[str], str]
) -> None:
    """Every row of every table, on both databases and across; photos byte for byte."""
    worked(store, tmp_path / "photos")
    before = rows(store)
    file, photos, there = tmp_path / "backup.zip", tmp_path / "restored", other_url(kind)
    main(["backup", str(file), "--photos", "--url", url])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    main(["restore", str(file), "--photos", str(photos), "--url", there])
    restored = Store(there, store.clock)
    after = rows(restored)
    for name in before:
        if name not in ("audit", "folder", "photo"):
            assert after[name] == before[name], name
    assert after["audit"][: len(before["audit"])] == before["audit"]
    assert sorted(path.name for path in photos.rglob("*.png")) == ["0.png", "1.png", "2.png"]
    for row in before["photo"]:
        bytes_there = restored.photos.bytes(OPERATOR, row[0])
        assert bytes_there == store.photos.bytes(OPERATOR, row[0])
    assert list(faults(restored)) == []
    assert restored.people.verify("Root", "correct horse") is not None
    with restored.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(schema.Session)) == 0
    restored.people.add(OPERATOR, "Later", None)  # ids go on from the highest
    StoreHelper(restored, OPERATOR).project(name="afterwards")
    restored.close()


def test_without_photos_they_stay_where_they_were(store: Store, tmp_path: Path) -> None:
    worked(store, tmp_path / "photos")
    file = tmp_path / "backup.zip"
    assert back_up(store, file).photos == 0
    restored = Store(f"sqlite:///{tmp_path / 'restored.db'}")
    restored.migrate()
    restore(file, restored)
    assert rows(restored)["photo"] == rows(store)["photo"]
    assert list(faults(restored)) == []
    restored.close()


def test_a_photo_that_is_gone_is_told_and_the_rest_is_kept(store: Store, tmp_path: Path) -> None:
    worked(store, tmp_path / "photos")
    (tmp_path / "photos" / "1.png").unlink()
    made = back_up(store, tmp_path / "backup.zip", photos=True)
    assert made.photos == 2
    assert [line.split(":")[0] for line in made.missing] == ["1.png"]


def test_people_work_while_a_backup_is_made(store: Store, url: str, tmp_path: Path) -> None:
    """Each backup is of one moment: what was acknowledged before it began is in it, and no work is
    without its history."""
    helper = StoreHelper(store, OPERATOR)
    project = helper.project(photos=4, annotators_per_photo=9)
    people = [helper.person(f"person {k}") for k in range(4)]
    tasks = [helper.next(one, project) for one in people]
    saved, over = [0] * 4, threading.Event()

    def save(k: int) -> None:
        worker = Store(url)
        while not over.is_set():
            boxes = content(1 + saved[k] % 5)
            worker.work.save(people[k], tasks[k].assignment, boxes, saved[k], key())
            saved[k] += 1
        worker.close()

    threads = [threading.Thread(target=save, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    try:
        for k in range(3):
            known = list(saved)
            back_up(store, tmp_path / f"{k}.zip")
            found = moment(tmp_path / f"{k}.zip", tmp_path / f"{k}.db")
            for task, least in zip(tasks, known, strict=True):
                version, revisions, boxes = found[task.assignment]
                assert version >= least
                assert revisions == version
                assert boxes == (1 + (version - 1) % 5 if version else 0)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert min(saved) > 0


def moment(file: Path, copy: Path) -> dict[int, tuple[int, int, int]]:
    """Of each piece of work: its version, its revisions, its boxes."""
    with zipfile.ZipFile(file) as archive:
        copy.write_bytes(archive.read("store.db"))
    connection = sqlite3.connect(copy)
    found = connection.execute(
        "SELECT id, version, (SELECT count(*) FROM revision WHERE assignment_id = a.id),"
        " (SELECT count(*) FROM annotation WHERE assignment_id = a.id) FROM assignment a"
    ).fetchall()
    connection.close()
    return {key: tuple(rest) for key, *rest in found}  # type: ignore[misc]


def altered(file: Path, out: Path, **members: bytes | None) -> Path:
    """A copy with other members; their names have "_" for "/" and "."; None leaves one out."""
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(out, "w") as copy:
        for name in source.namelist():
            data = members.get(name.replace("/", "_").replace(".", "_"), source.read(name))
            if data is not None:
                copy.writestr(name, data)
    return out


def test_what_is_no_whole_backup_is_refused(
    sqlite_template: Path, tmp_path: Path, clock: Clock
) -> None:
    """And nothing is restored of it, not a photo either."""
    source = Store(f"sqlite:///{sqlite_template.parent / 'hostile.db'}", clock)
    source.migrate()
    worked(source, tmp_path / "photos")
    good = tmp_path / "good.zip"
    back_up(source, good, photos=True)
    with zipfile.ZipFile(good) as archive:
        about, store_db = json.loads(archive.read("backup.json")), archive.read("store.db")

    def told(**more: Any) -> bytes:
        return json.dumps(about | more).encode()

    def poisoned(*statements: str) -> dict[str, bytes]:
        path = tmp_path / "poison.db"
        path.write_bytes(store_db)
        connection = sqlite3.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()
        data = path.read_bytes()
        sums = about["sha256"] | {"store.db": hashlib.sha256(data).hexdigest()}
        return {"store_db": data, "backup_json": told(sha256=sums)}

    climbing = about["sha256"] | {"photos/../../evil": "0" * 64}
    cases: list[tuple[dict[str, bytes | None], str, type[Exception]]] = [
        ({"backup_json": b"{}"}, "is no backup", InvalidError),
        ({"backup_json": b"[" * 10**6}, "is no backup", InvalidError),
        ({"backup_json": None}, "is no backup", InvalidError),
        ({"backup_json": told(format=99)}, "has format 99", InvalidError),
        ({"backup_json": told(sha256=climbing)}, "lists 'photos/../../evil'", InvalidError),
        ({"store_db": None}, "lacks store.db", InvalidError),
        ({"store_db": b"no database"}, "store.db was changed", InvalidError),
        ({"photos_2": b"another photo"}, "photos/2 was changed", InvalidError),
        (poisoned("CREATE VIEW v AS SELECT 1"), "damaged or no store", SchemaError),
        (
            poisoned("CREATE TRIGGER t AFTER UPDATE ON photo BEGIN DELETE FROM person; END"),
            "damaged or no store",
            SchemaError,
        ),
        (poisoned("UPDATE alembic_version SET version_num = '9999'"), "newer version", SchemaError),
    ]  # fmt: skip
    for number, (members, said, kind) in enumerate(cases):
        file = altered(good, tmp_path / f"{number}.zip", **members)
        target = Store(f"sqlite:///{tmp_path / f'{number}.db'}", clock)
        target.migrate()
        with pytest.raises(kind, match=said):
            restore(file, target, tmp_path / "restored")
        assert not any((tmp_path / "restored").rglob("*.png")), said
        with target.database.read() as connection:
            assert people(connection) == 0
        target.close()
    (tmp_path / "cut.zip").write_bytes(good.read_bytes()[:-100])
    target = Store(f"sqlite:///{tmp_path / 'last.db'}", clock)
    target.migrate()
    with pytest.raises(InvalidError, match="is no whole backup"):
        restore(tmp_path / "cut.zip", target)
    target.people.enter("Somebody")
    with pytest.raises(InvalidError, match="has something in it"):
        restore(good, target)
    target.close()
    source.close()


def people(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(schema.Person)) or 0
