"""Work that costs much gets a few threads of its own, and a bounded queue before them.

Whoever waits here takes no thread from anybody: the server's forty are for short questions to the
store. A queue that is full says so at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class QueueFullError(Exception):
    """So many wait already that this one is not taken."""


class WorkQueue:
    """at_once jobs run, `waiting` more may wait; of both, one caller has at most `each`."""

    def __init__(self, name: str, at_once: int, waiting: int, each: int | None = None) -> None:
        self.most = at_once + waiting
        self.each = self.most if each is None else each
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)
        self._inside: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def run(self, caller: str, job: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """The job's answer, after those who came before. QueueFullError where there is no place."""
        with self._lock:
            if self._inside.total() >= self.most or self._inside[caller] >= self.each:
                raise QueueFullError
            self._inside[caller] += 1
        running = self._threads.submit(job, *args, **more)
        # Not when the waiting ends: a caller who hangs up does not stop what runs.
        running.add_done_callback(lambda _: self._left(caller))
        return await asyncio.wrap_future(running)

    def _left(self, caller: str) -> None:
        with self._lock:
            self._inside[caller] -= 1
            if not self._inside[caller]:
                del self._inside[caller]
