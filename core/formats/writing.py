"""What the writers of several formats share: boxes with words, JSON lists in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.formats.record import Annotation, Box, Photo, Submission
from core.vision import boxes


@dataclass(frozen=True)
class Boxed:
    """One box with words, and `keys`: what else is known of it, under the names of `Origin`."""

    box: Box
    words: str
    keys: dict[str, Any]


def boxed(photo: Photo, work: Iterable[Submission]) -> Iterator[Boxed]:
    """Every box on a photo with its words, for formats that have one box for each: the phrases'
    boxes, then the regions of people's work. What is not known has no key."""
    for phrase in photo.phrases:
        keys = known(
            annotator=phrase.annotator or None, sentence=phrase.sentence, score=phrase.score
        )
        for box in phrase.boxes:
            yield Boxed(box, phrase.words, keys)
    for submission in work:
        for annotation in submission.annotations:
            yield Boxed(annotation.box, annotation.snippet, _origin(submission, annotation))


def _origin(submission: Submission, annotation: Annotation) -> dict[str, Any]:
    return {
        "annotator": submission.annotator,
        "submission": submission.id,
        "annotation": annotation.id,
        "order": annotation.order,
        "provenance": annotation.provenance,
        "seconds": annotation.seconds,
    }


def known(**values: Any) -> dict[str, Any]:
    """Without what is None."""
    return {key: value for key, value in values.items() if value is not None}


def xywh_of(box: Box) -> list[float]:
    """xyxy -> left, top, width, height. Back again it may differ by the last bit."""
    return [float(value) for value in boxes.xyxy_to_xywh(np.asarray(box, dtype=np.float64))]


def dumped(value: Any) -> bytes:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def listed(items: Iterable[Any]) -> Iterator[bytes]:
    """A JSON list, an item a line."""
    separator = b"[\n"
    for item in items:
        yield separator + dumped(item)
        separator = b",\n"
    yield b"[]" if separator == b"[\n" else b"\n]"
