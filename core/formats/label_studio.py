"""Label Studio's JSON: a list of tasks, with boxes in percent of the photo and words in text areas.

    [{"id": 1, "data": {"image": "a.jpg"},
      "annotations": [{"id": 1, "completed_by": {"email": annotator}, "result": [
        {"id": region, "type": "rectangle", "from_name": "box", "to_name": "image",
         "original_width": 640, "original_height": 480, "image_rotation": 0,
         "value": {"x": 1.5, "y": 2, "width": 10, "height": 20, "rotation": 0}},
        {"id": region, "type": "textarea", "from_name": "words", "to_name": "image",
         "original_width": 640, "original_height": 480,
         "value": {"x": .., "text": ["a red boat"]}}]}]}]

Ours add `width`, `height` to `data`, so that a photo without boxes keeps its size.

Carried: photos and their sizes; the submissions that count, their boxes (to the last bit but one),
snippets and annotators; phrases, one with several boxes as several, with their annotators. Not
carried: ids, sha256, provenance, seconds, times, skipped and bad submissions, submissions and
annotators without boxes, sentences, the sentence and score of a phrase, suggestions, the project's
name and settings.

Read are Label Studio's own exports too: `image` may be an upload (`/data/upload/1/0a1b2c3d-a.jpg`),
a local file or an address, `completed_by` a number. The words of a region are those of its text
area, or else its labels. Cancelled annotations are passed over. A turned box and other shapes are
refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import TypeAdapter

from core.formats.build import Builder, Origin, ReadOptions, box_of
from core.formats.foreign import refuse_rotation
from core.formats.format import Carries, Format, Glance
from core.formats.parsing import FormatError, parse, place
from core.formats.record import Photo, Project, counted_work
from core.formats.validation import shown
from core.formats.writing import Boxed, boxed, listed, xywh_of

BOXES = ("rectangle", "rectanglelabels")
WITHOUT_A_PLACE = ("textarea", "choices", "taxonomy", "relation", "rating", "number", "labels")
"""Results that say something and draw nothing."""


@dataclass(frozen=True)
class _Value:
    x: float | None = None
    y: float | None = None
    width: float | None = None
    height: float | None = None
    rotation: float | None = None
    text: list[str] | str = ()  # type: ignore[assignment]
    rectanglelabels: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Result:
    type: str
    value: _Value = _Value()
    id: str = ""
    original_width: int | None = None
    original_height: int | None = None
    image_rotation: float | None = None


@dataclass(frozen=True)
class _Who:
    email: str | None = None
    id: int | None = None


@dataclass(frozen=True)
class _Annotation:
    result: list[_Result] = field(default_factory=list)
    completed_by: int | str | _Who | None = None
    was_cancelled: bool = False


@dataclass(frozen=True)
class _Task:
    data: dict[str, Any]
    annotations: list[_Annotation] = field(default_factory=list)


_FILE = TypeAdapter(list[_Task])


def _write(project: Project) -> Iterator[bytes]:
    yield from listed(_tasks(project))
    yield b"\n"


def _tasks(project: Project) -> Iterator[dict[str, Any]]:
    for number, (photo, work) in enumerate(counted_work(project), 1):
        by_person: dict[str, list[Boxed]] = {}
        for one in boxed(photo, work):
            by_person.setdefault(one.keys.get("annotator", ""), []).append(one)
        yield {
            "id": number,
            "data": {"image": photo.name, "width": photo.width, "height": photo.height},
            "annotations": [
                {
                    "id": place_,
                    **({"completed_by": {"email": name}} if name else {}),
                    "result": [
                        result
                        for order, one in enumerate(regions)
                        for result in _results(f"{number}-{place_}-{order}", photo, one)
                    ],
                }
                for place_, (name, regions) in enumerate(by_person.items(), 1)
            ],
        }


def _results(identity: str, photo: Photo, one: Boxed) -> Iterator[dict[str, Any]]:
    x, y, width, height = xywh_of(one.box)
    across, down = 100 / (photo.width or 1), 100 / (photo.height or 1)
    where = {"x": x * across, "y": y * down, "width": width * across, "height": height * down}
    common = {
        "id": identity,
        "to_name": "image",
        "original_width": photo.width,
        "original_height": photo.height,
        "image_rotation": 0,
    }
    yield {**common, "type": "rectangle", "from_name": "box", "value": {**where, "rotation": 0}}
    value = {**where, "text": [one.words]}
    yield {**common, "type": "textarea", "from_name": "words", "value": value}


def _read(data: bytes, options: ReadOptions) -> Project:
    builder = Builder(options)
    tasks: list[_Task] = parse(_FILE, data, "$", extra=True)
    for number, task in enumerate(tasks):
        where = place("$", number)
        photo = builder.foreign_photo(where, _photo(where, task))
        for index, annotation in enumerate(task.annotations):
            if annotation.was_cancelled:
                continue
            spot = place(where, "annotations", index)
            _take(builder, spot, photo, annotation)
    return builder.project("$", Project(options.project))


def _photo(where: str, task: _Task) -> Photo:
    images = [task.data[key] for key in ("image", "img", "photo", "ocr") if key in task.data]
    image = images[0] if images else next(iter(task.data.values()), None)
    if not isinstance(image, str):
        raise FormatError(place(where, "data"), f"The image is {shown(image)}; expected its name.")
    size = task.data.get("width"), task.data.get("height")
    if isinstance(size[0], int) and isinstance(size[1], int):
        return Photo(_name(image), size[0], size[1])
    for annotation in task.annotations:
        for result in annotation.result:
            if result.original_width and result.original_height:
                return Photo(_name(image), result.original_width, result.original_height)
    return Photo(_name(image), 0, 0)


def _name(image: str) -> str:
    """An upload loses the eight signs that Label Studio puts before it; an address is decoded."""
    if "://" not in image and not image.startswith("/data/"):
        return image
    parts = urlsplit(image)
    local = parse_qs(parts.query).get("d")
    path = local[0] if local else unquote(parts.path)
    if parts.path.startswith("/data/upload/"):
        return re.sub(r"^[0-9a-f]{8}-", "", path.rpartition("/")[2])
    return path


def _take(builder: Builder, where: str, photo: Photo, annotation: _Annotation) -> None:
    words: dict[str, list[str]] = {}
    for result in annotation.result:
        text = result.value.text
        if result.type == "textarea" and text:
            words.setdefault(result.id, []).extend([text] if isinstance(text, str) else text)
    for number, result in enumerate(annotation.result):
        spot = place(where, "result", number)
        if result.type in WITHOUT_A_PLACE:
            continue
        if result.type not in BOXES:
            raise FormatError(
                place(spot, "type"), f"The shape is {shown(result.type)}; expected a rectangle."
            )
        refuse_rotation(spot, result.value.rotation)
        refuse_rotation(spot, result.image_rotation)
        value = result.value
        sides = (value.x, value.y, value.width, value.height)
        if any(side is None for side in sides):
            raise FormatError(place(spot, "value"), "One of x, y, width and height is missing.")
        size = photo.width or 1, photo.height or 1
        box = box_of([float(side or 0) * size[k % 2] / 100 for k, side in enumerate(sides)])
        said = words.get(result.id) or [", ".join(value.rectanglelabels or value.labels)]
        origin = Origin(annotator=_who(annotation.completed_by))
        builder.region(spot, photo, box, "\n".join(said), origin)


def _who(completed_by: int | str | _Who | None) -> str | None:
    if isinstance(completed_by, _Who):
        if completed_by.email:
            return completed_by.email
        completed_by = completed_by.id
    return None if completed_by is None else str(completed_by)


def _recognises(glance: Glance) -> bool:
    first = glance.first
    return isinstance(first.get("data"), dict) and "annotations" in first


FORMAT = Format(
    name="label-studio",
    title="Label Studio",
    suffix=".json",
    carries=Carries(
        boxes="to rounding",
        who=True,
        ids="order",
        states="no",
        settings="no",
        sentences=False,
        phrases="no",
    ),
    pieces=_write,
    parse=_read,
    recognises=_recognises,
)
