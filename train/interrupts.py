"""Ctrl-C: a command that is stopped says in one sentence what was kept and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupted(KeyboardInterrupt):
    """A person stopped the command; the message says what was kept and how to go on."""


@contextmanager
def on_interrupt(sentence: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C in here becomes `Interrupted` with a sentence, made when it is needed; of several
    around each other, the innermost speaks."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(sentence()) from None
