"""The Annotate page as one component: everything in it is drawn by static/annotate.js.

An instance of `gr.HTML`, as all components here: beside a subclass Gradio would write a .pyi file.
It carries no data: what a person sees, the page asks for itself, in that person's session.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from annotate.page.door import Door
from annotate.page.files_api import files_api
from annotate.page.review_api import review_api
from annotate.page.work_api import work_api
from annotate.web import guard
from annotate.web.component import on_load
from annotate.web.guard import GuardLimits
from annotate.web.hosting import Additions

STATIC = "annotate-static"
FILES = "/annotate/import/*"


def build() -> None:
    """Lay the page out inside the `gr.Blocks` or `gr.Tab` that is open."""
    gr.HTML(
        html_template='<div class="annotate"></div>',
        js_on_load=on_load(STATIC, "annotate.js"),
        apply_default_css=False,
        elem_id="annotate",
    )


def additions(door: Door) -> Additions:
    """What the page needs beside Gradio; an app may add its own to it."""
    signing_in = () if door.open else ("/login",)
    return Additions(
        sheets=(f"{STATIC}/annotate.css",),
        folders={STATIC: Path(__file__).parent / "static"},
        routers=(work_api(door), review_api(door), files_api(door)),
        guard=GuardLimits(
            read=(
                *guard.READ,
                f"/{STATIC}/*",
                "/annotate/*",
                *(() if door.open else ("/logout",)),
            ),
            write=(*guard.WRITE, "/annotate/*", *signing_in),
            files=(guard.UPLOAD, FILES),
            forms=signing_in,
        ),
        auth=None if door.open else door.gradio,
    )
