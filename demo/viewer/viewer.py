"""The linked viewer: photo with boxes, coloured sentence, heatmap and table that light together.

Drawn by static/viewer.js from two plain values, so that any page may show an alignment with it:

photo    what `photo_view` gives: the picture, its size and its boxes; sent once for each photo
value    what `alignment_view` gives: everything that a sentence or a beta changes
maps     what `maps_view` gives: where on the photo each word scores; sent with each sentence

Its `slide` event carries {beta}.
"""

from __future__ import annotations

from base64 import b64encode
from math import ceil, floor, log10
from typing import Any

import gradio as gr
import numpy as np

from core.results import Alignment, Look, shown_regions
from core.vision import boxes
from core.vision.images import DecodedPhoto
from demo.viewer import heatmap
from demo.web.component import component, static
from demo.web.pictures import data_url

SHEET = f"{static(__file__)}/viewer.css"


def alignment_viewer(**settings: Any) -> gr.HTML:
    """The component: a photo and, once there is one, its alignment with a sentence."""
    return component(
        __file__,
        "viewer",
        alignment_view(None),
        events=("slide",),
        photo=None,
        maps=None,
        **settings,
    )


def photo_view(
    photo: DecodedPhoto, look: Look, credit: str = "", name: str = "", example: str = ""
) -> dict[str, Any]:
    """A photo as the viewer wants it; boxes are xyxy in the photo's own pixels. name: what its file
    is called, for files made of it; example: that of an example, which an address can name."""
    pixels = boxes.normalised_to_pixels(look.boxes, look.width, look.height)
    return {
        "src": data_url(photo),
        "width": look.width,
        "height": look.height,
        "boxes": pixels.tolist(),
        "shown": shown(look),
        "note": look.note,
        "credit": credit,
        "name": name,
        "example": example,
        "linked": bool(example),
    }


def maps_view(maps: np.ndarray, known: np.ndarray, windows: bool = True) -> dict[str, Any]:
    """The score maps (N, rows, columns) of words, known (N,) -> for each known word its lowest and
    its highest score and, between these, 256 levels: a byte for each point, row by row, as base64.
    windows: whether they were scored too, or the regions alone.

    A tenth of what the numbers would take as JSON, and finer than an eye.
    """
    return {
        "windows": windows,
        "rows": maps.shape[1],
        "columns": maps.shape[2],
        "words": [
            _levels(one) if is_known else None for one, is_known in zip(maps, known, strict=True)
        ],
    }


def _levels(scores: np.ndarray) -> dict[str, Any]:
    low, high = float(scores.min()), float(scores.max())
    shares = (scores - low) / (high - low) if high > low else np.zeros_like(scores)
    levels = np.rint(255 * shares).astype(np.uint8)
    return {"low": low, "high": high, "levels": b64encode(levels.tobytes()).decode("ascii")}


def shown(look: Look) -> list[int]:
    """The regions that are drawn at first: all but the near copies of others."""
    regions = np.arange(len(look.boxes)) if look.copies is None else shown_regions(look.copies)
    found: list[int] = regions.tolist()
    return found


def slider_scale(merging_beta: float) -> dict[str, float]:
    """A slider from 0 to at least `merging_beta` in 100 to 1,000 round steps.

    Rounded up, so that its right end surely makes one segment of the sentence.
    """
    if merging_beta <= 0:
        return {"max": 0.0, "step": 0.0}
    places = 2 - floor(log10(merging_beta))
    step = 10.0**-places
    return {"max": round(ceil(merging_beta / step) * step, places), "step": step}


def alignment_view(alignment: Alignment | None, message: str = "") -> dict[str, Any]:
    """An alignment, or none yet, and one sentence for the person when something went wrong."""
    if alignment is None:
        return {"alignment": None, "message": message}
    return {
        "alignment": alignment.as_dict(),
        "figure": heatmap.figure(alignment),
        "slider": slider_scale(alignment.merging_beta),
        "message": message,
    }
