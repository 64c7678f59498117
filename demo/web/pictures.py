"""Pictures of photos for the browser: always a JPEG made here, never the photo's own file.

One cache for all pages. A page says what a picture is called, what it is made of and how large; the
cache decodes (the models' own decoder: upright, a few formats, no more pixels than allowed), a few
at a time (`heavy.py`), and keeps what was made, the least used leaving first.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import cv2
import numpy as np

from core.vision.images import DecodedPhoto
from demo.web.heavy import slot

SIDE = 1280  # pixels of the longer side: sharp on the page at twice the density of a plain screen
QUALITY = 82  # about 150 KB for a photo, and no block is visible


def jpeg(pixels: np.ndarray, side: int = SIDE, quality: int = QUALITY) -> bytes:
    """(H, W, 3) uint8 RGB -> a JPEG file whose longer side has at most `side` pixels."""
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shown = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(shown, cv2.COLOR_RGB2BGR)  # OpenCV's order
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(encoded.tobytes())


def data_url(photo: DecodedPhoto) -> str:
    """A photo -> "data:image/jpeg;base64,...". It never touches the disk and has no address."""
    return "data:image/jpeg;base64," + b64encode(jpeg(photo.pixels)).decode("ascii")


@dataclass(frozen=True)
class PictureLimits:
    """What pictures cost."""

    bytes: int = 128 * 2**20
    """5,000 thumbnails of 12 KB, and a hundred photos in the size that people draw on."""


class PictureCache:
    """JPEG bytes by name. Safe between threads."""

    def __init__(self, limits: PictureLimits = PictureLimits()) -> None:
        self.limits = limits
        self.size = 0
        """Bytes kept."""
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._keeping = threading.Lock()

    def get(self, name: Hashable, make: Callable[[], bytes]) -> bytes:
        """The picture of that name: kept, or made now. What `make` raises is passed on."""
        with self._keeping:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        with slot():
            with self._keeping:
                if name in self._kept:  # made while this one waited
                    return self._kept[name]
            made = make()
        self.keep(name, made)
        return made

    def keep(self, name: Hashable, made: bytes) -> None:
        """A picture that was made beside the one asked for."""
        with self._keeping:
            if name not in self._kept:
                self._kept[name] = made
                self.size += len(made)
            while self.size > self.limits.bytes:
                _, oldest = self._kept.popitem(last=False)
                self.size -= len(oldest)
