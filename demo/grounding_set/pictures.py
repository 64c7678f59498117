"""Pictures of a grounding set's photos: thumbnails, whole ones, regions cut out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.groundings.reader import GroundingSet
from core.groundings.schema import GroundingError
from core.vision import boxes, images
from core.vision.images import ImageError
from demo.web.pictures import PictureCache, jpeg

THUMB = 288
"""Pixels of a thumbnail's longer side: twice a tile's 144, for dense screens; about 12 KB."""


class SetPictures:
    """JPEG bytes by photo id; None where the photo's file is not there. Safe between threads."""

    def __init__(self, groundings: GroundingSet, cache: PictureCache) -> None:
        self.groundings, self.cache = groundings, cache

    def thumb(self, photo: int) -> bytes | None:
        return self._made("thumb", photo, 0, lambda pixels: jpeg(pixels, THUMB))

    def whole(self, photo: int) -> bytes | None:
        return self._made("whole", photo, 0, jpeg)

    def tile(self, photo: int, region: int) -> bytes | None:
        """A region, cut out."""

        def cut(pixels: np.ndarray) -> bytes:
            look = self.groundings.look(photo)
            if not 0 <= region < len(look.boxes):
                raise GroundingError(f"The photo has no region {region}.")
            height, width = pixels.shape[:2]
            box = boxes.normalised_to_pixels(look.boxes[region], width, height)
            left, top = np.floor(box[:2]).astype(int)
            right, bottom = np.ceil(box[2:]).astype(int)
            part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
            return jpeg(np.ascontiguousarray(part), THUMB)

        return self._made("tile", photo, region, cut)

    def _made(
        self, kind: str, photo: int, region: int, draw: Callable[[np.ndarray], bytes]
    ) -> bytes | None:
        def make() -> bytes:
            path = self.groundings.photo_path(photo)
            if path is None:
                raise GroundingError(f"The set has no photo {photo}.")
            return draw(images.read(path).pixels)

        try:
            return self.cache.get((self.groundings.name, kind, photo, region), make)
        except (ImageError, GroundingError):
            return None
