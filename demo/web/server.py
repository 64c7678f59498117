"""From an application to a running server: a bound port, an address to open, a clean end."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.command_line import INTERRUPTED, ended_by_signals, until_unread

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI


def add_arguments(options: argparse.ArgumentParser) -> None:
    """Where to listen and what to be called."""
    options.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all (127.0.0.1)"
    )
    options.add_argument("--port", type=int, default=7860, help="0 for any free one (7860)")
    options.add_argument(
        "--name", action="append", default=[], help="a further host name to answer to; repeatable"
    )
    options.add_argument(
        "--proxy",
        action="append",
        type=_network,
        default=[],
        metavar="ADDRESS",
        help="a proxy, or a network of them (172.16.0.0/12), that says truly who calls and whether "
        "by HTTPS (X-Forwarded-For, X-Forwarded-Proto); repeatable. Nobody else is believed",
    )


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a taken port is known before the models are loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # or a second server could bind beside us
    except (OSError, OverflowError) as error:
        listening.close()
        reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        raise SystemExit(
            f"Cannot listen on {host}, port {port}: {reason}. Choose another with --port."
        ) from None
    return listening


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text[:60]}' is no address; expected one such as 127.0.0.1 or 172.16.0.0/12"
        ) from None


def serve(
    create: Callable[[], FastAPI],
    listening: socket.socket,
    host: str,
    note: str = "",
    proxies: Sequence[str] = (),
) -> None:
    """Make the application, say where it is, and the note; run until interrupted.

    proxies: networks whose word counts for who calls.
    """
    import uvicorn  # these take seconds, and are not needed to refuse

    from demo.web.timeouts import timed_http

    server = uvicorn.Server(
        uvicorn.Config(
            create(),
            http=timed_http(),
            log_level="warning",
            # Who calls is told by the socket, and by a header only where a proxy of ours wrote it.
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            server_header=False,
            timeout_graceful_shutdown=2,  # open pages hold a connection for ever
        )
    )
    logging.getLogger("uvicorn.error").addFilter(_worth_saying)
    shown = "localhost" if host in ("0.0.0.0", "::") else host
    shown = f"[{shown}]" if ":" in shown else shown
    print(f"Open http://{shown}:{listening.getsockname()[1]}", flush=True)
    if note:
        print(note, flush=True)
    with _until_hung_up(server):
        server.run(sockets=[listening])


@contextmanager
def _until_hung_up(server: uvicorn.Server) -> Iterator[None]:
    """SIGHUP ends the server as SIGTERM and SIGINT do: what runs is finished, nothing new is taken.

    Uvicorn itself looks after those two, and hands them on when it has ended.
    """
    before = signal.getsignal(signal.SIGHUP)
    hung_up = False

    def end(*_: object) -> None:
        nonlocal hung_up
        hung_up = server.should_exit = True

    if before != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
    if hung_up:
        sys.exit(128 + signal.SIGHUP)


def _worth_saying(record: logging.LogRecord) -> bool:
    """Not that the connections of open pages were cut at the end, each with a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    cut = isinstance(error, asyncio.CancelledError)
    return not cut and "graceful shutdown exceeded" not in record.getMessage()


def run(main: Callable[[], None]) -> None:
    """Run a server's command, so that what it made is removed however it ends.

    Status 0 after SIGTERM, which is how servers are asked to end; 130 after Ctrl-C, also where it
    was started by something that ignores it (a script's background job); 129 after SIGHUP, unless
    that was ignored from the start (`nohup`).
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with until_unread(), ended_by_signals(SIGTERM=0):
            main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
