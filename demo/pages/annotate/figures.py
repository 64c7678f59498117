"""Pictures of agreement, as plain plotly JSON; static/plots.js gives them the page's colours.

Names that people chose are made inert: plotly reads tags, entities and `$...$` in every label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotate.agreement import Agreement
from demo.web.labels import plotly_label

Figure = dict[str, Any]
STILL = {"fixedrange": True, "zeroline": False, "ticks": ""}
BINS = 20
"""Steps of 0.05 of IoU."""
SCORES = {  # those from 0 to 100; CIDEr goes to 1,000 and would dwarf them
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "meteor": "METEOR",
}


def people(measured: Agreement) -> Figure | None:
    """Everybody with everybody: the share of boxes that have a partner. None for nobody."""
    names = sorted(measured.people)
    if not names:
        return None
    place = {name: k for k, name in enumerate(names)}
    shares: list[list[float | None]] = [[None] * len(names) for _ in names]
    for (one, other), overlap in measured.pairs.items():
        shares[place[one]][place[other]] = shares[place[other]][place[one]] = overlap.share_agreed
    ticks = {
        "tickvals": list(range(len(names))),
        "ticktext": [plotly_label(name) for name in names],
        "showgrid": False,
        "automargin": True,
    }
    heat = {
        "type": "heatmap",
        "z": shares,
        "zmin": 0,
        "zmax": 1,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "%{z:.0%} of boxes agree<extra></extra>",
        "texttemplate": "%{z:.0%}" if len(names) <= 12 else "",
        "showscale": False,
    }
    layout = {
        "height": 110 + 30 * len(names),
        "xaxis": STILL | ticks,
        "yaxis": STILL | ticks | {"autorange": "reversed"},
    }
    return {"data": [heat], "layout": _plain(layout)}


def photos(measured: Agreement) -> Figure | None:
    """How many photos have which mean IoU of matched boxes. None where nothing matches."""
    means = [one.mean_iou for one in measured.photos.values() if one.mean_iou is not None]
    if not means:
        return None
    counts = [0] * BINS
    for mean in means:
        counts[min(int(mean * BINS), BINS - 1)] += 1
    bars = {
        "type": "bar",
        "x": [(k + 0.5) / BINS for k in range(BINS)],
        "y": counts,
        "width": 1 / BINS,
        "hovertemplate": "%{y} photos, IoU about %{x:.2f}<extra></extra>",
    }
    whole = {"tick0": 0, "dtick": max(1, -(-max(counts) // 5))}  # there are no half photos
    layout = {
        "height": 260,
        "xaxis": STILL | {"range": [0, 1], "title": {"text": "mean IoU of matched boxes"}},
        "yaxis": STILL | {"title": {"text": "photos"}, "rangemode": "tozero"} | whole,
    }
    return {"data": [bars], "layout": _plain(layout)}


def snippets(scores: Mapping[str, float]) -> Figure | None:
    """The human ceiling: each snippet against the others' of the same thing. None without any."""
    known = [name for name in SCORES if name in scores]
    if not known:
        return None
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [scores[name] for name in known],
        "y": [SCORES[name] for name in known],
        "texttemplate": "%{x:.1f}",
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    layout = {
        "height": 80 + 30 * len(known),
        "xaxis": STILL | {"rangemode": "tozero"},
        "yaxis": STILL | {"autorange": "reversed", "automargin": True, "showgrid": False},
    }
    return {"data": [bars], "layout": _plain(layout)}


def _plain(layout: Figure) -> Figure:
    return layout | {
        "margin": {"l": 60, "r": 50, "t": 10, "b": 50},
        "showlegend": False,
        "dragmode": False,
        "bargap": 0.05,
    }
