"""The pictures that people draw on: decoded as the models see them, upright, and nothing else.

Boxes mean the same pixels in the browser and in training; what a camera wrote beside the picture
(places, names) stays here.
"""

from __future__ import annotations

from annotate.errors import NotFoundError
from annotate.people import Person
from annotate.projects import PhotoInfo
from annotate.store import Store
from core.vision import images
from demo.web.pictures import PictureCache, jpeg

SIDE = 2560
"""Pixels of the longer side of a whole picture: sharp at twice a laptop's page."""
TILE = 1024
"""Pixels of a side of the squares that larger photos are also cut into, for those who zoom in."""
QUALITY = 90  # no block is visible at that zoom


def photo_jpeg(store: Store, cache: PictureCache, who: Person, photo: int) -> bytes:
    """The picture, for those who may see it: the store decides, each time."""
    info = store.projects.photo(who, photo)
    return cache.get(
        ("annotate", photo), lambda: jpeg(_decoded(store, who, info).pixels, SIDE, QUALITY)
    )


def photo_tile(
    store: Store, cache: PictureCache, who: Person, photo: int, column: int, row: int
) -> bytes:
    """One square of TILE pixels (less at the right and lower edge), as sharp as the photo is.

    NotFoundError where the photo has no such square. All squares of a photo are cut at once:
    decoding it is what takes the time.
    """
    info = store.projects.photo(who, photo)
    if column * TILE >= info.width or row * TILE >= info.height:
        raise NotFoundError(f"The photo {info.name} has no such part.")

    def make() -> bytes:
        pixels = _decoded(store, who, info).pixels
        for top in range(0, info.height, TILE):
            for left in range(0, info.width, TILE):
                part = pixels[top : top + TILE, left : left + TILE]
                cache.keep(_tile(photo, left // TILE, top // TILE), jpeg(part, TILE, QUALITY))
        part = pixels[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
        return jpeg(part, TILE, QUALITY)

    return cache.get(_tile(photo, column, row), make)


def _tile(photo: int, column: int, row: int) -> tuple[str, int, int, int]:
    return "annotate tile", photo, column, row


def _decoded(store: Store, who: Person, info: PhotoInfo) -> images.DecodedPhoto:
    try:
        decoded = images.decode(store.photos.bytes(who, info.id))
    except images.ImageError as error:
        raise NotFoundError(f"The photo {info.name} cannot be shown.") from error
    if (decoded.width, decoded.height) != (info.width, info.height):
        raise NotFoundError(f"The photo {info.name} has changed since it was added.")
    return decoded
