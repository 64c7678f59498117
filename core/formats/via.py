"""VGG Image Annotator (VIA): JSON and CSV of version 2, projects and CSV of version 3, all read.

Version 2: {"a.jpg1234": {"filename": "a.jpg", "size": bytes, "regions": [{"shape_attributes":
{"name": "rect", "x", "y", "width", "height"}, "region_attributes": {"caption": "a dog"}}],
"file_attributes": {}}}, alone or as `_via_img_metadata` of a project; its CSV has the same JSON in
the columns region_shape_attributes and region_attributes. Version 3: {"attribute", "file",
"metadata": {id: {"vid", "xy": [2, x, y, width, height], "av": {attribute: text}}}, "view"}; its CSV
begins with # and has file_list, spatial_coordinates and metadata.

No version knows the photos' sizes: they come from the folder of the photos (`ReadOptions.sizes`).
The words of a region are those of its attributes. Shapes other than rectangles are refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from core.formats.build import Builder, Origin, ReadOptions, box_of
from core.formats.foreign import words_among
from core.formats.format import BOXES_AND_WORDS, Glance, Reader
from core.formats.parsing import FormatError, decoded, place
from core.formats.record import Photo, Project
from core.formats.validation import shown

RECTANGLE = 2
"""Version 3's number of the shape."""


def _read(data: bytes, options: ReadOptions) -> Project:
    builder = Builder(options)
    photos: dict[str, Photo] = {}
    for where, name, region in _regions(data):
        if name not in photos:
            photos[name] = builder.foreign_photo(where, Photo(name, 0, 0))
        if region is not None:
            box, words = region
            builder.region(where, photos[name], box_of(box), words, Origin())
    return builder.project("the file", Project(options.project))


Region = tuple[list[float], str]
"""Left, top, width, height; words."""


def _regions(data: bytes) -> Iterator[tuple[str, str, Region | None]]:
    """Where, the photo's name, and a region of it; None says only that the photo is there."""
    if not Glance(data).json:
        yield from _of_tables(decoded(data))
        return
    try:
        whole = json.loads(decoded(data))
    except (ValueError, RecursionError) as error:
        raise FormatError("the beginning", f"This is not JSON: {error}.") from None
    if not isinstance(whole, dict):
        raise FormatError("$", "Expected an object of VIA.")
    if "metadata" in whole and "file" in whole:
        yield from _of_version_3(whole)
        return
    files = whole.get("_via_img_metadata", whole)
    at = "$._via_img_metadata" if "_via_img_metadata" in whole else "$"
    for key, file in _items(at, files):
        where = f"{at}[{json.dumps(key)}]"
        name = _text(where, file, "filename")
        yield where, name, None
        regions = file.get("regions", [])
        listed = regions.values() if isinstance(regions, dict) else regions  # version 1 has a dict
        for number, region in enumerate(listed):
            spot = place(where, "regions", number)
            shape, said = (
                _object(spot, region, one) for one in ("shape_attributes", "region_attributes")
            )
            yield spot, name, _of_version_2(spot, shape, said)


def _of_version_2(where: str, shape: Mapping[str, Any], said: Mapping[str, Any]) -> Region | None:
    if not shape:
        return None
    if shape.get("name") != "rect":
        raise FormatError(where, f"The shape is {shown(shape.get('name'))}; expected rect.")
    box = [_number(where, name, shape.get(name)) for name in ("x", "y", "width", "height")]
    return box, words_among({name: _said(value) for name, value in said.items()})


def _said(value: Any) -> Any:
    """An attribute's text; of check boxes, the names of those that are checked."""
    if isinstance(value, dict):
        return ", ".join(str(name) for name, checked in value.items() if checked)
    return value


def _of_version_3(whole: Mapping[str, Any]) -> Iterator[tuple[str, str, Region | None]]:
    files = dict(_items("$.file", whole["file"]))
    views = dict(_items("$.view", whole.get("view", {})))
    named = {}
    for key, view in views.items():
        shown_files = [str(one) for one in view.get("fid_list", [])]
        if len(shown_files) != 1 or shown_files[0] not in files:
            raise FormatError(f"$.view[{json.dumps(key)}]", "Expected a view of one file.")
        named[key] = _text(f"$.file[{json.dumps(shown_files[0])}]", files[shown_files[0]], "fname")
        yield f"$.view[{json.dumps(key)}]", named[key], None
    attributes = dict(_items("$.attribute", whole.get("attribute", {})))
    for key, one in _items("$.metadata", whole["metadata"]):
        where = f"$.metadata[{json.dumps(key)}]"
        view = str(one.get("vid"))
        if view not in named:
            raise FormatError(where, f"The view is {shown(view)}; expected one of the views.")
        said = {}
        for number, value in _items(place(where, "av"), one.get("av", {}), plain=True):
            attribute = attributes.get(number, {})
            options = attribute.get("options") or {}
            said[str(attribute.get("aname", number))] = options.get(value, value)
        region = _of_coordinates(where, one.get("xy", []), said)
        if region is not None:
            yield where, named[view], region


def _of_coordinates(where: str, xy: Any, said: Mapping[str, Any]) -> Region | None:
    """Version 3's: the shape's number, then its own."""
    if not isinstance(xy, list) or not xy:
        return None  # about the whole photo, or of a moment of a video
    if xy[0] != RECTANGLE or len(xy) != 5:
        raise FormatError(where, f"The shape is {shown(xy)}; expected [2, x, y, width, height].")
    names = ("x", "y", "width", "height")
    box = [_number(where, name, value) for name, value in zip(names, xy[1:], strict=True)]
    return box, words_among(said)


def _of_tables(text: str) -> Iterator[tuple[str, str, Region | None]]:
    lines = text.splitlines()
    head = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    header = lines[head - 1].partition("=")[2] if head else ""
    columns = [one.strip() for one in header.split(",")] if head else None
    rows = csv.reader(io.StringIO("\n".join(lines[head:]), newline=""), strict=True)
    try:
        for cells in rows:
            where = f"line {head + rows.line_num}"
            if columns is None:
                columns = cells
                continue
            if not cells:
                continue
            if len(cells) != len(columns):
                raise FormatError(where, f"There are {len(cells)} cells; expected {len(columns)}.")
            yield from _of_row(where, dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        raise FormatError(f"line {head + rows.line_num}", f"This is not CSV: {error}.") from None


def _of_row(where: str, row: dict[str, str]) -> Iterator[tuple[str, str, Region | None]]:
    if "region_shape_attributes" in row:
        name = _text(where, row, "filename")
        yield where, name, None
        shape, said = (
            _object(where, {"cell": _json(where, row.get(one, "{}"))}, "cell")
            for one in ("region_shape_attributes", "region_attributes")
        )
        yield where, name, _of_version_2(where, shape, said)
        return
    if "spatial_coordinates" not in row:
        raise FormatError(where, f"The columns are {', '.join(row)[:200]}; expected those of VIA.")
    files = _json(where, row.get("file_list", "[]"))
    if not isinstance(files, list) or len(files) != 1 or not isinstance(files[0], str):
        raise FormatError(where, f"file_list is {shown(files)}; expected one file.")
    said = _json(where, row.get("metadata") or "{}")
    xy = _json(where, row["spatial_coordinates"] or "[]")
    said = said if isinstance(said, dict) else {}
    yield where, files[0], _of_coordinates(where, xy, said)


def _json(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise FormatError(where, f"The cell {shown(text)} is not JSON.") from None


def _items(where: str, found: Any, plain: bool = False) -> list[tuple[str, Any]]:
    """An object's items, each an object itself unless `plain`."""
    if not isinstance(found, dict):
        raise FormatError(where, f"This is {shown(found)}; expected an object.")
    for key, value in found.items():
        if not plain and not isinstance(value, dict):
            raise FormatError(f"{where}[{json.dumps(key)}]", "Expected an object.")
    return list(found.items())


def _object(where: str, holder: Any, name: str) -> dict[str, Any]:
    found = holder.get(name, {}) if isinstance(holder, dict) else None
    if not isinstance(found, dict):
        raise FormatError(place(where, name), f"This is {shown(found)}; expected an object.")
    return found


def _text(where: str, holder: Mapping[str, Any], name: str) -> str:
    found = holder.get(name)
    if not isinstance(found, str):
        raise FormatError(where, f"{name} is {shown(found)}; expected text.")
    return found


def _number(where: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(where, f"{name} is {shown(value)}; expected a number.")
    return float(value)


def _recognises(glance: Glance) -> bool:
    if not glance.json:
        line = glance.line
        return "region_shape_attributes" in line or line.startswith(
            ("# Exported using VGG Image Annotator", "# CSV_HEADER")
        )
    first = glance.first
    if "_via_img_metadata" in first or {"metadata", "file", "view"} <= first.keys():
        return True
    return any(
        isinstance(one, dict) and {"filename", "regions"} <= one.keys()
        for one in list(first.values())[:1]
    )


READER = Reader(
    name="via",
    title="VGG Image Annotator (VIA)",
    carries=BOXES_AND_WORDS,
    parse=_read,
    recognises=_recognises,
)
