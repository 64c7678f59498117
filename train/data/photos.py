"""A data set's photos, opened; those that cannot be are told of and left out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from core.vision import images
from core.vision.images import DecodedPhoto, ImageError

THREADS = 4
"""That look whether photos can be read: Pillow decodes beside Python."""
NAMED = 5
"""Of the photos that cannot be read, on the screen; a file has them all."""


def read_photo(path: Path) -> DecodedPhoto:
    """As `core.vision.images.read`; the ImageError names the file, which is the reader's own."""
    try:
        return images.read(path)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None


def unreadable_photos(names: Sequence[str], paths: Sequence[Path]) -> dict[str, str]:
    """Opens every photo once -> the reason for each that cannot be read, by its name. It costs a
    few milliseconds a photo, and spares hours of work the last photo's end."""

    def reason(path: Path) -> str | None:
        try:
            images.read(path)
        except ImageError as error:
            return str(error)
        return None

    with (
        ThreadPoolExecutor(THREADS) as threads,
        tqdm(total=len(names), desc="looking", unit="photo", mininterval=5) as bar,
    ):
        found = {}
        for start in range(0, len(names), 1000):
            told = threads.map(reason, paths[start : start + 1000])
            for name, why in zip(names[start : start + 1000], told, strict=True):
                if why is not None:
                    found[name] = why
                bar.update()
    return found


def tell_unreadable(left_out: Mapping[str, str], photos: int, listed: Path) -> None:
    """Says which photos were left out, and lists all of them in a file: name, tab, reason."""
    if not left_out:
        return
    text = "".join(f"{name}\t{why}\n" for name, why in left_out.items())
    listed.write_text(text, encoding="utf-8")
    print(f"left out {len(left_out):,} of {photos:,} photos, listed in {listed}:", file=sys.stderr)
    for name, why in list(left_out.items())[:NAMED]:
        print(f"  {name}: {why}", file=sys.stderr)
