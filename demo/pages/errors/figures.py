"""The pictures of the Errors page, as plain plotly JSON; each mark carries its photos' address.

As heatmap.py: no `graph_objects` (slow), no colours of the theme (static/errors.js adds
those). A trace's "customdata" holds, for each mark, the `Listing` values that find its photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log10
from typing import Any

from core.groundings.analysis import Analysis, Bar, WordPoint
from demo.web.labels import plotly_label

HEIGHT = 300  # pixels of a picture
NAMED = 24
"""Words with a name beside their point: more would hide the points."""
LETTER_WIDE, LETTER_HIGH = 0.01, 0.045
"""Room that a letter takes, as shares of the picture: one 1,000 pixels wide."""


def pictures(analysis: Analysis) -> dict[str, Any]:
    """-> {"counts", "recall", "pictures": [{"key", "title", "text", "figure"}]}.

    Pictures without data are left out: a set without phrases has no picture of phrases.
    """
    made = [_ranks(analysis.ranks)]
    if analysis.phrases:
        made += [_recall("kinds", "Recall by kind of phrase", analysis.kinds, tilted=True)]
        made += [_recall("sizes", "Recall by box size", analysis.sizes, tilted=False)]
    if analysis.cells:
        made.append(_cells(analysis))
    if analysis.words:
        made.append(_words(analysis))
    return {
        "counts": {
            "photos": analysis.photos,
            "sentences": analysis.sentences,
            "phrases": analysis.phrases,
        },
        "recall": analysis.recall,
        "pictures": made,
    }


def _layout(x: str, y: str, **more: Any) -> dict[str, Any]:
    axis = {"zeroline": False, "automargin": True, "fixedrange": True}
    return {
        "height": HEIGHT,
        "margin": {"l": 56, "r": 12, "t": 8, "b": 48},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "bargap": 0.25,
        "xaxis": {**axis, "title": {"text": x, "standoff": 8}, "showgrid": False},
        "yaxis": {**axis, "title": {"text": y, "standoff": 8}, "rangemode": "tozero"},
        **more,
    }


def _picture(key: str, title: str, text: str, data: Sequence[Any], layout: Any) -> dict[str, Any]:
    figure = {"data": list(data), "layout": layout}
    return {"key": key, "title": title, "text": text, "figure": figure}


def _ranks(bars: Sequence[Bar]) -> dict[str, Any]:
    trace = {
        "type": "bar",
        "x": [bar.name for bar in bars],
        "y": [bar.count for bar in bars],
        "text": [f"{bar.count:,}" for bar in bars],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [bar.listing for bar in bars],
        "hovertemplate": "rank %{x}: %{y} photos<extra></extra>",
    }
    layout = _layout("rank of the best true sentence", "photos")
    layout["xaxis"]["type"] = "category"  # "2-5" is no date
    return _picture(
        "ranks",
        "Rank of the truth",
        "Each photo's best true sentence among all sentences of its gallery; 1 is best.",
        [trace],
        layout,
    )


def _recall(key: str, title: str, bars: Sequence[Bar], tilted: bool) -> dict[str, Any]:
    shown = [bar for bar in bars if bar.count]
    trace = {
        "type": "bar",
        "x": [plotly_label(bar.name) for bar in shown],
        "y": [round(100 * (bar.share or 0.0), 1) for bar in shown],
        "text": [f"{100 * (bar.share or 0.0):.0f} %<br>of {bar.count:,}" for bar in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [bar.listing for bar in shown],
        "hovertemplate": "%{x}: %{y} %<extra></extra>",
    }
    layout = _layout("kind" if tilted else "boxes’ share of the photo", "percent")
    layout["xaxis"] |= {"type": "category", "tickangle": -30 if tilted else 0}
    layout["yaxis"]["range"] = [0, 118]  # room for the numbers on the bars
    text = "Phrases whose best region overlaps people's box with an IoU of 0.5 or more."
    return _picture(key, title, text, [trace], layout)


def _named(points: Sequence[WordPoint], across: Sequence[float]) -> set[int]:
    """The commonest words, the best and the worst, without those whose name would lie on another;
    these, as all others, are named when pointed at."""
    by_score = sorted(range(len(points)), key=lambda k: points[k].score)
    heights = [point.score for point in points]
    wide, high = (max(max(e) - min(e), 1e-9) for e in (across, heights))
    placed: dict[int, tuple[float, float]] = {}
    for ends in zip(reversed(by_score), by_score, range(len(points)), strict=True):
        if len(placed) >= NAMED:
            break
        for k in ends:
            x, y = across[k] / wide, heights[k] / high
            letters = len(points[k].text)
            clear = all(
                abs(y - other_y) > LETTER_HIGH
                or abs(x - other_x) > LETTER_WIDE * (letters + len(points[j].text)) / 2
                for j, (other_x, other_y) in placed.items()
            )
            if clear:
                placed[k] = (x, y)
    return set(placed)


def _words(analysis: Analysis) -> dict[str, Any]:
    points = analysis.words
    lengths = [point.magnitude for point in points]
    flat = max(lengths) - min(lengths) < 0.01  # cosine: every word has length 1
    across = [point.count for point in points] if flat else lengths
    named = _named(points, [log10(n) for n in across] if flat else across)
    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": across,
        "y": [point.score for point in points],
        "text": [plotly_label(p.text) if k in named else "" for k, p in enumerate(points)],
        "hovertext": [f"{plotly_label(p.text)} ({p.count:,} times)" for p in points],
        "textposition": "top center",
        "marker": {"size": 7, "opacity": 0.7},
        "customdata": [{"words": point.text} for point in points],
        "hovertemplate": "%{hovertext}<br>%{x:.3g}, score %{y:.3f}<extra></extra>",
    }
    layout = _layout("times in the set" if flat else "mean length of its vector", "mean score")
    layout["yaxis"]["rangemode"] = "normal"
    layout["height"] = HEIGHT + 120
    if flat:
        ticks = [n * 10**power for power in range(7) for n in (1, 2, 5)]
        layout["xaxis"] |= {"type": "log", "tickvals": ticks}
    text = (
        "Each word over all its places: how often it comes, and its mean score with its region. "
        "This model's word vectors all have length 1."
        if flat
        else "Each word over all its places: the length of its vector, which is what it can add to "
        "a score, and its mean score with its region."
    )
    return _picture("words", "Word magnitudes", text, [trace], layout)


def _cells(analysis: Analysis) -> dict[str, Any]:
    scores, overlaps = analysis.score_edges, analysis.iou_edges
    middles = [[(a + b) / 2 for a, b in pairwise(e)] for e in (scores, overlaps)]
    listing = [
        [
            {
                "order": "iou-lowest",
                "iou_from": round(overlaps[i], 6),
                "iou_to": round(overlaps[i + 1], 6),
                "score_from": scores[j],
                "score_to": scores[j + 1],
            }
            for j in range(len(scores) - 1)
        ]
        for i in range(len(overlaps) - 1)
    ]
    trace = {
        "type": "heatmap",
        "x": middles[0],
        "y": middles[1],
        "z": [list(row) for row in analysis.cells],
        "customdata": listing,
        "xgap": 1,
        "ygap": 1,
        "hovertemplate": "IoU %{y:.2f}, score %{x:.3f}: %{z} phrases<extra></extra>",
        "colorbar": {"thickness": 8, "outlinewidth": 0, "nticks": 5},
    }
    layout = _layout("score of the phrase's best region", "IoU with people's box")
    layout["yaxis"]["showgrid"] = False
    text = "Does a higher score mean a better place? Each cell counts phrases."
    return _picture("cells", "Score and IoU", text, [trace], layout)
