"""The one object everybody else uses: look at a photo once, read sentences and align them with it,
or let the captioners describe it. What comes out is plain data (`core.results`).

describer = Describer.load()
look = describer.look(photo)                 # the networks' cost of a photo, paid once
reading = describer.read("A dog jumps .")    # the text encoder's cost of a sentence
alignment = align(look, reading)             # core.results: a product and a chain
alignment.at(beta=0.4)                       # only the chain, at another beta
maps = maps_of(look, reading, describer.windows(look))  # where on the photo each word scores
for one in describer.describe(look): ...     # the photo's sentence, then each region's
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from core.alignment.evidence import Judge
from core.alignment.grounding import grounding_regions, grounding_words
from core.alignment.model import pack_sentences
from core.alignment.score_maps import GRID, WINDOW, Windows, grid_points
from core.alignment.words import ReadWords
from core.captioning.beam import Caption, Decoding, search
from core.captioning.captioner import TrainedCaptioner
from core.checkpoints import Checkpoint, load_checkpoint
from core.errors import UserError
from core.language.vocabulary import UNKNOWN, Word, tokenise, words_of
from core.results import Description, Look, Reading, Spoken
from core.vision.images import DecodedPhoto
from core.vision.regions import Regions, copies


class SentenceError(UserError):
    """A sentence that cannot be aligned; one plain sentence for a person."""


@dataclass(frozen=True)
class SentenceLimits:
    """What a sentence may be."""

    words: int = 100
    """Far above any caption (Flickr8k's longest has 38 words); bounds a request's cost."""
    characters: int = 4000
    """The same bound for what is read before words are counted."""


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
    def look(self, photo: DecodedPhoto) -> Look:
        """A photo -> its regions in the common space: one pass of the region encoder, whose maps
        stay with the look (3 MB) for `windows`; who keeps looks may `replace(look, seen=None)`."""
        regions, seen = self.checkpoint.encoder.encode_kept(photo.pixels)
        look = self.look_of(regions, photo.width, photo.height, photo.note)
        return replace(look, seen=seen)

    @torch.inference_mode()
    def look_of(self, regions: Regions, width: int, height: int, note: str = "") -> Look:
        """A photo of that size in pixels, whose regions the encoder gave already -> its look."""
        model = self.checkpoint.alignment
        vectors, prior = grounding_regions(
            self.checkpoint.grounding,
            model.embed_regions(torch.from_numpy(regions.features)).numpy(),
            regions.boxes,
            regions.objectness,
        )
        return Look(
            width,
            height,
            regions.boxes,
            regions.objectness,
            vectors,
            note,
            prior,
            regions.features,
            copies=copies(regions.boxes, self.checkpoint.grounding.copy_iou),
            merging_share=self.checkpoint.grounding.merging_share,
        )

    @torch.inference_mode()
    def windows(self, look: Look, rows: int = GRID, columns: int = GRID) -> Windows | None:
        """A look -> what stands around each point of a grid, in the common space, from the maps of
        the pass that was made; None where the look has kept none."""
        if look.seen is None:
            return None
        features = look.seen.windows(grid_points(rows, columns), WINDOW)
        vectors = self.checkpoint.alignment.embed_regions(torch.from_numpy(features)).numpy()
        return Windows(rows, columns, vectors)

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
        beginning: str = "",
    ) -> Iterator[Description]:
        """Describe regions (all describable ones, or those named) -> one Description each, as they
        come: the whole photo first, the others `at_once` in a batch. Stop reading to stop working.
        beginning: words that every sentence begins with.

        Raises ValueError for a region that cannot be described, SentenceError for a beginning that
        is too long or has a word that a captioner does not speak.
        """
        possible = self.describable(look)
        wanted = possible if regions is None else list(regions)
        for region in wanted:
            if region not in possible:
                raise ValueError(f"region is {region}; there are captioners for {possible}")
        begun = {
            level: self._begun(level, beginning, decoding)
            for level in sorted({"image" if region == 0 else "region" for region in wanted})
        }
        inner = [region for region in wanted if region != 0]
        batches = [[0]] if 0 in wanted else []
        batches += [inner[start : start + at_once] for start in range(0, len(inner), at_once)]
        for batch in batches:
            level = "image" if batch == [0] else "region"
            captioner = self.checkpoint.captioners[level]
            inputs = _captioned_inputs(look, batch, captioner)
            found = search(captioner.model, inputs, decoding, begun[level])
            for region, captions in zip(batch, found, strict=True):
                spoken = tuple(_spoken(captioner, caption) for caption in captions)
                yield Description(region, spoken)

    def _begun(self, level: str, beginning: str, decoding: Decoding) -> list[int]:
        """A beginning as the word ids of one captioner."""
        words = tokenise(beginning[: self.limits.characters])
        if len(words) > decoding.longest:
            raise SentenceError(
                f"The beginning has {len(words):,} words; a description has at most "
                f"{decoding.longest}."
            )
        ids = self.checkpoint.captioners[level].vocabulary.ids(words)
        unknown = [word for word, number in zip(words, ids, strict=True) if number == UNKNOWN]
        if unknown:
            listed = ", ".join(f"“{word[:30]}”" for word in dict.fromkeys(unknown))
            of = {"image": "whole photos", "region": "regions"}[level]
            raise SentenceError(
                f"The captioner of {of} does not speak {listed}; begin with other words."
            )
        return ids

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
        ids = vocabulary.ids_as_read(word.text for word in words)
        known = np.array(ids) != UNKNOWN
        if not known.any():
            listed = ", ".join(f"“{word.text[:30]}”" for word in words[:5])
            more = ", ..." if len(words) > 5 else ""
            raise SentenceError(
                f"The model knows none of these words: {listed}{more}; "
                f"it learnt {len(vocabulary.words):,} words from its training sentences"
                + (f" and reads {len(vocabulary.others):,} more." if vocabulary.others else ".")
            )
        model = self.checkpoint.alignment
        packed, lengths, _, _ = pack_sentences([ids])
        contextual = model.embed_words(packed, lengths).numpy()
        vectors = grounding_words(model, self.checkpoint.grounding, [ids])
        read_as = self._read_as(words, ids)
        judge = self._judge(ids, read_as)
        return Reading(sentence, words, known, vectors, contextual, read_as, judge)

    @torch.inference_mode()
    def judged(self, reading: Reading) -> Reading:
        """A reading of this checkpoint that was stored -> the same with what a set does not keep:
        through which words others are read, and what they are judged by."""
        ids = self.checkpoint.vocabulary.ids_as_read(word.text for word in reading.words)
        read_as = self._read_as(reading.words, ids)
        return replace(reading, read_as=read_as, judge=self._judge(ids, read_as))

    def _judge(self, ids: Sequence[int], read_as: Sequence[tuple[str, ...]]) -> Judge | None:
        """What the words of a sentence are judged by, each read alone."""
        evidence = self.checkpoint.evidence
        if evidence is None:
            return None
        vocabulary = self.checkpoint.vocabulary
        by = [
            vocabulary.ids(near[:1])[0] if near else i for i, near in zip(ids, read_as, strict=True)
        ]
        alone = grounding_words(
            self.checkpoint.alignment, self.checkpoint.grounding, [[i] for i in ids]
        )
        return evidence.judge(alone, by)

    def _read_as(self, words: Sequence[Word], ids: Sequence[int]) -> tuple[tuple[str, ...], ...]:
        vectors = self.checkpoint.alignment.sentences.word_vectors
        vocabulary = self.checkpoint.vocabulary
        found: list[tuple[str, ...]] = []
        for word, number in zip(words, ids, strict=True):
            form = vocabulary.word(number) if number else word.text
            if form != word.text and number < len(vocabulary):
                found.append((form,))
            elif isinstance(vectors, ReadWords):
                found.append(tuple(vocabulary.word(near) for near in vectors.read_as(number)))
            else:
                found.append(())
        return tuple(found)


def _captioned_inputs(look: Look, regions: list[int], captioner: TrainedCaptioner) -> torch.Tensor:
    """The regions' inputs for a captioner (B, D)."""
    features = torch.from_numpy(look.features)
    own = features[regions]
    whole, mean = features[:1].expand_as(own), features.mean(dim=0).expand_as(own)
    return captioner.inputs(own, whole, mean)


def _spoken(captioner: TrainedCaptioner, caption: Caption) -> Spoken:
    words = tuple(captioner.vocabulary.words[word - 1] for word in caption.words)
    return Spoken(words, caption.log_probabilities)
