"""Files that somebody made to hang or fill a machine: every reader ends in one sentence."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from core.errors import UserError
from core.formats import FORMATS, ReadOptions, predictions, recognised

SECONDS = 20.0
"""Far above what any of them takes, also on a busy machine."""
HEAD = b"photo,width,height,x0,y0,x1,y1,snippet\n"
HOSTILE = {
    "brackets": b"[" * 10_000_000,
    "objects": b'{"a":' * 2_000_000,
    "a number of a million digits": b"[" + b"9" * 1_000_000 + b"]",
    "a column of a hundred thousand digits": HEAD + b"a.jpg," + b"9" * 100_000 + b",9,1,1,2,2,x\n",
    "NaN": b'{"images": NaN, "annotations": [{"bbox": [NaN, 1e999, -1e999, 1]}]}',
    "a string": b'"' + b"a" * 10_000_000 + b'"',
    "zeros": bytes(10_000_000),
    "commas": b"," * 10_000_000,
    "empty lines": b"\n" * 2_000_000,
    "lines of nothing known": b'{"kind": "x"}\n' * 200_000,
    "a cell": HEAD + b"a.jpg,10,10,1,1,2,2," + b"x" * 5_000_000 + b"\n",
    "names that climb": HEAD + b"../../etc/passwd,10,10,1,1,2,2,x\n",
}
READERS: dict[str, Callable[[bytes], Any]] = {
    **{name: lambda data, one=one: one.read(data, ReadOptions()) for name, one in FORMATS.items()},
    "predictions": lambda data: predictions.read(data, ()),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_ends_in_one_sentence(reader: str, kind: str) -> None:
    started = time.monotonic()
    said = None
    try:
        READERS[reader](HOSTILE[kind])
    except UserError as error:
        said = str(error)
    if said is None:  # there is nothing in it, and nothing came of it
        assert kind in ("empty lines", "zeros", "commas")
    else:
        assert "\n" not in said
        assert len(said) < 500
    assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize("kind", HOSTILE)
def test_recognising_one_does_not_read_it_all(kind: str) -> None:
    started = time.monotonic()
    with suppress(UserError):
        recognised(HOSTILE[kind])
    assert time.monotonic() - started < SECONDS
