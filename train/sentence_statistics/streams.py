"""Files of sentences as streams: one sentence at a time, whatever the file's size.

JSON of any of the shapes that captions come in (Visual Genome's region_descriptions.json, COCO's
captions, Karpathy's dataset_*.json, phrases, JSON lines) is not parsed as a whole, which takes many
times the file's size: what stands at the keys of KEYS is found block by block. Tables are read by
core/formats/listed.py's rules, and other text line by line, a sentence after the last tab. A name
that ends in .gz is unpacked on the way.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from core.formats import in_file, listed
from core.formats.format import Glance
from train.data import DataError

KEYS = ("phrase", "caption", "raw", "sentence", "words")
LISTS = ("sentences", "captions")
"""Keys with a list of sentences."""
BLOCK = 1 << 20
_STRING = rb'"((?:[^"\\]|\\.)*)"'
_FOUND = re.compile(
    rb'"(?:%b)"\s*:\s*%b' % ("|".join(KEYS).encode(), _STRING)
    + rb'|"(?:%b)"\s*:\s*(\[\s*"(?:[^"\\]|\\.)*"(?:\s*,\s*"(?:[^"\\]|\\.)*")*\s*\])'
    % "|".join(LISTS).encode(),
    re.DOTALL,
)
CUT = 1 << 16
"""Bytes of the longest sentence, or list of sentences, with its key, that a block's end may cut."""


def sentences_of(path: Path) -> Iterator[str]:
    """A file's sentences in its order. DataError where it has none or ends too early."""
    if not path.is_file():
        raise DataError(f"{path} is not there; expected a file of sentences")
    found = False
    with _opened(path) as file:
        begins = file.read(BLOCK)
        file.seek(0)
        start = begins.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        for sentence in _of_json(path, file) if start in (b"{", b"[") else _of_text(path, file):
            if sentence.strip():
                found = True
                yield sentence
    if not found:
        raise DataError(
            f"{path} has no sentence; expected JSON with one of {', '.join(KEYS + LISTS)}, a table "
            "of photos and sentences, or a sentence a line"
        )


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _of_json(path: Path, file: IO[bytes]) -> Iterator[str]:
    kept = b""
    while block := file.read(BLOCK):
        kept += block
        end = 0
        for match in _FOUND.finditer(kept):
            end = match.end()
            try:
                if match[1] is not None:
                    yield _text(match[1])
                else:
                    yield from json.loads(match[2])
            except ValueError as error:
                raise DataError(f"{path}: a sentence is no JSON text: {error}") from None
        # What the block's end cuts is looked at again with the next block.
        kept = kept[max(end, len(kept) - CUT) :]
    if kept.rstrip()[-1:] not in (b"}", b"]", b""):
        raise DataError(f"{path} ends in the middle of its JSON; expected a whole file")


def _text(found: bytes) -> str:
    if b"\\" in found:
        text: str = json.loads(b'"' + found + b'"', strict=False)
        return text
    return found.decode("utf-8")


def _of_text(path: Path, file: IO[bytes]) -> Iterator[str]:
    first = file.readline()
    file.seek(0)
    lines = (line.decode("utf-8-sig", "replace") for line in file)
    with in_file(path):
        if listed.is_table(Glance(first)):
            for row in listed.rows_of_lines(lines):
                yield from row.sentences
            return
    for line in lines:
        yield line.rstrip("\r\n").rpartition("\t")[2]
