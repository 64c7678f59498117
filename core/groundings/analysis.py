"""Where a model fails, counted over a whole set: plain numbers, each with the photos behind it.

Every bar carries the `Listing` values that find its photos.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from core.groundings.reader import GroundingSet
from core.groundings.schema import PhotoRow, PhraseRow, SentenceRow, WordRow

HIT = 0.5  # IoU from which a phrase counts as found
RANKS = ((1, 1), (2, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, None))
AREAS = (0.0, 0.01, 0.04, 0.16, 0.36, 1.01)
"""Edges of box sizes as shares of the photo: sides of 10, 20, 40 and 60 percent."""
CELLS = 10  # rows and columns of the picture of scores and IoU
WORDS = 300
"""Most words shown; more points hide each other."""


@dataclass(frozen=True)
class Bar:
    """A count, its name, and what finds its photos. share: of the count, in [0, 1]."""

    name: str
    count: int
    listing: dict[str, Any]
    share: float | None = None


@dataclass(frozen=True)
class WordPoint:
    """A word over all its places: the mean length of its vector and its mean score."""

    text: str
    count: int
    magnitude: float
    score: float


@dataclass(frozen=True)
class Analysis:
    """All of it. cells[i][j]: phrases with IoU in row i and score in column j."""

    photos: int
    sentences: int
    phrases: int
    recall: dict[str, float | None]
    ranks: tuple[Bar, ...]
    kinds: tuple[Bar, ...]
    sizes: tuple[Bar, ...]
    words: tuple[WordPoint, ...]
    score_edges: tuple[float, ...]
    iou_edges: tuple[float, ...]
    cells: tuple[tuple[int, ...], ...]


def analyse(groundings: GroundingSet) -> Analysis:
    """One pass over the tables; time is linear in photos, memory in phrases (24 bytes each)."""
    with Session(groundings.engine) as session:
        ranks = _ranks(session)
        kinds = _kinds(session)
        words = _words(session)
        rows = session.execute(select(PhraseRow.area, PhraseRow.iou, PhraseRow.score))
        values = np.array([(a, i, np.nan if s is None else s) for a, i, s in rows], dtype=float)
        recall = _recall(session)
    values = values.reshape(-1, 3)
    known = values[~np.isnan(values[:, 2])]
    cells, score_edges, iou_edges = np.zeros((0, 0)), np.zeros(0), np.zeros(0)
    if len(known):
        low, high = known[:, 2].min(), known[:, 2].max()
        score_edges = np.linspace(low, high + max(abs(high), 1.0) * 1e-6, CELLS + 1)
        iou_edges = np.linspace(0.0, 1.0 + 1e-6, CELLS + 1)
        cells, _, _ = np.histogram2d(known[:, 1], known[:, 2], bins=[iou_edges, score_edges])
    return Analysis(
        photos=len(groundings),
        sentences=groundings.count(SentenceRow),
        phrases=len(values),
        recall=recall,
        ranks=ranks,
        kinds=kinds,
        sizes=_sizes(values),
        words=words,
        score_edges=tuple(score_edges.tolist()),
        iou_edges=tuple(iou_edges.tolist()),
        cells=tuple(tuple(int(n) for n in row) for row in cells),
    )


def _recall(session: Session) -> dict[str, float | None]:
    """Shares of photos whose truth is among the best 1, 5, 10; of phrases whose region fits."""
    asked: dict[str, float | None] = {}
    ranked = session.scalar(select(func.count(PhotoRow.rank))) or 0
    for k in (1, 5, 10):
        inside = session.scalar(select(func.count()).where(PhotoRow.rank <= k)) or 0
        asked[f"r{k}"] = inside / ranked if ranked else None
    phrases = session.scalar(select(func.count(PhraseRow.id))) or 0
    hits = session.scalar(select(func.count()).where(PhraseRow.iou >= HIT)) or 0
    asked["phrases"] = hits / phrases if phrases else None
    return asked


def _ranks(session: Session) -> tuple[Bar, ...]:
    bars = []
    for least, most in RANKS:
        query = select(func.count()).where(PhotoRow.rank >= least)
        listing: dict[str, Any] = {"order": "rank-worst", "rank_from": least}
        if most is not None:
            query = query.where(PhotoRow.rank <= most)
            listing["rank_to"] = most
        name = str(least) if least == most else f"{least}-{most}" if most else f"over {least - 1}"
        bars.append(Bar(name, session.scalar(query) or 0, listing))
    return tuple(bars)


def _kinds(session: Session) -> tuple[Bar, ...]:
    hit = func.sum(case((PhraseRow.iou >= HIT, 1), else_=0))
    count = func.count()
    query = select(PhraseRow.kind, count, hit).group_by(PhraseRow.kind).order_by(count.desc())
    return tuple(
        Bar(kind, total, {"order": "iou-lowest", "kind": kind}, hits / total)
        for kind, total, hits in session.execute(query)
    )


def _sizes(values: np.ndarray) -> tuple[Bar, ...]:
    bars = []
    for least, most in pairwise(AREAS):
        inside = values[(values[:, 0] >= least) & (values[:, 0] < most)]
        shown = f"{100 * least:.0f}-{min(100 * most, 100):.0f} %"
        listing = {"order": "iou-lowest", "area_from": least, "area_to": most}
        share = float((inside[:, 1] >= HIT).mean()) if len(inside) else None
        bars.append(Bar(shown, len(inside), listing, share))
    return tuple(bars)


def _words(session: Session) -> tuple[WordPoint, ...]:
    count = func.count()
    query = (
        select(WordRow.text, count, func.avg(WordRow.magnitude), func.avg(WordRow.score))
        .where(WordRow.region.is_not(None))
        .group_by(WordRow.text)
        .order_by(count.desc(), WordRow.text)
        .limit(WORDS)
    )
    return tuple(WordPoint(*row) for row in session.execute(query))
