"""Reading a grounding set: what pages, exports and searches ask of it. Safe between threads.

Nothing is loaded as a whole: the arrays are memory-mapped, tables are asked for what is shown. A
set does not change once it is complete, so orders of photos are kept (a number for each photo).
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from core.alignment.grounding import GroundingConfig, with_neighbours
from core.alignment.ranking import Found, as_float32, best_regions_and_photos
from core.alignment.scoring import Scoring
from core.errors import shown
from core.groundings.listing import Listing
from core.groundings.schema import (
    About,
    Base,
    FoundRow,
    GroundingError,
    PhotoRow,
    PhraseRow,
    RetrievedRow,
    SentenceRow,
    WordRow,
    arrays_of,
    check_about,
    check_schema,
    engine_for,
)
from core.language.vocabulary import words_of
from core.results import Look, Reading
from core.vision import boxes
from core.vision.regions import copies

MOST_FACTS = 1000
KEPT_ORDERS = 16
"""Orders of photos held at once: at 100,000 photos each takes 0.8 MB."""


@dataclass(frozen=True)
class Card:
    """What a grid shows of a photo."""

    id: int
    name: str
    width: int
    height: int
    rank: int | None
    score: float | None
    iou: float | None


@dataclass(frozen=True)
class Candidate:
    """A sentence beside a photo: how well it fits by Eq. 8, and whether it is one of its own."""

    sentence: int
    text: str
    score: float | None
    own: bool
    retrieved: bool
    """Listed because it is among the best of the gallery, not because it is the photo's own."""
    rank: int | None
    """Of the sentence's own photo among its gallery's photos."""
    readable: bool


@dataclass(frozen=True)
class BoxedPhrase:
    """A phrase, people's boxes (k, 4) xyxy in pixels, and the model's region for it."""

    words: str
    kind: str
    boxes: np.ndarray
    region: int
    score: float | None
    iou: float


@dataclass(frozen=True)
class Opened:
    """All about one photo."""

    card: Card
    caption: str | None
    look: Look
    own: tuple[Candidate, ...]
    retrieved: tuple[Candidate, ...]
    phrases: tuple[BoxedPhrase, ...]


@dataclass(frozen=True)
class PlacedRegion:
    """A region of the set: its photo, its number there, its box in the photo's pixels."""

    photo: Card
    region: int
    box: tuple[float, float, float, float]


HELD_BYTES = 1 << 29  # 260,000 regions of 512 numbers; turning float16 into float32 takes longest


class GroundingSet:
    """One complete set."""

    def __init__(self, path: Path, photos: Path | None = None) -> None:
        """photos: the folder of its photos, where it is another one than the set says.

        Raises GroundingError in one sentence where `path` is no complete set.
        """
        self.path = path
        if not path.is_file():
            raise GroundingError(f"{path} is not there; expected a file made by `train ground`")
        self.engine = engine_for(path)
        # Also where nobody calls `close`, and where the lines below refuse the file.
        weakref.finalize(self, self.engine.dispose)
        try:
            with Session(self.engine) as session:
                check_schema(session.connection(), path)
                facts = session.execute(select(About.key, About.value).limit(MOST_FACTS)).all()
                self.about = {str(key): value for key, value in facts}
        except (DatabaseError, UnicodeError):
            raise GroundingError(
                f"{path} is no grounding set; expected a file made by `train ground`"
            ) from None
        check_about(self.about, path)
        usual = GroundingConfig()  # older sets do not say
        self._shown = GroundingConfig(
            merging_share=float(self.about.get("merging_share", usual.merging_share)),
            copy_iou=float(self.about.get("copy_iou", usual.copy_iou)),
        )
        self.regions, self.words = (self._array(name) for name in arrays_of(path))
        self.folder = (path.resolve().parent / self.about["photos_folder"]).resolve()
        self.photos_named = photos is not None
        """Whether the person who opened the set said where its photos lie."""
        if photos is not None:
            self.folder = photos.resolve()
        self.first = self._first_regions()
        self._asking = threading.local()
        self._orders: OrderedDict[Listing, np.ndarray] = OrderedDict()
        self._ordering = threading.Lock()

    @property
    def photos_are_its_own(self) -> bool:
        """Whether its photos lie in or below its own folder, or where the person who opened it
        said.

        A set from elsewhere may name any folder of this machine; its pictures must not be shown.
        """
        return self.photos_named or self.folder.is_relative_to(self.path.resolve().parent)

    def _first_regions(self) -> np.ndarray:
        """(photos + 1,) where each photo's rows of `regions` begin, and where the last one's
        end.
        """
        broken = f"{self.path} has photos whose regions do not follow each other; make it again"
        query = select(PhotoRow.id, PhotoRow.first_region, PhotoRow.regions).order_by(PhotoRow.id)
        with Session(self.engine) as session:
            try:
                rows = np.array([tuple(row) for row in session.execute(query)], dtype=np.int64)
            except (DatabaseError, ValueError, TypeError, OverflowError, UnicodeError):
                raise GroundingError(broken) from None
        ids, first, count = rows.reshape(-1, 3).T
        ends = first + count
        if (ids != np.arange(len(ids))).any() or (count < 0).any() or (first < 0).any():
            raise GroundingError(broken)
        if (first[1:] != ends[:-1]).any():
            raise GroundingError(broken)
        last = ends[-1:] if len(ends) else np.zeros(1, np.int64)
        if len(self.regions) < last[0]:
            raise GroundingError(
                f"{self.path}: its array of regions is cut short; make the set again"
            )
        return np.append(first, last)

    def _array(self, path: Path) -> np.ndarray:
        try:
            array: np.ndarray = np.load(path, mmap_mode="r")
        except Exception:  # damaged bytes raise a dozen types in numpy
            raise GroundingError(f"{path} is not there or broken; make the set again") from None
        if array.shape[1:] != (int(self.about["dimension"]),) or array.dtype != np.float16:
            raise GroundingError(
                f"{path} has shape {array.shape} of {array.dtype}; make the set again"
            )
        return array

    @property
    def name(self) -> str:
        """A random name: another set, or the same one made anew, has another."""
        return self.about["set"]

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One database session for all that this thread asks inside of it."""
        held: Session | None = getattr(self._asking, "session", None)
        if held is not None:
            yield held
            return
        with Session(self.engine) as session:
            self._asking.session = session
            try:
                yield session
            finally:
                self._asking.session = None

    def __len__(self) -> int:
        """Photos."""
        return len(self.first) - 1

    def close(self) -> None:
        self.engine.dispose()

    def count(self, table: type[Base]) -> int:
        """Rows of a table."""
        with self.session() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def kinds(self) -> list[str]:
        """The kinds of phrases that there are, in alphabetic order."""
        with self.session() as session:
            query = select(PhraseRow.kind).distinct().order_by(PhraseRow.kind)
            return list(session.scalars(query))

    def ordered(self, listing: Listing) -> np.ndarray:
        """-> (n,) ids of the photos that a listing asks for, in its order. GroundingError for a
        kind that no phrase of the set has: it would look like a set in which nothing fits."""
        with self._ordering:
            if listing in self._orders:
                self._orders.move_to_end(listing)
                return self._orders[listing]
        if listing.kind is not None and listing.kind not in (kinds := self.kinds()):
            expected = f"one of {', '.join(kinds)}" if kinds else "none: the set has no phrases"
            raise GroundingError(f"kind is '{listing.kind[:40]}'; expected {expected}")
        with self.session() as session:
            ids = np.fromiter(session.scalars(listing.query()), np.int64)
        with self._ordering:
            self._orders[listing] = ids
            while len(self._orders) > KEPT_ORDERS:
                self._orders.popitem(last=False)
        return ids

    def cards(self, ids: Sequence[int] | np.ndarray) -> list[Card]:
        """Photos by id, in the order asked for."""
        wanted = [int(i) for i in ids]
        query = select(
            PhotoRow.id,
            PhotoRow.name,
            PhotoRow.width,
            PhotoRow.height,
            PhotoRow.rank,
            PhotoRow.score,
            PhotoRow.iou,
        ).where(PhotoRow.id.in_(wanted))
        with self.session() as session:
            found = {row.id: Card(*row) for row in session.execute(query)}
        return [found[i] for i in wanted if i in found]

    def id_of(self, name: str) -> int | None:
        """A photo's name -> its id."""
        with self.session() as session:
            return session.scalar(select(PhotoRow.id).where(PhotoRow.name == name))

    def photo_path(self, photo: int) -> Path | None:
        """Where a photo lies; None for no photo, or a name that leads out of the folder."""
        with self.session() as session:
            name = session.scalar(select(PhotoRow.name).where(PhotoRow.id == photo))
        if name is None:
            return None
        path = (self.folder / name).resolve()
        return path if path.is_relative_to(self.folder) else None

    def look(self, photo: int) -> Look:
        """A photo's regions, as if it had just been looked at. Raises GroundingError for none."""
        with self.session() as session:
            row = session.get(PhotoRow, photo)
        if row is None:
            raise GroundingError(f"The set has no photo {photo}.")
        return self.look_of(row)

    def look_of(self, row: PhotoRow) -> Look:
        """The same for a row that is there already."""
        count = row.regions
        vectors = self.regions[row.first_region : row.first_region + count]
        normalised = _numbers(row.boxes, 4 * count, row.name).reshape(-1, 4)
        share = float(self.about["neighbours"])
        return Look(
            row.width,
            row.height,
            normalised,
            _numbers(row.objectness, count, row.name),
            with_neighbours(vectors.astype(np.float32), normalised, share),
            note=row.note,
            prior=_numbers(row.prior, count, row.name),
            copies=copies(normalised, self._shown.copy_iou),
            merging_share=self._shown.merging_share,
        )

    def reading(self, sentence: int) -> Reading:
        """A sentence's words, as if it had just been read. Raises GroundingError for none."""
        return self.readings([sentence])[sentence]

    def readings(self, sentences: Iterable[int]) -> dict[int, Reading]:
        """The same for several, by id: two statements, however many they are."""
        wanted = list(dict.fromkeys(sentences))
        stored = [i for i in wanted if i < 2**63]  # SQLite has no number beyond, and says so rudely
        with self.session() as session:
            rows = {
                row.id: row
                for row in session.scalars(select(SentenceRow).where(SentenceRow.id.in_(stored)))
            }
            for sentence in wanted:
                if sentence not in rows:
                    raise GroundingError(f"The set has no sentence {sentence}.")
                if not rows[sentence].words:
                    raise GroundingError(
                        "The model cannot read this sentence: it knows no word of it."
                    )
            flags: dict[int, list[bool]] = {sentence: [] for sentence in wanted}
            known = session.execute(
                select(WordRow.sentence_id, WordRow.region.is_not(None))
                .where(WordRow.sentence_id.in_(stored))
                .order_by(WordRow.sentence_id, WordRow.place)
            )
            for sentence, flag in known:
                flags[sentence].append(flag)
        return {i: self._reading(rows[i], np.array(flags[i], dtype=bool)) for i in wanted}

    def _reading(self, row: SentenceRow, known: np.ndarray) -> Reading:
        vectors = self.words[row.first_word : row.first_word + row.words].astype(np.float32)
        return Reading(row.text, tuple(words_of(row.text)), known, vectors)

    def open(self, photo: int) -> Opened:
        """A photo with its sentences, the best ones of its gallery, and its phrases."""
        with self.session() as session:
            row = session.get(PhotoRow, photo)
            if row is None:
                raise GroundingError(f"The set has no photo {photo}.")
            own = session.scalars(
                select(SentenceRow).where(SentenceRow.photo_id == photo).order_by(SentenceRow.id)
            ).all()
            best = session.execute(
                select(SentenceRow, RetrievedRow.score)
                .join(RetrievedRow, RetrievedRow.sentence_id == SentenceRow.id)
                .where(RetrievedRow.photo_id == photo)
                .order_by(RetrievedRow.place)
            ).all()
            phrases = session.scalars(
                select(PhraseRow).where(PhraseRow.photo_id == photo).order_by(PhraseRow.id)
            ).all()
        card = Card(row.id, row.name, row.width, row.height, row.rank, row.score, row.iou)
        return Opened(
            card,
            row.caption,
            self.look_of(row),
            tuple(_candidate(s, s.score, True, False) for s in own),
            tuple(_candidate(s, score, s.photo_id == photo, True) for s, score in best),
            tuple(_boxed(phrase, row) for phrase in phrases),
        )

    def found_photos(self, sentence: int) -> list[tuple[int, float]]:
        """A sentence's best photos of its gallery: (id, score), best first."""
        query = (
            select(FoundRow.photo_id, FoundRow.score)
            .where(FoundRow.sentence_id == sentence)
            .order_by(FoundRow.place)
        )
        with self.session() as session:
            return [(int(photo), float(score)) for photo, score in session.execute(query)]

    def search(self, words: np.ndarray, count: int, scoring: Scoring) -> tuple[Found, Found]:
        """Known words' vectors (W, h), scored as their model scores -> the best regions, whose rows
        `place` knows, and the best photos, whose rows are ids (`best_regions`, `best_photos`)."""
        return best_regions_and_photos(words, self._searched, self.first, count, scoring)

    @cached_property
    def _searched(self) -> np.ndarray:
        """All regions as they are searched: float32 in memory, from the first search on, where
        they fit there; else the file."""
        regions = self.regions[: self.first[-1]]
        return as_float32(regions).numpy() if 4 * regions.size <= HELD_BYTES else regions

    def place(self, rows: np.ndarray) -> list[PlacedRegion]:
        """Rows of `regions` -> whose they are, in the same order."""
        photos = np.searchsorted(self.first, rows, side="right") - 1
        cards = {card.id: card for card in self.cards(np.unique(photos))}
        query = select(PhotoRow.id, PhotoRow.boxes).where(PhotoRow.id.in_(list(cards)))
        with self.session() as session:
            stored = {i: np.frombuffer(b, np.float32).reshape(-1, 4)
                      for i, b in session.execute(query)}  # fmt: skip
        placed = []
        for row, photo in zip(rows, photos, strict=True):
            card, region = cards[int(photo)], int(row - self.first[photo])
            box = boxes.normalised_to_pixels(stored[card.id][region], card.width, card.height)
            x1, y1, x2, y2 = box.tolist()
            placed.append(PlacedRegion(card, region, (x1, y1, x2, y2)))
        return placed

    def ids(self, first: int = 0, step: int = 256) -> Iterator[range]:
        """All photos from `first` on, in ranges of `step`."""
        for start in range(first, len(self), step):
            yield range(start, min(start + step, len(self)))


def _numbers(stored: object, count: int, photo: str) -> np.ndarray:
    """A column's bytes -> (count,) float32. GroundingError where they are something else."""
    if not isinstance(stored, bytes) or len(stored) != 4 * count:
        raise GroundingError(f"The set's numbers of “{shown(photo)}” are damaged; make it again.")
    numbers = np.frombuffer(stored, np.float32)
    if not np.isfinite(numbers).all():
        raise GroundingError(
            f"The set's numbers of “{shown(photo)}” are not finite; make it again."
        )
    return numbers


def _candidate(row: SentenceRow, score: float | None, own: bool, retrieved: bool) -> Candidate:
    return Candidate(row.id, row.text, score, own, retrieved, row.rank, row.words > 0)


def _boxed(phrase: PhraseRow, photo: PhotoRow) -> BoxedPhrase:
    boxed = len(phrase.boxes) // 16
    normalised = _numbers(phrase.boxes, 4 * boxed, photo.name).reshape(-1, 4)
    return BoxedPhrase(
        phrase.text,
        phrase.kind,
        boxes.normalised_to_pixels(normalised, photo.width, photo.height),
        phrase.region,
        phrase.score,
        phrase.iou,
    )
