"""`annotate check` finds what other programs, and disks, did."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import update

from annotate import schema
from annotate.__main__ import main
from annotate.check import faults
from annotate.store import Store
from tests.annotate.test_backup import worked


def test_a_store_at_work_has_no_fault(
    store: Store, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worked(store, tmp_path / "photos")
    assert list(faults(store)) == []
    main(["check", "--url", url])
    assert capsys.readouterr().out == "Nothing is wrong.\n"


def test_photos_that_are_broken(
    store: Store, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worked(store, tmp_path / "photos")
    (tmp_path / "photos" / "0.png").unlink()
    Image.new("RGB", (7, 7)).save(tmp_path / "photos" / "1.png")
    with store.database.write() as connection:  # a photo whose bytes nobody knew
        connection.execute(
            update(schema.Photo).where(schema.Photo.name == "2.png").values(sha256="")
        )
    Image.new("RGB", (9, 9)).save(tmp_path / "photos" / "2.png")
    with pytest.raises(SystemExit) as ended:
        main(["check", "--url", url])
    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines() == [
        "project Streets & squares, photo 0.png: The photo 0.png cannot be read.",
        "project Streets & squares, photo 1.png: The photo 1.png has changed since it was added.",
        "project Streets & squares, photo 2.png: has 9 x 9 pixels; its boxes were drawn in 42 x 30",
    ]
    with pytest.raises(SystemExit):
        main(["check", "--quick", "--url", url])
    assert len(capsys.readouterr().out.splitlines()) == 2  # it decodes none


def test_counters_that_are_wrong(store: Store, tmp_path: Path) -> None:
    worked(store, tmp_path / "photos")
    with store.database.write() as connection:
        connection.execute(
            update(schema.Photo).where(schema.Photo.name == "up.png").values(submitted=5, free=-2)
        )
        connection.execute(update(schema.Member).values(skipped=schema.Member.skipped + 1))
    found = list(faults(store))
    assert len(found) == 3
    assert found[0].startswith(
        "project Streets & squares, photo up.png: counts 5 submissions and -2 places; there are "
    )
    assert {line.split(": ")[1].split(" has")[0] for line in found[1:]} == {"Ada", "Ben"}


def test_what_sqlite_was_made_to_take(sqlite_template: Path, tmp_path: Path) -> None:
    """Boxes outside, and orphans, by a program that switched the rules off."""
    file = tmp_path / "store.db"
    shutil.copy(sqlite_template, file)
    store = Store(f"sqlite:///{file}")
    worked(store, tmp_path / "photos")
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("UPDATE annotation SET x1 = 1e9 WHERE place = 0")
    connection.execute("DELETE FROM person WHERE name = 'Ben'")
    connection.commit()
    connection.close()
    found = list(faults(store))
    assert any("is not inside of it" in line for line in found)
    assert any(line.endswith("belongs to no person") for line in found)
    with pytest.raises(SystemExit):
        main(["check", "--url", f"sqlite:///{file}"])
    store.close()
