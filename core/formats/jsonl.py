"""JSON lines: the whole of a `record.Project`, and back exactly. The format to keep work in.

Each line is an object with one key that says what it is. First the project, then every photo, then
every submission, so a line is read with all that it refers to before it:

    {"project": {"version": 2, "name": .., "boxes_per_photo": 5, "annotators_per_photo": 9,
                 "guidelines": .., "blind": true, "suggestions": false, "annotators": [names],
                 "photos": how many photo lines follow, "submissions": how many submission lines,
                 "lease_minutes": 60}}
    {"photo": {"name": .., "width": .., "height": .., "sha256": .., "suggestions":
               [{"id": .., "box": [x0, y0, x1, y1], "snippet": .., "score": .., "model": ..}],
               "sentences": [..], "phrases": [{"words": .., "boxes": [[x0, y0, x1, y1], ..],
               "sentence": its number from 0, "score": .., "annotator": ..}],
               "size_confidence": in [0, 1] where the size is a guess}}
    {"submission": {"id": .., "photo": name, "annotator": name, "state": "submitted" | "skipped",
                    "annotations": [{"id": .., "box": [x0, y0, x1, y1], "snippet": .., "order": ..,
                                     "provenance": "drawn" | "accepted" | "edited", "seconds": ..}],
                    "reason": .., "bad": .., "started": time, "finished": time, "seconds": ..}}

Boxes are xyxy in the photo's upright pixels; times are ISO 8601 in UTC, or null. The counts show a
file that was cut short. A submission with `state` "skipped" or a `bad` that is not "" does not
count. What is empty or unknown of a photo is left out. Version 1 has no sentences and phrases.

A photo of one's own needs no more than its name: read are also lines, or one list, of plain photos,
as older exports of grounding sets have them; other keys are passed over:

    {"file": name, "width": .., "height": .., "sentences": [..],
     "phrases": [{"phrase": words, "boxes": [[x0, y0, x1, y1], ..], "sentence": .., "score": ..}]}

and objects with a photo and a sentence each (`listed.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from core.formats import listed
from core.formats.build import Builder, ReadOptions
from core.formats.format import Carries, Format, Glance
from core.formats.parsing import FormatError, parse, place
from core.formats.record import Box, Photo, Phrase, Project, Submission

VERSION: Literal[2] = 2


@dataclass(frozen=True)
class _Head:
    version: Literal[1, 2]
    name: str
    boxes_per_photo: int
    annotators_per_photo: int
    guidelines: str
    blind: bool
    suggestions: bool
    annotators: tuple[str, ...]
    photos: int
    submissions: int
    lease_minutes: int = Project.lease_minutes


@dataclass(frozen=True)
class _Line:
    project: _Head | None = None
    photo: Photo | None = None
    submission: Submission | None = None


@dataclass(frozen=True)
class _PlainPhrase:
    phrase: str
    boxes: tuple[Box, ...]
    sentence: int | None = None
    score: float | None = None


@dataclass(frozen=True)
class _PlainPhoto:
    file: str
    width: int = 0
    height: int = 0
    sentences: tuple[str, ...] = ()
    phrases: list[_PlainPhrase] = field(default_factory=list)


_LINE = TypeAdapter(_Line)
_HEAD, _PHOTO, _SUBMISSION = TypeAdapter(_Head), TypeAdapter(Photo), TypeAdapter(Submission)
_PLAIN, _PLAIN_LIST = TypeAdapter(_PlainPhoto), TypeAdapter(list[_PlainPhoto])


def _write(project: Project) -> Iterator[bytes]:
    head = _Head(
        VERSION,
        project.name,
        project.boxes_per_photo,
        project.annotators_per_photo,
        project.guidelines,
        project.blind,
        project.suggestions,
        project.annotators,
        len(project.photos),
        len(project.submissions),
        project.lease_minutes,
    )
    yield b'{"project":%b}\n' % _HEAD.dump_json(head)
    for photo in project.photos:
        yield b'{"photo":%b}\n' % _PHOTO.dump_json(photo, exclude_defaults=True)
    for submission in project.submissions:
        yield b'{"submission":%b}\n' % _SUBMISSION.dump_json(submission)


def _read(data: bytes, options: ReadOptions) -> Project:
    glance = Glance(data)
    if listed.is_json(glance):
        return listed.read(data, options)
    if "file" in glance.first:
        return _read_plain(data, options)
    first, *others = data.removesuffix(b"\n").split(b"\n")
    head = parse(_LINE, first, "line 1").project
    if head is None:
        raise FormatError("line 1", 'Expected the line that begins with {"project": ...}.')
    builder = Builder(options)
    for name in head.annotators:
        builder.annotator("line 1", name)
    counts = {"photo": 0, "submission": 0}
    for number, text in enumerate(others, 2):
        where = f"line {number}"
        line = parse(_LINE, text, where)
        if line.photo and not (line.submission or line.project):
            builder.photo(f"{where}.photo", line.photo)
            counts["photo"] += 1
        elif line.submission and not (line.photo or line.project):
            builder.submission(f"{where}.submission", line.submission)
            counts["submission"] += 1
        else:
            raise FormatError(where, 'Expected one key, "photo" or "submission".')
    for kind, promised in (("photo", head.photos), ("submission", head.submissions)):
        if counts[kind] != promised:
            raise FormatError(
                f"line {len(others) + 1}",
                f"The file ends after {counts[kind]} {kind}s; line 1 promises {promised}.",
            )
    settings = Project(
        head.name,
        head.boxes_per_photo,
        head.annotators_per_photo,
        head.guidelines,
        head.blind,
        head.suggestions,
        lease_minutes=head.lease_minutes,
    )
    return builder.project("line 1", settings)


def _read_plain(data: bytes, options: ReadOptions) -> Project:
    builder = Builder(options)
    if data.lstrip().startswith(b"["):
        entries = parse(_PLAIN_LIST, data, "$", extra=True)
        photos = [(place("$", number), photo) for number, photo in enumerate(entries)]
    else:
        photos = [
            (f"line {number}", parse(_PLAIN, line, f"line {number}", extra=True))
            for number, line in enumerate(data.split(b"\n"), 1)
            if line.strip()
        ]
    for where, one in photos:
        phrases = tuple(Phrase(p.phrase, p.boxes, p.sentence, p.score) for p in one.phrases)
        builder.photo(
            where, Photo(one.file, one.width, one.height, sentences=one.sentences, phrases=phrases)
        )
    return builder.project("$", Project(options.project))


def _recognises(glance: Glance) -> bool:
    keys = glance.first.keys()  # "view" stands beside a project of VIA's
    own = bool(keys & {"project", "photo", "submission", "file"}) and "view" not in keys
    return own or listed.is_json(glance)


FORMAT = Format(
    name="jsonl",
    title="JSON lines (everything, exactly)",
    suffix=".jsonl",
    carries=Carries(
        boxes="exact",
        who=True,
        ids="yes",
        states="yes",
        settings="yes",
        sentences=True,
        phrases="yes",
    ),
    pieces=_write,
    parse=_read,
    recognises=_recognises,
)
