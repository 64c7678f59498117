"""The app: the describer, loaded once, the pages as tabs, and what surrounds them."""

from __future__ import annotations

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse

from core.describer import Describer
from core.groundings.reader import GroundingSet
from demo import examples
from demo.grounding_set import routes
from demo.grounding_set.service import Groundings
from demo.pages.align import page as align_page
from demo.pages.annotate import page as annotate_page
from demo.pages.browse import page as browse_page
from demo.pages.errors import page as errors_page
from demo.pages.search import page as search_page
from demo.viewer import viewer
from demo.web import guard, hosting
from demo.web.component import static
from demo.web.hosting import Additions, Settings
from demo.web.sessions import Door

TITLE = "Words and regions"
SHEETS = (
    f"{static(viewer.__file__)}/viewer.css",
    f"{static(align_page.__file__)}/align.css",
    f"{static(align_page.__file__)}/describe.css",
    f"{static(routes.__file__)}/grounding_set.css",
)
GUARD = guard.GuardLimits(read=(*guard.READ, "/demo-examples/*", f"/{routes.ADDRESS}/*"))


def pages(
    describer: Describer, groundings: Groundings | None = None, door: Door | None = None
) -> gr.Blocks:
    """All pages, a tab each; those of a grounding set and of a store where there is one."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(
            f"<header><h1>{TITLE}</h1><p>Which words of a sentence belong to which parts of a "
            "photo</p></header>",
            apply_default_css=False,
            elem_classes="page-head",
        )
        with gr.Tabs() as tabs:
            with gr.Tab("Align", id="align"):
                align_page.build(describer)
            if groundings is not None:
                with gr.Tab("Browse", id="browse"):
                    browse_page.build(groundings)
                with gr.Tab("Search", id="search"):
                    search_page.build(groundings)
                with gr.Tab("Errors", id="errors"):
                    errors_page.build(groundings)
                browse_page.open_from_address(blocks, tabs)
            if door is not None:
                with gr.Tab("Annotate", id="annotate"):
                    annotate_page.build()
    return blocks


def create(
    describer: Describer,
    settings: Settings,
    grounding_set: GroundingSet | None = None,
    door: Door | None = None,
) -> FastAPI:
    """The ASGI application, guarded."""
    groundings = Groundings(grounding_set, describer) if grounding_set else None
    routers = [_example_photos()]
    if groundings is not None:
        # Gradio's sign-in stands before its own routes only.
        signed = door is not None and not door.open

        def admitted(request: Request) -> bool:
            return not signed or (door is not None and door.person(request) is not None)

        routers.append(routes.router(groundings, admitted))
    additions = Additions(
        sheets=SHEETS,
        routers=tuple(routers),
        guard=GUARD,
    )
    if door is not None:
        additions = hosting.joined(additions, annotate_page.additions(door))
    return hosting.create(lambda: pages(describer, groundings, door), settings, additions)


def _example_photos() -> APIRouter:
    router = APIRouter()
    photos = {e.file: examples.FOLDER / e.file for e in examples.load()}

    @router.get("/demo-examples/{name}")
    def example_photo(name: str) -> FileResponse:
        if name not in photos:
            raise HTTPException(404)
        return FileResponse(photos[name], media_type="image/jpeg")

    return router
