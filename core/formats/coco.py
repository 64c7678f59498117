"""COCO-style JSON: "images", and "annotations" with `bbox` (x, y, width, height in pixels).

The words are `caption`; there is one category. Keys that COCO does not have, which its tools pass
over: of info `project`; of an image `sha256`, `sentences`; of an annotation of people's work
`annotator`, `submission`, `annotation` (the ids of record.py), `order`, `provenance`, `seconds`; of
a phrase `annotator`, `sentence`, `score` where known. `id`s are whole numbers from 1, as its tools
want. A photo without boxes stands in "images".

Carried: photos, their sizes and sentences; the submissions that count, their boxes (to the last bit
but one) and snippets; phrases, one with several boxes as several; the project's name. Not carried:
skipped and bad submissions, submissions without boxes, the time of a whole submission, annotators
without boxes, suggestions, the project's settings.

Read are files of other tools too: each image needs `id` and `file_name`, each annotation `image_id`
and words: `caption`, or a text in CVAT's `attributes`, or the name of its category, as in COCO's
own instances. Ids may be text or 3.0, file names may have folders; other keys are passed over. An
annotation without `bbox`, as in COCO's own captions, is a sentence about the whole photo (which the
annotation store has no place for, and refuses).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from core.formats.build import Builder, Origin, ReadOptions, box_of
from core.formats.foreign import whole_side, words_among
from core.formats.format import Carries, Format, Glance
from core.formats.parsing import FormatError, parse, place
from core.formats.record import Photo, Project, counted_work
from core.formats.writing import boxed, dumped, listed, xywh_of

CATEGORY = {"id": 1, "name": "region"}


@dataclass(frozen=True)
class _Info:
    project: str | None = None


@dataclass(frozen=True)
class _Image:
    id: int | str | float
    file_name: str
    width: int | float = 0
    height: int | float = 0
    sha256: str = ""
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Annotation(Origin):
    image_id: int | str | float
    caption: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    category_id: int | str | float | None = None
    attributes: dict[str, Any] | None = None


@dataclass(frozen=True)
class _Category:
    id: int | str | float
    name: str


@dataclass(frozen=True)
class _File:
    images: list[_Image]
    annotations: list[_Annotation]
    info: _Info | None = _Info()
    categories: list[_Category] = field(default_factory=list)


_FILE = TypeAdapter(_File)


def _write(project: Project) -> Iterator[bytes]:
    yield b'{"info": %b, "categories": %b, "images": ' % (
        dumped({"project": project.name}),
        dumped([CATEGORY]),
    )
    yield from listed(
        {
            "id": number,
            "file_name": photo.name,
            "width": photo.width,
            "height": photo.height,
            "sha256": photo.sha256,
            "sentences": photo.sentences,
        }
        for number, photo in enumerate(project.photos, 1)
    )
    yield b', "annotations": '
    yield from listed(_annotations(project))
    yield b"}\n"


def _annotations(project: Project) -> Iterator[dict[str, Any]]:
    number = 0
    for image_id, (photo, work) in enumerate(counted_work(project), 1):
        for one in boxed(photo, work):
            number += 1
            bbox = xywh_of(one.box)
            yield {
                "id": number,
                "image_id": image_id,
                "category_id": CATEGORY["id"],
                "bbox": bbox,
                "area": bbox[2] * bbox[3],
                "iscrowd": 0,
                "caption": one.words,
                **one.keys,
            }


def _read(data: bytes, options: ReadOptions) -> Project:
    file = parse(_FILE, data, "$", extra=True)
    builder = Builder(options)
    photos: dict[int | str | float, Photo] = {}
    for number, image in enumerate(file.images):
        where = place("$", "images", number)
        if image.id in photos:
            raise FormatError(where, f"Image id {image.id!r} stands there twice.")
        size = whole_side(where, image.width), whole_side(where, image.height)
        photo = builder.foreign_photo(where, Photo(image.file_name, *size, image.sha256))
        photos[image.id] = photo
        for sentence in image.sentences:
            builder.sentence(photo, sentence)
    categories = {one.id: one.name for one in file.categories}
    for number, annotation in enumerate(file.annotations):
        where = place("$", "annotations", number)
        if annotation.image_id not in photos:
            raise FormatError(where, f"Image id {annotation.image_id!r} is not among the images.")
        photo = photos[annotation.image_id]
        words = _words(where, annotation, categories)
        if annotation.bbox is not None:
            box = box_of(annotation.bbox)
            builder.region(where, photo, box, words, annotation)
        elif options.storable:
            raise FormatError(place(where, "bbox"), "This key is missing.")
        else:
            builder.sentence(photo, words)
    named = file.info.project if file.info is not None else None
    return builder.project("$.info", Project(options.project if named is None else named))


def _words(where: str, annotation: _Annotation, categories: dict[int | str | float, str]) -> str:
    """What is said of a region: its caption; what CVAT's attributes say; the name of its class."""
    if annotation.caption is not None:
        return annotation.caption
    if words := words_among(annotation.attributes or {}):
        return words
    if annotation.category_id in categories:
        return categories[annotation.category_id]
    raise FormatError(
        place(where, "caption"),
        "This key is missing, and neither attributes nor a category have words instead.",
    )


def _recognises(glance: Glance) -> bool:
    return isinstance(glance.first.get("images"), list) and "annotations" in glance.first


FORMAT = Format(
    name="coco",
    title="COCO",
    suffix=".json",
    carries=Carries(
        boxes="to rounding",
        who=True,
        ids="yes",
        states="no",
        settings="the name",
        sentences=True,
        phrases="sentence, score",
    ),
    pieces=_write,
    parse=_read,
    recognises=_recognises,
)
