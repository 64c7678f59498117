"""W3C Web Annotation (JSON-LD): a list of AnnotationCollections, one for each photo.

    [{"@context": "http://www.w3.org/ns/anno.jsonld", "type": "AnnotationCollection",
      "id": "#photo-1", "label": photo's name, "total": 1,
      "schema:about": {"id": "name.jpg", "type": "Image", "schema:width": .., "schema:height": ..},
      "first": {"type": "AnnotationPage", "id": "#photo-1-page", "startIndex": 0, "items": [
        {"type": "Annotation", "id": "#1", "motivation": "describing", "created": time,
         "creator": {"type": "Person", "name": annotator},
         "body": {"type": "TextualBody", "value": snippet, "format": "text/plain",
                  "purpose": "describing"},
         "target": {"source": "name.jpg", "selector": {"type": "FragmentSelector",
                    "conformsTo": "http://www.w3.org/TR/media-frags/",
                    "value": "xywh=pixel:x,y,width,height"}}}]}}]

A photo without boxes has an empty page. `source` is a relative IRI: the name, percent-encoded.
Media Fragments knows whole pixels only; ours keep their fractions, as other tools' do.

Carried: photos and their sizes; the submissions that count, their boxes (to the last bit but one),
snippets, annotators, and when they were finished; phrases, one with several boxes as several. Not
carried, as the vocabulary has no word for it: ids, sha256, provenance, seconds, when work started,
skipped and bad submissions, submissions without boxes, annotators without boxes, sentences, the
sentence and score of a phrase, suggestions, the project's name and settings. The order of a
person's boxes is the items'.

Read are also lists, collections, pages or single annotations of other tools; where no collection
tells a photo's size, it comes from the folder of the photos (`ReadOptions.sizes`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote

import numpy as np
from pydantic import Field, TypeAdapter

from core.formats.build import Builder, Origin, ReadOptions, box_of
from core.formats.format import Carries, Format, Glance
from core.formats.parsing import FormatError, parse, place
from core.formats.record import Box, Photo, Project, counted_work
from core.formats.validation import shown
from core.formats.writing import Boxed, boxed, listed, xywh_of

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
MEDIA_FRAGMENTS = "http://www.w3.org/TR/media-frags/"
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_XYWH = re.compile(rf"xywh=(?:pixel:)?{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}", re.ASCII)


@dataclass(frozen=True)
class _Body:
    type: Literal["TextualBody"]
    value: str
    purpose: str | None = None


@dataclass(frozen=True)
class _Person:
    name: str | None = None


@dataclass(frozen=True)
class _Source:
    id: str


@dataclass(frozen=True)
class _Selector:
    type: Literal["FragmentSelector"]
    value: str


@dataclass(frozen=True)
class _Target:
    source: str | _Source
    selector: _Selector


@dataclass(frozen=True)
class _Item:
    type: Literal["Annotation"]
    body: _Body | list[_Body]
    target: _Target
    creator: str | _Person | None = None
    created: datetime | None = None


@dataclass(frozen=True)
class _Page:
    type: Literal["AnnotationPage"]
    items: list[_Item]


@dataclass(frozen=True)
class _Image:
    id: str
    width: Annotated[int, Field(alias="schema:width")]
    height: Annotated[int, Field(alias="schema:height")]


@dataclass(frozen=True)
class _Collection:
    type: Literal["AnnotationCollection"]
    first: _Page
    about: Annotated[_Image | None, Field(alias="schema:about")] = None


_NODE = Annotated[_Collection | _Page | _Item, Field(discriminator="type")]
_ONE: TypeAdapter[_Collection | _Page | _Item] = TypeAdapter(_NODE)
_MANY: TypeAdapter[list[_Collection | _Page | _Item]] = TypeAdapter(list[_NODE])


def _write(project: Project) -> Iterator[bytes]:
    yield from listed(_collections(project))
    yield b"\n"


def _collections(project: Project) -> Iterator[dict[str, Any]]:
    written = 0
    for number, (photo, work) in enumerate(counted_work(project), 1):
        finished = {submission.id: submission.finished for submission in work}
        items = []
        for one in boxed(photo, work):
            written += 1
            moment = finished.get(one.keys.get("submission", ""))
            items.append(_item(f"#{written}", photo.name, one, moment))
        yield {
            "@context": CONTEXT,
            "id": f"#photo-{number}",
            "type": "AnnotationCollection",
            "label": photo.name,
            "total": len(items),
            "schema:about": {
                "id": quote(photo.name, safe=""),
                "type": "Image",
                "schema:width": photo.width,
                "schema:height": photo.height,
            },
            "first": {
                "id": f"#photo-{number}-page",
                "type": "AnnotationPage",
                "startIndex": 0,
                "items": items,
            },
        }


def _item(identity: str, photo: str, one: Boxed, finished: datetime | None) -> dict[str, Any]:
    numbers = [np.format_float_positional(value, trim="-") for value in xywh_of(one.box)]
    item: dict[str, Any] = {
        "id": identity,
        "type": "Annotation",
        "motivation": "describing",
        "body": {
            "type": "TextualBody",
            "value": one.words,
            "format": "text/plain",
            "purpose": "describing",
        },
        "target": {
            "source": quote(photo, safe=""),
            "selector": {
                "type": "FragmentSelector",
                "conformsTo": MEDIA_FRAGMENTS,
                "value": "xywh=pixel:" + ",".join(numbers),
            },
        },
    }
    if "annotator" in one.keys:
        item["creator"] = {"type": "Person", "name": one.keys["annotator"]}
    if finished is not None:
        item["created"] = finished.isoformat()
    return item


def _read(data: bytes, options: ReadOptions) -> Project:
    if data.lstrip(b" \t\r\n").startswith(b"["):
        many = parse(_MANY, data, "$", extra=True)
        nodes = {place("$", number): node for number, node in enumerate(many)}
    else:
        nodes = {"$": parse(_ONE, data, "$", extra=True)}
    builder = Builder(options)
    photos: dict[str, Photo] = {}
    items: list[tuple[str, _Item]] = []
    for where, node in nodes.items():
        if isinstance(node, _Item):
            items.append((where, node))
            continue
        if isinstance(node, _Collection):
            if node.about is not None:
                image, name = node.about, _name(node.about.id)
                spot = place(where, "schema:about")
                photos[name] = builder.photo(spot, Photo(name, image.width, image.height))
            where, node = place(where, "first"), node.first
        items += [(place(where, "items", n), item) for n, item in enumerate(node.items)]
    for where, item in items:
        source = item.target.source
        name = _name(source if isinstance(source, str) else source.id)
        if name not in photos:
            photos[name] = builder.photo(where, Photo(name, 0, 0))
        creator = item.creator.name if isinstance(item.creator, _Person) else item.creator
        box = _box(place(where, "target", "selector", "value"), item.target.selector.value)
        origin = Origin(annotator=creator)
        builder.region(where, photos[name], box, _snippet(where, item), origin, item.created)
    return builder.project("$", Project(options.project))


def _name(source: str) -> str:
    """An IRI's last part, decoded."""
    return unquote(re.split("[?#]", source, maxsplit=1)[0].rpartition("/")[2])


def _box(where: str, value: str) -> Box:
    match = _XYWH.fullmatch(value)
    if match is None:
        raise FormatError(where, f"{shown(value)}; expected xywh=pixel:x,y,width,height.")
    return box_of([float(number) for number in match.groups()])


def _snippet(where: str, item: _Item) -> str:
    """One body's words. Of several, as Annotorious has them, the one that is no tag; without one,
    all tags."""
    bodies = item.body if isinstance(item.body, list) else [item.body]
    spoken = [body for body in bodies if body.purpose != "tagging"]
    if not spoken and bodies:
        return ", ".join(body.value for body in bodies)
    if len(spoken) != 1:
        raise FormatError(
            place(where, "body"),
            f"There are {len(spoken)} bodies that are no tags; expected one TextualBody.",
        )
    return spoken[0].value


def _recognises(glance: Glance) -> bool:
    kinds = ("AnnotationCollection", "AnnotationPage", "Annotation")
    return glance.first.get("type") in kinds


FORMAT = Format(
    name="web-annotation",
    title="Web Annotation",
    suffix=".jsonld",
    carries=Carries(
        boxes="to rounding",
        who=True,
        ids="order",
        states="when finished",
        settings="no",
        sentences=False,
        phrases="no",
    ),
    pieces=_write,
    parse=_read,
    recognises=_recognises,
)
