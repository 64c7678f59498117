"""The one object everybody else uses: look at a photo once, then align sentences with it, or let
the captioners describe it.

describer = Describer.load()
look = describer.look(photo)                 # the networks' cost of a photo, paid once
reading = describer.read("A dog jumps .")    # the text encoder's cost of a sentence
alignment = align(look, reading, beta=0.1)   # a product and a chain
alignment.at(beta=0.4)                       # only the chain
for one in describer.describe(look): ...     # the photo's sentence, then each region's
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.alignment import chain
from core.alignment.grounding import grounding_regions, grounding_scores, grounding_words
from core.alignment.model import pack_sentences
from core.captioning.beam import Caption, Decoding, search
from core.captioning.captioner import TrainedCaptioner, image_inputs
from core.checkpoints import Checkpoint, load_checkpoint
from core.errors import UserError
from core.language.vocabulary import UNKNOWN, Word, words_of
from core.vision import boxes
from core.vision.images import Photo

NO_REGION = -1  # an unknown word's region


class SentenceError(UserError):
    """A sentence that cannot be aligned; one plain sentence for a person."""


@dataclass(frozen=True)
class SentenceLimits:
    """What a sentence may be."""

    words: int = 100
    """Far above any caption (Flickr8k's longest has 38 words); bounds a request's cost."""
    characters: int = 4000
    """The same bound for what is read before words are counted."""


@dataclass(frozen=True)
class Look:
    """What one photo cost: its size in pixels and its regions.

    boxes (R, 4) normalised xyxy, objectness (R,), vectors (R, h) in the common space (Eq. 1) and
    prior (R,), or None for none, as `core.alignment.grounding` gives it; row 0 is the whole photo.
    features (R, D) are the encoder's, which captioners read, or None where only vectors were kept.
    """

    width: int
    height: int
    boxes: np.ndarray
    objectness: np.ndarray
    vectors: np.ndarray
    note: str = ""
    prior: np.ndarray | None = None
    features: np.ndarray | None = None


@dataclass(frozen=True)
class Reading:
    """What one sentence cost: its words, which of them are known, and their vectors.

    vectors (N, h) choose regions (`core.alignment.grounding`); contextual (N, h) are Eq. 6's s_t,
    which ranking and search compare, or None where a set kept only the others.
    """

    sentence: str
    words: tuple[Word, ...]
    known: np.ndarray
    vectors: np.ndarray
    contextual: np.ndarray | None = None


@dataclass(frozen=True)
class Segment:
    """Consecutive words that look at one region (unknown words between them included).

    first, last   indices of its first word and of its last one
    words         those words, joined by spaces
    region        index of the region
    score         sum of its known words' scores with that region
    """

    first: int
    last: int
    words: str
    region: int
    score: float


@dataclass(frozen=True)
class Alignment:
    """A sentence aligned with a photo at one beta. Plain data.

    words      N of them, with their places in `sentence`
    known      (N,) bool; an unknown word has no scores and no region
    scores     (N, R) `grounding_scores`; rows of unknown words are 0 and mean nothing
    regions    (N,) the region of each word, NO_REGION for unknown ones
    boxes      (R, 4) xyxy in the photo's own pixels; region 0 is the whole image
    beta       of Eq. 12, in units of the scores; from merging_beta on, one region takes all words
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

    def at(self, beta: float) -> Alignment:
        """The same scores decoded at another beta: no network runs."""
        known = self.scores[self.known]
        regions = np.full(len(self.words), NO_REGION, dtype=np.int64)
        decoded = chain.decode(known, beta)
        regions[self.known] = decoded
        places = np.flatnonzero(self.known)
        segments = []
        for start, end, region in chain.segments(decoded):
            first, last = int(places[start]), int(places[end - 1])
            text = " ".join(word.text for word in self.words[first : last + 1])
            total = float(known[start:end, region].sum())
            segments.append(Segment(first, last, text, region, total))
        return replace(self, beta=float(beta), regions=regions, segments=tuple(segments))

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; boxes are xyxy in the photo's own pixels."""
        return {
            "photo": {"width": self.width, "height": self.height},
            "sentence": self.sentence,
            "beta": self.beta,
            "merging_beta": self.merging_beta,
            "words": [
                {
                    "word": word.text,
                    "start": word.start,
                    "end": word.end,
                    "known": bool(known),
                    "region": int(region) if known else None,
                    "score": float(row[region]) if known else None,
                }
                for word, known, region, row in zip(
                    self.words, self.known, self.regions, self.scores, strict=True
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
                }
                for s in self.segments
            ],
            "regions": [
                {"box": [float(x) for x in box], "objectness": float(objectness)}
                for box, objectness in zip(self.boxes, self.objectness, strict=True)
            ],
            "scores": [
                [float(x) for x in row] if known else None
                for row, known in zip(self.scores, self.known, strict=True)
            ],
        }


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


class Describer:
    """A checkpoint, ready to look and read. Holds no photo: safe to share between requests."""

    def __init__(self, checkpoint: Checkpoint, limits: SentenceLimits = SentenceLimits()) -> None:
        self.checkpoint = checkpoint
        self.limits = limits

    @classmethod
    def load(
        cls, checkpoint: str | Path = "bundled", encoder_weights: Path | None = None
    ) -> Describer:
        """ "bundled" or a checkpoint's folder -> a describer; errors as `load_checkpoint`."""
        return cls(load_checkpoint(checkpoint, encoder_weights))

    @torch.inference_mode()
    def look(self, photo: Photo) -> Look:
        """A photo -> its regions in the common space: one pass of the region encoder."""
        [regions] = self.checkpoint.encoder.encode([photo.pixels])
        model = self.checkpoint.alignment
        vectors, prior = grounding_regions(
            self.checkpoint.grounding,
            model.embed_regions(torch.from_numpy(regions.features)).numpy(),
            regions.boxes,
            regions.objectness,
        )
        return Look(
            photo.width,
            photo.height,
            regions.boxes,
            regions.objectness,
            vectors,
            photo.note,
            prior,
            regions.features,
        )

    def describable(self, look: Look) -> list[int]:
        """The regions of a photo that there is a captioner for; the whole photo is 0."""
        levels = self.checkpoint.captioners
        if look.features is None:
            return []
        found = [0] if "image" in levels else []
        return found + (list(range(1, len(look.boxes))) if "region" in levels else [])

    @torch.inference_mode()
    def describe(
        self,
        look: Look,
        decoding: Decoding = Decoding(),
        regions: Sequence[int] | None = None,
        at_once: int = 10,
    ) -> Iterator[Description]:
        """Describe regions (all describable ones, or those named) -> one Description each, as they
        come: the whole photo first, the others `at_once` in a batch. Stop reading to stop working.

        Raises ValueError for a region that cannot be described.
        """
        possible = self.describable(look)
        wanted = possible if regions is None else list(regions)
        for region in wanted:
            if region not in possible:
                raise ValueError(f"region is {region}; there are captioners for {possible}")
        inner = [region for region in wanted if region != 0]
        batches = [[0]] if 0 in wanted else []
        batches += [inner[start : start + at_once] for start in range(0, len(inner), at_once)]
        for batch in batches:
            captioner = self.checkpoint.captioners["image" if batch == [0] else "region"]
            found = search(captioner.model, _captioned_inputs(look, batch, captioner), decoding)
            for region, captions in zip(batch, found, strict=True):
                spoken = tuple(_spoken(captioner, caption) for caption in captions)
                yield Description(region, spoken)

    @torch.inference_mode()
    def read(self, sentence: str) -> Reading:
        """A sentence -> its words in the common space.

        Raises SentenceError when it is too long, has no words, or none that the model knows.
        """
        if len(sentence) > self.limits.characters:
            raise SentenceError(
                f"The sentence has {len(sentence):,} characters; "
                f"at most {self.limits.characters:,} are read."
            )
        words = tuple(words_of(sentence))
        if not words:
            raise SentenceError("The sentence has no words; type what the photo shows.")
        if len(words) > self.limits.words:
            raise SentenceError(
                f"The sentence has {len(words):,} words; "
                f"at most {self.limits.words} can be aligned."
            )
        vocabulary = self.checkpoint.vocabulary
        ids = vocabulary.ids(word.text for word in words)
        known = np.array(ids) != UNKNOWN
        if not known.any():
            listed = ", ".join(f"“{word.text[:30]}”" for word in words[:5])
            more = ", ..." if len(words) > 5 else ""
            raise SentenceError(
                f"The model knows none of these words: {listed}{more}; "
                f"it learnt {len(vocabulary.words):,} words from its training sentences."
            )
        model = self.checkpoint.alignment
        packed, lengths, _, _ = pack_sentences([ids])
        contextual = model.embed_words(packed, lengths).numpy()
        vectors = grounding_words(model, self.checkpoint.grounding, [ids])
        return Reading(sentence, words, known, vectors, contextual)


def _captioned_inputs(look: Look, regions: list[int], captioner: TrainedCaptioner) -> torch.Tensor:
    """The regions' inputs for a captioner (B, D)."""
    features = torch.from_numpy(look.features)
    own = features[regions]
    whole, mean = features[:1].expand_as(own), features.mean(dim=0).expand_as(own)
    return image_inputs(own, whole, mean, captioner.model.config.context)


def _spoken(captioner: TrainedCaptioner, caption: Caption) -> Spoken:
    words = tuple(captioner.vocabulary.words[word - 1] for word in caption.words)
    return Spoken(words, caption.log_probabilities)


def align(look: Look, reading: Reading, beta: float = 0.0) -> Alignment:
    """Score every word with every region and decode the chain at `beta` (Eq. 10-12)."""
    scores = grounding_scores(reading.vectors, look.vectors, look.prior).astype(np.float64)
    scores[~reading.known] = 0.0
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
        merging_beta=chain.merging_beta(scores[reading.known]),
        regions=np.full(len(reading.words), NO_REGION),
        segments=(),
    )
    return blank.at(beta)
