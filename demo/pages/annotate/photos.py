"""The pictures that the page shows: decoded as the models see them, upright, and nothing else.

What a person draws on is what `core.vision.images` made of the file, so boxes mean the same pixels
in the browser and in training; what a camera wrote beside the picture (places, names) stays here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import cv2

from annotate.errors import NotFoundError
from annotate.people import Person
from annotate.store import Store
from core.vision import images


@dataclass(frozen=True)
class PictureLimits:
    """How large, how good, how many."""

    side: int = 2560
    """Pixels of the longer side: small things stay sharp at four times a laptop's page."""
    quality: int = 90
    """JPEG's; no block is visible at that zoom."""
    kept_bytes: int = 64 * 2**20
    """Pictures kept for the next of nine people: about a hundred."""


class Pictures:
    """Upright JPEGs by photo id, the last ones remembered. Safe from several threads."""

    def __init__(self, store: Store, limits: PictureLimits = PictureLimits()) -> None:
        self.store = store
        self.limits = limits
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._decoding = threading.Lock()  # one at a time: 25 megapixels take 75 MB

    def jpeg(self, who: Person, photo: int) -> bytes:
        """The picture, for those who may see it: the store decides, each time."""
        info = self.store.projects.photo(who, photo)
        with self._lock:
            if photo in self._kept:
                self._kept.move_to_end(photo)
                return self._kept[photo]
        data = self.store.projects.photo_bytes(who, photo)
        with self._decoding:
            try:
                decoded = images.decode(data)
            except images.ImageError as error:
                raise NotFoundError(f"The photo {info.name} cannot be shown.") from error
            if (decoded.width, decoded.height) != (info.width, info.height):
                raise NotFoundError(f"The photo {info.name} has changed since it was added.")
            made = self._encoded(decoded)
        with self._lock:
            self._kept[photo] = made
            while sum(map(len, self._kept.values())) > self.limits.kept_bytes:
                self._kept.popitem(last=False)
        return made

    def _encoded(self, photo: images.Photo) -> bytes:
        scale = min(1.0, self.limits.side / max(photo.width, photo.height))
        size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
        shown = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
        bgr = cv2.cvtColor(shown, cv2.COLOR_RGB2BGR)  # OpenCV's order
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self.limits.quality])
        return bytes(jpeg.tobytes())
