"""The Browse page: a grounding set's photos as a grid, and one of them opened.

Drawn by static/browse.js from what routes.py answers; here is its place, and the endpoints
`/browse`, `/open_photo` and `/export_set` for programs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.formats import FORMATS, writer
from core.groundings.listing import ORDERS, Listing
from core.groundings.schema import GroundingError
from demo.grounding_set.endpoints import publish
from demo.grounding_set.page import set_page
from demo.grounding_set.service import GroundingService
from demo.pages.browse.routes import chosen, export_of, router
from demo.viewer import viewer
from demo.web.pages import Parts, Services

MOST_EXPORTED = 1000  # photos in one answer of `/export_set`; the page's own download has no limit


def parts(services: Services) -> Parts:
    """The page of the server's grounding set."""
    sheets = (viewer.SHEET,)
    return set_page(__file__, "browse", services, publish_all, router(services), sheets)


def publish_all(groundings: GroundingService) -> None:
    """The page's endpoints."""

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
        return groundings.page(listing, offset, count)

    def open_photo(
        photo: str, sentence: int = -1, text: str = "", beta: float | None = None
    ) -> dict[str, Any]:
        opened = groundings.open(photo, chosen(sentence), text, beta)
        opened["alignment"] = opened.pop("view")["alignment"]  # the rest is for drawing
        del opened["maps"]
        return opened

    def export_set(
        format: str = "jsonl",
        boxes: str = "model",
        beta: float | None = None,
        first: int = 0,
        count: int = MOST_EXPORTED,
    ) -> str:
        if first < 0 or not 1 <= count <= MOST_EXPORTED:
            raise GroundingError(
                f"first is {first} and count {count}; expected 0 or more and 1 to {MOST_EXPORTED}"
            )
        export = replace(export_of(groundings, boxes, beta), first=first, count=count)
        return writer(format).write(export.project).decode()

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
        "and the alignment of one sentence (by number; -1 for the first) or of a text, at beta "
        "(null: the sentence's default_beta), "
        "and the photos that the sentence finds. Boxes are [x1, y1, x2, y2] in the photo's own "
        "pixels.",
    )
    publish(
        export_set,
        "export_set",
        f"A part of the set as text: format is one of {', '.join(FORMATS)}; boxes are the model's "
        f"at beta (null: each sentence's default), or people's; photos first to "
        f"first + count - 1, at most {MOST_EXPORTED:,}.",
    )
