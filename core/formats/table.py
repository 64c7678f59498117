"""CSV for spreadsheets: a row for each box, UTF-8, commas, COLUMNS in any order in the first row.

A photo that nobody worked on is a row with the photo's columns only; a submission without boxes
(skipped, say) a row with the photo's and the submission's. Rows stand by photo.

A cell that a spreadsheet would take for a formula (it starts with = + - @ or their wide forms, tab,
CR or LF) is written with an apostrophe before it, and so is one that starts with an apostrophe; the
reader takes it off again, so every text comes back exactly. An apostrophe before anything else, as
in a file of another tool, stays.

Carried: photos with size and sha256; all submissions, skipped and bad ones too, with reasons and
times; their boxes, exactly; phrases, a row for each box, with its annotator where known. Not
carried: sentences, the sentence and score of a phrase, suggestions, annotators who did nothing, the
project's name and settings, the order of submissions of different photos.

Between cells of other tools' files may stand semicolons (then 1,5 is a number) or tabs, and the
file may be UTF-16. A file of another tool needs the columns photo, width, height, x0, y0, x1, y1
and snippet. A plain table of photos and sentences is read as well (`listed.py`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from core.formats import listed
from core.formats.build import Builder, Fault, Origin, ReadOptions
from core.formats.format import Carries, Format, Glance
from core.formats.parsing import FormatError, complaint, decoded
from core.formats.record import Annotation, Box, Photo, Project, Provenance, State, Submission
from core.formats.validation import shown

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class _Row:
    photo: str
    width: int
    height: int
    sha256: str = ""
    annotator: str | None = None
    submission: str | None = None
    state: State = "submitted"
    reason: str = ""
    bad: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    submission_seconds: float = 0.0
    annotation: str | None = None
    order: int | None = None
    x0: float | None = None
    y0: float | None = None
    x1: float | None = None
    y1: float | None = None
    snippet: str = ""
    provenance: Provenance = "drawn"
    seconds: float = 0.0


COLUMNS = tuple(column.name for column in fields(_Row))
REQUIRED = ("photo", "width", "height", "x0", "y0", "x1", "y1", "snippet")
NUMBERS = ("x0", "y0", "x1", "y1", "seconds", "submission_seconds")
_TO_ORDER = COLUMNS.index("x0") - COLUMNS.index("submission")
"""Columns that a box without a submission leaves empty."""
_ROW = TypeAdapter(_Row)


def neutralised(cell: str) -> str:
    """Text -> a cell that no spreadsheet computes."""
    return f"'{cell}" if cell.startswith((*DANGEROUS, "'")) else cell


def restored(cell: str) -> str:
    """What `neutralised` was given."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith((*DANGEROUS, "'")) else cell


def _write(project: Project) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for row in _rows(project):
        cells = [neutralised(_cell(value)) for value in row]
        table.writerow(cells + [""] * (len(COLUMNS) - len(cells)))
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def faults(found: Iterable[Fault]) -> bytes:
    """A report of faults as a CSV file: where each was, what it was, what became of it."""
    text = io.StringIO(newline="")
    report = csv.writer(text)
    report.writerow(("where", "photo", "fault", "fate", "box", "kept"))
    for one in found:
        boxes = (
            " ".join(f"{side:g}" for side in box) if box else "" for box in (one.box, one.kept)
        )
        report.writerow(map(neutralised, (one.where, one.photo, one.fault, one.fate, *boxes)))
    return text.getvalue().encode()


def _rows(project: Project) -> Iterator[tuple[object, ...]]:
    """The values of the first columns; the other cells of the row are empty."""
    by_photo: dict[str, list[Submission]] = {}
    for submission in project.submissions:
        by_photo.setdefault(submission.photo, []).append(submission)
    for photo in project.photos:
        of_photo = (photo.name, photo.width, photo.height, photo.sha256)
        work = by_photo.get(photo.name, [])
        if not work and not photo.phrases:
            yield of_photo
        for phrase in photo.phrases:
            for box in phrase.boxes:
                nobodys = (*of_photo, phrase.annotator or None)
                yield *nobodys, *[None] * _TO_ORDER, *box, phrase.words
        for submission in work:
            of_submission = (
                submission.annotator,
                submission.id,
                submission.state,
                submission.reason,
                submission.bad,
                submission.started,
                submission.finished,
                submission.seconds,
            )
            if not submission.annotations:
                yield *of_photo, *of_submission
            for a in submission.annotations:
                yield (
                    *of_photo,
                    *of_submission,
                    a.id,
                    a.order,
                    *a.box,
                    a.snippet,
                    a.provenance,
                    a.seconds,
                )


@dataclass
class _Group:
    """One submission's rows: the first with its line, and all annotations with theirs."""

    where: str
    first: _Row
    annotations: list[Annotation] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def _read(data: bytes, options: ReadOptions) -> Project:
    glance = Glance(data)
    if not _own(glance) and listed.is_table(glance):
        return listed.read(data, options)
    builder = Builder(options)
    photos: dict[str, Photo] = {}
    groups: dict[tuple[str, str], _Group] = {}
    for where, row in _parsed(decoded(data)):
        photo = Photo(row.photo, row.width, row.height, row.sha256)
        if photos.setdefault(photo.name, photo) is photo:
            builder.photo(where, photo)
        elif photos[photo.name] != photo:
            raise FormatError(
                where, f"The size or sha256 of {shown(photo.name)} differs from a line before."
            )
        if row.submission is None and row.state == "submitted" and not options.storable:
            _add_phrase(builder, where, photo, row)
            continue
        worked_on = (row.annotator, row.submission, row.x0, row.y0, row.x1, row.y1)
        if any(value is not None for value in worked_on) or row.snippet:
            annotator = options.annotator if row.annotator is None else row.annotator
            group = groups.setdefault((photo.name, annotator), _Group(where, row))
            _add(group, where, row)
    for number, ((name, annotator), group) in enumerate(groups.items()):
        first = group.first
        submission = Submission(
            f"imported {number}" if first.submission is None else first.submission,
            name,
            annotator,
            first.state,
            tuple(group.annotations),
            first.reason,
            first.bad,
            first.started,
            first.finished,
            first.submission_seconds,
        )
        builder.submission(group.where, submission, group.lines)
    return builder.project("line 1", Project(options.project))


_OF_SUBMISSION = COLUMNS[COLUMNS.index("submission") : COLUMNS.index("annotation")]


def _add_phrase(builder: Builder, where: str, photo: Photo, row: _Row) -> None:
    """A region that is nobody's finished work."""
    box = _box(where, row)
    if box is not None:
        builder.region(where, photo, box, row.snippet, Origin(annotator=row.annotator))


def _box(where: str, row: _Row) -> Box | None:
    """None where the row has neither box nor snippet."""
    if row.x0 is None and row.y0 is None and row.x1 is None and row.y1 is None and not row.snippet:
        return None
    if row.x0 is None or row.y0 is None or row.x1 is None or row.y1 is None:
        raise FormatError(where, "One of x0, y0, x1 and y1 is empty; expected all or none.")
    return row.x0, row.y0, row.x1, row.y1


def _add(group: _Group, where: str, row: _Row) -> None:
    for column in _OF_SUBMISSION:
        if getattr(row, column) != getattr(group.first, column):
            raise FormatError(
                where,
                f"{column} is {shown(getattr(row, column))}; {group.where}, of the same photo and "
                f"annotator, has {shown(getattr(group.first, column))}.",
            )
    box = _box(where, row)
    if box is None:
        return
    order = len(group.annotations) if row.order is None else row.order
    group.annotations.append(
        Annotation(
            str(order) if row.annotation is None else row.annotation,
            box,
            row.snippet,
            order,
            row.provenance,
            row.seconds,
        )
    )
    group.lines.append(where)


def _parsed(text: str) -> Iterator[tuple[str, _Row]]:
    """Every row with the line it starts on."""
    between = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    line = 1
    header: list[str] | None = None
    try:
        for cells in reader:
            where, line = f"line {line}", reader.line_num + 1
            if header is None:
                header = _header(where, cells)
            elif cells:  # csv gives an empty row for an empty line
                yield where, _row(where, header, cells, between == ";")
    except csv.Error as error:
        raise FormatError(f"line {line}", f"This is not CSV: {error}.") from None
    if header is None:
        raise FormatError("line 1", "The file is empty; expected a row of column names.")


def _separator(text: str) -> str:
    """Comma, or what a spreadsheet of another country or a database writes: ; or a tab."""
    first = text.partition("\n")[0]
    return max((",", ";", "\t"), key=first.count)


def _header(where: str, cells: list[str]) -> list[str]:
    for column in REQUIRED:
        if column not in cells:
            found = ", ".join(cells)[:200]
            raise FormatError(where, f"There is no column '{column}'; found: {found or 'none'}.")
    for column in COLUMNS:
        if cells.count(column) > 1:
            raise FormatError(where, f"Column '{column}' stands there twice.")
    return cells


def _row(where: str, header: list[str], cells: list[str], commas: bool = False) -> _Row:
    """commas: where ; stands between cells, a number may be written 1,5."""
    if len(cells) != len(header):
        raise FormatError(where, f"There are {len(cells)} cells; expected {len(header)}.")
    values = {
        column: restored(cell)
        for column, cell in zip(header, cells, strict=True)
        if cell and column in COLUMNS
    }
    if commas:
        for column in values.keys() & set(NUMBERS):
            values[column] = values[column].replace(",", ".")
    try:
        return _ROW.validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    if first["type"].startswith("missing"):
        raise FormatError(where, f"{first['loc'][0]} is empty; expected a value.")
    raise FormatError(where, f"{first['loc'][0]}: {complaint(first)}")


def _names(glance: Glance) -> set[str]:
    return set(re.split("[,;\t]", glance.line.replace('"', "")))


def _own(glance: Glance) -> bool:
    """Whether this is meant to have boxes."""
    return not glance.json and {"photo", "snippet"} <= _names(glance)


def _recognises(glance: Glance) -> bool:
    return _own(glance) or listed.is_table(glance)


FORMAT = Format(
    name="csv",
    title="CSV",
    suffix=".csv",
    carries=Carries(
        boxes="exact",
        who=True,
        ids="yes",
        states="yes",
        settings="no",
        sentences=False,
        phrases="no",
    ),
    pieces=_write,
    parse=_read,
    recognises=_recognises,
)
