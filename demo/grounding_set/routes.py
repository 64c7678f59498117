"""What the three pages of a grounding set fetch: JSON and pictures, all read-only.

    /demo-groundings/about | list | open | align | random | search | analysis | export
    /demo-groundings/SET/thumb|whole/PHOTO.jpg, /demo-groundings/SET/tile/PHOTO/REGION.jpg

Plain GET requests, not Gradio events: a browser keeps pictures, asks for several at once and drops
a question that is overtaken. Nothing here takes a path; photos are found by number or by name in
the set. A refusal is {"message": one sentence}.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from core.describer import SentenceError
from core.errors import UserError
from core.formats import named
from core.groundings.export import Export
from core.groundings.listing import listing_of
from core.groundings.schema import GroundingError
from demo.grounding_set.pictures import Pictures
from demo.grounding_set.service import Groundings
from demo.pages.errors import figures as analysis_figures

ADDRESS = "demo-groundings"
Number = Annotated[int, Path(ge=0, le=2**31)]
FOREVER = {
    "cache-control": "private, max-age=604800, immutable"
}  # the set's name is in the address


def router(
    groundings: Groundings, admitted: Callable[[Request], bool] = lambda _: True
) -> APIRouter:
    """The routes of one set. admitted: whether a request's sender may see the pages at all."""

    def check(request: Request) -> None:
        if not admitted(request):
            raise HTTPException(401, "Sign in first.")

    routes = APIRouter(prefix=f"/{ADDRESS}", dependencies=[Depends(check)])
    pictures = Pictures(groundings.set)

    def answer(name: str, ask: Callable[[dict[str, str]], Any]) -> None:
        def endpoint(request: Request) -> JSONResponse:
            try:
                return JSONResponse(ask(dict(request.query_params)))
            except (GroundingError, SentenceError) as error:
                return JSONResponse({"message": str(error)}, status_code=400)

        routes.add_api_route(f"/{name}", endpoint, name=name)

    answer("about", lambda _: groundings.about())
    answer(
        "list",
        lambda asked: groundings.list(
            listing_of(asked), whole(asked, "offset", 0), whole(asked, "count", 60)
        ),
    )
    answer(
        "open",
        lambda asked: groundings.open(
            asked.get("photo", ""), *_chosen(asked), listing=listing_of(asked)
        ),
    )
    answer("align", lambda asked: groundings.align(asked.get("photo", ""), *_chosen(asked)))
    answer(
        "random",
        lambda asked: {"photo": groundings.random(listing_of(asked), asked.get("photo", ""))},
    )
    answer(
        "search", lambda asked: groundings.search(asked.get("words", ""), whole(asked, "count", 24))
    )
    answer("analysis", lambda _: analysis_figures.pictures(groundings.analysis()))

    def picture(name: str, made: bytes | None) -> Response:
        if name != groundings.set.name or made is None:
            return JSONResponse({"message": "There is no such picture."}, status_code=404)
        return Response(made, media_type="image/jpeg", headers=FOREVER)

    @routes.get("/{name}/thumb/{photo}.jpg")
    def thumb(name: str, photo: Number) -> Response:
        return picture(name, pictures.thumb(photo))

    @routes.get("/{name}/whole/{photo}.jpg")
    def whole_photo(name: str, photo: Number) -> Response:
        return picture(name, pictures.whole(photo))

    @routes.get("/{name}/tile/{photo}/{region}.jpg")
    def tile(name: str, photo: Number, region: Number) -> Response:
        return picture(name, pictures.tile(photo, region))

    _add_export(routes, groundings)
    return routes


def _add_export(routes: APIRouter, groundings: Groundings) -> None:
    exporting = threading.Semaphore(2)  # each keeps a core busy while it lasts

    @routes.get("/export")
    def export(request: Request) -> Response:
        asked = dict(request.query_params)
        kind, source = asked.get("format", "jsonl"), asked.get("boxes", "model")
        try:
            beta = number(asked, "beta", 0.0)
            chosen = named(kind)
            pieces = chosen.pieces(export_of(groundings, source, beta).project)
        except UserError as error:
            return JSONResponse({"message": str(error)}, status_code=400)
        name = f"groundings{chosen.ending}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
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
            said = {"message": "Two exports are running; try again when one is done."}
            await JSONResponse(said, status_code=503)(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._slots.release()


def export_of(groundings: Groundings, source: str, beta: float) -> Export:
    """The set as records; GroundingError for another source or beta."""
    if source not in ("model", "people"):
        raise GroundingError(f"boxes is '{source[:40]}'; expected model or people")
    if not 0 <= beta < float("inf"):
        raise GroundingError("Beta must be a finite number from 0 upwards.")
    return Export(groundings.set, source, beta)


def _chosen(asked: dict[str, str]) -> tuple[int | None, str, float]:
    """sentence, text and beta of an address."""
    sentence = whole(asked, "sentence", -1)
    return (None if sentence < 0 else sentence), asked.get("text", ""), number(asked, "beta", 0.0)


def whole(asked: dict[str, str], name: str, default: int) -> int:
    """A whole number of an address. Raises GroundingError for anything else."""
    value = asked.get(name) or str(default)
    if not value.lstrip("-").isdecimal() or len(value) > 9:
        raise GroundingError(f"{name} is '{value[:40]}'; expected a whole number")
    return int(value)


def number(asked: dict[str, str], name: str, default: float) -> float:
    """A number of an address. Raises GroundingError for anything else."""
    value = asked.get(name) or str(default)
    try:
        return float(value)
    except ValueError:
        raise GroundingError(f"{name} is '{value[:40]}'; expected a number") from None
