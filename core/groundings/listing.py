"""Which photos of a grounding set, and in which order."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select

from core.groundings.schema import GroundingError, PhotoRow, PhraseRow, SentenceRow, WordRow
from core.language.vocabulary import tokenise

ORDERS: dict[str, tuple[ColumnElement[Any], ...]] = {
    "set": (PhotoRow.id.asc(),),
    "rank-worst": (PhotoRow.rank.desc().nulls_last(), PhotoRow.id.asc()),
    "rank-best": (PhotoRow.rank.asc().nulls_last(), PhotoRow.id.asc()),
    "score-lowest": (PhotoRow.score.asc().nulls_last(), PhotoRow.id.asc()),
    "score-highest": (PhotoRow.score.desc().nulls_last(), PhotoRow.id.asc()),
    "iou-lowest": (PhotoRow.iou.asc().nulls_last(), PhotoRow.id.asc()),
    "iou-highest": (PhotoRow.iou.desc().nulls_last(), PhotoRow.id.asc()),
}
MOST_WORDS = 8  # each costs a look into the index
MOST_LETTERS = 200  # more than eight words have
MOST_PHOTOS = 2**31  # of any set: no rank is beyond, and SQLite has no number far beyond
_WHOLE = ("rank_from", "rank_to")


@dataclass(frozen=True)
class Listing:
    """An order and what a photo must fulfil; None asks for nothing.

    words           each stands in one of the photo's true sentences
    rank_*          of the photo's best true sentence, both ends included
    kind, iou_*, area_*, score_*
                    the photo has one phrase that fulfils all of these (from included, to not)
    """

    order: str = "set"
    words: str = ""
    rank_from: int | None = None
    rank_to: int | None = None
    kind: str | None = None
    iou_from: float | None = None
    iou_to: float | None = None
    area_from: float | None = None
    area_to: float | None = None
    score_from: float | None = None
    score_to: float | None = None

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise GroundingError(
                f"order is '{self.order[:40]}'; expected one of {', '.join(ORDERS)}"
            )
        if len(self.words) > MOST_LETTERS:
            raise GroundingError(
                f"The words asked for have {len(self.words):,} letters; expected at most "
                f"{MOST_LETTERS}."
            )
        if len(tokenise(self.words)) > MOST_WORDS:
            raise GroundingError(f"At most {MOST_WORDS} words can be asked for at once.")
        for name in _WHOLE:
            if abs(getattr(self, name) or 0) > MOST_PHOTOS:
                raise GroundingError(f"{name} is {getattr(self, name)}; expected a rank")

    def query(self) -> Select[int]:
        """Ids of the photos that fulfil all, in order."""
        wanted: list[ColumnElement[bool]] = []
        for word in sorted(set(tokenise(self.words))):
            wanted.append(
                PhotoRow.id.in_(
                    select(SentenceRow.photo_id)
                    .join(WordRow, WordRow.sentence_id == SentenceRow.id)
                    .where(WordRow.text == word)
                )
            )
        if self.rank_from is not None:
            wanted.append(PhotoRow.rank >= self.rank_from)
        if self.rank_to is not None:
            wanted.append(PhotoRow.rank <= self.rank_to)
        phrase: list[ColumnElement[bool]] = []
        if self.kind is not None:
            phrase.append(PhraseRow.kind == self.kind)
        for name, column in (
            ("iou", PhraseRow.iou),
            ("area", PhraseRow.area),
            ("score", PhraseRow.score),
        ):
            least, most = getattr(self, f"{name}_from"), getattr(self, f"{name}_to")
            if least is not None:
                phrase.append(column >= least)
            if most is not None:
                phrase.append(column < most)
        if phrase:
            wanted.append(PhotoRow.id.in_(select(PhraseRow.photo_id).where(and_(*phrase))))
        return select(PhotoRow.id).where(*wanted).order_by(*ORDERS[self.order])

    def as_dict(self) -> dict[str, Any]:
        """What differs from the default, for an address."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
