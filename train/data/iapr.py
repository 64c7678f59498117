"""IAPR TC-12 as it is published, with the lists of its splits that retrieval papers use.

annotations_complete_eng/NN/ID.eng  a photo's <TITLE>, <DESCRIPTION> (what is to be seen, parts
                                    divided by semicolons) and <IMAGE>images/NN/ID.jpg</IMAGE>, in
                                    Latin-1, and not always whole XML
images/NN/ID.jpg                    the photos, or in --images
*train*list*.txt, *test*list*.txt   NN/ID a line

A photo's sentence is its description, as in Mao et al. 2014; its title names a place and is left
out. Without a list for dev, a tenth of the training photos is dev, by a hash of their names, and is
no part of train.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from train.data.listed import seeded
from train.data.shapes import CaptionSet, DataError, read_lines

_FOLDERS = ("annotations_complete_eng", "annotations")


def annotations_in(folder: Path) -> Path | None:
    """The folder of the .eng files below a data set's, or None where this is another set."""
    for name in _FOLDERS:
        if any((folder / name).glob("*/*.eng")):
            return folder / name
    return None


def read_iapr(folder: Path, split: str, images: Path | None) -> CaptionSet:
    """One of the splits "train", "dev" and "test"."""
    notes = annotations_in(folder)
    assert notes is not None
    if split not in ("train", "dev", "test"):
        raise DataError(f"split is '{split}'; {folder} has train, dev and test")
    own = _list(folder, "dev") or _list(folder, "val")
    if split == "dev" and own:
        keys = own
    else:
        keys = _list(folder, "test" if split == "test" else "train")
        if not keys:
            raise DataError(
                f"{folder} has no list of split '{split}'; expected a file such as "
                f"iaprtc12_{split}_list.txt with a line '00/25' for each photo"
            )
        if split == "train" and own:
            keys = [key for key in keys if key not in set(own)]
        elif split != "test":
            parts = seeded(tuple(keys))
            keys = [key for key in keys if (parts[key] == "dev") == (split == "dev")]
    photos = images or folder / "images"
    said = [_description(notes / f"{key}.eng") for key in keys]
    return CaptionSet(
        tuple(f"{key}.jpg" for key in keys),
        tuple(photos / f"{key}.jpg" for key in keys),
        tuple((text,) for text in said),
    )


def _list(folder: Path, split: str) -> list[str]:
    """NN/ID of a split's photos; none where it has no list. DataError where it has several."""
    found = sorted(path for path in folder.glob("*.txt") if re.search(rf"{split}.*list", path.stem))
    if len(found) > 1:
        told = ", ".join(path.name for path in found)
        raise DataError(f"{folder} has several lists of split '{split}': {told}; expected one")
    lines = [line.strip() for line in read_lines(found[0])] if found else []
    keys = [re.sub(r"^images/|\.(?:jpg|eng)$", "", line) for line in lines if line]
    for number, key in enumerate(keys, 1):
        if not re.fullmatch(r"\d+/\d+", key):
            raise DataError(f"{found[0]}, photo {number}: '{key[:60]}'; expected such as '00/25'")
    return keys


def _description(path: Path) -> str:
    try:
        text = path.read_bytes().decode("latin-1")
    except OSError:
        raise DataError(f"{path} is not there; expected a photo's annotation") from None
    found = re.search(r"<DESCRIPTION>(.*?)</DESCRIPTION>", text, re.DOTALL | re.IGNORECASE)
    words = " ".join(html.unescape(found[1]).split()) if found else ""
    if not words:
        raise DataError(f"{path} has no description; expected <DESCRIPTION> with text in it")
    return words.rstrip("; ")
