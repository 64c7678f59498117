"""COCO-style JSON: "images", and "annotations" with `bbox` (x, y, width, height in pixels).

The snippet is `caption`; there is one category. Keys that COCO does not have, which its tools pass
over: of info `project`; of an image `sha256`; of an annotation `annotator`, `submission`,
`annotation` (the ids of records.py), `order`, `provenance`, `seconds`. `id`s are whole numbers
from 1, as its tools want. A photo without boxes stands in "images".

Carried: photos and their sizes; the submissions that count, their boxes (to the last bit but one)
and snippets; the project's name. Not carried: skipped and bad submissions, submissions without
boxes, the time of a whole submission, annotators without boxes, suggestions, the project's
settings.

Read are files of other tools too: each image needs `id`, `file_name`, `width` and `height`, each
annotation `image_id`, `bbox` and `caption`; other keys are passed over.
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
from annotate.formats.reading import FormatError, parse, place
from annotate.records import Photo, Project, counted_by_photo

CATEGORY = {"id": 1, "name": "region"}


@dataclass(frozen=True)
class _Info:
    project: str | None = None


@dataclass(frozen=True)
class _Image:
    id: int | str
    file_name: str
    width: int
    height: int
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class _Annotation(Origin):
    image_id: int | str
    bbox: tuple[float, float, float, float]
    caption: str


@dataclass(frozen=True)
class _File:
    images: list[_Image]
    annotations: list[_Annotation]
    info: _Info = _Info()


_FILE = TypeAdapter(_File)


def write(project: Project) -> bytes:
    """What the module's text says is carried."""
    images = [
        {
            "id": number,
            "file_name": photo.name,
            "width": photo.width,
            "height": photo.height,
            "sha256": photo.sha256,
        }
        for number, photo in enumerate(project.photos, 1)
    ]
    regions = [
        (image_id, submission, annotation)
        for image_id, submissions in enumerate(counted_by_photo(project).values(), 1)
        for submission in submissions
        for annotation in submission.annotations
    ]
    annotations = []
    for number, (image_id, submission, annotation) in enumerate(regions, 1):
        bbox = xywh_of(annotation.box)
        annotations.append(
            {
                "id": number,
                "image_id": image_id,
                "category_id": CATEGORY["id"],
                "bbox": bbox,
                "area": bbox[2] * bbox[3],
                "iscrowd": 0,
                "caption": annotation.snippet,
                **origin_of(submission, annotation),
            }
        )
    file = {
        "info": {"project": project.name},
        "images": images,
        "annotations": annotations,
        "categories": [CATEGORY],
    }
    return json.dumps(file, ensure_ascii=False, allow_nan=False, indent=1).encode()


def read(data: bytes, absent: Absent = Absent()) -> Project:
    """The file's bytes -> a project with the default settings. FormatError names the JSON path."""
    file = parse(_FILE, data, "$", extra=True)
    builder = Builder()
    photos: dict[int | str, Photo] = {}
    for number, image in enumerate(file.images):
        where = place("$", "images", number)
        if image.id in photos:
            raise FormatError(where, f"Image id {image.id!r} stands there twice.")
        photos[image.id] = builder.photo(
            where, Photo(image.file_name, image.width, image.height, image.sha256)
        )
    regions = Regions(builder, absent)
    for number, annotation in enumerate(file.annotations):
        where = place("$", "annotations", number)
        if annotation.image_id not in photos:
            raise FormatError(where, f"Image id {annotation.image_id!r} is not among the images.")
        photo = photos[annotation.image_id]
        regions.add(where, photo, box_of(annotation.bbox), annotation.caption, annotation)
    regions.finish()
    name = absent.project if file.info.project is None else file.info.project
    return builder.project("$.info", Project(name))
