"""What the browser shows of a photo: the upright picture that the decoder made, made small."""

from __future__ import annotations

from base64 import b64encode

import cv2
import numpy as np

from core.vision.images import Photo

SIDE = 1280  # pixels of the longer side: sharp on the page at twice the density of a plain screen
QUALITY = 82  # about 150 KB for a photo, and no block is visible


def small_jpeg(pixels: np.ndarray, side: int = SIDE) -> bytes:
    """(H, W, 3) uint8 RGB -> a JPEG file whose longer side has at most `side` pixels."""
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shown = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(shown, cv2.COLOR_RGB2BGR)  # OpenCV's order
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(jpeg.tobytes())


def data_url(photo: Photo) -> str:
    """A photo -> "data:image/jpeg;base64,...". It never touches the disk and has no address."""
    return "data:image/jpeg;base64," + b64encode(small_jpeg(photo.pixels)).decode("ascii")
