"""What most people have: a folder of photos, and often a table of sentences about them.

The table is a plain list of core/formats/listed.py. Where it has no column of splits, the photos
are parted by a seed: dev and test get a tenth each, the same ones each time, and that is said.
"""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path

from core.formats import in_file, listed, read_bytes
from core.formats.format import BEGINNING
from core.formats.parsing import in_utf8
from train.data.shapes import CaptionSet, DataError

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
_LIST_ENDINGS = (".csv", ".tsv", ".txt", ".token", ".jsonl", ".json")
SHARE = 0.1
"""Of the photos for dev, and for test, where a list has no splits."""
SEED = 0
_SPLITS = {"valid": "dev", "validation": "dev", "val": "dev", "development": "dev",
           "training": "train", "restval": "train", "testing": "test"}  # fmt: skip
PARTS = ("train", "dev", "test", "all")


def list_in(folder: Path) -> Path | None:
    """The list of sentences that lies in a folder, or None. DataError where there are several."""
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in _LIST_ENDINGS and not path.name.startswith(".") and is_list(path)
    ]
    if len(found) > 1:
        told = ", ".join(path.name for path in found)
        raise DataError(f"{folder} has several lists of sentences: {told}; expected --data FILE")
    return found[0] if found else None


def is_list(path: Path) -> bool:
    """Whether a file begins like a list of photos and sentences."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        begins = file.read(BEGINNING)
    if begins.lstrip()[:1] in (b"[", b"{"):  # an object may be longer than a glance
        begins = read_bytes(path)
    return listed.is_list(begins)


def has_own_splits(token_file: Path) -> bool:
    """Whether a token file belongs to a Flickr8k folder, which says which photos are for what."""
    return any((token_file.parent / "splits").glob("*.txt"))


def read_listed(path: Path, split: str, images: Path | None) -> CaptionSet:
    """A list of photos and sentences -> one of its splits, or "all"."""
    said: dict[str, list[str]] = {}
    parts: dict[str, str] = {}
    with in_file(path):
        rows = listed.rows(in_utf8(read_bytes(path)))
    for row in rows:
        said.setdefault(row.photo, []).extend(row.sentences)
        if row.split is not None:
            part = _SPLITS.get(row.split.lower(), row.split.lower())
            if parts.setdefault(row.photo, part) != part:
                raise DataError(
                    f"{path}, {row.where}: {row.photo} is in '{part}' and, before, in "
                    f"'{parts[row.photo]}'; expected one split for a photo"
                )
    said = {name: sentences for name, sentences in said.items() if sentences}
    if not said:
        raise DataError(f"{path} has no sentence; expected at least one")
    if not parts and split != "all":
        if split not in PARTS:
            told = f"{path} has no column of splits; expected train, dev, test or all"
            raise DataError(f"split is '{split}'; {told}")
        parts = seeded(tuple(said))
        _say(path, tuple(parts.values()))
    wanted = _SPLITS.get(split, split)
    names = tuple(name for name in said if split == "all" or parts.get(name) == wanted)
    if not names:
        there = ", ".join(sorted(set(parts.values())))
        raise DataError(f"split is '{split}'; {path} has {there}, and 'all'")
    folder = photos_of(path, names, images)
    return CaptionSet(
        names, tuple(folder / name for name in names), tuple(tuple(said[name]) for name in names)
    )


def seeded(names: tuple[str, ...]) -> dict[str, str]:
    """Photos -> their splits, by a hash of name and seed: for the same photos always the same."""
    order = sorted(names, key=lambda name: hashlib.sha256(f"{SEED}:{name}".encode()).digest())
    few = max(1, round(SHARE * len(order)))
    if len(order) < 3:
        raise DataError(
            f"{len(order)} photo(s) with sentences cannot be parted into train, dev and test; "
            "expected three or more, or --split all"
        )
    return {
        name: "dev" if place < few else "test" if place < 2 * few else "train"
        for place, name in enumerate(order)
    }


@cache
def _say(path: Path, parts: tuple[str, ...]) -> None:
    """Once for a file, however often it is read."""
    counts = ", ".join(f"{parts.count(one):,} {one}" for one in PARTS[:3])
    print(
        f"{path} has no column of splits: its photos are parted by a hash of their names (seed "
        f"{SEED}) into {counts}; --split all takes them all",
        file=sys.stderr,
    )


def photos_of(path: Path, names: tuple[str, ...], images: Path | None) -> Path:
    """The folder that a list's photos lie in: `images`, or where none is given the one beside the
    list, or one or two folders below, that has one of the first photos."""
    if images is not None:
        return images
    beside = path.parent
    below = [one for one in sorted(beside.iterdir()) if one.is_dir()]
    deeper = [one for folder in below for one in sorted(folder.iterdir()) if one.is_dir()]
    for folder in (beside, *below, *deeper):
        if any((folder / name).is_file() for name in names[:20]):
            return folder
    raise DataError(
        f"{path} names {names[0]}, which lies neither beside it nor in a folder there; expected "
        "--images, the photos' folder"
    )


def photo_names(folder: Path) -> tuple[str, ...]:
    """All photos in and below a folder, by the endings of their names; hidden ones left out."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; expected one with photos")
    found = (
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix.lower() in PHOTO_ENDINGS and path.is_file()
    )
    return tuple(
        sorted(
            path.as_posix()
            for path in found
            if not any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        )
    )


def read_photo_folder(folder: Path, names: tuple[str, ...]) -> CaptionSet:
    """Photos without sentences."""
    return CaptionSet(names, tuple(folder / name for name in names), ((),) * len(names))
