"""What a model proposes on a project's photos, as JSON lines:

    {"photo": "a.jpg", "box": [x0, y0, x1, y1], "caption": "a red boat", "score": 1.5, "model": "m"}

One region a line; `box` is xyxy in the upright photo's pixels (at most one pixel out of it);
`score` is any number, higher is better. Regions become suggestions: a model's earlier ones on a
photo that the file names give way to them. A suggestion's id is made from its region, so the same
file gives the same ids.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from core.formats import validation
from core.formats.build import cut_to_photo
from core.formats.parsing import FormatError, at, parse
from core.formats.record import Box, Photo, Project, Suggestion
from core.formats.validation import shown


@dataclass(frozen=True)
class _Line:
    photo: str
    box: Box
    caption: str
    score: float
    model: str


_LINE = TypeAdapter(_Line)


def read(data: bytes, photos: Iterable[Photo]) -> dict[str, list[Suggestion]]:
    """The file's bytes -> suggestions by the name of their photo, one of `photos`.

    FormatError names the line; an empty file gives nothing.
    """
    known = {photo.name: photo for photo in photos}
    found: dict[str, list[Suggestion]] = {}
    lines: dict[str, int] = {}
    for number, text in enumerate(data.removesuffix(b"\n").split(b"\n") if data else (), 1):
        where = f"line {number}"
        line = parse(_LINE, text, where)
        if line.photo not in known:
            raise FormatError(where, f"Photo {shown(line.photo)} is not among the photos.")
        region = json.dumps([line.photo, line.model, line.caption, *line.box])
        key = hashlib.sha256(region.encode()).hexdigest()[:32]
        if lines.setdefault(key, number) != number:
            raise FormatError(where, f"The region of line {lines[key]} stands here again.")
        photo = known[line.photo]
        box = cut_to_photo(line.box, photo)
        with at(where):
            suggestion = validation.suggestion_of(
                Suggestion(key, box, line.caption, line.score, line.model),
                photo.width,
                photo.height,
            )
        found.setdefault(photo.name, []).append(suggestion)
    return found


def suggest(project: Project, suggestions: Mapping[str, Sequence[Suggestion]]) -> Project:
    """The project with these suggestions, in place of the same models' on the same photos."""
    photos = []
    for photo in project.photos:
        new = tuple(suggestions.get(photo.name, ()))
        models = {suggestion.model for suggestion in new}
        kept = tuple(old for old in photo.suggestions if old.model not in models)
        photos.append(dataclasses.replace(photo, suggestions=kept + new))
    return dataclasses.replace(project, photos=tuple(photos))
