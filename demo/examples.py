"""The example photos: what examples/examples.json lists."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class Example:
    """One photo of a free licence and sentences to try on it."""

    file: str
    title: str
    sentences: tuple[str, ...]
    licence: str
    author: str
    source: str

    @property
    def credit(self) -> str:
        return f"{self.title}. Photo: {self.author}, {self.licence}"


def load(folder: Path = FOLDER) -> tuple[Example, ...]:
    """The examples whose photos are there; none when the folder has no list."""
    listed = folder / "examples.json"
    if not listed.is_file():
        return ()
    entries = json.loads(listed.read_text(encoding="utf-8"))
    examples = (Example(**{**entry, "sentences": tuple(entry["sentences"])}) for entry in entries)
    return tuple(example for example in examples if (folder / example.file).is_file())
