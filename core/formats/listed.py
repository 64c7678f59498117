"""Plain lists of photos and sentences, as people have them: part of `csv` and of `jsonl`, which
read them beside what they write themselves.

A table has a row for each sentence: the columns of PHOTO, SENTENCE and, if there is one, SPLIT, by
any of those names, and others, which are passed over; parted by commas, tabs, semicolons or bars.
Kaggle's Flickr8k (captions.txt) and Flickr30k (results.csv) are such. Without a head it has the
photo first and the sentence last, as Flickr8k's and Flickr30k's token files
(`name.jpg#0<TAB>words`).

JSON lines, or one JSON list, have an object for each sentence or photo, with the same names as keys
and one sentence or a list of them: {"photo": "a.jpg", "sentence": "a dog", "split": "train"}.

A row that lost the bar before its sentence ("a.jpg| 4   A dog runs"; Flickr30k has one) is read by
the number that stands there; a bar or comma too much belongs to a sentence that is the last cell. A
cell may hold a JSON list of sentences.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from core.formats.build import Builder, ReadOptions
from core.formats.format import Glance
from core.formats.parsing import FormatError, decoded, place
from core.formats.record import Photo, Project
from core.formats.validation import shown

PHOTO = ("photo", "image", "image_name", "filename", "file_name", "file", "filepath", "file_path",
         "image_file", "image_path", "path", "img")  # fmt: skip
SENTENCE = ("sentence", "sentences", "caption", "captions", "comment", "text", "raw", "description")
SPLIT = ("split", "set", "subset", "partition")
_MARKS = (",", "\t", ";", "|")
_QUOTED = (",", ";")
"""With these, cells may stand in quotes; bars and tabs are written without any."""
_HEADLESS = re.compile(r"[^\t,;|]+\.(?:jpe?g|png|webp)(?:#\d+)?\s*([\t,;|])", re.IGNORECASE)
_COUNTED = re.compile(r"(.+\.\w{3,4})#\d+")
_LOST_MARK = re.compile(r"\s*\d+\s+(\S.*)")


@dataclass(frozen=True)
class Row:
    """What a list says at one place of a photo. split: None where it says none."""

    where: str
    photo: str
    sentences: tuple[str, ...]
    split: str | None = None


@dataclass(frozen=True)
class _Columns:
    """Which cells are what, and what parts them."""

    mark: str
    count: int
    photo: int
    sentence: int
    split: int | None = None
    head: bool = True


def _name(text: str) -> str:
    return text.strip().strip("\"'").lower().replace(" ", "_").replace("-", "_")


def _first_of(wanted: Sequence[str], names: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _columns(line: str) -> _Columns | None:
    """What a file's first line says of its columns; None where this is no list."""
    for mark in _MARKS:
        names = [_name(cell) for cell in line.split(mark)]
        photo, sentence = _first_of(PHOTO, names), _first_of(SENTENCE, names)
        if photo is not None and sentence is not None:
            return _Columns(mark, len(names), photo, sentence, _first_of(SPLIT, names))
    if found := _HEADLESS.match(line):
        mark = found[1]
        return _Columns(mark, line.count(mark) + 1 if mark == "|" else 2, 0, -1, head=False)
    return None


def is_table(glance: Glance) -> bool:
    """Whether a file begins like a table of photos and sentences."""
    return not glance.json and _columns(glance.line) is not None


def is_json(glance: Glance) -> bool:
    """Whether a file begins like JSON lines, or a list, of photos and sentences."""
    first = glance.first
    photo = _key(PHOTO, first)
    if photo is None or not isinstance(first[photo], str) or _key(SENTENCE, first) is None:
        return False
    if first.keys() >= {"file", "sentences"} and _key(SPLIT, first) is None:
        return False  # a plain photo, as jsonl has them
    return not first.keys() & {"phrases", "regions", "box", "bbox", "boxes", "width", "height"}


def is_list(data: bytes) -> bool:
    """Whether a file is a list of either kind."""
    glance = Glance(data)
    try:
        return is_table(glance) or is_json(glance)
    except FormatError:  # broken JSON is no list
        return False


def _key(wanted: Sequence[str], entry: dict[str, Any]) -> str | None:
    names = {_name(key): key for key in entry}
    return next((names[name] for name in wanted if name in names), None)


def rows(data: bytes) -> list[Row]:
    """All of a list, in its order. FormatError names the line that cannot be read."""
    found = list(
        _of_json(data)
        if Glance(data).json
        else rows_of_lines(io.StringIO(decoded(data), newline=""))
    )
    if not found:
        raise FormatError("the end", "The list has no row; expected a photo and a sentence.")
    return found


def rows_of_lines(lines: Iterable[str]) -> Iterator[Row]:
    """A table's lines, with their ends -> its rows, one by one, in memory that does not grow."""
    lines = iter(lines)
    first = next(lines, "")
    columns = _columns(first.strip("\r\n"))
    if columns is None:
        raise FormatError("line 1", "There is no column of photos or none of sentences.")
    reader = csv.reader(
        chain((first,), lines),
        delimiter=columns.mark,
        quoting=csv.QUOTE_MINIMAL if columns.mark in _QUOTED else csv.QUOTE_NONE,
    )
    line = 1
    try:
        for number, cells in enumerate(reader):
            where, line = f"line {line}", reader.line_num + 1
            if any(cell.strip() for cell in cells) and not (columns.head and number == 0):
                yield _row(where, columns, cells)
    except csv.Error as error:
        raise FormatError(f"line {line}", f"This is no table: {error}.") from None


def _row(where: str, columns: _Columns, cells: list[str]) -> Row:
    last = columns.sentence in (-1, columns.count - 1)
    if len(cells) > columns.count and last:
        keep = columns.count - 1
        cells = [*cells[:keep], columns.mark.join(cells[keep:])]
    elif len(cells) == columns.count - 1 and last and (lost := _LOST_MARK.match(cells[-1])):
        cells = [*cells, lost[1]]
    if len(cells) != columns.count:
        raise FormatError(where, f"There are {len(cells)} cells; expected {columns.count}.")
    split = None if columns.split is None else cells[columns.split].strip() or None
    photo = _photo(where, cells[columns.photo])
    return Row(where, photo, _said(cells[columns.sentence]), split)


def _photo(where: str, name: str) -> str:
    """A photo's name, without the number of the sentence that token files put after it."""
    name = name.strip()
    counted = _COUNTED.fullmatch(name)
    name = counted[1] if counted else name
    if not name:
        raise FormatError(where, "The photo's name is empty; expected the name of its file.")
    return name


def _said(cell: str) -> tuple[str, ...]:
    """A cell's sentence, or the sentences of a JSON list in it; none of an empty one."""
    cell = cell.strip()
    if cell.startswith("[") and cell.endswith("]"):
        try:
            listed = json.loads(cell)
        except ValueError:
            listed = None
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            return tuple(one.strip() for one in listed if one.strip())
    return (cell,) if cell else ()


def _of_json(data: bytes) -> Iterator[Row]:
    text = decoded(data)
    if text.lstrip().startswith("["):
        entries = [(place("$", number), one) for number, one in enumerate(_json("$", text))]
    else:
        lines = enumerate(text.split("\n"), 1)
        entries = [(f"line {n}", _json(f"line {n}", line)) for n, line in lines if line.strip()]
    for where, entry in entries:
        if not isinstance(entry, dict):
            raise FormatError(where, f"There is {shown(str(entry))}; expected a JSON object.")
        photo, sentence = _key(PHOTO, entry), _key(SENTENCE, entry)
        if photo is None or sentence is None:
            lacks = "photo" if photo is None else "sentence"
            raise FormatError(where, f"The key '{lacks}' is missing.")
        said = entry[sentence]
        said = [said] if isinstance(said, str) else said
        if not isinstance(entry[photo], str):
            raise FormatError(where, f"{photo} is no text; expected the name of a photo's file.")
        if not (isinstance(said, list) and all(isinstance(one, str) for one in said)):
            raise FormatError(where, f"{sentence} is no text; expected a sentence or a list.")
        split = _key(SPLIT, entry)
        part = None if split is None or entry[split] is None else str(entry[split]).strip() or None
        kept = tuple(one.strip() for one in said if one.strip())
        yield Row(where, _photo(where, entry[photo]), kept, part)


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(where, f"This is not JSON: {error}.") from None


def read(data: bytes, options: ReadOptions) -> Project:
    """A list -> a project of its photos with their sentences; sizes come from the options."""
    first: dict[str, str] = {}
    said: dict[str, list[str]] = {}
    for row in rows(data):
        first.setdefault(row.photo, row.where)
        said.setdefault(row.photo, []).extend(row.sentences)
    builder = Builder(options)
    for name, sentences in said.items():
        builder.photo(first[name], Photo(name, 0, 0, sentences=tuple(sentences)))
    return builder.project("line 1", Project(options.project))
