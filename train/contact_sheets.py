"""Contact sheets: photos, boxes and words beside each other as one picture, for people to look at.

Labels are set in Pillow's own font, which knows the Latin script only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

BACKGROUND = "white"
INK = "#222222"
FRAME = "#e8590c"  # stands out on grass, sky and skin alike
GAP = 8  # pixels around every picture
FONT_SIZE = 14


@dataclass(frozen=True)
class Tile:
    """A photo, (H, W, 3) uint8 RGB, what stands below it, and, where the tile is about a region,
    its box: (4,) normalised xyxy. A box is drawn in the photo, and its crop stands beside it."""

    pixels: np.ndarray
    label: str
    box: np.ndarray | None = None


def sheet(tiles: Sequence[Tile], columns: int = 4, side: int = 180) -> Image.Image:
    """Tiles in rows, left to right, every picture fitted into `side` x `side` pixels.

    Raises ValueError where there are no tiles.
    """
    if not tiles:
        raise ValueError("the sheet has no tiles; expected one or more")
    columns = min(columns, len(tiles))
    wide = side * (2 if any(tile.box is not None for tile in tiles) else 1)
    font = ImageFont.load_default(FONT_SIZE)
    labels = [_wrapped(tile.label, font, wide) for tile in tiles]
    line = FONT_SIZE + 4
    high = side + GAP // 2 + line * max(len(label) for label in labels)
    rows = -(-len(tiles) // columns)
    size = (GAP + columns * (wide + GAP), GAP + rows * (high + GAP))
    drawn = Image.new("RGB", size, BACKGROUND)
    pen = ImageDraw.Draw(drawn)
    for place, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        left = GAP + place % columns * (wide + GAP)
        top = GAP + place // columns * (high + GAP)
        for number, picture in enumerate(_pictures(tile, side)):
            drawn.paste(picture, (left + number * side, top))
        for number, text in enumerate(label):
            pen.text((left, top + side + GAP // 2 + number * line), text, fill=INK, font=font)
    return drawn


def _pictures(tile: Tile, side: int) -> list[Image.Image]:
    photo = Image.fromarray(tile.pixels)
    fitted = ImageOps.contain(photo, (side - 2, side - 2))
    if tile.box is None:
        return [fitted]
    left, top, right, bottom = (
        float(x) * n for x, n in zip(tile.box, (*photo.size, *photo.size), strict=True)
    )
    whole = round(left), round(top), round(right), round(bottom)
    crop = photo.crop((*whole[:2], max(whole[2], whole[0] + 1), max(whole[3], whole[1] + 1)))
    scale = fitted.width / photo.width, fitted.height / photo.height
    corners = (left * scale[0], top * scale[1], right * scale[0] - 1, bottom * scale[1] - 1)
    ImageDraw.Draw(fitted).rectangle(
        (corners[0], corners[1], max(corners[0], corners[2]), max(corners[1], corners[3])),
        outline=FRAME,
        width=3,
    )
    return [fitted, ImageOps.contain(crop, (side - 2, side - 2))]


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, wide: int) -> list[str]:
    """Lines of `text`, broken between words so that each fits; a word that never fits is cut."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > wide:
                lines.append(line)
                longer = word
            while font.getlength(longer) > wide and len(longer) > 1:
                longer = longer[:-2].rstrip("…") + "…"
            line = longer
        lines.append(line)
    return lines
