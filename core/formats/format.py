"""What a file format is: its name, how to write and read it, how to know it, what it carries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from core.formats.build import ReadOptions
from core.formats.parsing import FormatError, in_utf8
from core.formats.record import Project

BEGINNING = 100_000
"""Bytes to look at first."""


@dataclass(frozen=True)
class Carries:
    """What comes back of a project that was written; the table of docs/formats.md says the same.

    Every format carries the photos' names and sizes, and each region's box and words.
    """

    boxes: Literal["exact", "to rounding", "whole pixels"]
    who: bool
    """Who drew a region."""
    ids: str
    """Of ids, order, provenance and seconds of people's regions: "yes", "no" or which of them."""
    states: str
    """Of skipped and bad submissions and the times of work: "yes", "no" or which of them."""
    settings: str
    """Of the project's settings and models' suggestions: "yes", "no" or which of them."""
    sentences: bool
    """About the whole photo."""
    phrases: str
    """Of phrases their sentence, their score and several boxes together: as above."""


BOXES_AND_WORDS = Carries(
    boxes="exact",
    who=False,
    ids="order",
    states="no",
    settings="no",
    sentences=False,
    phrases="no",
)
"""Other tools' files of exact boxes, in their order, with a text for each and nothing else."""


class Glance:
    """A file's beginning, to tell its format by."""

    def __init__(self, data: bytes) -> None:
        self._data = in_utf8(data)

    @cached_property
    def line(self) -> str:
        """The first line, without a byte order mark."""
        return self._data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r")

    @property
    def whole(self) -> bytes:
        """All of it, for archives, whose list of files is at the end."""
        return self._data

    @property
    def start(self) -> bytes:
        """The first bytes, without a byte order mark and blanks."""
        return self._data[:BEGINNING].removeprefix(b"\xef\xbb\xbf").lstrip()

    @cached_property
    def json(self) -> bool:
        """Whether this is meant to be JSON."""
        return self._data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")

    @cached_property
    def nothing(self) -> bool:
        """Whether this is an empty JSON list."""
        return self._data.split() in ([b"[]"], [b"[", b"]"])

    @cached_property
    def first(self) -> dict[str, Any]:
        """The JSON object that the file is or begins with, alone, in a list or on a line of its
        own; empty where there is none. Raises FormatError where the JSON is broken there."""
        if not self.json:
            return {}
        for length in (BEGINNING, len(self._data)):  # an object is rarely as long as the file
            text = self._data[:length].decode("utf-8-sig", "replace").lstrip(" \t\r\n[")
            if not text.startswith("{"):
                return {}
            try:
                found: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
            except (ValueError, RecursionError) as error:
                wrong = error
            else:
                return found
        raise FormatError("the beginning", f"This is not JSON: {wrong}.")


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One file format that is read; its module describes it and ends with one of these."""

    name: str
    """As commands and addresses take it."""
    title: str
    """As a page shows it."""
    carries: Carries
    """Of a format that is only read: what is taken of its files."""
    parse: Callable[[bytes, ReadOptions], Project]
    """Reads, as `read` does; the bytes are UTF-8 where they are text."""
    recognises: Callable[[Glance], bool]
    """Whether a file that begins so is of this format."""
    older_names: tuple[str, ...] = ()
    """Which are taken as well."""

    def read(self, data: bytes, options: ReadOptions = ReadOptions()) -> Project:
        """A file's bytes -> a whole project, or a FormatError that names the place: never half of
        one."""
        return self.parse(in_utf8(data), options)


@dataclass(frozen=True, kw_only=True)
class Format(Reader):
    """One file format that is written, too."""

    suffix: str
    """The usual end of its files' names."""
    pieces: Callable[[Project], Iterator[bytes]]
    """Writes: a file's bytes piece by piece. Photos may be gone through more than once, and are not
    kept: memory does not grow with a set of photos that is read as it is written."""

    @property
    def ending(self) -> str:
        """Of a file's name, so that no two formats' files are called the same."""
        return self.suffix if self.suffix == f".{self.name}" else f".{self.name}{self.suffix}"

    def write(self, project: Project) -> bytes:
        """The bytes of a file that holds what the format carries of a project."""
        return b"".join(self.pieces(project))
