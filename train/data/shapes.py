"""The one shape that every data set is read into."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import UserError


class DataError(UserError):
    """A data set that cannot be read: names the file, the line or entry, and what was expected."""


@dataclass(frozen=True)
class CaptionSet:
    """Photos and the sentences people wrote of them.

    names       (n,) file names, in the data set's order
    paths       (n,) where each photo lies
    sentences   (n,) tuples of sentences; none of a photo that came without, which only commands
                take that need no sentence (`read_captions`)
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    sentences: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.names)

    def without(self, names: Collection[str]) -> CaptionSet:
        """The set without these photos, such as those that cannot be read."""
        if not names:
            return self
        kept = [row for row, name in enumerate(self.names) if name not in names]
        if not kept:
            raise DataError(f"none of the {len(self.names):,} photos can be read; expected some")
        return CaptionSet(
            tuple(self.names[row] for row in kept),
            tuple(self.paths[row] for row in kept),
            tuple(self.sentences[row] for row in kept),
        )


@dataclass(frozen=True)
class Phrase:
    """A phrase and where its things are: words, (k, 4) normalised xyxy boxes with k >= 1."""

    words: str
    boxes: np.ndarray


@dataclass(frozen=True)
class PhrasePhoto:
    """A photo with phrases. `sizes`: "exact" or "estimated"; `confidence` of the size in [0, 1]."""

    name: str
    width: int
    height: int
    sizes: str
    confidence: float
    phrases: tuple[Phrase, ...]


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path} is not there; expected a JSON file") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder; expected a JSON file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no JSON, nor text at all (byte {error.start})") from None
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from None


def read_lines(path: Path) -> list[str]:
    """A text file of a data set -> its lines."""
    if not path.is_file():
        raise DataError(f"{path} is not there; expected a text file of the data set")
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text at byte {error.start}") from None
