"""What stands between the network and Gradio: one ASGI middleware that lets little through.

Gradio serves some fifty routes: a proxy, files by path, live editing, monitoring. The pages need a
dozen. `Guard` passes those, and what an app adds of its own, and answers 404 to the rest, so a hole
in a route that is not used is not a hole here. It also holds promises 9 and 11 to 16: names the
hosts it answers to, changes nothing for a foreign page, caps what it is sent, and marks what it
sends.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.web.uploads import UploadFolder

UPLOAD = "/gradio_api/upload"
READ = (
    "/",
    "/config",
    "/theme.css",
    "/favicon.ico",
    "/manifest.json",
    "/robots.txt",
    "/assets/*",
    "/static/*",
    "/demo/*",
    "/gradio_api/app_id",
    "/gradio_api/info",
    "/gradio_api/openapi.json",
    "/gradio_api/startup-events",
    "/gradio_api/heartbeat/*",
    "/gradio_api/upload_progress",
    "/gradio_api/queue/data",
    "/gradio_api/queue/status",
    "/gradio_api/call/*",
)
WRITE = (
    UPLOAD,
    "/gradio_api/queue/join",
    "/gradio_api/run/*",
    "/gradio_api/api/*",
    "/gradio_api/call/*",
    "/gradio_api/cancel",
    "/gradio_api/reset",
)

# Nothing may come from elsewhere (promise 11), whatever a page of ours would ask for. Gradio's
# components are built from strings at run time: hence 'unsafe-eval' and 'unsafe-inline'.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
ADDED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "content-security-policy": POLICY,
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class GuardLimits:
    """What a request may be."""

    json_bytes: int = 1 * 2**20
    """Sentences and numbers: the longest sentence takes 16 KB; photos travel as uploads."""
    read: tuple[str, ...] = READ
    """What GET and HEAD may ask for. `*` at the end stands for anything."""
    write: tuple[str, ...] = WRITE
    """What POST may ask for."""
    files: tuple[str, ...] = (UPLOAD,)
    """Those of `write` whose body is a file: larger, and no JSON to look into."""
    forms: tuple[str, ...] = ()
    """Those of `write` whose body is a form of a few words."""


def _matches(path: str, patterns: Iterable[str]) -> bool:
    path = path.rstrip("/") or "/"
    return any(
        path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
        for pattern in patterns
    )


def known_host(header: str, names: frozenset[str], any_address: bool) -> bool:
    """A Host header -> whether this server is called so.

    any_address: a server on all interfaces answers to each of its addresses. An address in the Host
    header is harmless: to turn a visitor's browser against us, an attacker needs a name.
    """
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?", header.lower())
    if not found:
        return False
    name = found[1].strip("[]")
    if name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return any_address


def fetches(data: Any) -> bool:
    """Whether a request's JSON names a file by an address, which Gradio would go and fetch."""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            path = item.get("path")
            if isinstance(path, str) and re.match(r"\s*[a-z][a-z0-9+.-]*:", path, re.IGNORECASE):
                return True
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False


class Guard:
    """ASGI middleware. hosts: the names (no ports) under which the server may be called."""

    def __init__(
        self,
        app: ASGIApp,
        uploads: UploadFolder,
        hosts: Iterable[str],
        any_address: bool = False,
        limits: GuardLimits = GuardLimits(),
    ) -> None:
        self.app = app
        self.uploads = uploads
        self.hosts = frozenset(host.lower().strip("[]") for host in hosts)
        self.any_address = any_address
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ADDED.items():
                    headers[name] = value
            await send(message)

        if refusal := self._refusal(scope):
            await refusal(scope, receive, marked)
        elif scope["method"] != "POST":
            await self.app(scope, receive, marked)
        elif _matches(scope["path"], self.limits.files):
            await self.app(scope, receive, marked)
            await run_in_threadpool(self.uploads.sweep)
        elif _matches(scope["path"], self.limits.forms):
            await self.app(scope, receive, marked)
        else:
            await self._with_json(scope, receive, marked)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        """What can be told from the first lines of a request."""
        headers, path = Headers(scope=scope), scope["path"]
        named = [headers.get("host", ""), *headers.getlist("x-forwarded-host")]
        if not all(known_host(name, self.hosts, self.any_address) for name in named):
            return _answer(400, "This server has another name.")
        if scope["method"] in ("GET", "HEAD"):
            return None if _matches(path, self.limits.read) else _answer(404, "Not found.")
        if scope["method"] != "POST":
            return _answer(405, "Only GET, HEAD and POST.")
        origin = headers.get("origin")
        foreign = origin is not None and origin.lower().partition("://")[2] != named[0].lower()
        if foreign or headers.get("sec-fetch-site", "none") in ("cross-site", "same-site"):
            return _answer(403, "Only this server's own pages may do this.")
        if not _matches(path, self.limits.write):
            return _answer(404, "Not found.")
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return _answer(411, "The request must state its length.")
        file = _matches(path, self.limits.files)
        most = self.uploads.limits.request_bytes if file else self.limits.json_bytes
        if int(length) > most:
            return _answer(413, f"At most {most:,} bytes are accepted at once.")
        return None

    async def _with_json(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body (its length is capped), look at it, and hand it on."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
        try:
            refused = fetches(json.loads(body or b"null"))
        except (ValueError, RecursionError):
            await _answer(400, "The request is not JSON.")(scope, receive, send)
            return
        if refused:
            text = "Upload the file itself: nothing is fetched from an address."
            await _answer(400, text)(scope, receive, send)
            return
        handed = False

        async def again() -> Message:
            nonlocal handed
            if handed:
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)


def _answer(status: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(text, status_code=status)
