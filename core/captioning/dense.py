"""What is said of a photo's regions as a list for people, as DenseCap shows it (Johnson et al.
2016): whole phrases, each with how sure the captioner is, the surest first, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp

import numpy as np

from core.captioning.completeness import is_complete
from core.results import Description, Spoken
from core.vision import boxes

SAME_PLACE = 0.5
"""IoU over which two boxes show the same: as where words and boxes are compared."""


@dataclass(frozen=True)
class DenseCaption:
    """One line: what is said, and of which regions. The first of them is the one it was said of
    most surely; the others are elsewhere on the photo and are described by the same words."""

    regions: tuple[int, ...]
    spoken: Spoken
    confidence: float


def confidence(spoken: Spoken) -> float:
    """How sure the captioner was of a word, on average: the geometric mean of the probabilities of
    its words and of the end, in (0, 1]. Long sentences and short ones are comparable by it."""
    each = spoken.log_probabilities
    return exp(spoken.log_probability / len(each)) if each else 1.0


def phrases(description: Description) -> tuple[Spoken, ...]:
    """Of the sentences found for a region, the whole phrases, the surest per word first: by plain
    probability "a man" always beats what says more."""
    whole = (one for one in description.sentences if is_complete(one.words))
    return tuple(sorted(whole, key=confidence, reverse=True))


def dense_captions(
    described: Iterable[Description], boxes_xyxy: np.ndarray, overlap: float = SAME_PLACE
) -> list[DenseCaption]:
    """Descriptions of a photo's regions, of each several candidates, and all regions' boxes (R, 4)
    -> lines, the surest first. The whole photo (region 0) is left out: its sentence is no region's.

    A region whose box overlaps that of a surer line by more than `overlap` (IoU) has no line, nor
    has one of which no whole phrase was found. Equal sentences of other places share one line.
    """
    best = [
        DenseCaption((one.region,), found[0], confidence(found[0]))
        for one in described
        if one.region != 0 and (found := phrases(one))
    ]
    best.sort(key=lambda line: (-line.confidence, line.regions))
    lines: dict[tuple[str, ...], DenseCaption] = {}
    taken: list[int] = []
    for line in best:
        [region] = line.regions
        if taken and boxes.iou(boxes_xyxy[[region]], boxes_xyxy[taken]).max() > overlap:
            continue
        taken.append(region)
        there = lines.get(line.spoken.words)
        lines[line.spoken.words] = (
            DenseCaption((*there.regions, region), there.spoken, there.confidence)
            if there
            else line
        )
    return list(lines.values())
