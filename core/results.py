"""What comes of photos and sentences, as plain data: arrays and words, no widget and no network.

A `Look` is what a photo cost, a `Reading` what a sentence cost. From both, `align` makes an
`Alignment`, and `locate` only where the words are; both end in `decode`, whether their numbers are
fresh or were stored in a grounding set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.alignment import chain
from core.alignment.evidence import Judge
from core.alignment.grounding import GroundingConfig, grounding_scores
from core.alignment.score_maps import Windows, score_maps
from core.alignment.segmentation import followed, voting_words
from core.language.vocabulary import Word
from core.vision import boxes
from core.vision.regions import Seen

NO_REGION = -1  # an unknown word's region


@dataclass(frozen=True)
class Look:
    """What one photo cost: its size in pixels and its regions.

    boxes (R, 4) normalised xyxy, objectness (R,), vectors (R, h) in the common space (Eq. 1) and
    prior (R,), or None for none, as `core.alignment.grounding` gives it; row 0 is the whole photo.
    features (R, D) are the encoder's, which captioners read, or None where only vectors were kept.
    seen is what the encoder kept of its pass, for `Describer.windows`; None where nobody kept it.
    copies (R,) as `core.vision.regions.copies` gives them, or None where every region is shown;
    merging_share: `GroundingConfig`'s.
    """

    width: int
    height: int
    boxes: np.ndarray
    objectness: np.ndarray
    vectors: np.ndarray
    note: str = ""
    prior: np.ndarray | None = None
    features: np.ndarray | None = None
    seen: Seen | None = None
    copies: np.ndarray | None = None
    merging_share: float = GroundingConfig.merging_share


@dataclass(frozen=True)
class Reading:
    """What one sentence cost: its words, which of them are known, and their vectors.

    vectors (N, h) choose regions (`core.alignment.grounding`), where unknown words move no other
    and have rows of 0; contextual (N, h) are Eq. 6's s_t, which ranking and search compare, or None
    where a set kept only the others. read_as: of each word that no training sentence held, the
    known ones that a word table read it through, most first; empty of all others, and () as a whole
    where nobody asked.
    """

    sentence: str
    words: tuple[Word, ...]
    known: np.ndarray
    vectors: np.ndarray
    contextual: np.ndarray | None = None
    read_as: tuple[tuple[str, ...], ...] = ()
    judge: Judge | None = None
    """What says how surely a photo shows its words; None where the checkpoint has no such numbers,
    or a set kept only the vectors."""


@dataclass(frozen=True)
class Segment:
    """Consecutive words that look at one region (unknown words between them included).

    first, last   indices of its first word and of its last one
    words         those words as the sentence writes them, joined by spaces
    region        index of the region
    score         sum of its known words' scores with that region
    """

    first: int
    last: int
    words: str
    region: int
    score: float


@dataclass(frozen=True)
class Decoded:
    """Where a sentence's words are at some beta: regions (N,) int64, NO_REGION for unknown words,
    and the same as segments."""

    regions: np.ndarray
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Alignment:
    """A sentence aligned with a photo at one beta. Plain data.

    words      N of them, with their places in `sentence`
    known      (N,) bool; an unknown word has no scores and no region
    scores     (N, R) `grounding_scores`; rows of unknown words are 0 and mean nothing
    regions    (N,) the region of each word, NO_REGION for unknown ones
    boxes      (R, 4) xyxy in the photo's own pixels; region 0 is the whole image
    copies     (R,) the region that is shown for each, itself where it is shown; words choose among
               those; None where every region is shown
    beta       of Eq. 12, in units of the scores; from merging_beta on, one region takes all words;
               default_beta is the one to begin with
    confidence (N,) how surely the photo shows what a word says (`core.alignment.evidence`), NaN for
               words that choose no region; None where that is not known
    seen       (N,) bool: whether that is enough for a word to count as seen; None with it
    things     (N,) bool: which words are names of things; None with it
    """

    sentence: str
    words: tuple[Word, ...]
    known: np.ndarray
    scores: np.ndarray
    width: int
    height: int
    boxes: np.ndarray
    objectness: np.ndarray
    beta: float
    merging_beta: float
    regions: np.ndarray
    segments: tuple[Segment, ...]
    read_as: tuple[tuple[str, ...], ...] = ()
    copies: np.ndarray | None = None
    default_beta: float = 0.0
    confidence: np.ndarray | None = None
    seen: np.ndarray | None = None
    things: np.ndarray | None = None

    def at(self, beta: float | None) -> Alignment:
        """The same scores decoded at another beta, None for `default_beta`: no network runs."""
        beta = self.default_beta if beta is None else beta
        decoded = decode(self.sentence, self.words, self.known, self.scores, beta, self.copies)
        return replace(self, beta=float(beta), regions=decoded.regions, segments=decoded.segments)

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; boxes are xyxy in the photo's own pixels."""
        return {
            "photo": {"width": self.width, "height": self.height},
            "sentence": self.sentence,
            "beta": self.beta,
            "default_beta": self.default_beta,
            "merging_beta": self.merging_beta,
            "words": [
                {
                    "word": word.text,
                    "start": word.start,
                    "end": word.end,
                    "known": bool(known),
                    "region": int(region) if known else None,
                    "score": float(row[region]) if known else None,
                    "read_as": list(read_as),
                    **self._judged(place),
                }
                for place, (word, known, region, row, read_as) in enumerate(
                    zip(
                        self.words,
                        self.known,
                        self.regions,
                        self.scores,
                        self.read_as or ((),) * len(self.words),
                        strict=True,
                    )
                )
            ],
            "segments": [
                {
                    "first": s.first,
                    "last": s.last,
                    "words": s.words,
                    "region": s.region,
                    "box": [float(x) for x in self.boxes[s.region]],
                    "score": s.score,
                    "seen": self.is_seen(s.first, s.last),
                }
                for s in self.segments
            ],
            "regions": [
                {
                    "box": [float(x) for x in box],
                    "objectness": float(objectness),
                    "copy_of": None if shown == region else int(shown),
                }
                for region, (box, objectness, shown) in enumerate(
                    zip(self.boxes, self.objectness, self._shown_for(), strict=True)
                )
            ],
            "scores": [
                [float(x) for x in row] if known else None
                for row, known in zip(self.scores, self.known, strict=True)
            ],
        }

    def _judged(self, place: int) -> dict[str, Any]:
        if self.confidence is None or self.seen is None or np.isnan(self.confidence[place]):
            return {"confidence": None, "seen": None}
        return {
            "confidence": float(self.confidence[place]),
            "seen": bool(self.seen[place]),
        }

    def is_seen(self, first: int, last: int) -> bool | None:
        """Whether words from first to last, together, count as seen: one of the names of things
        among them does, or where there is none, any word; None where none is judged."""
        if self.confidence is None or self.seen is None or self.things is None:
            return None
        inside = slice(first, last + 1)
        judged = ~np.isnan(self.confidence[inside])
        named = judged & self.things[inside]
        judged = named if named.any() else judged
        return bool(self.seen[inside][judged].any()) if judged.any() else None

    def _shown_for(self) -> np.ndarray:
        return np.arange(len(self.boxes)) if self.copies is None else self.copies

    @property
    def shown(self) -> np.ndarray:
        """(K,) the regions that are shown, which words choose among, in their order."""
        return shown_regions(self._shown_for())


@dataclass(frozen=True)
class Spoken:
    """A captioner's sentence: its words, and the log-probability of each and, at last, of END."""

    words: tuple[str, ...]
    log_probabilities: tuple[float, ...]

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def log_probability(self) -> float:
        """Of the whole sentence."""
        return sum(self.log_probabilities)


@dataclass(frozen=True)
class Description:
    """What is said of one region, best sentence first; region 0 is the whole photo."""

    region: int
    sentences: tuple[Spoken, ...]


def shown_regions(copies: np.ndarray) -> np.ndarray:
    """(R,) as `core.vision.regions.copies` gives them -> (K,) the regions shown, in order."""
    shown: np.ndarray = np.flatnonzero(copies == np.arange(len(copies)))
    return shown


def decode(
    sentence: str,
    words: Sequence[Word],
    known: np.ndarray,
    scores: np.ndarray,
    beta: float,
    copies: np.ndarray | None = None,
) -> Decoded:
    """A sentence's words (N of them), known (N,) and their `grounding_scores` (N, R), of which rows
    of unknown words are not read -> the chain's best regions at beta (Eq. 10-12) among those that
    are shown (copies as `Look`'s), where function words follow (`core.alignment.segmentation`).

    Raises ValueError as `chain.decode`.
    """
    voted = voting_words([word.text for word in words], known)
    chosen = chain.decode(_votes(scores, voted, copies), beta)
    if copies is not None:
        chosen = shown_regions(copies)[chosen]
    regions = followed(chosen, voted, known, NO_REGION)
    written = [sentence[word.start : word.end] for word in words]
    return Decoded(regions, segments_of(written, scores, regions))


def _votes(scores: np.ndarray, voted: np.ndarray, copies: np.ndarray | None) -> np.ndarray:
    """(N, R) -> (V, K) the scores of the words that choose with the regions that are shown."""
    votes: np.ndarray = scores[voted]
    return votes if copies is None else votes[:, shown_regions(copies)]


def segments_of(
    texts: Sequence[str], scores: np.ndarray, regions: np.ndarray
) -> tuple[Segment, ...]:
    """The regions (N,) of words, NO_REGION for unknown ones, and their scores (N, R) -> segments.
    An unknown word belongs to the segment that it stands in; at a segment's end, to none."""
    places = np.flatnonzero(regions != NO_REGION)
    found = []
    for start, end, region in chain.segments(regions[places]):
        first, last = int(places[start]), int(places[end - 1])
        total = float(scores[places[start:end], region].sum())
        found.append(Segment(first, last, " ".join(texts[first : last + 1]), region, total))
    return tuple(found)


def word_scores(look: Look, reading: Reading) -> np.ndarray:
    """(N, R) float64 `grounding_scores`; rows of unknown words are 0 and mean nothing."""
    scores = grounding_scores(reading.vectors, look.vectors, look.prior).astype(np.float64)
    scores[~reading.known] = 0.0
    return scores


def maps_of(look: Look, reading: Reading, windows: Windows | None = None) -> np.ndarray:
    """Where on the photo each word scores: (N, rows, columns) `score_maps`; maps of unknown words
    are 0 and mean nothing. Without windows they show the regions alone."""
    maps = score_maps(reading.vectors, word_scores(look, reading), look.boxes, windows)
    maps[~reading.known] = 0.0
    return maps


def _judged(look: Look, reading: Reading, voted: np.ndarray) -> dict[str, np.ndarray]:
    """`confidence` and `seen` of an alignment, where a reading has what they come from."""
    judge = reading.judge
    if judge is None:
        return {}
    scores = grounding_scores(judge.vectors, look.vectors, look.prior).astype(np.float64)
    if look.copies is not None:
        scores = scores[:, shown_regions(look.copies)]
    confidence = judge.confidence(scores.max(axis=1))
    return {
        "confidence": np.where(voted, confidence, np.nan),
        "seen": confidence >= judge.least,
        "things": judge.things,
    }


def locate(look: Look, reading: Reading, beta: float | None = None) -> Decoded:
    """Where the words of a sentence are at beta; None for the one to begin with, which takes a
    dozen decodings to find. At any other, lists and exports need but one."""
    if beta is None:
        aligned = align(look, reading)
        return Decoded(aligned.regions, aligned.segments)
    scores = word_scores(look, reading)
    return decode(reading.sentence, reading.words, reading.known, scores, beta, look.copies)


def align(look: Look, reading: Reading, beta: float | None = None) -> Alignment:
    """Score every word with every region and decode the chain at `beta` (Eq. 10-12), None for the
    one to begin with."""
    scores = word_scores(look, reading)
    voted = voting_words([word.text for word in reading.words], reading.known)
    merging_beta = chain.merging_beta(_votes(scores, voted, look.copies))
    blank = Alignment(
        sentence=reading.sentence,
        words=reading.words,
        known=reading.known,
        scores=scores,
        width=look.width,
        height=look.height,
        boxes=boxes.normalised_to_pixels(look.boxes, look.width, look.height),
        objectness=look.objectness,
        beta=0.0,
        merging_beta=merging_beta,
        regions=np.full(len(reading.words), NO_REGION),
        segments=(),
        read_as=reading.read_as,
        copies=look.copies,
        default_beta=look.merging_share * merging_beta,
        **_judged(look, reading, voted),
    )
    return blank.at(beta)
