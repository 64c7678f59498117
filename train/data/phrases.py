"""Phrases with boxes, of any file format that carries them, or of a Flickr30k Entities folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.formats import ReadOptions, read_file
from core.formats.record import Photo, counted_work, said_where
from core.vision import boxes
from train.data.entities import is_entities, read_entities_phrases
from train.data.shapes import DataError, Phrase, PhrasePhoto

SURE = 0.7  # a guessed size counts as known above this confidence


def read_phrases(
    path: Path, sizes: str = "confident", split: str | None = None
) -> list[PhrasePhoto]:
    """Phrases with boxes: a file of any format of core/formats (people's regions there are phrases
    with one box), or a folder of Flickr30k Entities, of which `split` names a part.

    sizes: "exact" keeps photos whose size is known, "confident" adds guesses with a confidence over
    0.7, "all" keeps every photo. Phrases without words are left out.
    """
    if sizes not in ("exact", "confident", "all"):
        raise DataError(f"sizes is '{sizes}'; expected exact, confident or all")
    if path.is_dir() and is_entities(path):
        return read_entities_phrases(path, split)
    if split is not None:
        raise DataError(f"split is '{split}'; {path} has no splits, expected a folder of Entities")
    project = read_file(path, ReadOptions(storable=False))
    photos = []
    for photo, work in counted_work(project):
        confidence = photo.size_confidence
        if confidence is not None and (
            sizes == "exact" or (sizes == "confident" and confidence <= SURE)
        ):
            continue
        phrases = tuple(
            Phrase(phrase.words, normalised_boxes(path, photo, phrase.boxes))
            for phrase in said_where(photo, work)
            if phrase.words.strip()
        )
        source = "exact" if confidence is None else "estimated"
        sure = 1.0 if confidence is None else confidence
        photos.append(PhrasePhoto(photo.name, photo.width, photo.height, source, sure, phrases))
    return photos


def normalised_boxes(
    path: Path, photo: Photo, xyxy: tuple[tuple[float, float, float, float], ...]
) -> np.ndarray:
    """(k, 4) boxes of a photo in pixels -> normalised; DataError where its size is not known."""
    if not (photo.width and photo.height):
        raise DataError(f"{path}: {photo.name} has boxes but no width and height")
    return boxes.pixels_to_normalised(np.array(xyxy), photo.width, photo.height)
