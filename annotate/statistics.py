"""What was collected, as the paper tells it of its regions: how many snippets, how long, which are
common, how large the boxes are; and how long people took.

Submissions that were skipped or marked as bad do not count; how many these are is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.formats.record import Project
from core.language.vocabulary import tokenise

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Spread:
    """Of many numbers: their mean, and {quantile: number} at QUANTILES, linear between two."""

    mean: float
    quantiles: dict[float, float]


@dataclass(frozen=True)
class Statistics:
    """Of one project. A Spread is None where there is nothing to measure."""

    photos: int
    photos_with_boxes: int
    people: int
    """With work that counts."""
    submissions: int
    skipped: int
    bad: int
    snippets: int
    different_snippets: int
    """As words: case and punctuation aside."""
    different_words: int
    words: Spread | None
    """Words for each snippet."""
    commonest: tuple[tuple[str, int], ...]
    """Snippets as words, and how often; the same number by alphabet."""
    area_share: Spread | None
    """A box's share of its photo's area."""
    box_seconds: Spread | None
    """For each box, where time was taken."""
    photo_seconds: Spread | None
    """For each submission, where time was taken."""
    provenance: dict[str, int]
    """Boxes drawn, accepted suggestions, edited suggestions."""

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


def spread(values: Iterable[float]) -> Spread | None:
    """Mean and quantiles; None of nothing."""
    numbers = np.array(list(values), dtype=np.float64)
    if not len(numbers):
        return None
    points = np.quantile(numbers, QUANTILES).tolist()
    return Spread(float(numbers.mean()), dict(zip(QUANTILES, points, strict=True)))


def describe(project: Project, common: int = 20) -> Statistics:
    """The project's figures, with the `common` commonest snippets."""
    areas = {photo.name: photo.width * photo.height for photo in project.photos}
    counted = [submission for submission in project.submissions if submission.counts]
    regions = [(areas[s.photo], annotation) for s in counted for annotation in s.annotations]
    sentences = [tokenise(annotation.snippet) for _, annotation in regions]
    texts = Counter(" ".join(words) for words in sentences if words)
    boxes = np.array([annotation.box for _, annotation in regions]).reshape(-1, 4)
    x0, y0, x1, y1 = boxes.T
    shares = (x1 - x0) * (y1 - y0) / np.array([area for area, _ in regions], dtype=np.float64)
    provenance = Counter(annotation.provenance for _, annotation in regions)
    return Statistics(
        photos=len(project.photos),
        photos_with_boxes=len({s.photo for s in counted if s.annotations}),
        people=len({submission.annotator for submission in counted}),
        submissions=len(counted),
        skipped=sum(submission.state == "skipped" for submission in project.submissions),
        bad=sum(bool(submission.bad) for submission in project.submissions),
        snippets=len(regions),
        different_snippets=len(texts),
        different_words=len({word for words in sentences for word in words}),
        words=spread(len(words) for words in sentences),
        commonest=tuple(sorted(texts.items(), key=lambda one: (-one[1], one[0]))[:common]),
        area_share=spread(shares.tolist()),
        box_seconds=spread(a.seconds for _, a in regions if a.seconds > 0),
        photo_seconds=spread(s.seconds for s in counted if s.seconds > 0),
        provenance={kind: provenance[kind] for kind in ("drawn", "accepted", "edited")},
    )
