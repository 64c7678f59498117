"""The Browse page: a grounding set's photos as a grid, and one of them opened.

Drawn by static/browse.js from what grounding_routes.py answers; here is its place on the page, and
the endpoints `/browse`, `/open_photo` and `/export_set` for programs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

import gradio as gr

from annotate.web.component import on_load
from core.describer import SentenceError
from core.groundings.listing import Listing
from core.groundings.records import write_text
from core.groundings.schema import GroundingError
from demo.grounding_routes import export_of
from demo.groundings import Groundings
from demo.viewer import STATIC

PAGES = ("browse", "search", "errors")
MOST_EXPORTED = 1000  # photos in one answer of `/export_set`; the page's own download has no limit
_Answer = TypeVar("_Answer")


def build(groundings: Groundings) -> None:
    """Lay the page out inside the tab that is open, and publish its endpoints."""
    grounding_page("browse", "browse.js")
    _publish(groundings)


def grounding_page(name: str, module: str) -> gr.HTML:
    """A component that static/`module` fills, in the colours of regions."""
    return gr.HTML(
        html_template=f'<div class="groundings {name}"></div>',
        js_on_load=on_load(STATIC, module),
        apply_default_css=False,
    )


def open_from_address(blocks: gr.Blocks, tabs: gr.Tabs) -> None:
    """An address that names a page (`?tab=search`, `?photo=...`) opens its tab."""

    def opened(request: gr.Request) -> Any:
        asked = request.query_params
        page = asked.get("tab") or ("browse" if asked.get("photo") else "")
        return gr.Tabs(selected=page) if page in PAGES else gr.skip()

    blocks.load(opened, None, tabs, queue=False, show_progress="hidden", api_visibility="private")


def plainly(ask: Callable[[], _Answer]) -> _Answer:
    """An endpoint's answer; what the page would say in red becomes its error."""
    try:
        return ask()
    except (GroundingError, SentenceError) as error:
        raise gr.Error(str(error), print_exception=False) from None


def _publish(groundings: Groundings) -> None:
    def browse(
        order: str = "set",
        words: str = "",
        rank_from: int = 0,
        rank_to: int = 0,
        kind: str = "",
        iou_from: float = 0.0,
        iou_to: float = 0.0,
        offset: int = 0,
        count: int = 60,
    ) -> dict[str, Any]:
        def ask() -> dict[str, Any]:
            listing = replace(
                Listing(order, words or ""),
                rank_from=rank_from or None,
                rank_to=rank_to or None,
                kind=kind or None,
                iou_from=iou_from or None,
                iou_to=iou_to or None,
            )
            return groundings.list(listing, offset, count)

        return plainly(ask)

    def open_photo(
        photo: str, sentence: int = -1, text: str = "", beta: float = 0.0
    ) -> dict[str, Any]:
        chosen = None if sentence < 0 else sentence
        opened = plainly(lambda: groundings.open(photo, chosen, text or "", beta))
        opened["alignment"] = opened.pop("view")["alignment"]  # the rest is for drawing
        return opened

    def export_set(
        format: str = "jsonl",
        boxes: str = "model",
        beta: float = 0.0,
        first: int = 0,
        count: int = MOST_EXPORTED,
    ) -> str:
        def ask() -> str:
            if first < 0 or not 1 <= count <= MOST_EXPORTED:
                raise GroundingError(
                    f"first is {first} and count {count}; expected 0 or more and "
                    f"1 to {MOST_EXPORTED}"
                )
            export = replace(export_of(groundings, boxes, beta), first=first)
            return "".join(write_text(list(islice(export, count)), format))

        return plainly(ask)

    gr.api(
        browse,
        api_name="browse",
        api_description=(
            "Photos of the grounding set: names, sizes, rank of the best true sentence, score, "
            "IoU. order is set, rank-worst, rank-best, score-lowest, score-highest, iou-lowest or "
            "iou-highest; words stand in a true sentence; 0 and an empty text ask for nothing."
        ),
    )
    gr.api(
        open_photo,
        api_name="open_photo",
        api_description=(
            "One photo by name: its sentences, the best ones of its gallery, its phrases with "
            "boxes, and the alignment of one sentence (by number; -1 for the first) or of a text, "
            "at beta. Boxes are [x1, y1, x2, y2] in the photo's own pixels."
        ),
    )
    gr.api(
        export_set,
        api_name="export_set",
        api_description=(
            "A part of the set as text: format is jsonl, coco, vg or entities; boxes are the "
            "model's at beta, or people's; photos first to first + count - 1, at most "
            f"{MOST_EXPORTED:,}."
        ),
    )
