"""Flickr30k Entities as it is published: sentences with marked phrases, and boxes for them.

Sentences/NAME.txt     a sentence a line: "[/EN#283585/people A man] in a hat ." The number is the
                       chain of phrases that name one thing; 0 is nothing visible
Annotations/NAME.xml   the photo's size, and objects: the chains ("name", one or more) of a box
                       ("bndbox"; a chain may have several), of the whole scene ("scene") or of
                       nothing boxed ("nobox")
train|val|test.txt     the names of a split's photos, without ".jpg"
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from core.vision import boxes
from train.data.shapes import CaptionSet, DataError, Phrase, PhrasePhoto, read_lines

_PHRASE = re.compile(r"\[/EN#(\d+)/\S+ ([^\[\]]+)\]")


def is_entities(folder: Path) -> bool:
    return (folder / "Sentences").is_dir()


def photos_of(folder: Path, split: str | None) -> list[str]:
    """The names, without ".jpg", of a split's photos ("dev" is "val"), or of all of them."""
    if split is None:
        return sorted(path.stem for path in (folder / "Sentences").glob("*.txt"))
    path = folder / f"{'val' if split == 'dev' else split}.txt"
    if not path.is_file():
        raise DataError(f"split is '{split}'; {path} is not there, expected train, dev or test")
    return [line.strip() for line in read_lines(path) if line.strip()]


def marked_sentences(path: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    """Sentences/NAME.txt -> of each sentence the plain text, and (chain, words) of its phrases."""
    found = []
    for number, line in enumerate(read_lines(path), 1):
        plain = _PHRASE.sub(r"\2", line).strip()
        if "[" in plain or "]" in plain:
            raise DataError(
                f"{path}, line {number}: '{line[:60]}'; expected phrases as '[/EN#1/kind words]'"
            )
        if plain:
            found.append((plain, _PHRASE.findall(line)))
    return found


def read_entities(folder: Path, split: str, images: Path | None) -> CaptionSet:
    """The sentences of a split, their marks removed. Photos lie in `images`, or where none is given
    in the folder's own `images`."""
    names = photos_of(folder, split)
    images = images if images is not None else folder / "images"
    if not images.is_dir():
        raise DataError(f"{folder}: {images} is no folder; expected --images, the photos' folder")
    read = [marked_sentences(folder / "Sentences" / f"{name}.txt") for name in names]
    return CaptionSet(
        tuple(f"{name}.jpg" for name in names),
        tuple(images / f"{name}.jpg" for name in names),
        tuple(tuple(plain for plain, _ in sentences) for sentences in read),
    )


def read_entities_phrases(folder: Path, split: str | None = None) -> list[PhrasePhoto]:
    """Every phrase of every sentence whose chain has boxes; sizes are exact."""
    photos = []
    for name in photos_of(folder, split):
        width, height, boxed = _annotation(folder / "Annotations" / f"{name}.xml")
        phrases = tuple(
            Phrase(
                words.strip(),
                boxes.pixels_to_normalised(
                    boxes.one_based_to_xyxy(np.array(boxed[chain])), width, height
                ),
            )
            for _, marked in marked_sentences(folder / "Sentences" / f"{name}.txt")
            for chain, words in marked
            if chain in boxed
        )
        photos.append(PhrasePhoto(f"{name}.jpg", width, height, "exact", 1.0, phrases))
    return photos


def _annotation(path: Path) -> tuple[int, int, dict[str, list[list[int]]]]:
    """Annotations/NAME.xml -> width, height, and the one-based boxes of each chain that has any."""
    try:
        root = ElementTree.parse(path).getroot()
        boxed: dict[str, list[list[int]]] = {}
        for number, thing in enumerate(root.iter("object"), 1):
            box = thing.find("bndbox")
            if box is None:
                continue  # the whole scene, or nothing that could be boxed
            sides = [_number(box, side) for side in ("xmin", "ymin", "xmax", "ymax")]
            if sides[0] > sides[2] or sides[1] > sides[3]:
                raise ValueError(f"the box of object {number} is {sides}; expected a positive area")
            for chain in thing.iter("name"):
                boxed.setdefault((chain.text or "").strip(), []).append(sides)
        size = root.find("size")
        if size is None:
            raise ValueError("it has no size")
        width, height = _number(size, "width"), _number(size, "height")
        if width < 1 or height < 1:
            raise ValueError(f"the size is {width} x {height}")
        return width, height, boxed
    except OSError:
        raise DataError(f"{path} is not there; expected the boxes of a photo") from None
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None


def _number(element: ElementTree.Element, tag: str) -> int:
    text = element.findtext(tag)
    if text is None:
        raise ValueError(f"a {element.tag} lacks {tag}")
    return int(text)
