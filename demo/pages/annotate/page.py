"""The Annotate page as one component: everything in it is drawn by static/annotate.js.

An instance of `gr.HTML`, as all components here: beside a subclass Gradio would write a .pyi file.
It carries no data: what a person sees, the page asks for itself, in that person's session.
"""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI

from demo.pages.annotate.files_api import files_api
from demo.pages.annotate.review_api import review_api
from demo.pages.annotate.work_api import work_api
from demo.web import guard, hosting
from demo.web.component import on_load, static
from demo.web.guard import GuardLimits
from demo.web.hosting import Additions, Settings
from demo.web.sessions import Door

STATIC = static(__file__)
FILES = "/annotate/import/*"
TITLE = "Boxes and words"


def build() -> None:
    """Lay the page out inside the `gr.Blocks` or `gr.Tab` that is open."""
    gr.HTML(
        html_template='<div class="annotate"></div>',
        js_on_load=on_load(STATIC, "annotate.js"),
        apply_default_css=False,
        elem_id="annotate",
    )


def alone() -> gr.Blocks:
    """The page without others."""
    blocks: gr.Blocks
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(
            f"<header><h1>{TITLE}</h1><p>Draw boxes on photos and say what they show</p></header>",
            apply_default_css=False,
            elem_classes="page-head",
        )
        build()
    return blocks


def create(door: Door, settings: Settings) -> FastAPI:
    """Annotation alone as an ASGI application, guarded."""
    return hosting.create(alone, settings, additions(door))


def additions(door: Door) -> Additions:
    """What the page needs beside Gradio; an app may add its own to it."""
    signing_in = () if door.open else ("/login",)
    signing_out = () if door.open else ("/logout",)
    return Additions(
        sheets=(f"{STATIC}/annotate.css",),
        routers=(work_api(door), review_api(door), files_api(door)),
        guard=GuardLimits(
            read=(
                *guard.READ,
                "/annotate/*",
                *signing_out,
            ),
            write=(*guard.WRITE, "/annotate/*", *signing_in),
            files=(guard.UPLOAD, FILES),
            forms=signing_in,
            leaving=signing_out,
        ),
        auth=None if door.open else door.gradio,
        admitted=None if door.open else lambda request: door.person(request) is not None,
    )
