"""`python -m train statistics`: millions of captions of photos or regions, counted and compared.

One file or two; the files are read as streams (streams.py), in memory that does not grow with them.
The folder --out gets statistics.md, statistics.html with pictures, and statistics.json: lengths,
growth of the vocabulary with its exponent, the share of unique sentences, entropy and coverage of
words, pairs and triples, the words that tell one side from the other, and the perplexity of one
side's language model on the other's sentences.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from core.formats.validation import shown
from train.data import DataError
from train.options import folder_for
from train.sentence_statistics.counting import Statistics, counted, perplexity_on, telling_words
from train.sentence_statistics.page import Compared, page, report
from train.sentence_statistics.streams import sentences_of

JUDGED = 100_000
"""Sentences that a language model is tried on, evenly over the file."""


def compared(files: Sequence[Path], names: Sequence[str], most: int, command: str) -> Compared:
    """One or two files -> what is said of them. most: telling words of each side."""
    sides = []
    for path, name in zip(files, names, strict=True):
        side = counted(name, sentences_of(path))
        if not side.sentences:
            raise DataError(f"{path} has no sentence with words; expected some")
        sides.append(side)
    if len(sides) == 1:
        return Compared(sides, (), {}, command)
    one, other = sides
    return Compared(
        sides,
        (telling_words(one, other, most), telling_words(other, one, most)),
        {
            (a, b): perplexity_on(sides[a], _some(files[b], sides[b]))
            for a in (0, 1)
            for b in (0, 1)
        },
        command,
    )


def _some(path: Path, side: Statistics) -> islice[str]:
    return islice(sentences_of(path), 0, None, math.ceil(side.sentences / JUDGED))


def write(found: Compared, out: Path) -> None:
    """The three files into a folder."""
    folder_for(out)
    (out / "statistics.md").write_text(report(found), encoding="utf-8")
    (out / "statistics.html").write_text(page(found), encoding="utf-8")
    text = json.dumps(found.figures(), indent=2, ensure_ascii=False)
    (out / "statistics.json").write_text(text + "\n", encoding="utf-8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="captions: JSON, a table, or a sentence a line")
    parser.add_argument("other", type=Path, nargs="?", help="others, to compare them with")
    parser.add_argument("--names", nargs="+", metavar="NAME", help="what the files are called")
    parser.add_argument("--words", type=int, default=20, help="telling words of each side (20)")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the folder of the report"
    )


def main(arguments: argparse.Namespace) -> None:
    files = [arguments.file, *([arguments.other] if arguments.other else [])]
    names = arguments.names or [path.name for path in files]
    if len(names) != len(files) or len(set(names)) < len(names):
        told = ", ".join(map(shown, names))
        raise DataError(f"names are {told}; expected {len(files)}, each another one (--names)")
    if arguments.words < 1:
        raise DataError(f"words is {arguments.words}; expected 1 or more")
    folder_for(arguments.out)
    command = f"python -m train statistics {' '.join(path.name for path in files)}"
    found = compared(files, names, arguments.words, f"{command} --out {arguments.out.name}")
    write(found, arguments.out)
    print(report(found))
