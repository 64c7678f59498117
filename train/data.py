"""Data sets, read into one shape: photos, their sentences, and phrases with boxes where given.

Formats here: a Flickr8k folder (captions.token.txt, splits/*.txt, images/), a COCO captions JSON
beside a folder of images, and phrases with boxes (the format of Flickr30k Entities, as JSON).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core import boxes


class DataError(ValueError):
    """A data set that cannot be read: names the file, the line or entry, and what was expected."""


@dataclass(frozen=True)
class CaptionSet:
    """Photos and the sentences people wrote of them.

    names       (n,) file names, in the data set's order
    paths       (n,) where each photo lies
    sentences   (n,) tuples of sentences, one or more for each photo
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    sentences: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Phrase:
    """A phrase and where its things are: words, (k, 4) normalised xyxy boxes with k >= 1."""

    words: str
    boxes: np.ndarray


@dataclass(frozen=True)
class PhrasePhoto:
    """A photo with phrases. `sizes`: "exact" or "estimated"; `confidence` of the size in [0, 1]."""

    name: str
    width: int
    height: int
    sizes: str
    confidence: float
    phrases: tuple[Phrase, ...]


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"{path} is not there; expected a text file in the Flickr8k folder")
    return path.read_text(encoding="utf-8").splitlines()


def read_flickr8k(folder: Path, split: str) -> CaptionSet:
    """A Flickr8k folder -> one of its splits: "train", "dev" or "test".

    captions.token.txt has lines `name.jpg#k<TAB>sentence`; splits/SPLIT.txt names one photo a line.
    """
    splits = sorted(p.stem for p in (folder / "splits").glob("*.txt"))
    if split not in splits:
        raise DataError(f"split is '{split}'; {folder}/splits has {', '.join(splits) or 'none'}")
    sentences: dict[str, list[str]] = {}
    token_file = folder / "captions.token.txt"
    for number, line in enumerate(_lines(token_file), 1):
        key, tab, sentence = line.partition("\t")
        name, hash_sign, _ = key.partition("#")
        if not tab or not hash_sign:
            raise DataError(
                f"{token_file}, line {number}: '{line[:60]}'; expected 'name.jpg#k<TAB>sentence'"
            )
        sentences.setdefault(name, []).append(sentence)
    names = tuple(n.strip() for n in _lines(folder / "splits" / f"{split}.txt") if n.strip())
    for name in names:
        if name not in sentences:
            raise DataError(f"{token_file} has no sentence for {name} of split '{split}'")
    return CaptionSet(
        names,
        tuple(folder / "images" / name for name in names),
        tuple(tuple(sentences[name]) for name in names),
    )


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is not there; expected a JSON file") from None
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from None


def read_coco(images: Path, captions: Path) -> CaptionSet:
    """COCO captions JSON ({"images": [{id, file_name}], "annotations": [{image_id, caption}]})."""
    data = read_json(captions)
    if not isinstance(data, dict) or not {"images", "annotations"} <= data.keys():
        raise DataError(f"{captions}: expected an object with 'images' and 'annotations'")
    try:
        names = {image["id"]: str(image["file_name"]) for image in data["images"]}
        sentences: dict[Any, list[str]] = {key: [] for key in names}
        for annotation in data["annotations"]:
            sentences[annotation["image_id"]].append(str(annotation["caption"]))
    except (KeyError, TypeError) as error:
        raise DataError(f"{captions}: an entry lacks or does not know {error}") from None
    kept = [key for key in names if sentences[key]]
    return CaptionSet(
        tuple(names[key] for key in kept),
        tuple(images / names[key] for key in kept),
        tuple(tuple(sentences[key]) for key in kept),
    )


def read_captions(
    data: Path | None, split: str, images: Path | None, captions: Path | None
) -> CaptionSet:
    """What `--data DIR --split S` or `--images DIR --captions FILE.json` names."""
    if images is not None and captions is not None:
        return read_coco(images, captions)
    if data is None:
        raise DataError("no data set named; expected --data DIR, or --images DIR --captions FILE")
    return read_flickr8k(data, split)


def read_phrases(path: Path, sizes: str = "confident") -> list[PhrasePhoto]:
    """Phrases with boxes: a list of {image, size, size_source, size_confidence, phrases: [...]}.

    Boxes are 1-based pixel indices of a photo of `size`, both ends inside. sizes: "exact" keeps
    photos whose size is known, "confident" adds guesses with a confidence over 0.7, "all" keeps
    every photo. Phrases without words or boxes are left out.
    """
    if sizes not in ("exact", "confident", "all"):
        raise DataError(f"sizes is '{sizes}'; expected exact, confident or all")
    photos = []
    for number, entry in enumerate(read_json(path)):
        try:
            source = str(entry.get("size_source", "exact"))
            confidence = float(entry.get("size_confidence", 1.0))
            width, height = entry["size"]
            if source != "exact" and (
                sizes == "exact" or (sizes == "confident" and confidence <= 0.7)
            ):
                continue
            phrases = tuple(
                Phrase(
                    str(phrase["phrase"]),
                    boxes.pixels_to_normalised(
                        boxes.one_based_to_xyxy(np.array(phrase["boxes"])), width, height
                    ),
                )
                for phrase in entry["phrases"]
                if phrase["boxes"] and str(phrase["phrase"]).strip()
            )
            photos.append(
                PhrasePhoto(str(entry["image"]), width, height, source, confidence, phrases)
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path}, entry {number}: {type(error).__name__} {error}") from None
    return photos
