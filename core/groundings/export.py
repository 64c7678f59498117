"""A grounding set as records of photos, for files: where the model or people put words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.formats.record import Photo, Phrase, Project
from core.groundings.reader import GroundingSet
from core.groundings.schema import PhotoRow, PhraseRow, SentenceRow, WordRow
from core.language.vocabulary import words_of
from core.results import Reading, locate
from core.vision import boxes


@dataclass(frozen=True)
class Export:
    """The set's photos, read anew each time it is gone through: memory stays small.

    boxes: "model" gives the segments of each true sentence at `beta` (None: each at the beta that
    pages begin with), with their regions' boxes and scores; "people" gives the phrases that people
    put boxes to.
    """

    groundings: GroundingSet
    boxes: str = "model"
    beta: float | None = None
    first: int = 0
    """The photo to begin with."""
    count: int | None = None
    """How many photos; all that follow where it is None."""

    @property
    def project(self) -> Project:
        """As a whole, for a file format to write; its photos are read as they are written."""
        return Project("grounding set", photos=self)

    def __len__(self) -> int:
        left = max(0, len(self.groundings) - self.first)
        return left if self.count is None else min(left, self.count)

    def __iter__(self) -> Iterator[Photo]:
        end = self.first + len(self)
        for ids in self.groundings.ids(self.first):
            if ids.start >= end:
                return
            yield from self._range(range(ids.start, min(ids.stop, end)))

    def _range(self, ids: range) -> Iterator[Photo]:
        groundings = self.groundings
        inside = (ids.start, ids.stop - 1)
        with Session(groundings.engine) as session:
            photos = session.scalars(
                select(PhotoRow).where(PhotoRow.id.between(*inside)).order_by(PhotoRow.id)
            ).all()
            sentences = session.scalars(
                select(SentenceRow)
                .where(SentenceRow.photo_id.between(*inside))
                .order_by(SentenceRow.id)
            ).all()
            known: dict[int, list[bool]] = {}
            phrases: list[PhraseRow] = []
            if self.boxes == "model" and sentences:
                words = session.execute(
                    select(WordRow.sentence_id, WordRow.region.is_not(None))
                    .where(WordRow.sentence_id.between(sentences[0].id, sentences[-1].id))
                    .order_by(WordRow.sentence_id, WordRow.place)
                )
                for sentence, flag in words:
                    known.setdefault(sentence, []).append(flag)
            elif self.boxes == "people":
                phrases = list(
                    session.scalars(
                        select(PhraseRow)
                        .where(PhraseRow.photo_id.between(*inside))
                        .order_by(PhraseRow.id)
                    )
                )
        own: dict[int, list[SentenceRow]] = {}
        for row in sentences:
            own.setdefault(row.photo_id, []).append(row)
        for photo in photos:
            mine = own.get(photo.id, [])
            if self.boxes == "model":
                boxed = list(self._segments(photo, mine, known))
            else:
                boxed = [_true(phrase, photo) for phrase in phrases if phrase.photo_id == photo.id]
            yield Photo(
                photo.name,
                photo.width,
                photo.height,
                sentences=tuple(row.text for row in mine),
                phrases=tuple(boxed),
            )

    def _segments(
        self, photo: PhotoRow, sentences: list[SentenceRow], known: dict[int, list[bool]]
    ) -> Iterator[Phrase]:
        look = self.groundings.look_of(photo)
        pixels = boxes.normalised_to_pixels(look.boxes, look.width, look.height).tolist()
        for number, row in enumerate(sentences):
            if not row.words:
                continue
            vectors = self.groundings.words[row.first_word : row.first_word + row.words]
            reading = Reading(
                row.text,
                tuple(words_of(row.text)),
                np.array(known[row.id]),
                vectors.astype(np.float32),
            )
            for segment in locate(look, reading, self.beta).segments:
                x1, y1, x2, y2 = pixels[segment.region]
                yield Phrase(segment.words, ((x1, y1, x2, y2),), number, segment.score)


def _true(phrase: PhraseRow, photo: PhotoRow) -> Phrase:
    normalised = np.frombuffer(phrase.boxes, np.float32).reshape(-1, 4)
    pixels = boxes.normalised_to_pixels(normalised, photo.width, photo.height).tolist()
    return Phrase(phrase.text, tuple((a, b, c, d) for a, b, c, d in pixels))
