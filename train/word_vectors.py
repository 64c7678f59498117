"""Word vectors that others trained, to start from: the text files of word2vec and GloVe.

A line is a word and its numbers, parted by spaces. word2vec puts a first line before them with the
number of words and of numbers; GloVe has none. Words may hold spaces (some of GloVe's do), so a
line is read from its right end.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor

from core.language.vocabulary import Vocabulary
from train.data import DataError

LONGEST_LINE = 100_000
"""Characters: a word and 2,000 numbers take 40,000."""


def read_word_vectors(path: Path, vocabulary: Vocabulary, weight: Tensor) -> int:
    """Fill, in place, the rows of `weight` (ids, d) whose word the file has -> how many.

    The vocabulary has lower case only: a word's own spelling counts first, then the first in the
    file that differs in case alone ("Paris"; such files begin with the commonest words). The
    unknown word's row and those of words that the file lacks stay as they are; nothing is scaled.
    Raises DataError naming the line when the file is no such text or has another d.
    """
    size = weight.shape[1]
    found: dict[int, Tensor] = {}
    exact: set[int] = set()
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(_lines(lines, path), 1):
                if number == 1:
                    header = line.split()
                    if _is_header(header):
                        # Of thousands of digits Python makes no number.
                        given = int(header[1]) if len(header[1]) < 10 else 10**9
                    else:
                        given = len(header) - 1
                    if given != size:
                        raise DataError(
                            f"{path} has {given} numbers for a word; expected {size}, the model's "
                            "word_dimension"
                        )
                    if _is_header(header):
                        continue
                word, *numbers = line.rstrip().rsplit(" ", size)
                if len(numbers) != size:
                    raise DataError(
                        f"{path}, line {number}: '{line[:30].rstrip()}' has {len(numbers)} numbers;"
                        f" expected a word and {size} numbers"
                    )
                alike = word in vocabulary
                if not alike and word.lower() not in vocabulary:
                    continue
                [row] = vocabulary.ids([word if alike else word.lower()])
                if row not in found or (alike and row not in exact):
                    found[row] = _vector(numbers, path, number)
                if alike:
                    exact.add(row)
    except OSError:
        raise DataError(f"{path} cannot be opened; expected a text file of word vectors") from None
    except UnicodeDecodeError:
        raise DataError(
            f"{path} is not UTF-8 text; expected the text form of word2vec or GloVe, not the binary"
        ) from None
    with torch.no_grad():
        for row, vector in found.items():
            weight[row] = vector.to(weight)
    return len(found)


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """A file's lines, each read no further than a line may be long."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise DataError(
                f"{path}, line {number} is longer than {LONGEST_LINE:,} characters; expected a "
                "word and its numbers"
            )
        yield line


def _is_header(parts: list[str]) -> bool:
    return len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts)


def _vector(numbers: list[str], path: Path, line: int) -> Tensor:
    try:
        vector = torch.tensor([float(number) for number in numbers])
    except ValueError as error:
        raise DataError(f"{path}, line {line}: {error}; expected numbers") from None
    if not vector.isfinite().all():
        raise DataError(f"{path}, line {line}: a number is not finite; expected finite numbers")
    return vector
