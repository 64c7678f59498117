"""CVAT's XML ("CVAT for images 1.1"), which is read.

    <annotations><version>1.1</version>
      <image id="0" name="a.jpg" width="640" height="480">
        <box label="thing" xtl="1.5" ytl="2" xbr="30" ybr="40">
          <attribute name="text">a dog</attribute></box></image></annotations>

The words of a box are those of its attributes, or else its label. A turned box, other shapes and
tracks of videos are refused. CVAT writes COCO, too ("COCO 1.0"), with the words in `attributes`:
that is read as `coco`.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from core.formats.build import Builder, Origin, ReadOptions
from core.formats.foreign import refuse_rotation, words_among
from core.formats.format import BOXES_AND_WORDS, Glance, Reader
from core.formats.parsing import FormatError, decoded
from core.formats.record import Photo, Project
from core.formats.validation import shown

SHAPES = ("polygon", "polyline", "points", "cuboid", "skeleton", "mask", "ellipse")


def xml_of(data: bytes, where: str = "the file") -> ElementTree.Element:
    """XML without declarations of its own, which could make a small file a huge one."""
    text = decoded(data)
    if re.search(r"<!(DOCTYPE|ENTITY)", text):
        raise FormatError(where, "The XML declares a document type; expected plain elements.")
    try:
        return ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise FormatError(f"line {line}", f"This is not XML: {error}.") from None


def _read(data: bytes, options: ReadOptions) -> Project:
    root = xml_of(data)
    if root.tag != "annotations":
        raise FormatError("line 1", f"The XML is of {shown(root.tag)}; expected annotations.")
    if root.find("track") is not None:
        raise FormatError("track", "These are tracks of a video; expected images with boxes.")
    builder = Builder(options)
    for number, image in enumerate(root.iter("image")):
        where = f"image {image.get('id', str(number))}"
        width, height = (_number(where, image, side) for side in ("width", "height"))
        photo = builder.foreign_photo(where, Photo(image.get("name", ""), int(width), int(height)))
        for index, shape in enumerate(image):
            spot = f"{where}, {shape.tag} {index}"
            if shape.tag in SHAPES:
                raise FormatError(spot, f"The shape is {shown(shape.tag)}; expected a box.")
            if shape.tag != "box":
                continue
            refuse_rotation(spot, float(_number(spot, shape, "rotation", "0")))
            x0, y0, x1, y1 = (_number(spot, shape, side) for side in ("xtl", "ytl", "xbr", "ybr"))
            attributes = {one.get("name", ""): one.text or "" for one in shape.findall("attribute")}
            words = words_among(attributes) or shape.get("label", "")
            builder.region(spot, photo, (x0, y0, x1, y1), words, Origin())
    return builder.project("the file", Project(options.project))


def _number(where: str, element: ElementTree.Element, name: str, otherwise: str = "") -> float:
    text = element.get(name, otherwise)
    try:
        return float(text)
    except ValueError:
        raise FormatError(where, f"{name} is {shown(text)}; expected a number.") from None


def _recognises(glance: Glance) -> bool:
    return glance.start.startswith(b"<") and b"<annotations" in glance.start


READER = Reader(
    name="cvat",
    title="CVAT for images (XML)",
    carries=BOXES_AND_WORDS,
    parse=_read,
    recognises=_recognises,
)
