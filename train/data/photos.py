"""A data set's photos, opened."""

from __future__ import annotations

from pathlib import Path

from core.vision import images
from core.vision.images import DecodedPhoto, ImageError


def read_photo(path: Path) -> DecodedPhoto:
    """As `core.vision.images.read`; the ImageError names the file, which is the reader's own."""
    try:
        return images.read(path)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
