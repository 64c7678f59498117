"""Recall as a curve over the share of the set that is looked at, as Mao et al. 2014 show IAPR TC-12
(Fig. 3), and its plot. R@K says how a ranking begins; the curve says how it goes on, and compares
sets of different sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from train.data import DataError
from train.options import written

SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
COLOURS = ("#1d4ed8", "#c2410c")
Curve = list[tuple[float, float]]
_WIDE, _HIGH, _LEFT, _TOP = 420, 280, 56, 40


def recall_curve(rank: np.ndarray, among: int, shares: Sequence[float] = SHARES) -> Curve:
    """Ranks from 1 (0: left out) among so many candidates -> for each share of these, the percent
    of queries whose truth is in it: among the first ceil(share * among), one at least. Shares too
    small for a whole candidate are left out."""
    rank = rank[rank > 0]
    return [
        (share, round(100 * float((rank <= math.ceil(share * among)).mean()), 2))
        for share in shares
        if share * among >= 1
    ]


def curves(ranked: tuple[np.ndarray, np.ndarray]) -> dict[str, Curve]:
    """Ranks of annotation (a photo's sentences among all) and of search (a sentence's photo among
    all), as `core.alignment.ranking.ranks` gives them -> their curves."""
    annotation, search = ranked
    return {
        "annotation": recall_curve(annotation, len(search)),
        "search": recall_curve(search, len(annotation)),
    }


def svg_name(path: Path) -> Path:
    """Where a plot goes. Raises DataError for a name of another kind, before the work."""
    if path.suffix.lower() != ".svg":
        raise DataError(f"{path} names no SVG; expected a name that ends in .svg")
    return written(path)


def plot(found: Mapping[str, Curve]) -> str:
    """The curves -> an SVG: recall in percent over the share, which stands at its logarithm."""
    least = min(share for curve in found.values() for share, _ in curve)
    decades = max(-math.log10(least), 0.1)

    def across(share: float) -> float:
        return _LEFT + _WIDE * (1 + math.log10(share) / decades)

    def up(percent: float) -> float:
        return _TOP + _HIGH * (1 - percent / 100)

    width, height = _LEFT + _WIDE + 24, _TOP + _HIGH + 76
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="Helvetica, Arial, sans-serif" '
        'font-size="12" fill="#334155">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="{_TOP - 14}" font-weight="bold">recall, percent</text>',
    ]
    for percent in range(0, 101, 20):
        parts.append(
            f'<path d="M{_LEFT} {up(percent):.1f}h{_WIDE}" stroke="#e2e8f0"/>'
            f'<text x="{_LEFT - 6}" y="{up(percent) + 4:.1f}" text-anchor="end">{percent}</text>'
        )
    bottom = _TOP + _HIGH
    for share in (0.001, 0.01, 0.1, 1.0):
        if share >= least:
            parts.append(
                f'<text x="{across(share):.1f}" y="{bottom + 16}" text-anchor="middle">'
                f"{100 * share:g}</text>"
            )
    parts.append(
        f'<text x="{_LEFT + _WIDE / 2}" y="{bottom + 34}" text-anchor="middle">'
        "share of the set, percent</text>"
    )
    for number, ((side, curve), colour) in enumerate(zip(found.items(), COLOURS, strict=True)):
        line = " ".join(f"{across(share):.1f},{up(percent):.1f}" for share, percent in curve)
        x, y = _LEFT + number * 160, height - 12
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
            f'<path d="M{x} {y - 4}h24" stroke="{colour}" stroke-width="3"/>'
            f'<text x="{x + 30}" y="{y}">{side}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])
