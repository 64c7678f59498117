"""The Browse page: a grounding set's photos as a grid, and one of them opened.

Drawn by static/browse.js from what grounding_routes.py answers; here is its place on the page, and
the endpoints `/browse`, `/open_photo` and `/export_set` for programs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from inspect import signature
from typing import Any

import gradio as gr
from pydantic import ValidationError, validate_call

from core.errors import UserError
from core.formats import named, names
from core.groundings.listing import ORDERS, Listing
from core.groundings.schema import GroundingError
from demo.grounding_set.routes import export_of
from demo.grounding_set.service import Groundings
from demo.web.component import on_load, static

PAGES = ("browse", "search", "errors")
MOST_EXPORTED = 1000  # photos in one answer of `/export_set`; the page's own download has no limit


def build(groundings: Groundings) -> None:
    """Lay the page out inside the tab that is open, and publish its endpoints."""
    grounding_page("browse", __file__)
    _publish(groundings)


def grounding_page(name: str, file: str) -> gr.HTML:
    """A component that the page's own module fills, in the colours of regions."""
    return gr.HTML(
        html_template=f'<div class="groundings {name}"></div>',
        js_on_load=on_load(static(file), f"{name}.js"),
        apply_default_css=False,
    )


def open_from_address(blocks: gr.Blocks, tabs: gr.Tabs) -> None:
    """An address that names a page (`?tab=search`, `?photo=...`) opens its tab."""

    def opened(request: gr.Request) -> Any:
        asked = request.query_params
        page = asked.get("tab") or ("browse" if asked.get("photo") else "")
        return gr.Tabs(selected=page) if page in PAGES else gr.skip()

    blocks.load(opened, None, tabs, queue=False, show_progress="hidden", api_visibility="private")


def publish(job: Callable[..., Any], name: str, description: str) -> None:
    """The endpoint `/name`, with the job's arguments and their types.

    An argument of a wrong type, and what the page would say in red, become its error.
    """
    names = list(signature(job).parameters)
    checked = validate_call(job)

    @wraps(job)
    def endpoint(*values: Any) -> Any:
        try:
            return checked(*values)
        except ValidationError as error:
            wrong = error.errors()[0]
            said = f"{names[int(wrong['loc'][0])]}: {wrong['msg']}."
        except UserError as error:
            said = str(error)
        raise gr.Error(said, print_exception=False)

    gr.api(endpoint, api_name=name, api_description=description)


def _publish(groundings: Groundings) -> None:
    def browse(
        order: str = "set",
        words: str = "",
        rank_from: int | None = None,
        rank_to: int | None = None,
        kind: str | None = None,
        iou_from: float | None = None,
        iou_to: float | None = None,
        area_from: float | None = None,
        area_to: float | None = None,
        score_from: float | None = None,
        score_to: float | None = None,
        offset: int = 0,
        count: int = 60,
    ) -> dict[str, Any]:
        ends = (iou_from, iou_to, area_from, area_to, score_from, score_to)
        listing = Listing(order, words, rank_from, rank_to, kind, *ends)
        return groundings.list(listing, offset, count)

    def open_photo(
        photo: str, sentence: int = -1, text: str = "", beta: float = 0.0
    ) -> dict[str, Any]:
        opened = groundings.open(photo, None if sentence < 0 else sentence, text, beta)
        opened["alignment"] = opened.pop("view")["alignment"]  # the rest is for drawing
        return opened

    def export_set(
        format: str = "jsonl",
        boxes: str = "model",
        beta: float = 0.0,
        first: int = 0,
        count: int = MOST_EXPORTED,
    ) -> str:
        if first < 0 or not 1 <= count <= MOST_EXPORTED:
            raise GroundingError(
                f"first is {first} and count {count}; expected 0 or more and 1 to {MOST_EXPORTED}"
            )
        export = replace(export_of(groundings, boxes, beta), first=first, count=count)
        return named(format).write(export.project).decode()

    publish(
        browse,
        "browse",
        "Photos of the grounding set: names, sizes, rank of the best true sentence, score, IoU. "
        f"order is one of {', '.join(ORDERS)}; words stand in a true sentence; the photo has one "
        "phrase of that kind, IoU (from included, to not), share of the photo and score. null asks "
        "for nothing.",
    )
    publish(
        open_photo,
        "open_photo",
        "One photo by name: its sentences, the best ones of its gallery, its phrases with boxes, "
        "and the alignment of one sentence (by number; -1 for the first) or of a text, at beta, "
        "and the photos that the sentence finds. Boxes are [x1, y1, x2, y2] in the photo's own "
        "pixels.",
    )
    publish(
        export_set,
        "export_set",
        f"A part of the set as text: format is one of {names()}; boxes are the model's "
        f"at beta, or people's; photos first to first + count - 1, at most {MOST_EXPORTED:,}.",
    )
