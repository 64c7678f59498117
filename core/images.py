"""From bytes to an upright RGB array: the only place of the project that decodes an image.

A file is read in two steps. First our own walk over its parts finds what Pillow must not be
trusted with: whether the file is whole, how many pixels it claims, which way up it is, whether it
moves. Then only the parts that draw the picture reach Pillow's decoder. So a bomb in a text or
colour-profile chunk is never inflated, broken EXIF is never parsed, a refused size never allocates,
and Pillow finds nothing to warn about. No global of Pillow is changed, and threads share nothing.

What a reader may miss: colour profiles are ignored (pixels are taken as sRGB), transparency is laid
on white, and a file without its end is refused although a browser would draw its top half.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

Pixels = npt.NDArray[np.uint8]

ANIMATION_NOTE = "The file is an animation: its first frame is used."


class ImageError(ValueError):
    """Why a file gives no photo: one plain sentence for the person who chose the file."""


@dataclass(frozen=True)
class ImageLimits:
    """What is accepted; anything beyond is refused before a pixel is decoded."""

    # A phone's frame has 12 to 24 megapixels; 25 take 0.2 to 0.5 GB at the peak.
    max_pixels: int = 25_000_000
    # No photo is a strip: past this, resizers and page layouts break though the area is small.
    max_side: int = 20_000
    # A 24-megapixel JPEG of high quality stays under 15 MB.
    max_bytes: int = 20 * 1024 * 1024
    # An honest progressive JPEG has about 10 scans; each may touch every block of the picture, and
    # 64 of them at 25 megapixels take 1.7 s.
    max_scans: int = 32
    # Segments or chunks; a big PNG has a few thousand. Walking a million empty ones takes seconds.
    max_parts: int = 65_536
    # What cameras, phones and browsers write, and Pillow reads without a helper program.
    formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright picture. `pixels` is (height, width, 3) uint8 RGB, contiguous and writable."""

    pixels: Pixels
    note: str = ""  # one sentence the person should see, or nothing

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


def decode(data: bytes, limits: ImageLimits = ImageLimits()) -> Photo:
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
    split, plugin = _READERS[name]
    try:
        parts = split(data, limits)
        _check_size(parts, limits)
        # The plugin's class, not Image.open: that one obeys and warns by a global pixel limit.
        with plugin(BytesIO(parts.stream)) as image:
            if image.size != (parts.width, parts.height):
                raise ValueError(f"header says {parts.width, parts.height}, decoder {image.size}")
            image.load()
            pixels = _to_rgb(image, parts.clear)
    except ImageError:
        raise
    except Exception as error:  # broken bytes raise a dozen types, in Pillow and in the walk
        raise ImageError(
            f"The {_TITLES[name]} file is damaged or cut short; expected a complete one."
        ) from error
    pixels = _upright(pixels, _orientation(parts.exif))
    return Photo(pixels, ANIMATION_NOTE if parts.animated else "")


def read(path: str | Path, limits: ImageLimits = ImageLimits()) -> Photo:
    """Decode the file at `path`. Raises ImageError, which never repeats the path."""
    try:
        with open(path, "rb") as file:
            data = file.read(limits.max_bytes + 1)  # one more shows that there is too much
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise ImageError("The photo file cannot be opened; expected a readable file.") from error
    return decode(data, limits)


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
    b"ftyphei": "a HEIC picture",
    b"ftypmif1": "a HEIC picture",
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
    for magic, title in _OTHERS.items():
        if magic in (head if magic.startswith(b"<") else head[:16]):
            return title
    return "not a known picture"


def _expected(limits: ImageLimits) -> str:
    return f"a {' or '.join(_TITLES[name] for name in limits.formats)} photo"


@dataclass(frozen=True)
class _Parts:
    """What the walk over a file found. `stream` is the file with its drawing parts alone.

    The walks, `_split_*`, may raise anything where bytes run out or contradict each other.
    """

    width: int
    height: int
    stream: bytes
    exif: bytes = b""
    animated: bool = False
    clear: tuple[int, ...] | None = None  # the gray or RGB sample that PNG declares transparent


def _check_size(parts: _Parts, limits: ImageLimits) -> None:
    pixels, sides = parts.width * parts.height, (parts.width, parts.height)
    if pixels > limits.max_pixels or max(sides) > limits.max_side:
        raise ImageError(
            f"The photo has {pixels:,} pixels ({parts.width:,} x {parts.height:,}); expected"
            f" at most {limits.max_pixels:,} and no side above {limits.max_side:,}."
        )


_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")  # not stuffing, fill, TEM, restart or SOI
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame: holds the size
_EOI, _SOS, _APP0, _APP1, _APP14, _COM = 0xD9, 0xDA, 0xE0, 0xE1, 0xEE, 0xFE
_DROPPED = (frozenset(range(0xE0, 0xF0)) | {_COM}) - {_APP0, _APP14}


def _split_jpeg(data: bytes, limits: ImageLimits) -> _Parts:
    """Keep tables, frame and scans, and of the application segments JFIF and Adobe.

    Those two tell the decoder whether samples are YCbCr, RGB, CMYK or YCCK. The rest (EXIF, colour
    profile, a phone's second picture or film after the end) is not drawn.
    """
    kept, exif, frames, scans, position = [data[:2]], b"", [], 0, 2
    for _ in range(limits.max_parts):
        found = _MARKER.search(data, position)
        if found is None:
            raise ValueError("no end of image")
        if scans:
            kept.append(data[position : found.start()])  # entropy-coded samples
        marker, start = found[1][0], found.end()
        if marker == _EOI:
            break
        position = start + int.from_bytes(data[start : start + 2], "big")
        body = data[start + 2 : position]
        if marker in _SOF:
            frames.append(struct.unpack_from(">HH", body, 1))
        elif marker == _APP1 and body.startswith(b"Exif\0\0"):
            exif = exif or body
        scans += marker == _SOS
        if marker not in _DROPPED:
            kept.append(data[found.start() : position])
    else:
        raise ValueError("too many segments")
    if scans > limits.max_scans:
        raise ImageError(f"The JPEG file has {scans} scans; expected up to {limits.max_scans}.")
    ((height, width),) = frames
    return _Parts(width, height, b"".join(kept) + b"\xff\xd9", exif)


def _split_png(data: bytes, limits: ImageLimits) -> _Parts:
    """Keep header, palette and samples, the samples joined in one chunk.

    A palette's transparency stays in the stream. That of gray and RGB comes back as `clear`, in 8
    bits except for gray of 16. Of an animation, the stream holds the first picture.
    """
    kinds = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"acTL", b"eXIf", b"IEND")
    found, position = {kind: list[bytes]() for kind in kinds}, 8
    for _ in range(limits.max_parts):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        (checksum,) = struct.unpack_from(">I", data, end)
        if kind in found:
            if zlib.crc32(data[position + 4 : end]) == checksum:
                found[kind].append(data[position + 8 : end])
            elif kind.isupper():  # the picture needs it
                raise ValueError(f"wrong checksum of {kind!r}")
        position = end + 4
        if kind == b"IEND":
            break
    else:
        raise ValueError("too many chunks")
    (header,) = found[b"IHDR"]
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    stream = data[:8] + _png_chunk(b"IHDR", header)
    stream += b"".join(_png_chunk(b"PLTE", palette) for palette in found[b"PLTE"])
    clear: tuple[int, ...] | None = None
    for transparency in found[b"tRNS"][:1]:
        if colour == 3:
            stream += _png_chunk(b"tRNS", transparency[:256])
        elif colour in (0, 2):
            clear = struct.unpack_from(f">{colour + 1}H", transparency)
            if depth < 8:  # Pillow spreads few bits over 0..255 ...
                clear = tuple(sample * 255 // ((1 << depth) - 1) for sample in clear)
            elif depth == 16 and colour == 2:  # ... and keeps the upper 8 of 16, but for gray
                clear = tuple(sample >> 8 for sample in clear)
    stream += _png_chunk(b"IDAT", b"".join(found[b"IDAT"])) + _png_chunk(b"IEND", b"")
    animated = any(int.from_bytes(control[:4], "big") > 1 for control in found[b"acTL"])
    return _Parts(width, height, stream, b"".join(found[b"eXIf"][:1]), animated, clear)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _split_webp(data: bytes, limits: ImageLimits) -> _Parts:
    """Nothing need be dropped: Pillow hands the other chunks over without reading them."""
    total = 8 + int.from_bytes(data[4:8], "little")
    if total > len(data):
        raise ValueError(f"{total} bytes announced, {len(data)} there")
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(body[4:7], "little")
        height = 1 + int.from_bytes(body[7:10], "little")
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
    exif, frames, position = b"", 0, 12
    for _ in range(limits.max_parts):
        if position + 8 > total:
            break
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind == b"EXIF":
            exif = exif or data[position + 8 : position + 8 + length]
        frames += kind == b"ANMF"
        position += 8 + length + length % 2
    return _Parts(width, height, data[:total], exif, animated=frames > 1)


_READERS: dict[str, tuple[Callable[[bytes, ImageLimits], _Parts], type[ImageFile.ImageFile]]] = {
    "JPEG": (_split_jpeg, JpegImageFile),
    "PNG": (_split_png, PngImageFile),
    "WEBP": (_split_webp, WebPImageFile),
}


def _to_rgb(image: Image.Image, clear: tuple[int, ...] | None) -> Pixels:
    """Any mode -> (H, W, 3) uint8.

    What is transparent becomes white: cut-outs and logos are drawn for pages, which are white, and
    the colour hidden under full transparency is arbitrary, often black.
    """
    if image.mode == "I;16":  # Pillow's own conversion to 8 bits clips instead of scaling
        samples = np.asarray(image)
        gray = (samples >> 8).astype(np.uint8)
        if clear:
            gray[samples == clear[0]] = 255
        return np.repeat(gray[:, :, None], 3, axis=2)
    if image.mode in ("LA", "RGBA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        page = Image.new("RGB", image.size, "white")
        page.paste(layer, mask=layer)
        return np.array(page)
    pixels = np.array(image.convert("RGB"))
    if clear:
        pixels[(pixels == clear).all(axis=2)] = 255
    return pixels


def _orientation(exif: bytes) -> int:
    """EXIF tag 274 of the first directory, 1 to 8; 1 (upright) for anything absent or broken.

    Read here because Pillow's EXIF reader warns about broken blocks, and warnings are global.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "")
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, value = struct.unpack_from(order + "HH4xH", tiff, entry)
            if tag == 274 and kind == 3:  # 3: a 16-bit number, stored in the entry itself
                return int(value) if order and 1 <= value <= 8 else 1
    except struct.error:
        pass  # the block ends before its directory does
    return 1


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo the camera's turn: 2, 4, 5, 7 are mirrored; 3, 6, 8 turned by 180, 90, 270 degrees."""
    if orientation >= 5:  # lies on its side
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
