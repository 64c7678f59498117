"""What a grounding set is on disk: one SQLite file and two arrays beside it.

NAME.sqlite         photos, sentences, words, ranks, phrases: the tables below
NAME.regions.npy    (n, h) float16: all regions in the common space, photo after photo
NAME.words.npy      (n, h) float16: all words in the common space, sentence after sentence

The arrays are memory-mapped and may be longer than what is used; photo.first_region and
sentence.first_word say where a photo's or a sentence's rows begin. Everything in the tables was
computed from these rounded numbers, so a score that is computed anew is the same score.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import (
    Connection,
    Engine,
    ForeignKey,
    Index,
    LargeBinary,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from core.alignment.grounding import DECODING
from core.checkpoints import Checkpoint
from core.errors import UserError, shown

FORMAT = 1


class GroundingError(UserError):
    """A grounding set that cannot be used; one plain sentence for a person."""


class Base(DeclarativeBase):
    """The tables of a grounding set."""


class About(Base):
    """One fact about the whole set.

    format, set (a random name), photos_folder (relative to the set's own folder), checkpoint (its
    label), fingerprint, similarity (of the alignment model), neighbours, merging_share and copy_iou
    (of the grounding; the last two since they are known), dimension, gallery,
    source (a digest of what was grounded), unreadable (JSON: photos that were left out because they
    cannot be read, with the reason), complete ("1" once all stages are done).
    """

    __tablename__ = "about"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class PhotoRow(Base):
    """A photo: boxes (R, 4) float32 normalised xyxy, objectness (R,) float32, as bytes; prior (R,)
    float32 as bytes, `grounding_scores`'.

    rank    of its best true sentence among its gallery's sentences, from 1 (NULL: no sentence)
    score   Eq. 8 with its true sentences, the mean
    iou     of its phrases' best regions with their boxes, the mean (NULL: no phrase)
    caption what a captioner says of it (NULL: none was asked)
    """

    __tablename__ = "photo"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    width: Mapped[int]
    height: Mapped[int]
    note: Mapped[str]
    first_region: Mapped[int] = mapped_column(index=True)
    regions: Mapped[int]
    boxes: Mapped[bytes] = mapped_column(LargeBinary)
    objectness: Mapped[bytes] = mapped_column(LargeBinary)
    prior: Mapped[bytes] = mapped_column(LargeBinary)
    rank: Mapped[int | None]
    score: Mapped[float | None]
    iou: Mapped[float | None]
    caption: Mapped[str | None]


class SentenceRow(Base):
    """A true sentence: its words' rows are first_word .. first_word + words.

    rank    of its photo among its gallery's photos, from 1; score: Eq. 8 with its photo. Both are
            NULL where the sentence cannot be read (no words, no known ones, too many).
    """

    __tablename__ = "sentence"
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"), index=True)
    text: Mapped[str]
    first_word: Mapped[int]
    words: Mapped[int]
    rank: Mapped[int | None]
    score: Mapped[float | None]


class WordRow(Base):
    """A word of a true sentence and its best region (region and score NULL: not known).

    magnitude: the length of Eq. 6's s_t, before any normalisation.
    """

    __tablename__ = "word"
    sentence_id: Mapped[int] = mapped_column(ForeignKey("sentence.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    region: Mapped[int | None]
    score: Mapped[float | None]
    magnitude: Mapped[float]
    __table_args__ = (Index("word_text", "text", "sentence_id"), {"sqlite_with_rowid": False})


class RetrievedRow(Base):
    """One of a photo's best sentences in its gallery (place from 0), true or not."""

    __tablename__ = "retrieved"
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    sentence_id: Mapped[int] = mapped_column(ForeignKey("sentence.id"))
    score: Mapped[float]
    __table_args__ = ({"sqlite_with_rowid": False},)


class FoundRow(Base):
    """One of a sentence's best photos in its gallery (place from 0)."""

    __tablename__ = "found"
    sentence_id: Mapped[int] = mapped_column(ForeignKey("sentence.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"))
    score: Mapped[float]
    __table_args__ = ({"sqlite_with_rowid": False},)


class PhraseRow(Base):
    """A phrase that people put boxes to: boxes (k, 4) float32 normalised xyxy, as bytes.

    region, score   the region with the highest mean of its known words' scores, as `evaluate
                    ground` takes it; where no word is known, the whole photo, and NULL
    iou             of that region with the nearest of the boxes and their union
    area            share of the photo that the boxes' union covers
    """

    __tablename__ = "phrase"
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"), index=True)
    text: Mapped[str]
    kind: Mapped[str] = mapped_column(index=True)
    boxes: Mapped[bytes] = mapped_column(LargeBinary)
    region: Mapped[int]
    score: Mapped[float | None]
    iou: Mapped[float]
    area: Mapped[float]


def arrays_of(path: Path) -> tuple[Path, Path]:
    """NAME.sqlite -> the paths of its regions and of its words."""
    return path.with_suffix(".regions.npy"), path.with_suffix(".words.npy")


def fingerprint(checkpoint: Checkpoint) -> str:
    """What tells two alignment models apart: their configuration, the numbers that scores depend
    on, words and weights (sha256)."""
    digest = hashlib.sha256()
    config = asdict(checkpoint.alignment.config) | checkpoint.grounding.scoring
    described = [config, checkpoint.vocabulary.words]
    digest.update(json.dumps(described, sort_keys=True).encode())
    for key, value in sorted(checkpoint.alignment.state_dict().items()):
        digest.update(key.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


LARGEST_DIMENSION = 65_536
_NAME = re.compile(r"[\w-]{1,100}", re.ASCII)


def check_schema(connection: Connection, path: Path) -> None:
    """GroundingError unless the file has the tables above, as tables, and nothing that computes.

    A view or a trigger, a virtual table or a column that is computed could hang or fill a machine
    when it is asked for; no set of ours has any.
    """
    wrong = f"{path} is no grounding set; expected a file made by `train ground`"
    there: dict[str, str] = {}
    for kind, name, sql in connection.execute(text("SELECT type, name, sql FROM sqlite_master")):
        if kind not in ("table", "index") or "virtual" in str(sql).lower().split()[:2]:
            raise GroundingError(f"{path} has a {kind} '{shown(name)}'; expected tables alone")
        there[str(name)] = str(sql)
    for table in Base.metadata.tables.values():
        if table.name not in there:
            raise GroundingError(wrong)
        columns = connection.execute(text(f'PRAGMA table_xinfo("{table.name}")')).all()
        if {column.name for column in columns} != set(table.columns.keys()):
            raise GroundingError(f"{path} has other columns in '{table.name}'; {wrong}")
        if any(column.hidden for column in columns):
            raise GroundingError(f"{path} has a computed column; expected tables alone")


def check_about(about: Mapping[str, object], path: Path) -> None:
    """GroundingError for the first fact that a complete set has and this one has not, or whose
    value cannot be."""
    if about.get("format") != str(FORMAT):
        raise GroundingError(
            f"{path} has format {shown(about.get('format'))}; this version reads {FORMAT}"
        )
    if not about.get("complete"):
        raise GroundingError(f"{path} is not finished; run `train ground` again")
    for key in ("set", "photos_folder", "checkpoint", "fingerprint", "neighbours", "gallery"):
        if not isinstance(about.get(key), str) or "\0" in str(about[key]):
            raise GroundingError(f"{path} lacks '{key}'; make the set again")
    wanted = (
        ("set", _NAME.fullmatch(str(about["set"])) is not None, "letters and digits"),
        ("dimension", _whole(about.get("dimension"), 1, LARGEST_DIMENSION), "a whole number"),
        ("gallery", _whole(about["gallery"], 0, 2**31), "a whole number"),
        ("neighbours", _share(about["neighbours"]), "a number from 0 to 1"),
        *((k, _share(about[k]), "a number from 0 to 1") for k in DECODING if k in about),
    )
    for key, right, expected in wanted:
        if not right:
            raise GroundingError(f"{path}: {key} is '{shown(about.get(key))}'; expected {expected}")


def _whole(value: object, least: int, most: int) -> bool:
    digits = str(value)
    return digits.isascii() and digits.isdigit() and least <= int(digits[:12]) <= most


def _share(value: object) -> bool:
    try:
        return 0 <= float(str(value)) <= 1
    except ValueError:
        return False


class _Connection(sqlite3.Connection):
    """One that is closed when nobody holds it any more: an engine that is let go without `dispose`
    lets go of its connections, and Python 3.13 warns of those that are still open then."""

    def __del__(self) -> None:
        self.close()


def engine_for(path: Path, write: bool = False) -> Engine:
    """SQLAlchemy's engine for NAME.sqlite; read-only unless `write`."""
    address = f"{path.resolve().as_uri()}?mode={'rwc' if write else 'ro'}"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            address, uri=True, check_same_thread=False, factory=_Connection
        ),
        poolclass=QueuePool,
        pool_size=4,  # a connection stays with a thread for one question
        max_overflow=40,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA trusted_schema = OFF")  # a file of somebody else's may call nothing
        cursor.execute("PRAGMA busy_timeout = 10000")
        if write:
            cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    return engine
