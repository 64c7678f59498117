"""The app: the describer, loaded once, the pages as tabs, and what surrounds them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported; promise 11

import gradio as gr
import plotly
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from core.describer import Describer
from demo import align_page, examples
from demo.security import Guard
from demo.uploads import UploadFolder, UploadLimits
from demo.viewer import STATIC

TITLE = "Words and regions"
HERE = Path(__file__).parent
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


@dataclass(frozen=True)
class Settings:
    """Where the server listens, what it is called, and where uploads lie."""

    uploads: Path
    """A folder of the server's own: it deletes what it finds there."""
    host: str = "127.0.0.1"
    """Only this machine, until someone decides otherwise."""
    names: tuple[str, ...] = ()
    """Further names under which it may be called, such as a proxy's."""
    limits: UploadLimits = field(default_factory=UploadLimits)
    waiting: int = 64
    """Requests in the queue; further ones are told that it is full."""
    sessions: int = 1000
    """Visitors remembered at once; each costs about 0.1 MB."""


def theme() -> gr.themes.Base:
    """Quiet colours, the system's own fonts: nothing to fetch."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
    )


def pages(describer: Describer, settings: Settings) -> gr.Blocks:
    """All pages, a tab each."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(
            f"<header><h1>{TITLE}</h1><p>Which words of a sentence belong to which parts of a "
            "photo</p></header>",
            apply_default_css=False,
            elem_classes="page-head",
        )
        with gr.Tabs(), gr.Tab("Align", id="align"):
            align_page.build(describer)
    blocks.state_session_capacity = settings.sessions
    blocks.queue(max_size=settings.waiting)
    return blocks


def create(describer: Describer, settings: Settings) -> FastAPI:
    """The ASGI application, guarded."""
    os.environ["GRADIO_TEMP_DIR"] = str(settings.uploads)  # Gradio's one way to choose a folder
    folder = UploadFolder(settings.uploads, settings.limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep_on_and_on(folder))
        yield
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    photos = {e.file: examples.FOLDER / e.file for e in examples.load()}

    @app.get(f"/{STATIC}/plotly.min.js")
    def plotly_script() -> FileResponse:
        return FileResponse(PLOTLY, media_type="text/javascript")

    @app.get("/demo-examples/{name}")
    def example_photo(name: str) -> FileResponse:
        if name not in photos:
            raise HTTPException(404)
        return FileResponse(photos[name], media_type="image/jpeg")

    app.mount(f"/{STATIC}", StaticFiles(directory=HERE / "static"))
    app.add_middleware(
        Guard,
        uploads=folder,
        hosts={"localhost", "127.0.0.1", "::1", socket.gethostname(), *settings.names}
        | {settings.host},
        any_address=settings.host in ("0.0.0.0", "::"),
    )
    return gr.mount_gradio_app(
        app,
        pages(describer, settings),
        path="/",
        theme=theme(),
        head=f'<link rel="stylesheet" href="{STATIC}/page.css">',
        footer_links=["api"],
        run_history=False,
        show_error=False,  # what goes wrong inside is for the log, not for the visitor (promise 19)
        max_file_size=settings.limits.request_bytes,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
    )


async def _sweep_on_and_on(folder: UploadFolder) -> None:
    while True:
        await asyncio.sleep(folder.limits.sweep_seconds)
        await asyncio.to_thread(folder.sweep)
