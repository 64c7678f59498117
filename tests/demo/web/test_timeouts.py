"""Half a request is not waited for, and many of them keep nobody out."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from demo.web.timeouts import TimeoutLimits, timed_http


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        request = Request(scope, receive)
        try:
            said = await request.body()
        except ClientDisconnect:
            return
        if request.url.path == "/slow":
            await asyncio.sleep(1.5)
        await PlainTextResponse(said or b"hello")(scope, receive, send)


@contextmanager
def served(limits: TimeoutLimits) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(echo, http=timed_http(limits), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)


def cut_after(port: int, sent: bytes, most: float = 20.0) -> float:
    """Seconds until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=most) as connection:
        begun = time.monotonic()
        connection.sendall(sent)
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass
        return time.monotonic() - begun


def test_half_a_request_is_not_waited_for() -> None:
    with served(TimeoutLimits(head=0.5, body=1.0)) as port:
        for sent in (b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA: b"):
            assert 0.4 < cut_after(port, sent) < 5
        body = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
        assert 0.9 < cut_after(port, body) < 5
        whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        # The next one in the connection: Uvicorn's own five seconds between two.
        assert 0.4 < cut_after(port, whole + b"GET / HT") < 10
        assert httpx.get(f"http://127.0.0.1:{port}").text == "hello"


def test_a_drop_at_a_time_is_half_a_request() -> None:
    with served(TimeoutLimits(head=1.0)) as port:
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            try:
                while time.monotonic() - begun < 20:
                    connection.sendall(b"x")
                    time.sleep(0.05)
            except OSError:
                pass
        assert time.monotonic() - begun < 10


def test_whole_requests_have_all_the_time_they_need() -> None:
    with served(TimeoutLimits(head=0.5, body=0.5)) as port, httpx.Client(timeout=20) as client:
        for _ in range(2):  # twice in one connection, with a pause between
            assert client.post(f"http://127.0.0.1:{port}/slow", content=b"abc").text == "abc"
            time.sleep(1)


def test_a_crowd_of_halves_keeps_nobody_out() -> None:
    with served(TimeoutLimits(head=60, connections=20)) as port, ExitStack() as opened:
        for _ in range(100):
            half = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            half.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(3):
            assert httpx.get(f"http://127.0.0.1:{port}", timeout=20).text == "hello"
