"""How well people agree: whether they draw the same boxes, and say the same of them.

Boxes of two people on one photo are matched one to one (core/vision/matching.py). Of all matched
boxes the mean IoU; of all boxes the share with a partner at IoU 0.5 or more. Both are pooled over
boxes: a photo with more boxes counts for more.

Snippets are compared leave one out: each person's snippet of a box is the candidate, the snippets
of the others' boxes matched to it at IoU 0.5 or more are its references. The scores are the human
ceiling for captioners of regions (the paper's Table 3), times 100; `python -m train evaluate
caption --level region --baseline human` gives the same ones. A box with which nobody agrees has no
references and takes no part; how many these are is told.

Submissions that were skipped or marked as bad do not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.formats.record import Project, Submission, counted_by_photo
from core.language.vocabulary import tokenise
from core.vision.matching import THRESHOLD, pairs


@dataclass
class Overlap:
    """Sums over pairs of submissions on the same photo."""

    pairs: int = 0
    """Pairs of submissions."""
    boxes: int = 0
    """Boxes of both sides."""
    matched: int = 0
    """Matches, of two boxes each."""
    total_iou: float = 0.0
    """Of the matches."""
    agreed: int = 0
    """Matches at THRESHOLD or more."""

    @property
    def mean_iou(self) -> float | None:
        """Of the matched boxes; None where there are none."""
        return self.total_iou / self.matched if self.matched else None

    @property
    def share_agreed(self) -> float | None:
        """The share of all boxes that have a partner at THRESHOLD or more."""
        return 2 * self.agreed / self.boxes if self.boxes else None

    def add(self, boxes: int, ious: np.ndarray) -> None:
        """One more pair of submissions: how many boxes they have, the IoU of each match."""
        self.pairs += 1
        self.boxes += boxes
        self.matched += len(ious)
        self.total_iou += float(ious.sum())
        self.agreed += int((ious >= THRESHOLD).sum())

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {
            "pairs": self.pairs,
            "boxes": self.boxes,
            "matched": self.matched,
            "mean_iou": self.mean_iou,
            "share_at_threshold": self.share_agreed,
        }


Key = tuple[str, str]
"""A submission's id and an annotation's id in it: which snippet."""


@dataclass
class Agreement:
    """Of one project. `people` and `pairs` hold what everybody has with all others, or two have."""

    overall: Overlap = field(default_factory=Overlap)
    photos: dict[str, Overlap] = field(default_factory=dict)
    pairs: dict[tuple[str, str], Overlap] = field(default_factory=dict)
    people: dict[str, Overlap] = field(default_factory=dict)
    candidates: dict[Key, str] = field(default_factory=dict)
    """Snippets with words ("!" has none)."""
    references: dict[Key, list[str]] = field(default_factory=dict)
    """What the others say of the same thing; only where somebody does."""

    def snippets(self, meteor: bool | None = None) -> dict[str, float]:
        """bleu_1 .. bleu_4, rouge_l, cider and, where Java is, meteor, times 100 as papers print
        them and `python -m train evaluate` does; nothing without matches.

        `meteor`: see core.captioning.metrics.score.
        """
        from core.captioning import (
            metrics,  # its libraries take a while to load, and only this needs them
        )

        if not self.references:
            return {}
        candidates = {key: self.candidates[key] for key in self.references}
        found = metrics.score(candidates, self.references, meteor)
        return {name: round(100 * value, 2) for name, value in found.items()}

    def as_json(self, scores: Mapping[str, float]) -> dict[str, Any]:
        """For a file; `scores` as from `snippets`."""
        return {
            "iou_threshold": THRESHOLD,
            "overall": self.overall.as_json(),
            "snippets": {
                "compared": len(self.references),
                "without_partner": len(self.candidates) - len(self.references),
                **scores,
            },
            "people": {name: one.as_json() for name, one in self.people.items()},
            "pairs": [{"people": list(pair), **one.as_json()} for pair, one in self.pairs.items()],
            "photos": {name: one.as_json() for name, one in self.photos.items()},
        }


def measure(project: Project) -> Agreement:
    """All that counts, in time linear in the photos; nothing is scored before `snippets`."""
    result = Agreement()
    for photo, submissions in counted_by_photo(project).items():
        for submission in submissions:
            for annotation in submission.annotations:
                if tokenise(annotation.snippet):
                    result.candidates[submission.id, annotation.id] = annotation.snippet
        for first, second, matches in _pairs(submissions):
            people = min(first.annotator, second.annotator), max(first.annotator, second.annotator)
            boxes = len(first.annotations) + len(second.annotations)
            ious = np.array([value for _, _, value in matches])
            result.overall.add(boxes, ious)
            result.photos.setdefault(photo, Overlap()).add(boxes, ious)
            result.pairs.setdefault(people, Overlap()).add(boxes, ious)
            for person in people:
                result.people.setdefault(person, Overlap()).add(boxes, ious)
            for i, j, value in matches:
                if value >= THRESHOLD:
                    one = first.id, first.annotations[i].id
                    other = second.id, second.annotations[j].id
                    _compare(result, one, other)
                    _compare(result, other, one)
    return result


def _pairs(
    submissions: list[Submission],
) -> Iterator[tuple[Submission, Submission, list[tuple[int, int, float]]]]:
    """Every two submissions on one photo with their matches."""
    if len(submissions) < 2:
        return
    boxes = [np.array([a.box for a in one.annotations]).reshape(-1, 4) for one in submissions]
    for i, j, matches in pairs(boxes):
        yield submissions[i], submissions[j], matches


def _compare(result: Agreement, candidate: Key, reference: Key) -> None:
    """The candidate has one more reference, where both have words."""
    if candidate in result.candidates and reference in result.candidates:
        snippet = result.candidates[reference]
        result.references.setdefault(candidate, []).append(snippet)
