"""`python -m train evaluate borders`: are sentences cut into their phrases?

Of each photo the sentence in which most of its phrases stand is aligned with it, at betas from 0 to
the one that merges all words (shares of `merging_beta`), and the borders of its segments are held
against those of the phrases that people marked (Flickr30k Entities). Between two phrases in a row
lies one border, anywhere from the end of the first to the beginning of the second. Borders before
the first phrase and after the last one are not counted: there people marked nothing.

precision  of the segments' borders, those that are a border between phrases, each found once
recall     of the borders between phrases, those that a segment's border finds
whole      phrases that lie in one segment
right      phrases whose region, the one that most of their choosing words have, has an IoU of 0.5
           or more with one of the phrase's boxes or with their union
segments   of a sentence, on average

Three ways of decoding: as Eq. 11 has it, where every word chooses among all regions; with function
words that follow (core/alignment/segmentation.py); and so among the regions that are shown, which
is the app's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from core.alignment import chain
from core.alignment.segmentation import followed, voting_words
from core.language.vocabulary import tokenise
from core.results import NO_REGION, Look, Reading, shown_regions, word_scores
from train.data import DataError

SHARES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Of the beta that merges all words."""
WAYS = ("every word chooses", "function words follow", "and near copies are shown once")


@dataclass(frozen=True)
class MarkedSentence:
    """A sentence beside its photo, its phrases as (first word, word after the last), in order, and
    of each which of the photo's regions suit it, (R,) bool."""

    look: Look
    reading: Reading
    phrases: tuple[tuple[int, int], ...]
    suits: tuple[np.ndarray, ...]


def phrases_in(
    words: Sequence[str], phrases: Sequence[Sequence[str]]
) -> list[tuple[int, int, int]]:
    """Where phrases stand among a sentence's words, longer ones first, none over another -> (first
    word, word after the last, number of the phrase), in the sentence's order; those that stand
    nowhere are left out."""
    taken = np.zeros(len(words), dtype=bool)
    found = []
    for k in sorted(range(len(phrases)), key=lambda k: -len(phrases[k])):
        wanted = list(phrases[k])
        for first in range(len(words) - len(wanted) + 1 if wanted else 0):
            here = slice(first, first + len(wanted))
            if list(words[here]) == wanted and not taken[here].any():
                taken[here] = True
                found.append((first, first + len(wanted), k))
                break
    return sorted(found)


def telling_sentence(
    sentences: Sequence[str], phrases: Sequence[str]
) -> tuple[str, list[tuple[int, int, int]]] | None:
    """The first of the sentences in which most phrases stand, and where (`phrases_in`); None where
    none stands in any."""
    wanted = [tokenise(phrase) for phrase in phrases]
    best: tuple[str, list[tuple[int, int, int]]] | None = None
    for sentence in sentences:
        found = phrases_in(tokenise(sentence), wanted)
        if found and (best is None or len(found) > len(best[1])):
            best = (sentence, found)
    return best


@dataclass(frozen=True)
class BorderCounts:
    """Borders of one sentence: those of its segments, those between its phrases, and of these the
    ones that were found."""

    made: int
    wanted: int
    found: int


def count_borders(regions: np.ndarray, phrases: Sequence[tuple[int, int]]) -> BorderCounts:
    """The regions (N,) of all words of a sentence and its phrases, in order -> its counts."""
    first, last = phrases[0][0], phrases[-1][1]
    cuts = [j for j in range(first + 1, last) if regions[j] != regions[j - 1]]
    gaps = [(one[1], other[0]) for one, other in pairwise(phrases)]
    found = sum(any(end <= cut <= start for cut in cuts) for end, start in gaps)
    return BorderCounts(len(cuts), len(gaps), found)


class _Decoder:
    """One sentence, decoded in one of the WAYS at any share."""

    def __init__(self, marked: MarkedSentence, way: str) -> None:
        reading = marked.reading
        self.known = reading.known
        self.votes = reading.known
        if way != WAYS[0]:
            self.votes = voting_words([word.text for word in reading.words], reading.known)
        scores = word_scores(marked.look, reading)[self.votes]
        self.among = np.arange(scores.shape[1])
        if way == WAYS[2] and marked.look.copies is not None:
            self.among = shown_regions(marked.look.copies)
        self.scores = scores[:, self.among]
        self.merging_beta = chain.merging_beta(self.scores)

    def regions(self, share: float) -> np.ndarray:
        """(N,) of all words: an unknown one's is that of the word before it, or of the first."""
        chosen = self.among[chain.decode(self.scores, share * self.merging_beta)]
        regions = followed(chosen, self.votes, self.known, NO_REGION)
        last = regions[self.known][0]
        for place, region in enumerate(regions):
            last = last if region == NO_REGION else region
            regions[place] = last
        return regions


def evaluate_borders(
    sentences: Iterable[MarkedSentence], share: float, shares: Sequence[float] = SHARES
) -> dict[str, Any]:
    """The `borders` figures, in percent but for `segments`: for each of the WAYS a row for each
    share; `default` is the row of the app's way at `share`. Raises DataError for no sentence."""
    marked = list(sentences)
    if not marked:
        raise DataError("no phrase stands in a sentence of its photo; expected at least one")
    asked = sorted({*shares, share})
    ways = {way: _curve(marked, way, asked) for way in WAYS}
    return {
        "sentences": len(marked),
        "phrases": sum(len(one.phrases) for one in marked),
        "default": next(row for row in ways[WAYS[2]] if row["share"] == share),
        "ways": ways,
    }


def _curve(marked: list[MarkedSentence], way: str, shares: Sequence[float]) -> list[dict[str, Any]]:
    decoders = [_Decoder(one, way) for one in marked]
    return [{"share": share, **_row(marked, decoders, share)} for share in shares]


def _row(marked: list[MarkedSentence], decoders: list[_Decoder], share: float) -> dict[str, float]:
    made = wanted = found = segments = 0
    whole, right = [], []
    for one, decoder in zip(marked, decoders, strict=True):
        regions = decoder.regions(share)
        segments += len(chain.segments(regions))
        counts = count_borders(regions, one.phrases)
        made, wanted, found = made + counts.made, wanted + counts.wanted, found + counts.found
        for (first, end), suits in zip(one.phrases, one.suits, strict=True):
            inside = regions[first:end]
            whole.append(len(set(inside.tolist())) == 1)
            votes = inside[decoder.votes[first:end]]
            votes = votes if len(votes) else inside[decoder.known[first:end]]
            right.append(bool(len(votes)) and bool(suits[np.bincount(votes).argmax()]))
    precision, recall = found / made if made else 1.0, found / wanted if wanted else 1.0
    both = precision + recall
    figures = {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / both if both else 0.0,
        "whole": float(np.mean(whole)),
        "right": float(np.mean(right)),
    }
    return {
        **{name: round(100.0 * value, 2) for name, value in figures.items()},
        "segments": round(segments / len(marked), 2),
    }


COLOURS = ("#94a3b8", "#0e7490", "#b45309")
_LEFT, _TOP, _WIDE, _HIGH, _GAP = 46, 30, 250, 200, 60


def plot(figures: dict[str, Any]) -> str:
    """The figures -> an SVG: F1, precision and recall over the share, a line for each way; the
    default is marked. Shares stand at their square roots, so that small ones can be told apart."""
    panels = ("f1", "precision", "recall")
    width = _LEFT + len(panels) * (_WIDE + _GAP)
    height = _TOP + _HIGH + 84
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="Helvetica, Arial, sans-serif" '
        'font-size="12" fill="#334155">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, name in enumerate(panels):
        parts += _panel(figures, name, _LEFT + number * (_WIDE + _GAP))
    for number, (way, colour) in enumerate(zip(WAYS, COLOURS, strict=True)):
        x, y = _LEFT + number * 240, height - 12
        parts.append(
            f'<path d="M{x} {y - 4}h24" stroke="{colour}" stroke-width="3"/>'
            f'<text x="{x + 30}" y="{y}">{way}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _panel(figures: dict[str, Any], name: str, left: int) -> list[str]:
    across: Callable[[float], float] = lambda share: left + _WIDE * share**0.5  # noqa: E731
    up: Callable[[float], float] = lambda percent: _TOP + _HIGH * (1 - percent / 100)  # noqa: E731
    title = {"f1": "F1"}.get(name, name)
    bottom = _TOP + _HIGH
    parts = [f'<text x="{left}" y="{_TOP - 12}" font-weight="bold">{title}, percent</text>']
    for percent in range(0, 101, 20):
        parts.append(
            f'<path d="M{left} {up(percent):.1f}h{_WIDE}" stroke="#e2e8f0"/>'
            f'<text x="{left - 6}" y="{up(percent) + 4:.1f}" text-anchor="end">{percent}</text>'
        )
    for share in (0.0, 0.05, 0.2, 0.5, 1.0):
        parts.append(
            f'<text x="{across(share):.1f}" y="{bottom + 16}" text-anchor="middle">{share:g}</text>'
        )
    parts.append(
        f'<text x="{left + _WIDE / 2}" y="{bottom + 34}" text-anchor="middle">'
        "beta, as a share of the merging one</text>"
    )
    mark = across(figures["default"]["share"])
    parts.append(f'<path d="M{mark:.1f} {_TOP}v{_HIGH}" stroke="#64748b" stroke-dasharray="3 3"/>')
    for way, colour in zip(WAYS, COLOURS, strict=True):
        rows = figures["ways"][way]
        line = " ".join(f"{across(row['share']):.1f},{up(row[name]):.1f}" for row in rows)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        )
    return parts
