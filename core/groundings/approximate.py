"""Searching more regions than can all be scored in time: faiss, with `GroundingSet.search`'s call.

An inverted file: regions lie in cells around centres, and only the cells nearest to a query are
looked at. What is looked at is scored exactly (in float16); what is missed is missed, so the recall
against the exact search is measured when the index is made, and told with every answer.

faiss is optional (`pip install faiss-cpu`); without it, or without an index, searches are exact.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.alignment.ranking import Found, best_photos, best_regions
from core.alignment.scoring import Scoring
from core.configuration import check_bounds, from_json
from core.groundings.reader import GroundingSet
from core.groundings.schema import GroundingError


@dataclass(frozen=True)
class ApproximateOptions:
    """How much is looked at."""

    cells_per_root: float = 4.0
    """Cells are this many times the square root of the regions: faiss's own advice."""
    share: float = 1 / 16
    """Of the cells, those looked at: a sixteenth of the exact search's work."""
    candidates: int = 400
    """Regions of each word whose photos are scored in full."""
    queries: int = 50
    """Sentences of the set that the recall is measured with."""
    results: int = 24
    """What the recall is of: the page's first results."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_bounds(
            self,
            cells_per_root=(0.1, 1000),
            share=(0, 1),
            candidates=(1, 100_000),
            queries=(1, 100_000),
            results=(1, 10_000),
            seed=(0, 2**32 - 1),
        )


_DAMAGES = (
    OSError,
    ValueError,
    RuntimeError,  # faiss's own
    MemoryError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
)
"""What a damaged index, or the file beside it, raises."""


def faiss_module() -> Any:
    """faiss. Raises GroundingError where it is not installed."""
    try:
        import faiss
    except ImportError:
        raise GroundingError("faiss is not installed; `pip install faiss-cpu` adds it") from None
    return faiss


def index_path(path: Path) -> Path:
    """NAME.sqlite -> NAME.faiss; NAME.faiss.json beside it says what the index is."""
    return path.with_suffix(".faiss")


class ApproximateSearch:
    """An index, opened. Raises GroundingError where it is not the set's own."""

    def __init__(self, groundings: GroundingSet) -> None:
        faiss = faiss_module()
        self.groundings = groundings
        path = index_path(groundings.path)
        try:
            self.index = faiss.read_index(str(path))
            told = json.loads(path.with_suffix(".faiss.json").read_text(encoding="utf-8"))
            if told["set"] != groundings.name:
                raise GroundingError(f"{path} belongs to another set; make it again")
            where = f"{path.with_suffix('.faiss.json')}"
            self.options = from_json(ApproximateOptions, dict(told["options"]), where)
            self.recall = {str(name): float(share) for name, share in told["recall"].items()}
            dimension = groundings.regions.shape[1]
            if (self.index.d, self.index.ntotal) != (dimension, groundings.first[-1]):
                raise GroundingError(
                    f"{path} has {self.index.ntotal} regions of {self.index.d} numbers; expected "
                    f"{groundings.first[-1]} of {dimension}: make it again"
                )
            self.index.nprobe = max(1, round(self.options.share * self.index.nlist))
        except GroundingError:
            raise
        except _DAMAGES:
            raise GroundingError(f"{path} is no index; expected one of `train ground`") from None

    def search(self, words: np.ndarray, count: int, scoring: Scoring) -> tuple[Found, Found]:
        """As `GroundingSet.search`: the best regions, then the best photos."""
        words = np.ascontiguousarray(words, dtype=np.float32)
        scores, rows = self.index.search(words.sum(axis=0, keepdims=True), count)
        there = rows[0] >= 0
        regions = Found(rows[0][there].astype(np.int64), scores[0][there])
        _, near = self.index.search(words, self.options.candidates)
        near = np.concatenate((regions.rows, near[near >= 0]))
        if not scoring.sums_commute:  # the index adds up products: it only proposes
            near = np.unique(near)
            found = best_regions(words, self.groundings.regions[near], count, scoring)
            regions = Found(near[found.rows], found.scores)
        return regions, self._photos(words, near, count, scoring)

    def _photos(self, words: np.ndarray, rows: np.ndarray, count: int, scoring: Scoring) -> Found:
        """The model's score in full, for the photos of these regions."""
        first = self.groundings.first
        photos = np.unique(np.searchsorted(first, rows, side="right") - 1)
        if not len(photos):
            return Found(photos, np.zeros(0, dtype=np.float32))
        spans = [np.arange(first[photo], first[photo + 1]) for photo in photos]
        ends = np.cumsum([0, *(len(span) for span in spans)])
        vectors = self.groundings.regions[np.concatenate(spans)]
        found = best_photos(words, vectors, ends, count, scoring)
        return Found(photos[found.rows], found.scores)


def build(
    groundings: GroundingSet,
    scoring: Scoring,
    options: ApproximateOptions = ApproximateOptions(),
) -> dict[str, float]:
    """Make the set's index -> its recall: {"regions", "photos"}, shares of the exact answers by the
    model's `scoring`.

    Needs memory for the regions in float16, and for a sample of them in float32.
    """
    faiss = faiss_module()
    regions = groundings.regions[: groundings.first[-1]]
    count, dimension = regions.shape
    cells = max(1, min(round(options.cells_per_root * count**0.5), count // 39))
    quantizer = faiss.IndexFlatIP(dimension)
    index = faiss.IndexIVFScalarQuantizer(
        quantizer,
        dimension,
        cells,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,  # regions themselves, not their distance from the centre: scores stay as exact
    )
    generator = np.random.default_rng(options.seed)
    sample = np.sort(generator.permutation(count)[: 64 * cells])
    index.train(np.asarray(regions[sample], dtype=np.float32))
    for start in range(0, count, 65_536):
        index.add(np.asarray(regions[start : start + 65_536], dtype=np.float32))
    path = index_path(groundings.path)
    faiss.write_index(index, str(path))
    told = {"set": groundings.name, "options": asdict(options)}
    note = path.with_suffix(".faiss.json")
    note.write_text(json.dumps({**told, "recall": {}}), encoding="utf-8")
    recall = measured(groundings, ApproximateSearch(groundings), scoring, options)
    note.write_text(json.dumps({**told, "recall": recall}, indent=2) + "\n", encoding="utf-8")
    return recall


def measured(
    groundings: GroundingSet,
    search: ApproximateSearch,
    scoring: Scoring,
    options: ApproximateOptions,
) -> dict[str, float]:
    """Shares of the exact search's best results that the index finds, for sentences of the set."""
    readable = [
        candidate.sentence
        for photo in np.linspace(0, len(groundings) - 1, min(options.queries, len(groundings)))
        for candidate in groundings.open(int(photo)).own[:1]
        if candidate.readable
    ]
    shares: dict[str, list[float]] = {"regions": [], "photos": []}
    for sentence in readable:
        reading = groundings.reading(sentence)
        words = reading.vectors[reading.known]
        exact = groundings.search(words, options.results, scoring)
        near = search.search(words, options.results, scoring)
        for name, wanted, found in zip(shares, exact, near, strict=True):
            shares[name].append(float(np.isin(wanted.rows, found.rows).mean()))
    return {name: round(float(np.mean(found)), 4) for name, found in shares.items() if found}
