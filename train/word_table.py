"""A word table from published vectors: GloVe's text file, or a .safetensors beside a list of words.

Vectors lose the mean of all and are set to one length: what all words share says nothing of any.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from core.language.vocabulary import tokenise
from core.language.word_table import WordTable, quantised
from train.data import DataError

LENGTH = 10.0
"""Of every vector, so that its numbers are about 1 and float16 keeps them well."""


def read_word_table(path: Path, most: int = 60_000) -> WordTable:
    """GloVe's text file (a word and its numbers a line, commonest first), or NAME.safetensors with
    `vectors` (n, D) and NAME_words.txt beside it -> a table of the first `most`, without those that
    are not one word to `tokenise`. Raises DataError."""
    words, vectors = _published(path, most)
    kept: dict[str, int] = {}
    for row, word in enumerate(words):
        read = tokenise(word)
        if len(read) == 1:
            kept.setdefault(read[0], row)  # the commonest of those that are written alike here
    if not kept:
        raise DataError(f"{path} holds no word; expected word vectors")
    found = vectors[list(kept.values())].astype(np.float32)
    found -= found.mean(axis=0)
    found *= LENGTH / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
    return quantised(tuple(kept), found)


def _published(path: Path, most: int) -> tuple[list[str], np.ndarray]:
    try:
        if path.suffix == ".safetensors":
            named = path.with_name(f"{path.stem}_words.txt")
            words = named.read_text(encoding="utf-8").split("\n")
            words = words[:-1] if words[-1] == "" else words
            vectors = load_file(path)["vectors"]
            if len(words) != len(vectors):
                raise DataError(f"{named} has {len(words)} words; {path} has {len(vectors)}")
            return words[:most], vectors[:most]
        words, rows = [], []
        with path.open(encoding="utf-8") as lines:
            for line, _ in zip(lines, range(most), strict=False):
                word, *numbers = line.rstrip().split(" ")
                words.append(word)
                rows.append(np.array(numbers, dtype=np.float32))
        return words, np.stack(rows)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise DataError(f"{path} cannot be read as word vectors: {error}") from None
