"""`python -m train evaluate seen`: does the model know what a photo does not show?

For each photo and each category of COCO's instances the model reads "a NAME": true where the photo
shows one, false where it does not. A box is firm where the name counts as seen
(`Alignment.is_seen` of core/results.py).

auc             the chance that a true name has a higher confidence (the mean of its words') than a
                false one
auc_scores      the same by the best region's mean score alone
false_at_90     false names, in percent, whose confidence is at least what nine tenths of the true
                ones reach
kept, false     true and false names, in percent, that get a firm box from the checkpoint's own
                threshold

With --captions also: of the boxes that sentences of the photos get, those that belong to function
words alone, where every word chooses at beta 0 among all regions and as the app shows them at
first, and the boxes that are not firm.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from core.alignment import chain
from core.describer import Describer, SentenceError
from core.language.function_words import FUNCTION_WORDS
from core.results import Alignment, Look, align
from train.data import DataError


def auc(true: np.ndarray, false: np.ndarray) -> float:
    """The share of pairs of a true and a false value in which the true one is higher; equal ones
    count half. Both (n,), n >= 1."""
    order = np.sort(false)
    below, upto = np.searchsorted(order, true, "left"), np.searchsorted(order, true, "right")
    return float((below + upto).sum() / 2 / len(true) / len(false))


def name_figures(
    describer: Describer, looks: Iterable[tuple[Look, frozenset[str]]], names: Iterable[str]
) -> dict[str, Any]:
    """The figures of names; looks: photos with the names that are true of each. Raises DataError
    where the checkpoint has no evidence, or no name is true or none false."""
    if describer.checkpoint.evidence is None:
        raise DataError(
            "the checkpoint has no evidence.safetensors; expected one that `train calibrate` made"
        )
    readings = {name: describer.read(f"a {name}") for name in sorted(names)}
    values: dict[bool, list[tuple[float, float, bool]]] = {True: [], False: []}
    for look, shown in looks:
        for name, reading in readings.items():
            found = align(look, reading)
            assert found.confidence is not None
            told = ~np.isnan(found.confidence)
            best = found.scores[told][:, found.shown].mean(axis=0).max()
            values[name in shown].append(
                (
                    float(found.confidence[told].mean()),
                    float(best),
                    bool(found.is_seen(0, len(told) - 1)),
                )
            )
    true, false = (np.array(values[kind], dtype=float).reshape(-1, 3) for kind in (True, False))
    if not len(true) or not len(false):
        raise DataError("expected names that are true of a photo, and names that are not")
    return {
        "true": len(true),
        "absent": len(false),
        "auc": round(auc(true[:, 0], false[:, 0]), 4),
        "auc_scores": round(auc(true[:, 1], false[:, 1]), 4),
        "false_at_90": _percent(false[:, 0] >= np.quantile(true[:, 0], 0.1)),
        "false_at_90_scores": _percent(false[:, 1] >= np.quantile(true[:, 1], 0.1)),
        "kept": _percent(true[:, 2] > 0),
        "false": _percent(false[:, 2] > 0),
    }


def _percent(flags: np.ndarray) -> float:
    return round(100.0 * float(np.mean(flags)), 2)


def box_figures(describer: Describer, said: Iterable[tuple[Look, Iterable[str]]]) -> dict[str, Any]:
    """The figures of boxes of sentences; the whole photo counts as one."""
    before, after, firm = [0, 0], [0, 0], 0
    for look, sentences in said:
        for sentence in sentences:
            try:
                found = align(look, describer.read(sentence))
            except SentenceError:
                continue
            alone = np.full(len(found.words), -1)
            alone[found.known] = chain.decode(found.scores[found.known], 0.0)
            for counts, regions in ((before, alone), (after, found.regions)):
                every, idle = _boxes(found, regions)
                counts[0] += every
                counts[1] += idle
            firm += len(
                {s["region"] for s in found.as_dict()["segments"] if s["seen"] is not False}
            )
    return {
        "every_word_chooses": {"boxes": before[0], "of_function_words": before[1]},
        "as_shown": {"boxes": after[0], "of_function_words": after[1], "firm": firm},
    }


def _boxes(found: Alignment, regions: np.ndarray) -> tuple[int, int]:
    """How many regions the words have, and how many only function words have."""
    words: dict[int, set[str]] = {}
    for word, region in zip(found.words, regions.tolist(), strict=True):
        if region >= 0:
            words.setdefault(region, set()).add(word.text)
    return len(words), sum(some <= FUNCTION_WORDS for some in words.values())
