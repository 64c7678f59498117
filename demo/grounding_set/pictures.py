"""Pictures of a grounding set's photos: thumbnails, whole ones, regions cut out.

Made when first asked for and kept in memory up to a limit, the least used ones leaving first. What
is served is always a JPEG made here, never the photo's own file.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.groundings.reader import GroundingSet
from core.groundings.schema import GroundingError
from core.vision import boxes, images
from core.vision.images import ImageError
from demo.web.preview import small_jpeg


@dataclass(frozen=True)
class PictureLimits:
    """What pictures cost."""

    thumb_side: int = 288
    """Twice a tile's 144 pixels, for dense screens: about 12 KB."""
    cache_bytes: int = 64 * 2**20
    """5,000 thumbnails of 12 KB."""
    at_once: int = 2
    """Photos decoded at a time: one of 25 megapixels takes up to 0.5 GB."""


class Pictures:
    """JPEG bytes by photo id; None where the photo's file is not there. Safe between threads."""

    def __init__(self, groundings: GroundingSet, limits: PictureLimits = PictureLimits()) -> None:
        self.groundings, self.limits = groundings, limits
        self._kept: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._size = 0
        self._keeping = threading.Lock()
        self._decoding = threading.Semaphore(limits.at_once)

    def thumb(self, photo: int) -> bytes | None:
        side = self.limits.thumb_side
        return self._kept_or("thumb", photo, 0, lambda pixels: small_jpeg(pixels, side))

    def whole(self, photo: int) -> bytes | None:
        return self._kept_or("whole", photo, 0, small_jpeg)

    def tile(self, photo: int, region: int) -> bytes | None:
        """A region, cut out."""
        side = self.limits.thumb_side

        def cut(pixels: np.ndarray) -> bytes:
            look = self.groundings.look(photo)
            if not 0 <= region < len(look.boxes):
                raise GroundingError(f"The photo has no region {region}.")
            height, width = pixels.shape[:2]
            box = boxes.normalised_to_pixels(look.boxes[region], width, height)
            left, top = np.floor(box[:2]).astype(int)
            right, bottom = np.ceil(box[2:]).astype(int)
            part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
            return small_jpeg(np.ascontiguousarray(part), side)

        return self._kept_or("tile", photo, region, cut)

    def _kept_or(
        self, kind: str, photo: int, region: int, make: Callable[[np.ndarray], bytes]
    ) -> bytes | None:
        key = (kind, photo, region)
        with self._keeping:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        path = self.groundings.photo_path(photo)
        if path is None:
            return None
        try:
            with self._decoding:
                made = make(images.read(path).pixels)
        except (ImageError, GroundingError):
            return None
        with self._keeping:
            if key not in self._kept:
                self._kept[key] = made
                self._size += len(made)
            while self._size > self.limits.cache_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest)
        return made
