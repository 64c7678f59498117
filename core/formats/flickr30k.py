"""Flickr30k Entities as it is published, in a ZIP archive, which is read.

`Sentences/ID.txt` has a sentence a line, `[/EN#7/people Two dogs] run over [/EN#8/other grass] .`;
`Annotations/ID.xml` the boxes of each number, and the photo's size:

    <annotation><filename>ID.jpg</filename><size><width>500</width><height>375</height></size>
    <object><name>7</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>
    </object></annotation>

Boxes are pixel indices from 1, both ends inside. Phrases without a box are passed over. The same
phrases in one JSON file are the format `entities`.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from xml.etree import ElementTree

import numpy as np

from core.formats.archives import files_in, is_archive, names_in
from core.formats.build import Builder, ReadOptions
from core.formats.cvat import xml_of
from core.formats.format import Carries, Glance, Reader
from core.formats.parsing import FormatError, decoded
from core.formats.record import Box, Photo, Phrase, Project
from core.formats.validation import shown
from core.vision import boxes

_PHRASE = re.compile(r"\[/EN#(\d+)/\S+ ([^\]]*)\]")


def _read(data: bytes, options: ReadOptions) -> Project:
    builder = Builder(options)
    said = {
        PurePosixPath(name).stem: decoded(text).splitlines()
        for name, text in files_in(data, ".txt")
        if PurePosixPath(name).parent.name == "Sentences"
    }
    for name, content in files_in(data, ".xml"):
        root = xml_of(content, name)
        width, height = (_whole(name, root, f"size/{side}") for side in ("width", "height"))
        lines = [line for line in said.get(PurePosixPath(name).stem, []) if line.strip()]
        sentences = tuple(_PHRASE.sub(r"\2", line).strip() for line in lines)
        file = root.findtext("filename") or f"{PurePosixPath(name).stem}.jpg"
        photo = builder.foreign_photo(name, Photo(file, width, height, sentences=sentences))
        found = _boxes(name, root)
        for number, line in enumerate(lines):
            for entity, words in _PHRASE.findall(line):
                if entity in found and words.strip():
                    phrase = Phrase(words, tuple(found[entity]), number)
                    builder.phrase(f"{name}, sentence {number + 1}", photo, phrase)
    return builder.project("the archive", Project(options.project))


def _boxes(where: str, root: ElementTree.Element) -> dict[str, list[Box]]:
    found: dict[str, list[Box]] = {}
    for number, one in enumerate(root.findall("object")):
        if one.find("bndbox") is None:
            continue
        spot = f"{where}, object {number}"
        sides = [_whole(spot, one, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        x0, y0, x1, y1 = boxes.one_based_to_xyxy(np.array(sides)).tolist()
        for name in one.findall("name"):
            found.setdefault((name.text or "").strip(), []).append((x0, y0, x1, y1))
    return found


def _whole(where: str, element: ElementTree.Element, path: str) -> int:
    text = (element.findtext(path) or "").strip()
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise FormatError(where, f"{path} is {shown(text)}; expected a whole number.")
    return int(text)


def _recognises(glance: Glance) -> bool:
    if not is_archive(glance.start):
        return False
    parents = {PurePosixPath(name).parent.name for name in names_in(glance.whole)}
    return {"Annotations", "Sentences"} <= parents


READER = Reader(
    name="flickr30k-entities",
    title="Flickr30k Entities (its own files, zipped)",
    carries=Carries(
        boxes="whole pixels",
        who=False,
        ids="no",
        states="no",
        settings="no",
        sentences=True,
        phrases="sentence, several boxes",
    ),
    parse=_read,
    recognises=_recognises,
)
