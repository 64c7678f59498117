"""Where a file goes wrong and why, and JSON held to a type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from core.errors import InvalidError
from core.formats.validation import shown

Read = TypeVar("Read")


class FormatError(InvalidError):
    """A file that cannot be taken: where (a line or a JSON path), what is there, what should be."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


@contextmanager
def at(where: str) -> Iterator[None]:
    """Gives the place to what core.formats.validation refuses."""
    try:
        yield
    except FormatError:
        raise
    except InvalidError as error:
        raise FormatError(where, str(error)) from None


def parse(adapter: TypeAdapter[Read], data: bytes, where: str, *, extra: bool = False) -> Read:
    """JSON -> the adapter's type, with strict types. Unknown keys are refused unless `extra`."""
    try:
        return adapter.validate_json(data, strict=True, extra="ignore" if extra else "forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    raise FormatError(place(where, *first["loc"]), complaint(first))


def place(where: str, *steps: int | str) -> str:
    """A JSON path: place("$", "images", 3, "id") -> "$.images[3].id"."""
    return where + "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)


def complaint(error: ErrorDetails) -> str:
    """pydantic's error as one sentence, with what was there unless that is much."""
    if error["type"].startswith("missing"):
        return "This key is missing."
    if error["type"] == "unexpected_keyword_argument":
        return "This key is not known."
    message, value = error["msg"], error["input"]
    return f"{message}{'' if isinstance(value, bytes | dict | list) else f', not {shown(value)}'}."


def in_utf8(data: bytes) -> bytes:
    """A file that says by its byte order mark that it is UTF-16, as spreadsheets write it, becomes
    UTF-8; a mark of UTF-8 is taken off. Anything else stays as it is."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise FormatError(
                f"byte {error.start}", "This is not the UTF-16 text that its mark says."
            ) from None
    return data.removeprefix(b"\xef\xbb\xbf")


def decoded(data: bytes) -> str:
    """UTF-8, with or without a byte order mark -> text."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(f"line {line}", f"Byte {error.start} is not UTF-8 text.") from None
