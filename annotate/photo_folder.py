"""A folder of photos as records: names, upright sizes and sha256, each file decoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from annotate.errors import InvalidError
from core.formats.record import Photo
from core.vision.images import ImageError, decode

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def photos_in(folder: Path) -> Iterator[Photo]:
    """The photos that lie directly in `folder`, by name; other files are passed over.

    InvalidError names the first that cannot be read: nobody could draw on it.
    """
    if not folder.is_dir():
        raise InvalidError(f"There is no folder {folder}; expected one with photos in it.")
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in ENDINGS or not path.is_file():
            continue
        data = path.read_bytes()
        try:
            photo = decode(data)
        except ImageError as error:
            raise InvalidError(f"{path.name}: {error}") from error
        yield Photo(path.name, photo.width, photo.height, hashlib.sha256(data).hexdigest())
