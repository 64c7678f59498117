"""The picture of all scores: a plotly figure of words x regions, each word's choice marked.

Plain plotly JSON, not `graph_objects`: validating one of those takes 20 ms, and a figure is made
for every step of the beta slider. A test builds the real thing from it instead. Colours that depend
on the page's theme are set where it is drawn (static/heatmap.js).
"""

from __future__ import annotations

from typing import Any

from core.results import Alignment
from demo.web.labels import plotly_label

ROW = 26  # pixels a word gets: a finger's width is not needed, a legible label is
HEAD, FOOT = 34, 10  # pixels above and below the rows


def region_name(region: int) -> str:
    """What the pages call a region: region 0 is the whole photo."""
    return "photo" if region == 0 else str(region)


def figure(alignment: Alignment) -> dict[str, Any]:
    """An alignment -> {"data": [heatmap, marks], "layout", "regions"}; row j is word j, column k
    the k-th of the regions that are shown, whose numbers `regions` lists.

    Rows of unknown words are empty. Rows and columns have numbers for places and names for labels,
    because a sentence may hold a word twice.
    """
    shown = alignment.shown.tolist()
    column = {region: k for k, region in enumerate(shown)}
    words, regions = len(alignment.words), len(shown)
    chosen = [j for j in range(words) if alignment.known[j]]
    heat = {
        "type": "heatmap",
        "z": [
            row[shown].tolist() if known else [None] * regions
            for row, known in zip(alignment.scores, alignment.known, strict=True)
        ],
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "score %{z:.3f}<extra></extra>",
        "colorbar": {
            "thickness": 8,
            "outlinewidth": 0,
            "nticks": 6,
            "xpad": 8,
            "lenmode": "pixels",
            "len": min(ROW * max(words, 3), 280),
            "y": 1,
            "yanchor": "top",
            "ypad": 0,
        },
    }
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": [column[int(alignment.regions[j])] for j in chosen],
        "y": chosen,
        "marker": {"symbol": "square", "size": 13, "line": {"width": 3}},
        "hoverinfo": "skip",
    }
    still = {"fixedrange": True, "showgrid": False, "zeroline": False, "ticks": ""}
    layout = {
        "height": HEAD + FOOT + ROW * max(words, 3),
        "margin": {"l": 8, "r": 8, "t": HEAD, "b": FOOT},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "xaxis": still
        | {
            "side": "top",
            "range": [-0.5, regions - 0.5],
            "tickvals": list(range(regions)),
            "ticktext": [region_name(region) for region in shown],
        },
        "yaxis": still
        | {
            "range": [words - 0.5, -0.5],  # the first word on top
            "tickvals": list(range(words)),
            "ticktext": [plotly_label(word.text) for word in alignment.words],
            "automargin": True,
        },
    }
    return {"data": [heat, marks], "layout": layout, "regions": shown}
