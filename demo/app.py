"""The app: the pages of the registry as tabs, and what surrounds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from fastapi import FastAPI
from fastapi.routing import APIRoute

from demo.pages import PAGES
from demo.web import guard, hosting
from demo.web.guard import GuardLimits
from demo.web.hosting import ServerSettings
from demo.web.pages import Page, Parts, Services

TITLE = "Words and regions"
LINE = "Which words of a sentence belong to which parts of a photo"


def create(services: Services, settings: ServerSettings, pages: Sequence[Page] = PAGES) -> FastAPI:
    """The ASGI application, guarded, with those of the pages that the services suffice for."""
    made = {page: page.parts(services) for page in pages if page.shown_by(services)}
    return hosting.create(
        lambda: layout(made),
        settings,
        sheets=tuple(dict.fromkeys(sheet for parts in made.values() for sheet in parts.sheets)),
        routers=tuple({id(one): one for parts in made.values() for one in parts.routers}.values()),
        addresses=tuple(sorted({page.routes for page in made if page.routes})),
        limits=limits_for(made, services),
        sign_in=services.sessions if services.signing_in else None,
    )


def layout(made: dict[Page, Parts]) -> gr.Blocks:
    """A tab for each page; one page alone needs none."""
    title, line = TITLE, LINE
    alone = len(made) == 1
    if alone:
        [parts] = made.values()
        title, line = parts.heading or (TITLE, LINE)
    blocks: gr.Blocks
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(
            f"<header><h1>{title}</h1><p>{line}</p></header>",
            apply_default_css=False,
            elem_classes="page-head",
        )
        if alone:
            parts.lay_out()
            return blocks
        with gr.Tabs() as tabs:
            for page, parts in made.items():
                with gr.Tab(page.title, id=page.id):
                    parts.lay_out()
        _open_from_address(blocks, tabs, tuple(made))
    return blocks


def _open_from_address(blocks: gr.Blocks, tabs: gr.Tabs, pages: Sequence[Page]) -> None:
    """An address that names a page (`?tab=search`, `?photo=...`) opens its tab."""
    ids = {page.id for page in pages}
    meant = {page.parameter: page.id for page in pages if page.parameter}

    def opened(request: gr.Request) -> Any:
        asked = request.query_params
        page = asked.get("tab") or next((meant[name] for name in meant if asked.get(name)), "")
        return gr.Tabs(selected=page) if page in ids else gr.skip()

    blocks.load(opened, None, tabs, queue=False, show_progress="hidden", api_visibility="private")


def limits_for(made: dict[Page, Parts], services: Services) -> GuardLimits:
    """The guard lets pass what Gradio needs and what the pages registered, and nothing else."""
    read = {f"{page.routes}/*" for page in made if page.routes}
    write = {
        f"{page.routes}/*"
        for page, parts in made.items()
        if any(
            "POST" in (route.methods or ()) for router in parts.routers for route in _routes(router)
        )
    }
    signing_in = ("/login",) if services.signing_in else ()
    signing_out = ("/logout",) if services.signing_in else ()
    return GuardLimits(
        read=(*guard.READ, *sorted(read), *signing_out),
        write=(*guard.WRITE, *sorted(write), *signing_in),
        files=(guard.UPLOAD, *(file for parts in made.values() for file in parts.files)),
        forms=signing_in,
        leaving=signing_out,
    )


def _routes(router: Any) -> list[APIRoute]:
    return [route for route in router.routes if isinstance(route, APIRoute)]
