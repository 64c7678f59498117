"""Pages made with Gradio become an application: guarded, its own files beside it, nothing else."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
import plotly
from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from demo.web import errors
from demo.web.calls import Calls
from demo.web.component import static, static_folders
from demo.web.guard import Guard, GuardLimits
from demo.web.sessions import Sessions
from demo.web.sign_in import sign_in_page, sign_in_routes
from demo.web.uploads import UploadFolder, UploadLimits

STATIC = static(__file__)
SHEETS = tuple(f"{STATIC}/{name}.css" for name in ("frame", "palette", "photo"))
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


@dataclass(frozen=True)
class ServerSettings:
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


def create(
    pages: Callable[[], gr.Blocks],
    settings: ServerSettings,
    *,
    sheets: tuple[str, ...] = (),
    routers: tuple[APIRouter, ...] = (),
    addresses: tuple[str, ...] = (),
    limits: GuardLimits = GuardLimits(),
    sign_in: Sessions | None = None,
) -> FastAPI:
    """The ASGI application, guarded.

    pages    lays them out; called once Gradio knows its folder
    sheets   addresses of the pages' style sheets, beside those that all share
    routers  what is served beside Gradio, below `addresses`
    limits   what the guard lets pass
    sign_in  who may come in, where a password is asked for before any page
    """
    os.environ["GRADIO_TEMP_DIR"] = str(settings.uploads)  # Gradio's one way to choose a folder
    folder = UploadFolder(settings.uploads, settings.limits)
    calls = Calls()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep_on_and_on(folder))
        yield
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    errors.install(app)

    @app.get(f"/{STATIC}/plotly.min.js")
    def plotly_script() -> FileResponse:
        return FileResponse(PLOTLY, media_type="text/javascript")

    for router in (*routers, *([sign_in_routes(sign_in)] if sign_in else ())):
        app.include_router(router)
    for address, files in static_folders().items():
        app.mount(f"/{address}", StaticFiles(directory=files))
    for address in (*addresses, "/demo"):
        app.mount(address, errors.absent)  # or the rest would be Gradio's, and refused its way
    app.add_middleware(
        Guard,
        uploads=folder,
        hosts=_own_names(settings),
        any_address=settings.host in ("0.0.0.0", "::"),
        limits=limits,
        admitted=None if sign_in is None else lambda request: sign_in.person(request) is not None,
        sign_in_page=sign_in_page,
        calls=calls,
    )
    blocks = calls.blocks = pages()
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
        head="".join(f'<link rel="stylesheet" href="{sheet}">' for sheet in (*SHEETS, *sheets)),
        footer_links=["api"],
        run_history=False,
        show_error=False,  # what goes wrong inside is for the log, not for the visitor
        max_file_size=settings.limits.request_bytes,
        auth_dependency=sign_in.name if sign_in else None,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
    )
    return mounted


def _own_names(settings: ServerSettings) -> Iterable[str]:
    local = {"localhost", "127.0.0.1", "::1", socket.gethostname()}
    return local | {settings.host, *settings.names}


async def _sweep_on_and_on(folder: UploadFolder) -> None:
    while True:
        await asyncio.sleep(folder.limits.sweep_seconds)
        await asyncio.to_thread(folder.sweep)
