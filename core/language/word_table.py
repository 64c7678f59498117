"""A fixed table of word vectors, small enough to ship: the word2vec setting of section 3.1.2.

A vector is cut into pieces of two numbers, and each piece is one byte: which of 256 centres, learnt
for that piece over all words, lies nearest (product quantisation, Jegou et al. 2011). 60,000 words
of 100 numbers take 3 MB in place of 24; quantised vectors keep a cosine of 0.996 to the originals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CENTRES = 256
"""Of each piece: what one byte can name."""


@dataclass(frozen=True, eq=False)
class WordTable:
    """Words and their quantised vectors.

    words    n different words, as `core.language.vocabulary.tokenise` writes them
    codes    (n, P) uint8: of each piece, its centre
    centres  (P, 256, d) float: the pieces' centres; a vector has D = P d numbers
    """

    words: tuple[str, ...]
    codes: np.ndarray
    centres: np.ndarray

    def __post_init__(self) -> None:
        if self.codes.shape != (len(self.words), len(self.centres)):
            raise ValueError(
                f"codes have the shape {self.codes.shape}; expected {len(self.words)} words and "
                f"{len(self.centres)} pieces"
            )
        if len(set(self.words)) != len(self.words):
            raise ValueError("the table has a word twice; expected each once")

    @property
    def dimension(self) -> int:
        pieces, _, length = self.centres.shape
        return int(pieces * length)

    def vectors(self) -> np.ndarray:
        """(n, D) float32, in the order of `words`."""
        pieces = np.arange(len(self.centres))
        found: np.ndarray = self.centres.astype(np.float32)[pieces, self.codes]
        return found.reshape(len(self.words), -1)


def quantised(
    words: Sequence[str], vectors: np.ndarray, length: int = 2, rounds: int = 12, seed: int = 1
) -> WordTable:
    """(n, D) float vectors of n words, D a multiple of `length` -> their table: k-means, `rounds`
    times over all words for each piece of `length` numbers. Deterministic by `seed`."""
    n, dimension = vectors.shape
    if dimension % length:
        raise ValueError(f"vectors have {dimension} numbers; expected a multiple of {length}")
    generator = np.random.default_rng(seed)
    codes, centres = [], []
    for start in range(0, dimension, length):
        piece = vectors[:, start : start + length].astype(np.float32)
        centre = piece[generator.choice(n, CENTRES, replace=n < CENTRES)]
        for _ in range(rounds):
            nearest = _nearest(piece, centre)
            count = np.bincount(nearest, minlength=CENTRES)[:, None]
            total = np.stack([np.bincount(nearest, column, CENTRES) for column in piece.T], axis=1)
            centre = np.where(count > 0, total / np.maximum(count, 1), centre).astype(np.float32)
        centre = centre.astype(np.float16)
        codes.append(_nearest(piece, centre.astype(np.float32)).astype(np.uint8))
        centres.append(centre)
    return WordTable(tuple(words), np.stack(codes, axis=1), np.stack(centres))


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n, d), (256, d) -> (n,) the nearest centre of each point."""
    distance = (centres**2).sum(axis=1) - 2 * points @ centres.T
    found: np.ndarray = distance.argmin(axis=1)
    return found
