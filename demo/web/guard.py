"""What stands between the network and Gradio: one ASGI middleware that lets little through.

Gradio serves some fifty routes: a proxy, files by path, live editing, monitoring. The pages need a
dozen. `Guard` passes those, and what an app adds of its own, and answers 404 to the rest, so a hole
in a route that is not used is not a hole here. It also answers to known hosts only, changes
nothing for a foreign page, caps what it is sent, and marks what it sends.
"""

from __future__ import annotations

import errno
import ipaddress
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import UserError
from demo.web.calls import Calls
from demo.web.errors import SENTENCES, absent, answer_to, refusal
from demo.web.uploads import UploadFolder

LOG = logging.getLogger(__name__)
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CALLER: ContextVar[str] = ContextVar("CALLER", default="")
"""The address that the request at hand comes from, for limits, where only its words are handed on.
"""
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
    "/gradio_api/call/*",
    "/gradio_api/cancel",
    "/gradio_api/reset",
)
INSIDE = ("/config", "/gradio_api/*")
"""Where a sign-in, if there is one, stands before every address."""
SIGN_IN_AT = ("/",)
"""Where whoever is not signed in gets the page that asks for a password instead."""

# Nothing may come from elsewhere, whatever a page of ours would ask for. Gradio's
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
    leaving: tuple[str, ...] = ()
    """Those of `read` that change something after all: not for other sites' pages either."""


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


def _from_elsewhere(headers: Headers, host: str) -> bool:
    """Whether a browser says that another site's page made it ask."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    foreign = origin is not None and origin.lower().partition("://")[2] != host.lower()
    return foreign or site in ("cross-site", "same-site")


def named_files(data: Any) -> Iterator[str]:
    """The paths of files that a request's JSON names, however deep, as Gradio looks for them."""
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            path = item.get("path")
            if isinstance(path, str):
                yield path
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def fetches(data: Any) -> bool:
    """Whether a request's JSON names a file by an address, which Gradio would go and fetch."""
    return any(
        re.match(r"\s*[a-z][a-z0-9+.-]*:", path, re.IGNORECASE) for path in named_files(data)
    )


class Guard:
    """ASGI middleware. hosts: the names (no ports) under which the server may be called; admitted:
    who may ask anything of Gradio (None: all), in a thread, each time; sign_in_page: what answers
    others in the place of a page; calls: which of Gradio's addresses lead somewhere."""

    def __init__(
        self,
        app: ASGIApp,
        uploads: UploadFolder,
        hosts: Iterable[str],
        any_address: bool = False,
        limits: GuardLimits = GuardLimits(),
        admitted: Callable[[Request], bool] | None = None,
        sign_in_page: ASGIApp = absent,
        calls: Calls | None = None,
    ) -> None:
        self.app = app
        self.calls = Calls() if calls is None else calls
        self.sign_in_page = sign_in_page
        self.admitted = admitted
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

        CALLER.set((scope.get("client") or ("",))[0])

        # What Gradio would believe of where it is; only its own reloading server says so.
        believed = [one for one in scope["headers"] if one[0].lower() != b"x-gradio-server"]
        scope = {**scope, "headers": believed}

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in [one for one in headers if one.startswith("access-control-")]:
                    del headers[name]  # Gradio lets any page of this machine read with its cookies
                for name, value in ADDED.items():
                    headers[name] = value
            await send(message)

        if answer := self._refusal(scope) or await self._stopped(scope):
            await answer(scope, receive, marked)
        elif scope["method"] != "POST":
            app = self.app
            if said := self.calls.absent(scope["path"], Request(scope).query_params):
                app = refusal(404, "absent", said)
            await app(scope, receive, marked)
        else:
            post = _telling_of_a_full_disk(self._post)
            await _capped(post, self._most(scope["path"]))(scope, receive, marked)

    async def _stopped(self, scope: Scope) -> ASGIApp | None:
        """What is answered instead to somebody who is not signed in. Gradio asks this of some
        addresses only."""
        if self.admitted is None or not _matches(scope["path"], (*INSIDE, *SIGN_IN_AT)):
            return None
        try:
            if await run_in_threadpool(self.admitted, Request(scope)):
                return None
        except UserError as error:
            return answer_to(error)
        return (
            self.sign_in_page
            if _matches(scope["path"], SIGN_IN_AT)
            else refusal(401, "nobody", SENTENCES[401])
        )

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _matches(scope["path"], self.limits.files):
            await self.app(scope, receive, send)
            await run_in_threadpool(self.uploads.sweep)
        elif _matches(scope["path"], self.limits.forms):
            await self.app(scope, receive, send)
        else:
            await self._with_json(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """What can be told from the first lines of a request."""
        headers, path = Headers(scope=scope), scope["path"]
        named = [headers.get("host", ""), *headers.getlist("x-forwarded-host")]
        if not all(known_host(name, self.hosts, self.any_address) for name in named):
            return refusal(400, "host", "This server has another name.")
        if scope["method"] in ("GET", "HEAD"):
            if not _matches(path, self.limits.read):
                return refusal(404, "absent", "Not found.")
            if _matches(path, self.limits.leaving) and _from_elsewhere(headers, named[0]):
                return refusal(403, "refused", "Only this server's own pages may do this.")
            return None
        if scope["method"] != "POST":
            return refusal(405, "method", "Only GET, HEAD and POST.")
        if _from_elsewhere(headers, named[0]):
            return refusal(403, "refused", "Only this server's own pages may do this.")
        if not _matches(path, self.limits.write):
            return refusal(404, "absent", "Not found.")
        lengths = headers.getlist("content-length")
        if len(lengths) != 1 or not re.fullmatch(r"\d{1,15}", lengths[0], re.ASCII):
            return refusal(411, "length", "The request must state its length.")
        if "transfer-encoding" in headers:  # then the length that is stated counts for nothing
            text = "The request must state its length once, in Content-Length."
            return refusal(400, "length", text)
        if int(lengths[0]) > (most := self._most(path)):
            return _too_large(most)
        return None

    def _most(self, path: str) -> int:
        """Bytes that a request's body may have."""
        file = _matches(path, self.limits.files)
        return self.uploads.limits.request_bytes if file else self.limits.json_bytes

    async def _with_json(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body (its length is capped), look at it, and hand it on."""
        pieces, more = [], True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"".join(pieces)
        if answer := self._objection(scope["path"], body):
            await answer(scope, receive, send)
            return
        handed = False

        async def again() -> Message:
            nonlocal handed
            if handed:
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)

    def _objection(self, path: str, body: bytes) -> Response | None:
        """What is wrong with a request's JSON, if anything."""
        try:
            data = json.loads(body or b"null")
            if fetches(data):
                text = "Upload the file itself: nothing is fetched from an address."
                return refusal(400, "invalid", text)
            if not all(map(self.uploads.holds, named_files(data))):
                return refusal(400, "invalid", "Upload the file itself: no other file is read.")
        except (ValueError, RecursionError):
            return refusal(400, "invalid", "The request is not JSON.")
        absent = self.calls.absent(path, {}, {} if data is None else data)
        if absent:
            return refusal(404, "absent", absent)
        lacking = self.calls.lacking(path, data)
        return refusal(400, "invalid", lacking) if lacking else None


def _capped(app: ASGIApp, most: int) -> ASGIApp:
    """The app, to which a sender of more than `most` bytes seems to hang up; the sender gets 413.

    What a request says of its length is not believed: the bytes are counted as they come.
    """

    async def capped(scope: Scope, receive: Receive, send: Send) -> None:
        come, begun = 0, False

        async def counted() -> Message:
            nonlocal come
            if come <= most:
                message = await receive()
                come += len(message.get("body", b""))
            return message if come <= most else {"type": "http.disconnect"}

        async def unless_refused(message: Message) -> None:
            nonlocal begun
            if come <= most or begun:
                begun = True
                await send(message)

        with suppress(ClientDisconnect):  # nobody is left to answer; the app is not to blame
            await app(scope, counted, unless_refused)
        if come > most and not begun:
            await _too_large(most)(scope, receive, send)

    return capped


def _telling_of_a_full_disk(app: ASGIApp) -> ASGIApp:
    """The app, where an upload that cannot be written is answered by one sentence."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []

        async def unless_broken(message: Message) -> None:
            if held or message.get("status") == 500:
                held.append(message)  # until it is known why
            else:
                await send(message)

        try:
            await app(scope, receive, unless_broken)
        except OSError as error:
            if error.errno in FULL_DISK:
                LOG.error("an upload could not be written: %s", error.strerror)
                said = "The server's disk is full: nothing was uploaded."
                held = []
                await refusal(507, "full", said)(scope, receive, send)
                return
            raise
        finally:
            for message in held:
                await send(message)

    return told


def _too_large(most: int) -> Response:
    return refusal(413, "large", f"At most {most:,} bytes are accepted at once.")
