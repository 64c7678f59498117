"""The example photos as a strip of thumbnails, and the address that they are served from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import gradio as gr
from fastapi import APIRouter
from fastapi.responses import FileResponse

from demo import examples
from demo.examples import Example
from demo.web.component import component
from demo.web.errors import RefusedError


def example_strip(offered: tuple[Example, ...], **settings: Any) -> gr.HTML:
    """Thumbnails; the picked one's sentences below. Its `pick` event carries
    {photo, text, beta}: its number, the sentence, and the beta that an address names, or null."""
    return component(
        __file__,
        "examples",
        [asdict(example) for example in offered],
        events=("pick",),
        visible=bool(offered),
        **settings,
    )


def router(offered: tuple[Example, ...]) -> APIRouter:
    """`/examples/FILE`: those photos and no other file."""
    routes = APIRouter(prefix="/examples")
    photos = {example.file: examples.FOLDER / example.file for example in offered}

    @routes.get("/{name}")
    def photo(name: str) -> FileResponse:
        if name not in photos:
            raise RefusedError(404, "absent", "There is no such example.")
        return FileResponse(photos[name], media_type="image/jpeg")

    return routes
