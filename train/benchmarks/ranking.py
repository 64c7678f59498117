"""`python -m train bench ranking`: whole test sets ranked from stored embeddings, beside two peers.

Flickr8k's size, 1,000 photos of 20 regions against 5,000 sentences of about 12 words, in 512
dimensions; then COCO's, 5,000 against 25,000, of which a stated share is run and the whole time
extrapolated. Vectors are drawn at random and normalised: time and memory do not depend on them.

product    the machine's rate: plain matrix products of large matrices, run in turn with ours
pairs      the loop that Eq. 8 suggests: photo by photo and sentence by sentence, numpy
sentences  the loop of common research code (such as SCAN's): for each sentence, its words repeated
           for all photos, a batched product, maximum, sum
The peers run on a sample, whose scores must equal ours, and are extrapolated from it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.alignment.ranking import ranks
from core.alignment.scoring import BLOCK_BYTES, Scoring, score_matrix

DIMENSION, REGIONS, WORDS = 512, 20, 12
TURNS = 5  # ours and the plain product take turns: other work on the machine slows both alike
SAMPLE_PAIRS, SAMPLE_SENTENCES = 20_000, 50
COCO_SHARE = 0.05  # of its photos


@dataclass(frozen=True)
class Embedded:
    """Photos and sentences as `score_matrix` takes them; sentence l is of photo l // 5."""

    regions: Tensor
    words: Tensor
    sentence_of: Tensor
    sentences: int

    def scores(self, rows: slice = slice(None)) -> Tensor:
        scoring = Scoring("max", means=True)
        regions = self.regions[rows]
        present = torch.ones(regions.shape[:2], dtype=torch.bool)
        known = torch.ones(len(self.words), dtype=torch.bool)
        return score_matrix(
            scoring, regions, present, self.words, known, self.sentence_of, self.sentences
        )

    def products(self, photos: int) -> float:
        """Floating-point operations of the word-region products of so many photos."""
        return 2.0 * photos * REGIONS * len(self.words) * DIMENSION


def _unit_rows(rows: int) -> Tensor:
    drawn = torch.empty(rows, DIMENSION)
    for part in torch.split(drawn, 10_000):  # in place: the peak is the vectors themselves
        part.normal_()
        part /= part.norm(dim=1, keepdim=True)
    return drawn


def embedded(photos: int) -> Embedded:
    torch.manual_seed(0)
    sentences = 5 * photos
    lengths = torch.poisson(torch.full((sentences,), WORDS - 1.0)).long() + 1
    return Embedded(
        _unit_rows(photos * REGIONS).view(photos, REGIONS, DIMENSION),
        _unit_rows(int(lengths.sum())),
        torch.repeat_interleave(torch.arange(sentences), lengths),
        sentences,
    )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _by_pairs(photo: np.ndarray, sentence: np.ndarray) -> float:
    return float((sentence @ photo.T).max(axis=1).sum() / len(sentence))


def _by_sentences(regions: Tensor, sentence: Tensor) -> Tensor:
    repeated = sentence.repeat(len(regions), 1, 1)  # (K, words, h)
    return torch.bmm(repeated, regions.transpose(1, 2)).max(dim=2).values.mean(dim=1)


def bench_flickr8k(photos: int = 1000) -> dict[str, Any]:
    """Ours, the plain product and both peers at Flickr8k's size."""
    data = embedded(photos)
    large = torch.randn(4096, DIMENSION), torch.randn(DIMENSION, 4096)
    large_work = 2.0 * 4096 * 4096 * DIMENSION
    torch.mm(*large)
    data.scores(slice(0, 10))
    # In turns; each turn a share of the photos.
    ours = plain = 0.0
    parts = []
    for rows in np.array_split(np.arange(photos), TURNS):
        share = slice(int(rows[0]), int(rows[-1]) + 1)
        plain += _seconds(lambda: torch.mm(*large))
        ours += _seconds(lambda s=share: parts.append(data.scores(s)))  # type: ignore[misc]
        plain += _seconds(lambda: torch.mm(*large))
    scores = torch.cat(parts)
    photo_of = np.arange(data.sentences) // 5
    ranking = _seconds(lambda: ranks(scores.numpy(), photo_of))

    generator = np.random.default_rng(0)
    starts = np.flatnonzero(np.diff(data.sentence_of.numpy(), prepend=-1))
    bounds = [*starts.tolist(), len(data.words)]
    regions, words = data.regions.numpy(), data.words.numpy()
    pairs = generator.integers(0, (photos, data.sentences), (SAMPLE_PAIRS, 2)).tolist()
    by_pairs: list[float] = []

    def loop_pairs() -> None:
        for photo, sentence in pairs:
            own = words[bounds[sentence] : bounds[sentence + 1]]
            by_pairs.append(_by_pairs(regions[photo], own))

    pair_seconds = _seconds(loop_pairs) * photos * data.sentences / SAMPLE_PAIRS
    chosen = generator.integers(0, data.sentences, SAMPLE_SENTENCES).tolist()
    by_sentences: list[Tensor] = []

    def loop_sentences() -> None:
        for one in chosen:
            own = data.words[bounds[one] : bounds[one + 1]]
            by_sentences.append(_by_sentences(data.regions, own))

    sentence_seconds = _seconds(loop_sentences) * data.sentences / SAMPLE_SENTENCES
    place = np.array(pairs)
    np.testing.assert_allclose(scores[place[:, 0], place[:, 1]], by_pairs, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(
        scores[:, chosen], torch.stack(by_sentences, dim=1), rtol=1e-3, atol=1e-5
    )
    rate = data.products(photos) / ours
    product_rate = 2 * TURNS * large_work / plain
    return {
        "photos": photos,
        "sentences": data.sentences,
        "words": len(data.words),
        "block_bytes": BLOCK_BYTES,
        "scores_seconds": round(ours, 2),
        "ranks_seconds": round(ranking, 2),
        "gflops": round(rate / 1e9, 1),
        "product_gflops": round(product_rate / 1e9, 1),
        "share_of_product_rate": round(rate / product_rate, 3),
        "pairs_seconds": round(pair_seconds, 1),
        "pairs_sample": SAMPLE_PAIRS,
        "pairs_ratio": round(pair_seconds / ours, 1),
        "sentences_seconds": round(sentence_seconds, 1),
        "sentences_sample": SAMPLE_SENTENCES,
        "sentences_ratio": round(sentence_seconds / ours, 1),
    }


def _resident_mb(name: str) -> float | None:
    """VmRSS (now) or VmHWM (the peak) of this process, where the kernel tells."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else None


def _growth_mb(work: Callable[[], object]) -> float | None:
    """By how much the peak of resident memory rises above what is resident before."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the old peak
    except OSError:
        return None
    before = _resident_mb("VmRSS")
    work()
    peak = _resident_mb("VmHWM")
    return None if before is None or peak is None else round(peak - before, 1)


def bench_coco(photos: int = 5000, share: float = COCO_SHARE) -> dict[str, Any]:
    """Time (extrapolated from a share of the photos) and memory at COCO's size."""
    data = embedded(photos)
    some = max(1, int(photos * share))
    embedded(2).scores()  # the libraries' own buffers; small, or what it frees would hide growth
    seconds = 0.0

    def run() -> None:
        nonlocal seconds
        seconds = _seconds(lambda: data.scores(slice(0, some)))

    growth = _growth_mb(run)
    answer = some * data.sentences * 4 / 2**20
    scores = np.zeros((photos, data.sentences), dtype=np.float32)
    scores += np.arange(data.sentences, dtype=np.float32)
    photo_of = np.arange(data.sentences) // 5
    ranks_growth = _growth_mb(lambda: ranks(scores, photo_of))
    return {
        "photos": photos,
        "sentences": data.sentences,
        "words": len(data.words),
        "photos_run": some,
        "scores_seconds_extrapolated": round(seconds * photos / some, 1),
        "inputs_mb": round((data.regions.nbytes + data.words.nbytes) / 2**20, 1),
        "answer_mb_whole": round(scores.nbytes / 2**20, 1),
        "answer_mb_of_the_photos_run": round(answer, 1),
        "peak_growth_mb_of_the_photos_run": growth,
        "ranks_peak_growth_mb_whole": ranks_growth,
    }


def bench_ranking() -> dict[str, Any]:
    coco = bench_coco()  # first: later, freed memory would hide its growth
    return {"flickr8k": bench_flickr8k(), "coco": coco}
