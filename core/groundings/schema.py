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
import sqlite3
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Engine, ForeignKey, Index, LargeBinary, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from core.checkpoints import Checkpoint
from core.errors import UserError

FORMAT = 1


class GroundingError(UserError):
    """A grounding set that cannot be used; one plain sentence for a person."""


class Base(DeclarativeBase):
    """The tables of a grounding set."""


class About(Base):
    """One fact about the whole set.

    format, set (a random name), photos_folder (relative to the set's own folder), checkpoint (its
    label), fingerprint, similarity (of the alignment model), neighbours (of the
    grounding), dimension, gallery,
    source (a digest of what was grounded), complete ("1" once all stages are done).
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
    """A word of a true sentence and where it is at beta 0 (region and score NULL: not known).

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
    """What tells two alignment models apart: their configuration, the grounding's numbers, words
    and weights (sha256)."""
    digest = hashlib.sha256()
    config = asdict(checkpoint.alignment.config) | asdict(checkpoint.grounding)
    described = [config, checkpoint.vocabulary.words]
    digest.update(json.dumps(described, sort_keys=True).encode())
    for key, value in sorted(checkpoint.alignment.state_dict().items()):
        digest.update(key.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


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
        cursor.execute("PRAGMA busy_timeout = 10000")
        if write:
            cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    return engine
