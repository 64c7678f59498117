"""The Annotate page as an application of its own."""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI

from annotate.page import component
from annotate.page.door import Door
from annotate.store import Store
from annotate.web import hosting
from annotate.web.hosting import Settings

TITLE = "Boxes and words"


def pages() -> gr.Blocks:
    """One page."""
    blocks: gr.Blocks
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(
            f"<header><h1>{TITLE}</h1><p>Draw boxes on photos and say what they show</p></header>",
            apply_default_css=False,
            elem_classes="page-head",
        )
        component.build()
    return blocks


def create(store: Store, open: bool, settings: Settings) -> FastAPI:
    """The ASGI application, guarded. open: whether a name is enough to annotate."""
    return hosting.create(pages, settings, component.additions(Door(store, open)))
