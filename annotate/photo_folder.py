"""A folder of photos as records: names, upright sizes and sha256, each file decoded once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from annotate.errors import InvalidError
from core.formats.record import Photo
from core.vision.images import ImageError, decode

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class FoundPhoto:
    """A photo that can be annotated, and where it lies."""

    photo: Photo
    """Its name is the file's own, without folders."""
    file: str
    """Its path in the folder that was looked through, with / between folders."""


@dataclass
class Scan:
    """What a folder holds."""

    found: list[FoundPhoto] = field(default_factory=list)
    """By path."""
    faults: list[tuple[str, str]] = field(default_factory=list)
    """Of each file that is meant to be a photo and cannot be taken: its path, and why."""
    below: int = 0
    """Files in subfolders that were passed over, by their endings photos."""


def scan(folder: Path, recursive: bool = False) -> Scan:
    """The photos that lie in `folder`, and, if asked, in all folders below it.

    What is not called like a photo is passed over; what is, and cannot be read, is a fault.
    InvalidError where there is no such folder.
    """
    if not folder.is_dir():
        raise InvalidError(f"There is no folder {folder}; expected one with photos in it.")
    found = Scan()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in ENDINGS or not path.is_file():
            continue
        if not recursive and path.parent != folder:
            found.below += 1
            continue
        file = path.relative_to(folder).as_posix()
        try:
            found.found.append(FoundPhoto(photo_of(path.name, path.read_bytes()), file))
        except OSError as error:
            found.faults.append((file, f"The file cannot be read: {error.strerror}."))
        except ImageError as error:
            found.faults.append((file, str(error)))
    return found


def photo_of(name: str, data: bytes) -> Photo:
    """A file's bytes as a record; ImageError where nobody could draw on it."""
    photo = decode(data)
    return Photo(name, photo.width, photo.height, hashlib.sha256(data).hexdigest())
