"""Photos are decoded, and networks look at them, a few at a time in the whole server.

Whatever way a request comes (a page's event, the API, a picture's address, an upload), it takes one
of the same few slots: one photo of 25 megapixels takes up to 0.7 GB while it is decoded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 2
_SLOTS = threading.BoundedSemaphore(AT_ONCE)
_HELD = threading.local()


@contextmanager
def slot() -> Iterator[None]:
    """One of the slots, as soon as one is free; what has one already takes no second."""
    if getattr(_HELD, "one", False):
        yield
        return
    with _SLOTS:
        _HELD.one = True
        try:
            yield
        finally:
            _HELD.one = False


def heavy(job: Callable[P, T]) -> Callable[P, T]:
    """A job that is done in a slot."""

    @wraps(job)
    def done(*args: P.args, **more: P.kwargs) -> T:
        with slot():
            return job(*args, **more)

    return done
