"""What the Browse page fetches.

    /groundings/list | open | align | maps | random | export

Plain GET requests, not Gradio events: a browser asks for several at once and drops a question that
is overtaken.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from core.formats import writer
from core.groundings.export import Export
from core.groundings.listing import Listing
from core.groundings.schema import GroundingError
from demo.grounding_set.routes import set_router
from demo.grounding_set.service import GroundingService
from demo.web.errors import RefusedError, refusal
from demo.web.guard import CALLER
from demo.web.pages import Services
from demo.web.work_queue import QueueFullError, WorkQueue

Listed = Annotated[Listing, Depends()]
"""Each field of a listing is a parameter of the address."""
Photo = Annotated[str, Query(description="its name in the set")]
Sentence = Annotated[int, Query(description="its number in the set; below 0: none")]


def router(services: Services) -> APIRouter:
    """The page's questions."""
    assert services.groundings is not None
    routes = set_router(services)
    _add_questions(routes, services.groundings)
    _add_export(routes, services.groundings)
    return routes


def _add_questions(routes: APIRouter, groundings: GroundingService) -> None:
    @routes.get("/list")
    def page(listing: Listed, offset: int = 0, count: int = 60) -> dict[str, Any]:
        return groundings.page(listing, offset, count)

    @routes.get("/open")
    def opened(
        listing: Listed,
        photo: Photo = "",
        sentence: Sentence = -1,
        text: str = "",
        beta: float | None = None,
    ) -> dict[str, Any]:
        return groundings.open(photo, chosen(sentence), text, beta, listing)

    @routes.get("/align")
    def align(
        photo: Photo = "", sentence: Sentence = -1, text: str = "", beta: float | None = None
    ) -> dict[str, Any]:
        return groundings.align(photo, chosen(sentence), text, beta)

    looking = WorkQueue("looking", at_once=2, waiting=20, each=6)  # a look keeps a core busy

    @routes.get("/maps")
    async def maps(photo: Photo = "", sentence: Sentence = -1, text: str = "") -> dict[str, Any]:
        job = partial(groundings.maps, photo, chosen(sentence), text)
        try:
            return await looking.run(CALLER.get(), job)
        except QueueFullError:
            said = "Many photos are being looked at; try again in a moment."
            raise RefusedError(503, "busy", said) from None

    @routes.get("/random")
    def some(listing: Listed, photo: Photo = "") -> dict[str, str]:
        return {"photo": groundings.random(listing, photo)}


def chosen(sentence: int) -> int | None:
    """A sentence's number, or None for one below 0."""
    return None if sentence < 0 else sentence


def _add_export(routes: APIRouter, groundings: GroundingService) -> None:
    exporting = threading.Semaphore(2)  # each keeps a core busy while it lasts

    @routes.get("/export")
    def export(format: str = "jsonl", boxes: str = "model", beta: float | None = None) -> Response:
        form = writer(format)
        pieces = form.pieces(export_of(groundings, boxes, beta).project)
        headers = {"content-disposition": f'attachment; filename="groundings{form.ending}"'}
        return _OneOfFew(exporting, pieces, headers)


class _OneOfFew(StreamingResponse):
    """A stream that takes a slot when it begins to be sent and gives it back however it ends.

    Not inside the generator: one whose reader hangs up first never starts, and never ends.
    """

    def __init__(
        self, slots: threading.Semaphore, pieces: Iterable[bytes], headers: dict[str, str]
    ) -> None:
        super().__init__(pieces, media_type="application/json", headers=headers)
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._slots.acquire(blocking=False):
            said = "Two exports are running; try again when one is done."
            await refusal(503, "busy", said)(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._slots.release()


def export_of(groundings: GroundingService, source: str, beta: float | None) -> Export:
    """The set as records; GroundingError for another source or beta."""
    if source not in ("model", "people"):
        raise GroundingError(f"boxes is '{source[:40]}'; expected model or people")
    if beta is not None and not 0 <= beta < float("inf"):
        raise GroundingError("Beta must be a finite number from 0 upwards.")
    return Export(groundings.set, source, beta)
