"""The pictures that people draw on: decoded as the models see them, upright, and nothing else.

Boxes mean the same pixels in the browser and in training; what a camera wrote beside the picture
(places, names) stays here.
"""

from __future__ import annotations

from annotate.errors import NotFoundError
from annotate.people import Person
from annotate.store import Store
from core.vision import images
from demo.web.pictures import PictureCache, jpeg

SIDE = 2560  # pixels of the longer side: small things stay sharp at four times a laptop's page
QUALITY = 90  # no block is visible at that zoom


def photo_jpeg(store: Store, cache: PictureCache, who: Person, photo: int) -> bytes:
    """The picture, for those who may see it: the store decides, each time."""
    info = store.projects.photo(who, photo)

    def make() -> bytes:
        try:
            decoded = images.decode(store.photos.bytes(who, photo))
        except images.ImageError as error:
            raise NotFoundError(f"The photo {info.name} cannot be shown.") from error
        if (decoded.width, decoded.height) != (info.width, info.height):
            raise NotFoundError(f"The photo {info.name} has changed since it was added.")
        return jpeg(decoded.pixels, SIDE, QUALITY)

    return cache.get(("annotate", photo), make)
