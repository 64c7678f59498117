"""Pages made with Gradio become an application: guarded, its own files beside it, nothing else."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
import plotly
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from demo.web.component import static, static_folders
from demo.web.guard import Guard, GuardLimits
from demo.web.uploads import UploadFolder, UploadLimits

STATIC = static(__file__)
SHEETS = tuple(f"{STATIC}/{name}.css" for name in ("frame", "palette", "photo"))
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


@dataclass(frozen=True)
class Additions:
    """What an app serves beside Gradio's pages."""

    sheets: tuple[str, ...]
    """Addresses of its style sheets, beside those that all pages share."""
    routers: tuple[APIRouter, ...] = ()
    guard: GuardLimits = field(default_factory=GuardLimits)
    auth: Callable[[str, str], Awaitable[bool]] | None = None
    """Gradio's sign-in, for the whole app."""
    admitted: Callable[[Request], bool] | None = None
    """With a sign-in: whether a request comes from somebody who may be here now."""


def joined(one: Additions, other: Additions) -> Additions:
    """What two parts of an app serve, together; the sign-in is the one that is there."""

    def both(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*getattr(one.guard, name), *getattr(other.guard, name))))

    return Additions(
        sheets=(*one.sheets, *other.sheets),
        routers=(*one.routers, *other.routers),
        guard=GuardLimits(
            json_bytes=max(one.guard.json_bytes, other.guard.json_bytes),
            read=both("read"),
            write=both("write"),
            files=both("files"),
            forms=both("forms"),
            leaving=both("leaving"),
        ),
        auth=one.auth or other.auth,
        admitted=one.admitted or other.admitted,
    )


def theme() -> gr.themes.Base:
    """Quiet colours, the system's own fonts: nothing to fetch."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.blue,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "monospace"],
    )


def create(pages: Callable[[], gr.Blocks], settings: Settings, additions: Additions) -> FastAPI:
    """The ASGI application, guarded. pages: called once Gradio knows its folder."""
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

    @app.get(f"/{STATIC}/plotly.min.js")
    def plotly_script() -> FileResponse:
        return FileResponse(PLOTLY, media_type="text/javascript")

    for router in additions.routers:
        app.include_router(router)
    for address, files in static_folders().items():
        app.mount(f"/{address}", StaticFiles(directory=files))
    app.add_middleware(
        Guard,
        uploads=folder,
        hosts=_own_names(settings),
        any_address=settings.host in ("0.0.0.0", "::"),
        limits=additions.guard,
        admitted=additions.admitted,
    )
    blocks = pages()
    blocks.state_session_capacity = settings.sessions
    # Or Gradio takes any path: whether a file was uploaded, it asks only in an app that it launched
    # itself, and a mounted one never is.
    blocks.has_launched = True
    # Closed: a direct call of what is queued would escape the queue, and its limits.
    blocks.queue(max_size=settings.waiting, api_open=False)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        theme=theme(),
        head="".join(
            f'<link rel="stylesheet" href="{sheet}">' for sheet in (*SHEETS, *additions.sheets)
        ),
        footer_links=["api"],
        run_history=False,
        show_error=False,  # what goes wrong inside is for the log, not for the visitor
        max_file_size=settings.limits.request_bytes,
        auth=additions.auth,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
    )
    return mounted


def _own_names(settings: Settings) -> Iterable[str]:
    local = {"localhost", "127.0.0.1", "::1", socket.gethostname()}
    return local | {settings.host, *settings.names}


async def _sweep_on_and_on(folder: UploadFolder) -> None:
    while True:
        await asyncio.sleep(folder.limits.sweep_seconds)
        await asyncio.to_thread(folder.sweep)
