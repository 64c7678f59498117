"""Visual Genome's region_descriptions.json: [{"id": .., "regions": [{"region_id", "image_id",
"phrase", "x", "y", "width", "height"}]}], boxes in pixels.

Keys that Visual Genome has elsewhere or not at all: of a photo `file_name`, `width`, `height`,
`sha256`; of a region `annotator`, `submission`, `annotation` (the ids of records.py), `order`,
`provenance`, `seconds`. A photo without boxes has no regions. Visual Genome's own boxes are whole
pixels; ours keep their fractions.

Carried: photos and their sizes; the submissions that count, their boxes (to the last bit but one)
and snippets. Not carried: skipped and bad submissions, submissions without boxes, the time of a
whole submission, annotators without boxes, suggestions, the project's name and settings.

Read are Visual Genome's own files too: a photo without `file_name` is `ID.jpg`, and its size comes
from the folder of the photos (`Absent.sizes`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import TypeAdapter

from annotate.formats.build import (
    Absent,
    Builder,
    Origin,
    Regions,
    box_of,
    origin_of,
    xywh_of,
)
from annotate.formats.reading import parse, place
from annotate.records import Photo, Project, counted_by_photo


@dataclass(frozen=True, kw_only=True)
class _Region(Origin):
    phrase: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class _Image:
    id: int
    regions: list[_Region]
    file_name: str | None = None
    width: int | None = None
    height: int | None = None
    sha256: str = ""


_FILE = TypeAdapter(list[_Image])


def write(project: Project) -> bytes:
    """What the module's text says is carried."""
    by_photo = counted_by_photo(project)
    images: list[dict[str, object]] = []
    written = 0
    for image_id, photo in enumerate(project.photos, 1):
        regions = []
        for submission in by_photo[photo.name]:
            for annotation in submission.annotations:
                written += 1
                x, y, width, height = xywh_of(annotation.box)
                regions.append(
                    {
                        "region_id": written,
                        "image_id": image_id,
                        "phrase": annotation.snippet,
                        "x": x,
                        "y": y,
                        "width": width,
                        "height": height,
                        **origin_of(submission, annotation),
                    }
                )
        images.append(
            {
                "id": image_id,
                "file_name": photo.name,
                "width": photo.width,
                "height": photo.height,
                "sha256": photo.sha256,
                "regions": regions,
            }
        )
    return json.dumps(images, ensure_ascii=False, allow_nan=False, indent=1).encode()


def read(data: bytes, absent: Absent = Absent()) -> Project:
    """The file's bytes -> a project with the default settings. FormatError names the JSON path."""
    builder = Builder()
    regions = Regions(builder, absent)
    images = parse(_FILE, data, "$", extra=True)
    for number, image in enumerate(images):
        where = place("$", number)
        name = f"{image.id}.jpg" if image.file_name is None else image.file_name
        if image.width is None or image.height is None:
            width, height = absent.size(where, name)
        else:
            width, height = image.width, image.height
        photo = builder.photo(where, Photo(name, width, height, image.sha256))
        for index, region in enumerate(image.regions):
            box = box_of((region.x, region.y, region.width, region.height))
            regions.add(place(where, "regions", index), photo, box, region.phrase, region)
    regions.finish()
    return builder.project("$", Project(absent.project))
