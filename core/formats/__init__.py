"""Files of photos and what was said of them: a module for each format, and the list of them.

`record.py` is what every format writes and reads; a format's module says what it carries, in words
and as `Carries`. To add a format: write its module, ending with a `Format`, and name it in the list
below; commands, pages, the documents' table and the tests go by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import InvalidError
from core.formats import (
    coco,
    cvat,
    entities,
    flickr30k,
    jsonl,
    label_studio,
    labelme,
    table,
    via,
    visual_genome,
    web_annotation,
)
from core.formats.build import ReadOptions
from core.formats.format import Carries, Format, Glance, Reader
from core.formats.parsing import FormatError
from core.formats.record import Project

__all__ = [
    "FORMATS",
    "READERS",
    "Carries",
    "Format",
    "FormatError",
    "ReadOptions",
    "Reader",
    "as_json",
    "as_table",
    "in_file",
    "named",
    "names",
    "read_bytes",
    "read_file",
    "recognised",
    "writer",
]

_LISTED: tuple[Format, ...] = (
    jsonl.FORMAT,
    table.FORMAT,
    coco.FORMAT,
    visual_genome.FORMAT,
    web_annotation.FORMAT,
    entities.FORMAT,
    label_studio.FORMAT,
)
FORMATS = {one.name: one for one in _LISTED}
"""Those that are read and written."""
_READ: tuple[Reader, ...] = (cvat.READER, via.READER, labelme.READER, flickr30k.READER)
READERS: dict[str, Reader] = {**FORMATS, **{one.name: one for one in _READ}}
"""All that are read: other tools' own files, too."""


def as_table() -> str:
    """The list in Markdown, as docs/formats.md has it."""
    head = (
        "`--format`",
        "boxes",
        "who",
        "ids, order, provenance, seconds",
        "skipped, bad, times",
        "settings, suggestions",
        "sentences",
        "phrases' sentence, score, several boxes",
    )
    rows = [head, ("---",) * len(head)]
    for one in FORMATS.values():
        carries = one.carries
        who, sentences = ("yes" if value else "no" for value in (carries.who, carries.sentences))
        kept = (carries.boxes, who, carries.ids, carries.states, carries.settings)
        rows.append((f"`{one.name}`", *kept, sentences, carries.phrases))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def names() -> str:
    """All formats that are read, for a sentence."""
    return ", ".join(READERS)


def as_json() -> list[dict[str, str | bool]]:
    """The list, as pages get it."""
    return [
        {"name": one.name, "title": one.title, "written": one.name in FORMATS}
        for one in READERS.values()
    ]


def named(name: str) -> Reader:
    """The format of that name, or of that older name; InvalidError where there is none."""
    for one in READERS.values():
        if name in (one.name, *one.older_names):
            return one
    raise InvalidError(f"The format is '{name[:40]}'; expected one of {names()}.")


def writer(name: str) -> Format:
    """The format of that name, to write a file; InvalidError where there is none, or where it is
    one that is only read."""
    for one in FORMATS.values():
        if name in (one.name, *one.older_names):
            return one
    read = ", which is only read" if name in READERS else ""
    raise InvalidError(f"The format is '{name[:40]}'{read}; expected one of {', '.join(FORMATS)}.")


def recognised(data: bytes) -> Reader:
    """The format of a file, by what is in it; FormatError where it is none that is known."""
    glance = Glance(data)
    for one in reversed(READERS.values()):  # an archive of Entities is no archive of any JSON
        if one.recognises(glance):
            return one
    raise FormatError(
        "the beginning", f"This is no format that is known; expected one of {names()}."
    )


def read_file(path: Path, options: ReadOptions = ReadOptions(), name: str | None = None) -> Project:
    """A file of any format, or of the named one -> a whole project. FormatError names the file and
    the place in it."""
    data = read_bytes(path)
    with in_file(path):
        return (recognised(data) if name is None else named(name)).read(data, options)


def read_bytes(path: Path) -> bytes:
    """All of a file, or FormatError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormatError(str(path), f"The file cannot be read: {error.strerror}.") from error


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """Says in which file a FormatError is."""
    try:
        yield
    except FormatError as error:
        raise FormatError(f"{path}, {error.where}", error.reason) from None
