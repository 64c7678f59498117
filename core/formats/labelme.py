"""labelme's JSON, which is read: one file for each photo, or a ZIP archive of many.

    {"version": "5.4.1", "flags": {}, "imagePath": "a.jpg", "imageData": null, "imageWidth": 640,
     "imageHeight": 480, "shapes": [{"label": "dog", "description": "a brown dog", "group_id": null,
     "shape_type": "rectangle", "flags": {}, "points": [[1.5, 2], [30, 40]]}]}

The words of a shape are its description, or else its label. Shapes other than rectangles are
refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from core.formats.archives import files_in, is_archive, names_in
from core.formats.build import Builder, Origin, ReadOptions
from core.formats.format import BOXES_AND_WORDS, Glance, Reader
from core.formats.parsing import FormatError, parse, place
from core.formats.record import Photo, Project
from core.formats.validation import said, shown


@dataclass(frozen=True)
class _Shape:
    label: str
    points: list[tuple[float, float]]
    shape_type: str = "polygon"
    description: str | None = None


@dataclass(frozen=True)
class _File:
    imagePath: str  # noqa: N815 - labelme's own
    shapes: list[_Shape]
    imageWidth: int | None = None  # noqa: N815
    imageHeight: int | None = None  # noqa: N815


_FILE = TypeAdapter(_File)


def _read(data: bytes, options: ReadOptions) -> Project:
    builder = Builder(options)
    if not is_archive(data):
        _take(builder, "$", data)
        return builder.project("$", Project(options.project))
    for name, content in files_in(data, ".json"):
        _take(builder, f"{name}: $", content)
    return builder.project("the archive", Project(options.project))


def _take(builder: Builder, where: str, data: bytes) -> None:
    file = parse(_FILE, data, where, extra=True)
    size = file.imageWidth or 0, file.imageHeight or 0
    photo = builder.foreign_photo(where, Photo(file.imagePath, *size))
    for number, shape in enumerate(file.shapes):
        spot = place(where, "shapes", number)
        if shape.shape_type != "rectangle" or len(shape.points) != 2:
            raise FormatError(
                spot,
                f"The shape is {shown(shape.shape_type)} of {len(shape.points)} points; expected "
                f"a rectangle of two.",
            )
        (ax, ay), (bx, by) = shape.points
        box = min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)
        described = shape.description is not None and said(shape.description)
        words = shape.description if described and shape.description else shape.label
        builder.region(spot, photo, box, words, Origin())


def _recognises(glance: Glance) -> bool:
    if is_archive(glance.start):
        return any(name.lower().endswith(".json") for name in names_in(glance.whole))
    return {"shapes", "imagePath"} <= glance.first.keys()


READER = Reader(
    name="labelme",
    title="labelme",
    carries=BOXES_AND_WORDS,
    parse=_read,
    recognises=_recognises,
)
