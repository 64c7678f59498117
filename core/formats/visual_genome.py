"""Visual Genome's region_descriptions.json: [{"id": .., "regions": [{"region_id", "image_id",
"phrase", "x", "y", "width", "height"}]}], boxes in pixels.

Keys that Visual Genome has elsewhere or not at all: of a photo `file_name`, `width`, `height`,
`sha256`, `sentences`; of a region of people's work `annotator`, `submission`, `annotation` (the ids
of record.py), `order`, `provenance`, `seconds`; of a phrase `annotator`, `sentence`, `score` where
known. A photo without boxes has no regions. Visual Genome's own boxes are whole pixels; ours keep
their fractions.

Carried: photos, their sizes and sentences; the submissions that count, their boxes (to the last bit
but one) and snippets; phrases, one with several boxes as several. Not carried: skipped and bad
submissions, submissions without boxes, the time of a whole submission, annotators without boxes,
suggestions, the project's name and settings.

Read are Visual Genome's own files too: a photo without `file_name` is `ID.jpg`, and its size comes
from the folder of the photos (`ReadOptions.sizes`). Older exports of grounding sets call the size
`image_width` and `image_height`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from core.formats.build import Builder, Origin, ReadOptions, box_of
from core.formats.format import Carries, Format, Glance
from core.formats.parsing import parse, place
from core.formats.record import Photo, Project, counted_work
from core.formats.writing import boxed, listed, xywh_of


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
    width: int = 0
    height: int = 0
    image_width: int = 0
    image_height: int = 0
    sha256: str = ""
    sentences: tuple[str, ...] = ()


_FILE = TypeAdapter(list[_Image])


def _write(project: Project) -> Iterator[bytes]:
    yield from listed(_images(project))
    yield b"\n"


def _images(project: Project) -> Iterator[dict[str, Any]]:
    written = 0
    for image_id, (photo, work) in enumerate(counted_work(project), 1):
        regions = []
        for one in boxed(photo, work):
            written += 1
            x, y, width, height = xywh_of(one.box)
            region = {"region_id": written, "image_id": image_id, "phrase": one.words}
            place = {"x": x, "y": y, "width": width, "height": height}
            regions.append({**region, **place, **one.keys})
        yield {
            "id": image_id,
            "file_name": photo.name,
            "width": photo.width,
            "height": photo.height,
            "sha256": photo.sha256,
            "sentences": photo.sentences,
            "regions": regions,
        }


def _read(data: bytes, options: ReadOptions) -> Project:
    builder = Builder(options)
    images = parse(_FILE, data, "$", extra=True)
    for number, image in enumerate(images):
        where = place("$", number)
        name = f"{image.id}.jpg" if image.file_name is None else image.file_name
        size = image.width or image.image_width, image.height or image.image_height
        photo = Photo(name, *size, image.sha256, sentences=image.sentences)
        photo = builder.foreign_photo(where, photo)
        for index, region in enumerate(image.regions):
            box = box_of((region.x, region.y, region.width, region.height))
            builder.region(place(where, "regions", index), photo, box, region.phrase, region)
    return builder.project("$", Project(options.project))


def _recognises(glance: Glance) -> bool:
    return glance.nothing or {"id", "regions"} <= glance.first.keys()


FORMAT = Format(
    name="visual-genome",
    title="Visual Genome",
    suffix=".json",
    carries=Carries(
        boxes="to rounding",
        who=True,
        ids="yes",
        states="no",
        settings="no",
        sentences=True,
        phrases="sentence, score",
    ),
    pieces=_write,
    parse=_read,
    recognises=_recognises,
    older_names=("vg",),
)
