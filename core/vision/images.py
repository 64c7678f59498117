"""From bytes to an upright RGB array: the only place of the project that decodes an image.

Pillow decodes; this module decides what Pillow may see and what becomes of modes, orientation and
errors. A format's own class is used instead of `Image.open`, which obeys a global pixel limit and
warns by it: so no global of Pillow matters here, none is changed, and threads share nothing.

Colour profiles are ignored (pixels are taken as sRGB) and transparency is laid on white.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import UserError

# Pillow warns of broken EXIF blocks, which say nothing here. By a filter of the process, because to
# catch warnings for one call is to catch other threads' as well.
warnings.filterwarnings("ignore", module=r"PIL\.")

Pixels = npt.NDArray[np.uint8]

ANIMATION_NOTE = "The file is an animation: its first frame is used."


class ImageError(UserError):
    """Why a file gives no photo: one plain sentence for the person who chose the file."""


@dataclass(frozen=True)
class ImageLimits:
    """What is accepted; anything beyond is refused before a pixel is decoded."""

    max_pixels: int = 25_000_000
    """A phone's frame has 12 to 24 megapixels; 25 take 0.2 to 0.5 GB at the peak, as WebP 0.7."""
    max_side: int = 20_000
    """No photo is a strip: past this, resizers and page layouts break though the area is small."""
    max_bytes: int = 20 * 1024 * 1024
    """A 24-megapixel JPEG of high quality stays under 15 MB."""
    max_scans: int = 32
    """An honest progressive JPEG has about 10 scans; each may touch every block of the picture, so
    64 of them at 25 megapixels take 1.7 s."""
    max_parts: int = 65_536
    """Segments or chunks; a big PNG has a few thousand. Walking a million takes seconds."""
    formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP")
    """What cameras, phones and browsers write, and Pillow reads without a helper program."""


@dataclass(frozen=True, eq=False)
class DecodedPhoto:
    """An upright picture. `pixels` is (height, width, 3) uint8 RGB, contiguous and writable."""

    pixels: Pixels
    note: str = ""  # one sentence the person should see, or nothing

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


def decode(data: bytes, limits: ImageLimits = ImageLimits()) -> DecodedPhoto:
    """Decode a JPEG, PNG or WebP file, judged by its content.

    Raises ImageError for all else: never another exception, a warning or output.
    """
    if not data:
        raise ImageError(f"The photo file is empty (0 bytes); expected {_expected(limits)}.")
    if len(data) > limits.max_bytes:
        raise ImageError(
            f"The photo file has {len(data):,} bytes; at most {limits.max_bytes:,} are accepted."
        )
    name = _format_of(data)
    if name not in limits.formats:
        raise ImageError(f"The file is {_looks_like(data)}; expected {_expected(limits)}.")
    try:
        _check_parts(name, data, limits)
        with _PLUGINS[name](BytesIO(data)) as image:
            _check_size(*image.size, limits)
            animated = getattr(image, "n_frames", 1) > 1
            image.load()
            pixels = np.ascontiguousarray(_to_rgb(_upright(image)))
    except ImageError:
        raise
    except Exception as error:  # broken bytes raise a dozen types in Pillow
        raise ImageError(
            f"The {_TITLES[name]} file is damaged or cut short; expected a complete one."
        ) from error
    return DecodedPhoto(pixels, ANIMATION_NOTE if animated else "")


def read(path: str | Path, limits: ImageLimits = ImageLimits()) -> DecodedPhoto:
    """Decode the file at `path`. Raises ImageError, which never repeats the path."""
    try:
        # A pipe would be waited for, a device may have no end.
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError("no regular file")
            data = file.read(limits.max_bytes + 1)  # one more shows that there is too much
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise ImageError("The photo file cannot be opened; expected a readable file.") from error
    return decode(data, limits)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def resize_square(photo_pixels: Pixels, side: int) -> Pixels:
    """(H, W, 3) uint8 -> (side, side, 3) uint8, stretched to a square.

    Pillow widens its bilinear filter by the factor of each axis, so it averages where it shrinks
    and interpolates where it enlarges, even both at once (OpenCV's INTER_AREA does only one).
    Raises ValueError for another shape or type, or a side below 1.
    """
    shape, dtype = photo_pixels.shape, photo_pixels.dtype
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8 or side < 1:
        raise ValueError(f"{dtype} {shape} to side {side}; expected uint8 (H, W, 3) and 1 or more")
    # reducing_gap: a plain mean down to three times the target first; faster, and looks alike.
    image = Image.fromarray(photo_pixels)
    return np.array(image.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=3.0))


_TITLES = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP"}

# Only for the refusal to name what came instead: sought, in lower case, in the first 16 bytes, or
# in the first 1,024 for markup.
_OTHERS = {
    b"%pdf": "a PDF document",
    b"gif8": "a GIF picture",
    b"ii*\0": "a TIFF picture",
    b"mm\0*": "a TIFF picture",
    b"simple  =": "a FITS file",
    b"ftypavif": "an AVIF picture",
    b"ftypavis": "an AVIF picture",
    b"ftyphei": "a HEIC picture",
    b"ftyphev": "a HEIC picture",
    b"ftypmif": "a HEIC picture",
    b"ftypmsf": "a HEIC picture",
    b"ftypmiaf": "a HEIC picture",
    b"ftypcr": "a Canon raw picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cjxl ": "a JPEG XL picture",
    b"\0\0\0\x0cjp  ": "a JPEG 2000 picture",
    b"8bps": "a Photoshop picture",
    b"<svg": "an SVG drawing",
    b"<html": "a web page",
}


def _format_of(data: bytes) -> str:
    """The Pillow name of the format, or "" for one that is not read here."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    return "WEBP" if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else ""


def _looks_like(data: bytes) -> str:
    if name := _format_of(data):
        return f"a {_TITLES[name]} picture"
    head = data[:1024].lower()
    if head.startswith(b"bm") and data[6:10] == b"\0\0\0\0":
        return "a BMP picture"
    for magic, title in _OTHERS.items():
        if magic in (head if magic.startswith(b"<") else head[:16]):
            return title
    return "not a known picture"


def _expected(limits: ImageLimits) -> str:
    return f"a {' or '.join(_TITLES[name] for name in limits.formats)} photo"


_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
}


# Not stuffing, fill or restart: inside a JPEG's samples 0xFF stands before none of these.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
_EOI, _SOS = b"\xd9", b"\xda"  # end of image, start of scan


def _jpeg_markers(data: bytes, most: int) -> Iterator[bytes]:
    """A JPEG's markers up to the end of its image, `most` at most.

    Segments are stepped over by their lengths: what looks like a marker inside one (a colour
    profile has many), or after the end of the image (a phone's film), is none.
    """
    position = 2
    for _ in range(most):
        found = _MARKER.search(data, position)
        if found is None:
            return
        yield found[1]
        if found[1] == _EOI:
            return
        position = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")


def _check_parts(name: str, data: bytes, limits: ImageLimits) -> None:
    """Refuse what Pillow would let pass: a file without its end, or one of endless parts."""
    if name == "JPEG":
        markers = list(_jpeg_markers(data, limits.max_parts))
        scans = markers.count(_SOS)
        if scans > limits.max_scans:
            raise ImageError(f"The JPEG file has {scans} scans; expected up to {limits.max_scans}.")
        if _EOI not in markers[markers.index(_SOS) :]:
            raise ValueError("no end of image, or too many segments before it")
    elif name == "PNG":
        position = 8
        for _ in range(limits.max_parts):
            length, kind = struct.unpack_from(">I4s", data, position)
            position += 12 + length
            if kind == b"IEND" and position <= len(data):
                return
        raise ValueError("too many chunks")
    else:
        end = 8 + int.from_bytes(data[4:8], "little")
        if end > len(data):
            raise ValueError("shorter than its header says")
        position = 12
        for _ in range(limits.max_parts):
            if position >= end:
                break
            position += 8 + int.from_bytes(data[position + 4 : position + 8], "little")
            position += position % 2  # chunks begin at even places
        if position not in (end, end + 1):
            raise ValueError("its chunks do not end where it ends")


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    pixels = width * height
    if pixels > limits.max_pixels or max(width, height) > limits.max_side:
        raise ImageError(
            f"The photo has {pixels:,} pixels ({width:,} x {height:,}); expected"
            f" at most {limits.max_pixels:,} and no side above {limits.max_side:,}."
        )


def _upright(image: Image.Image) -> Image.Image:
    """Turn as EXIF says; an EXIF block that cannot be read says nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _to_rgb(image: Image.Image) -> Pixels:
    """Any mode -> (H, W, 3) uint8.

    What is transparent becomes white: cut-outs and logos are drawn for pages, which are white, and
    the colour hidden under full transparency is arbitrary, often black.
    """
    if image.mode.startswith("I"):  # 16 bits: Pillow's own conversion to 8 clips, not scales
        levels = np.asarray(image).astype(np.int32)
        # Cameras and scanners put 8, 10 or 12 bits into 16, which may lie in the lower ones.
        most = int(levels.max(initial=0))
        bits = next((bits for bits in (8, 10, 12) if most < 1 << bits), 16)
        gray = (levels >> (bits - 8)).clip(0, 255).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        page = Image.new("RGB", image.size, "white")
        page.paste(layer, mask=layer)
        return np.array(page)
    return np.array(image.convert("RGB"))
