"""Writing a grounding set, bit by bit: what was committed stays, whatever happens next.

Rows of the arrays are written and flushed before the table rows that point at them are committed;
so after a kill the tables never name what the arrays do not have.
"""

from __future__ import annotations

import os
import secrets
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from core.groundings.schema import (
    FORMAT,
    About,
    Base,
    GroundingError,
    PhotoRow,
    PhraseRow,
    SentenceRow,
    arrays_of,
    engine_for,
)

Row = dict[str, Any]


class GroundingWriter:
    """A set being made. Opened again for the same source it goes on; for another it is refused."""

    def __init__(self, path: Path, about: dict[str, str], regions: int, words: int) -> None:
        """about: facts of About, with "dimension" and "source"; regions, words: the most rows."""
        self.path = path
        self.dimension = int(about["dimension"])
        path.parent.mkdir(parents=True, exist_ok=True)
        self.engine = engine_for(path, write=True)
        # Also where nobody calls `close`, where the lines below refuse the file, and after
        # `complete`, which follows `close`.
        weakref.finalize(self, self.engine.dispose)
        try:
            Base.metadata.create_all(self.engine)
            self._agree(about)
        except DatabaseError:
            raise GroundingError(f"{path} is no grounding set; expected a new file") from None
        used = self.ends()
        names = arrays_of(path)
        self.regions = self._array(names[0], regions, used[0])
        self.words = self._array(names[1], words, used[1])

    def _agree(self, about: dict[str, str]) -> None:
        with Session(self.engine) as session, session.begin():
            there = {row.key: row.value for row in session.scalars(select(About))}
            if not there:
                facts = {**about, "format": str(FORMAT), "set": secrets.token_hex(8)}
                session.add_all(About(key=key, value=value) for key, value in facts.items())
                return
        for key in ("source", "fingerprint", "gallery"):
            if there.get(key) != about[key]:
                raise GroundingError(
                    f"{self.path} holds other photos, another checkpoint or another gallery; "
                    "expected a new file"
                )

    def _array(self, path: Path, rows: int, used: int) -> np.ndarray:
        """The array as it was left, whole or already `trimmed`; a new one before the first row."""
        shape = (max(1, rows), self.dimension)
        if used:
            if not path.is_file():
                raise GroundingError(f"{path} is not there; expected beside {self.path.name}")
            there: np.ndarray = np.lib.format.open_memmap(path, mode="r+")
            if there.shape not in (shape, (used, self.dimension)):
                raise GroundingError(f"{path} has shape {there.shape}; expected {shape}")
            return there
        fresh: np.ndarray = np.lib.format.open_memmap(path, "w+", dtype=np.float16, shape=shape)
        return fresh

    def about(self, key: str, default: str = "") -> str:
        with Session(self.engine) as session:
            row = session.get(About, key)
            return row.value if row else default

    def next_id(self, table: type[PhotoRow] | type[SentenceRow] | type[PhraseRow]) -> int:
        """Ids start at 0 and leave none out, so this is also the number of rows. One look into the
        index, however many they are."""
        with Session(self.engine) as session:
            last = session.scalar(select(func.max(table.id)))
            return 0 if last is None else last + 1

    def ends(self) -> tuple[int, int]:
        """How many rows of regions and of words are taken: to the last photo's and sentence's."""
        regions = PhotoRow.first_region + PhotoRow.regions
        words = SentenceRow.first_word + SentenceRow.words
        with Session(self.engine) as session:
            last = session.scalar(select(regions).order_by(PhotoRow.id.desc()).limit(1))
            said = session.scalar(select(words).order_by(SentenceRow.id.desc()).limit(1))
        return last or 0, said or 0

    def commit(
        self,
        rows: Sequence[tuple[type[Base], list[Row]]] = (),
        changes: Sequence[tuple[type[Base], list[Row]]] = (),
        facts: dict[str, str] | None = None,
    ) -> None:
        """New rows, changed rows (each with its primary key) and facts, all or nothing."""
        with Session(self.engine) as session, session.begin():
            for table, new in rows:
                if new:
                    session.execute(insert(table), new)
            for table, changed in changes:
                if changed:
                    session.execute(update(table), changed)
            for key, value in (facts or {}).items():
                session.merge(About(key=key, value=value))

    def flush(self) -> None:
        """The arrays' rows are on the disk after this."""
        for array in (self.regions, self.words):
            assert isinstance(array, np.memmap)
            array.flush()

    def close(self) -> None:
        self.flush()
        self.engine.dispose()

    def complete(self) -> None:
        """After the last stage: what tells a reader that nothing is missing."""
        self.commit(facts={"complete": "1"})
        with self.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
            connection.exec_driver_sql("VACUUM")
        self.engine.dispose()


def trimmed(path: Path, used: int) -> None:
    """Cut a finished .npy of a set to its used rows, so that files are no longer than they must."""
    array: np.ndarray = np.load(path, mmap_mode="r")
    if len(array) == max(1, used):
        return
    fresh = path.with_suffix(".new")
    shorter: np.ndarray = np.lib.format.open_memmap(
        fresh, "w+", dtype=np.float16, shape=(max(1, used), array.shape[1])
    )
    step = 65_536
    for start in range(0, used, step):
        shorter[start : min(start + step, used)] = array[start : min(start + step, used)]
    assert isinstance(shorter, np.memmap)
    shorter.flush()
    os.replace(fresh, path)
