"""Phrases with boxes as one JSON file: Flickr30k Entities in a shorter form."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.vision import boxes
from train.data.entities import is_entities, read_entities_phrases
from train.data.shapes import DataError, Phrase, PhrasePhoto, read_json


def read_phrases(
    path: Path, sizes: str = "confident", split: str | None = None
) -> list[PhrasePhoto]:
    """Phrases with boxes: a list of {image, size, size_source, size_confidence, phrases: [...]},
    or a folder of Flickr30k Entities, of which `split` names a part.

    Boxes are 1-based pixel indices of a photo of `size`, both ends inside. sizes: "exact" keeps
    photos whose size is known, "confident" adds guesses with a confidence over 0.7, "all" keeps
    every photo. Phrases without words or boxes are left out.
    """
    if sizes not in ("exact", "confident", "all"):
        raise DataError(f"sizes is '{sizes}'; expected exact, confident or all")
    if path.is_dir() and is_entities(path):
        return read_entities_phrases(path, split)
    if split is not None:
        raise DataError(f"split is '{split}'; {path} has no splits, expected a folder of Entities")
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
