"""What the browser shows of a photo: the upright picture that the decoder made, made small."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

from PIL import Image

from core.images import Photo

SIDE = 1280  # pixels of the longer side: sharp on the page at twice the density of a plain screen
QUALITY = 82  # about 150 KB for a photo, and no block is visible


def data_url(photo: Photo) -> str:
    """A photo -> "data:image/jpeg;base64,...". It never touches the disk and has no address."""
    image = Image.fromarray(photo.pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + b64encode(buffer.getvalue()).decode("ascii")
