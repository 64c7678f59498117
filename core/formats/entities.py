"""Phrases as in Flickr30k Entities, in one JSON file: [{"image": name, "size": [width, height],
"sentences": [..], "phrases": [{"phrase": words, "boxes": [[x1, y1, x2, y2], ..]}]}].

Boxes are pixel indices from 1, both ends inside. A size may be guessed: `size_source` is then
"estimated" and `size_confidence` in [0, 1] says how surely. Of a phrase, `annotator`, `sentence`
and `score` stand where they are known.

Carried: photos, their sizes and sentences; phrases, several boxes together; the submissions that
count, as phrases. Boxes are rounded to whole pixels. Not carried: sha256, ids, order, provenance,
seconds, skipped and bad submissions, submissions without boxes, times, annotators without boxes,
suggestions, the project's name and settings.

Phrases without boxes or words, as Flickr30k Entities has for what is nowhere in the photo, are
passed over. The folder that Flickr30k Entities is published as is read by `train`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, TypeAdapter

from core.formats.build import Builder, ReadOptions
from core.formats.format import Carries, Format, Glance
from core.formats.parsing import parse, place
from core.formats.record import Box, Photo, Phrase, Project, counted_work, said_where
from core.formats.writing import known, listed
from core.vision import boxes


@dataclass(frozen=True)
class _Phrase:
    phrase: str
    boxes: list[Box]
    sentence: int | None = None
    score: float | None = None
    annotator: str = ""


@dataclass(frozen=True)
class _Photo:
    image: str
    size: tuple[int, int]
    phrases: list[_Phrase] = field(default_factory=list)
    sentences: tuple[str, ...] = ()
    size_source: Literal["exact", "estimated"] = "exact"
    size_confidence: Annotated[float, Field(ge=0, le=1)] = 1.0


_FILE = TypeAdapter(list[_Photo])


def _write(project: Project) -> Iterator[bytes]:
    yield from listed(_photos(project))
    yield b"\n"


def _photos(project: Project) -> Iterator[dict[str, Any]]:
    for photo, work in counted_work(project):
        guessed = photo.size_confidence is not None
        yield {
            "image": photo.name,
            "size": [photo.width, photo.height],
            "size_source": "estimated" if guessed else "exact",
            "size_confidence": photo.size_confidence if guessed else 1.0,
            "sentences": photo.sentences,
            "phrases": [
                {
                    "phrase": phrase.words,
                    "boxes": [_one_based(box, photo) for box in phrase.boxes],
                    **known(
                        sentence=phrase.sentence,
                        score=phrase.score,
                        annotator=phrase.annotator or None,
                    ),
                }
                for phrase in said_where(photo, work)
            ],
        }


def _one_based(box: Box, photo: Photo) -> list[int]:
    """Whole pixels, at least one, and none outside a photo whose size is known."""
    x0, y0, x1, y1 = (round(side) for side in box)
    x0, y0 = min(x0, (photo.width or x0 + 1) - 1), min(y0, (photo.height or y0 + 1) - 1)
    return [x0 + 1, y0 + 1, max(x1, x0 + 1), max(y1, y0 + 1)]


def _read(data: bytes, options: ReadOptions) -> Project:
    builder = Builder(options)
    photos = parse(_FILE, data, "$", extra=True)
    for number, one in enumerate(photos):
        where = place("$", number)
        sure = None if one.size_source == "exact" else one.size_confidence
        photo = builder.photo(
            where, Photo(one.image, *one.size, sentences=one.sentences, size_confidence=sure)
        )
        for index, phrase in enumerate(one.phrases):
            if phrase.boxes and phrase.phrase.strip():
                builder.phrase(
                    place(where, "phrases", index),
                    photo,
                    Phrase(
                        phrase.phrase,
                        tuple(_xyxy(box) for box in phrase.boxes),
                        phrase.sentence,
                        phrase.score,
                        phrase.annotator,
                    ),
                )
    return builder.project("$", Project(options.project))


def _xyxy(one_based: Box) -> Box:
    x0, y0, x1, y1 = boxes.one_based_to_xyxy(np.array(one_based)).tolist()
    return x0, y0, x1, y1


def _recognises(glance: Glance) -> bool:
    return {"image", "size"} <= glance.first.keys()


FORMAT = Format(
    name="entities",
    title="Flickr30k Entities (phrases)",
    suffix=".json",
    carries=Carries(
        boxes="whole pixels",
        who=True,
        ids="no",
        states="no",
        settings="no",
        sentences=True,
        phrases="sentence, score, several boxes",
    ),
    pieces=_write,
    parse=_read,
    recognises=_recognises,
)
