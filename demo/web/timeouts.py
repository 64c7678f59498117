"""How long the server waits for a request that was begun: Uvicorn itself would wait for ever."""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True)
class TimeoutLimits:
    """Seconds for each part of a request, and how many connections may be open."""

    head: float = 20.0
    """From the first moment of a connection, or of the next request in it, to the end of its head.
    """
    body: float = 300.0
    """For all that follows: 24 MB at 0.7 Mbit/s."""
    connections: int = 1000
    """Beyond, the one that has owed its head the longest is cut off."""
    spare_files: int = 200
    """Files and sockets that the process needs beside its connections."""

    def most(self) -> int:
        """Connections, as far as the system lets one process have them."""
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if allowed == resource.RLIM_INFINITY:
            return self.connections
        return max(1, min(self.connections, allowed - self.spare_files))


def timed_http(limits: TimeoutLimits = TimeoutLimits()) -> type[asyncio.Protocol]:
    """What Uvicorn takes for `http`."""
    most = limits.most()
    seconds = {"head": limits.head, "body": limits.body}

    class TimedProtocol(H11Protocol):
        owed = ""
        since = 0.0
        timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.expect("head")
            if len(self.connections) > most:
                waiting = [
                    one
                    for one in self.connections
                    if isinstance(one, TimedProtocol) and one.owed == "head"
                ]
                min(waiting, key=lambda one: one.since).cut()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            state = self.conn.their_state
            if state is h11.IDLE:
                self.expect("head")
            else:
                self.expect("body" if state is h11.SEND_BODY else "")

        def connection_lost(self, exc: Exception | None) -> None:
            self.expect("")
            super().connection_lost(exc)

        def expect(self, part: str) -> None:
            """Begin to wait for a part of a request; "": wait for nothing."""
            if part == self.owed:
                return
            if self.timer is not None:
                self.timer.cancel()
            self.owed, self.since = part, self.loop.time()
            self.timer = self.loop.call_later(seconds[part], self.cut) if part else None

        def cut(self) -> None:
            """Hang up without a word: whoever sends half a request reads no answer."""
            self.expect("")
            self.transport.abort()

    return TimedProtocol
