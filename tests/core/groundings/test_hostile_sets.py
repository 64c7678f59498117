"""Grounding sets and indices that somebody made to do harm: one sentence each, within seconds."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.alignment.scoring import Scoring
from core.errors import UserError
from core.groundings.approximate import ApproximateSearch, build, index_path
from core.groundings.reader import GroundingSet
from core.groundings.schema import GroundingError, arrays_of
from tests.core.handmade import handmade

ENDLESS = "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n) SELECT"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return handmade(tmp_path)


def altered(path: Path, *statements: str) -> Path:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys = OFF")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


def refusal(path: Path) -> str:
    with pytest.raises(GroundingError) as caught:
        GroundingSet(path)
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            ("ALTER TABLE about RENAME TO old",
             f"CREATE VIEW about AS {ENDLESS} 'k' || k AS key, 'v' AS value FROM n"),
            "has a view 'about'",
        ),
        (
            ("ALTER TABLE photo RENAME TO old",
             f"CREATE VIEW photo AS {ENDLESS} k AS id FROM n"),
            "has a view 'photo'",
        ),
        (
            ("CREATE TRIGGER t AFTER INSERT ON about BEGIN DELETE FROM photo; END",),
            "has a trigger 't'",
        ),
        (("DROP TABLE phrase",), "is no grounding set"),
        (("ALTER TABLE word ADD COLUMN more TEXT",), "has other columns in 'word'"),
        (
            ("ALTER TABLE sentence DROP COLUMN rank",
             "ALTER TABLE sentence ADD COLUMN rank AS (zeroblob(1000000000))"),
            "has a computed column",
        ),
        (("DELETE FROM about WHERE key = 'photos_folder'",), "lacks 'photos_folder'"),
        (("DELETE FROM about WHERE key = 'gallery'",), "lacks 'gallery'"),
        (("DELETE FROM about WHERE key = 'format'",), "has format None"),
        (("UPDATE about SET value = x'ff00' WHERE key = 'checkpoint'",), "lacks 'checkpoint'"),
        (("UPDATE about SET value = '..' WHERE key = 'set'",), "set is '..'"),
        (("UPDATE about SET value = 'many' WHERE key = 'dimension'",), "dimension is 'many'"),
        (("UPDATE about SET value = '-2' WHERE key = 'dimension'",), "dimension is '-2'"),
        (
            (f"UPDATE about SET value = '{'9' * 5000}' WHERE key = 'dimension'",),
            "dimension is '99999",
        ),
        (("UPDATE about SET value = '3' WHERE key = 'dimension'",), "has shape (8, 2)"),
        (("UPDATE about SET value = 'nan' WHERE key = 'neighbours'",), "neighbours is 'nan'"),
        (("UPDATE photo SET regions = 9223372036854775807",), "do not follow each other"),
        (("UPDATE photo SET regions = -1",), "do not follow each other"),
        (("UPDATE photo SET regions = 'x'",), "do not follow each other"),
        (("UPDATE photo SET first_region = 5",), "do not follow each other"),
        (("UPDATE photo SET id = id + 7",), "do not follow each other"),
    ],
)  # fmt: skip
def test_no_file_computes_or_claims(path: Path, statements: tuple[str, ...], said: str) -> None:
    if said == "has shape (8, 2)":
        said = f"has shape {np.load(arrays_of(path)[0]).shape}"
    assert said in refusal(altered(path, *statements))


@pytest.mark.parametrize("column", ["boxes", "objectness", "prior"])
def test_damaged_numbers_of_a_photo(path: Path, column: str) -> None:
    for value in ("x'00'", "x''", "'text'", "7", f"x'{struct.pack('<8f', *[np.nan] * 8).hex()}'"):
        altered(path, f"UPDATE photo SET {column} = {value} WHERE id = 1")
        found = GroundingSet(path)
        with pytest.raises(GroundingError, match=r"numbers of “p1\.png” are"):
            found.look(1)


def test_photos_lie_below_the_set_or_where_one_says(path: Path, tmp_path: Path) -> None:
    assert GroundingSet(path).photos_are_its_own
    for folder in ("/", "..", "../elsewhere", "photos/../..", "/etc"):
        altered(path, f"UPDATE about SET value = '{folder}' WHERE key = 'photos_folder'")
        assert not GroundingSet(path).photos_are_its_own, folder
    (tmp_path / "link").symlink_to("/etc")
    altered(path, "UPDATE about SET value = 'link' WHERE key = 'photos_folder'")
    assert not GroundingSet(path).photos_are_its_own
    named = GroundingSet(path, tmp_path / "mine")
    assert named.photos_are_its_own
    assert named.photo_path(0) == (tmp_path / "mine" / "p0.png").resolve()


ARRAYS: dict[str, Callable[[Path], object]] = {
    "objects": lambda path: np.save(path, np.array([[{}, {}]] * 8, dtype=object), True),
    "another type": lambda path: np.save(path, np.zeros((8, 2), np.float64)),
    "one row": lambda path: np.save(path, np.zeros((1, 2), np.float16)),
    "no shape": lambda path: np.save(path, np.float16(1)),
    "a huge header": lambda path: path.write_bytes(b"\x93NUMPY\x02\x00" + b"\xff" * 4 + b" " * 99),
    "a huge shape": lambda path: path.write_bytes(
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<f2', 'fortran_order': False, 'shape': (99999999999, 2), }".ljust(117)
        + b"\n"
    ),
    "deep brackets": lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\x10\x27" + b"(" * 10_000),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_that_are_none(path: Path, kind: str) -> None:
    ARRAYS[kind](arrays_of(path)[0])
    assert "make the set again" in refusal(path)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("faiss")
    path = handmade(tmp_path_factory.mktemp("indexed"))
    build(GroundingSet(path), Scoring("max"))
    return path


NOTES = [
    "", "[]", "{}", "7", "null", "{", "[" * 100_000, '{"set": 1}', '{"set": "SET"}',
    '{"set": "SET", "options": 5, "recall": {}}',
    '{"set": "SET", "options": {"share": "x"}, "recall": {}}',
    '{"set": "SET", "options": {"share": NaN}, "recall": {}}',
    '{"set": "SET", "options": {"cells": 1}, "recall": {}}',
    '{"set": "SET", "options": {}, "recall": []}',
    '{"set": "SET", "options": {}, "recall": {"regions": "many"}}',
]  # fmt: skip


@pytest.mark.parametrize("note", NOTES)
def test_damaged_notes_of_an_index(indexed: Path, note: str) -> None:
    beside = indexed.with_suffix(".faiss.json")
    kept = beside.read_text()
    groundings = GroundingSet(indexed)
    try:
        beside.write_text(note.replace("SET", groundings.name))
        with pytest.raises(UserError):
            ApproximateSearch(groundings)
    finally:
        beside.write_text(kept)


def test_an_index_of_other_regions(indexed: Path) -> None:
    import faiss

    groundings = GroundingSet(indexed)
    index = index_path(indexed)
    kept = index.read_bytes()
    try:
        for dimension, count in ((3, len(groundings.regions)), (2, 1)):
            other = faiss.IndexFlatIP(dimension)
            other.add(np.zeros((count, dimension), np.float32))
            faiss.write_index(other, str(index))
            with pytest.raises(GroundingError, match=f"{count} regions of {dimension} numbers"):
                ApproximateSearch(groundings)
        flat = faiss.IndexFlatIP(2)  # of the right size and of another kind
        flat.add(np.zeros((int(groundings.first[-1]), 2), np.float32))
        faiss.write_index(flat, str(index))
        with pytest.raises(GroundingError, match="is no index"):
            ApproximateSearch(groundings)
    finally:
        index.write_bytes(kept)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 10**6), value=st.binary(min_size=1, max_size=8))
def test_any_bytes_give_a_set_or_a_sentence(
    indexed: Path, tmp_path: Path, place: int, value: bytes
) -> None:
    """Of the database and of its arrays."""
    for name in (indexed.name, arrays_of(indexed)[0].name):
        folder = tmp_path / "mutant"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in (indexed, *arrays_of(indexed)):
            shutil.copy(file, folder)
        data = bytearray((folder / name).read_bytes())
        start = place % len(data)
        data[start : start + len(value)] = value
        (folder / name).write_bytes(data)
        try:
            found = GroundingSet(folder / indexed.name)
            for photo in range(len(found)):
                found.open(photo)
        except UserError:
            pass


def test_a_name_in_the_note_is_not_the_sets(indexed: Path) -> None:
    beside = indexed.with_suffix(".faiss.json")
    kept = beside.read_text()
    try:
        beside.write_text(json.dumps(json.loads(kept) | {"set": "another"}))
        with pytest.raises(GroundingError, match="belongs to another set"):
            ApproximateSearch(GroundingSet(indexed))
    finally:
        beside.write_text(kept)
