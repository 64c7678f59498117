"""Ten good and ten bad sentences as one HTML page, photos inside, to be looked at.

Good and bad is CIDEr against the photo's own sentences. The browser shapes and orders any script.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np

from core.captioning.metrics import cider_of_each
from train.data.photos import read_photo

COUNT = 10
SIDE = 480  # pixels of a photo's longer side
_PAGE = """<!doctype html><meta charset="utf-8"><title>Captions</title><style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 24px; color: #222 }}
section {{ display: grid; grid-template-columns: repeat(5, 1fr); gap: 18px }}
figure {{ margin: 0 }} .photo {{ position: relative }} img {{ width: 100%; display: block }}
.box {{ position: absolute; border: 3px solid #e5484d; box-sizing: border-box }}
b {{ display: block; margin: 6px 0 }} p {{ margin: 2px 0; color: #666; font-size: 13px }}
</style>{body}
"""


def write_examples(
    path: Path,
    texts: dict[int, str],
    references: dict[int, list[str]],
    photos: Sequence[Path],
    boxes: Sequence[np.ndarray | None],
) -> None:
    """Write the page. boxes: normalised xyxy (4,), or None for whole photos."""
    each = cider_of_each(texts, references)
    # Equal scores in an order that has nothing to do with the data set's: many bad ones have 0.
    order = np.random.default_rng(0).permutation(list(each))
    ranked = sorted((int(key) for key in order), key=lambda key: -each[key])
    body = ""
    for title, keys in (("Good", ranked[:COUNT]), ("Bad", ranked[-COUNT:])):
        figures = "".join(
            _figure(photos[key], boxes[key], texts[key], references[key], each[key]) for key in keys
        )
        body += f"<h2>{title}</h2><section>{figures}</section>"
    path.write_text(_PAGE.format(body=body), encoding="utf-8")


def _figure(
    photo: Path, box: np.ndarray | None, text: str, references: Sequence[str], cider: float
) -> str:
    pixels = read_photo(photo).pixels
    shrunk = min(1.0, SIDE / max(pixels.shape))
    small = cv2.resize(pixels, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small[..., ::-1])
    source = "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
    outline = ""
    if box is not None:
        left, top, right, bottom = (100 * float(x) for x in box)
        outline = (
            f'<div class="box" style="left:{left:.1f}%;top:{top:.1f}%;'
            f'width:{right - left:.1f}%;height:{bottom - top:.1f}%"></div>'
        )
    said = "".join(f'<p dir="auto">{escape(one)}</p>' for one in references)
    return (
        f'<figure><div class="photo"><img src="{source}">{outline}</div>'
        f'<b dir="auto">{escape(text)}</b><p>CIDEr {cider:.2f}</p>{said}</figure>'
    )
