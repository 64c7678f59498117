"""JSON lines: the whole of a `records.Project`, and back exactly. The format to keep work in.

Each line is an object with one key that says what it is. First the project, then every photo, then
every submission, so a line is read with all that it refers to before it:

    {"project": {"version": 1, "name": .., "boxes_per_photo": 5, "annotators_per_photo": 9,
                 "guidelines": .., "blind": true, "suggestions": false, "annotators": [names],
                 "photos": how many photo lines follow, "submissions": how many submission lines,
                 "lease_minutes": 60}}
    {"photo": {"name": .., "width": .., "height": .., "sha256": .., "suggestions":
               [{"id": .., "box": [x0, y0, x1, y1], "snippet": .., "score": .., "model": ..}]}}
    {"submission": {"id": .., "photo": name, "annotator": name, "state": "submitted" | "skipped",
                    "annotations": [{"id": .., "box": [x0, y0, x1, y1], "snippet": .., "order": ..,
                                     "provenance": "drawn" | "accepted" | "edited", "seconds": ..}],
                    "reason": .., "bad": .., "started": time, "finished": time, "seconds": ..}}

Boxes are xyxy in the photo's upright pixels; times are ISO 8601 in UTC, or null. The counts show a
file that was cut short. A submission with `state` "skipped" or a `bad` that is not "" does not
count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from annotate.formats.build import Absent, Builder
from annotate.formats.reading import FormatError, parse
from annotate.records import Photo, Project, Submission

VERSION: Literal[1] = 1


@dataclass(frozen=True)
class _Head:
    version: Literal[1]
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


_LINE = TypeAdapter(_Line)
_HEAD, _PHOTO, _SUBMISSION = TypeAdapter(_Head), TypeAdapter(Photo), TypeAdapter(Submission)


def write(project: Project) -> bytes:
    """All of the project."""
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
    lines = [b'{"project":%b}\n' % _HEAD.dump_json(head)]
    lines += [b'{"photo":%b}\n' % _PHOTO.dump_json(photo) for photo in project.photos]
    lines += [b'{"submission":%b}\n' % _SUBMISSION.dump_json(s) for s in project.submissions]
    return b"".join(lines)


def read(data: bytes, absent: Absent = Absent()) -> Project:
    """The file's bytes -> what was written. FormatError names the line."""
    first, *others = data.removesuffix(b"\n").split(b"\n")
    head = parse(_LINE, first, "line 1").project
    if head is None:
        raise FormatError("line 1", 'Expected the line that begins with {"project": ...}.')
    builder = Builder()
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
