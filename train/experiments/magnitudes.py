"""`python -m train table magnitudes`: how long the vectors of words and regions are (section 6.1).

The paper found that its model gives visual words long vectors and stop words short ones, so that
the latter hardly change a score. Here: the words with the largest and smallest mean |s_t| over a
split's sentences, where the stop words stand among all words, and the regions with the largest |v|.
Lengths are those before normalisation, for models that compare cosines too.

Writes OUT/NAME.md and OUT/NAME.jpg, regions of the free photos in --free-photos; regions of the
data set's photos, which may not be passed on, go to --sheet where one is named.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from core.alignment.model import pack_sentences
from core.checkpoints import Checkpoint, load_checkpoint
from core.devices import move
from core.language.vocabulary import tokenise
from train import machine
from train.contact_sheets import sheet
from train.data import CaptionSet, DataError, read_captions
from train.embedded_regions import EmbeddedRegions, embed_all_regions
from train.options import add_checkpoint, read_into, written
from train.query import region_tile

SENTENCES = 256  # embedded at a time
STOP_WORDS = frozenset(
    tokenise(
        "a an the this that some it its he his her they their is are be being was has while as and"
        " or of in on at to by for from with into through over under near up down out off"
    )
)


@dataclass(frozen=True)
class WordLength:
    """A word, the mean of |s_t| over its occurrences, and how many there are."""

    word: str
    length: float
    count: int


@torch.inference_mode()
def word_lengths(
    checkpoint: Checkpoint, sentences: Sequence[str], least: int = 5
) -> list[WordLength]:
    """Words with vectors of their own that occur at least `least` times, from the longest mean
    vector to the shortest; equals in alphabetic order."""
    vocabulary = checkpoint.vocabulary
    sums, counts = np.zeros(len(vocabulary)), np.zeros(len(vocabulary), dtype=np.int64)
    read = [ids for ids in (vocabulary.ids(tokenise(s)) for s in sentences) if ids]
    for start in range(0, len(read), SENTENCES):
        chunk = read[start : start + SENTENCES]
        ids, lengths, _, _ = pack_sentences(chunk)
        found = checkpoint.alignment.sentences(ids, lengths).norm(dim=-1).numpy()
        flat = np.concatenate([np.array(sentence) for sentence in chunk])
        own = flat < len(vocabulary)  # a word of the table has no vector of its own
        np.add.at(sums, flat[own], found[own])
        np.add.at(counts, flat[own], 1)
    known = [
        WordLength(word, float(sums[number] / counts[number]), int(counts[number]))
        for number, word in enumerate(vocabulary.words, 1)
        if counts[number] >= least
    ]
    return sorted(known, key=lambda one: (-one.length, one.word))


def free_photos(folder: Path) -> CaptionSet:
    paths = tuple(sorted(folder.glob("*.jpg")))
    if not paths:
        raise DataError(f"{folder} has no .jpg photos; expected some that may be passed on")
    return CaptionSet(tuple(path.name for path in paths), paths, ((),) * len(paths))


def write_sheet(regions: EmbeddedRegions, count: int, path: Path) -> None:
    """The regions with the largest |v|, at most two of a photo, as a picture."""
    order = np.argsort(-regions.lengths, kind="stable")
    tiles = [
        region_tile(regions, row, f"|v| {regions.lengths[row]:.2f}")
        for row in regions.spread(order, 2)[:count]
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet(tiles, columns=3, side=150).save(path, quality=85)


def describe(
    words: list[WordLength],
    regions: EmbeddedRegions,
    checkpoint: Checkpoint,
    command: str,
    name: str,
) -> str:
    """The text of OUT/NAME.md."""
    half = min(20, len(words) // 2)
    rows = [
        f"| {big.word} | {big.length:.2f} | {big.count} | {small.word} | {small.length:.2f} "
        f"| {small.count} |"
        for big, small in zip(words[:half], words[::-1][:half], strict=True)
    ]
    place = {one.word: number for number, one in enumerate(words)}
    stop = sorted(place[word] for word in STOP_WORDS & place.keys())
    visual = [one.length for one in words if one.word not in STOP_WORDS]
    short = [words[number].length for number in stop]
    lower = sum(number >= len(words) / 2 for number in stop)
    last = sum(number >= len(words) * 0.9 for number in stop)
    told = (
        f"{len(stop)} of the {len(words):,} words are stop words (a fixed list of "
        f"{len(STOP_WORDS)}): {lower} of them lie in the shorter half, {last} among the shortest "
        f"tenth. Their mean length is {np.mean(short):.2f}; that of all other words "
        f"{np.mean(visual):.2f}."
        if stop and visual
        else "None of the words is a stop word, or all are."
    )
    quantiles = np.quantile(regions.lengths, [0, 0.5, 1])
    return "\n".join(
        [
            "# Magnitudes of words and regions",
            "",
            "```sh",
            command,
            "```",
            "",
            f"Checkpoint `{checkpoint.name}`, similarity `{checkpoint.alignment.config.similarity}`"
            ". Mean |s_t| over the sentences' occurrences (five or more), before normalisation.",
            "",
            "| longest | mean | count | shortest | mean | count |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            told,
            "",
            f"|v| of {len(regions.lengths):,} regions: {quantiles[0]:.2f} to {quantiles[2]:.2f}, "
            f"median {quantiles[1]:.2f}. The picture shows the longest in the app's example photos "
            "(left the photo, right the region; at most two of a photo). Their licences stand in "
            "demo/examples/README.md.",
            "",
            f"![regions with the largest vectors]({name}.jpg)",
            "",
        ]
    )


@dataclass(frozen=True)
class MagnitudesTable:
    """Whose words and regions are measured, and where the page and the pictures go."""

    out: Path
    """A folder for NAME.md and NAME.jpg."""
    data: Path | None = None
    split: str = "test"
    images: Path | None = None
    features: Path | None = None
    """A folder to keep the photos' regions in, or to reuse them from."""
    checkpoint: str = "bundled"
    encoder_weights: Path | None = None
    free_photos: Path = Path("demo/examples")
    """Photos that may be passed on."""
    sheet: Path | None = None
    """Where the picture of the data set's own regions goes, which may not; None for nowhere."""
    name: str = "magnitudes"


def magnitudes_table(
    options: MagnitudesTable, command: str, device: torch.device = torch.device("cpu")
) -> str:
    """Measure -> the Markdown page, which is written too. command: what made it, for the page."""
    page = written(options.out / f"{options.name}.md")
    captions = read_captions(options.data, options.split, options.images, None)
    free = free_photos(options.free_photos)
    checkpoint = load_checkpoint(options.checkpoint, options.encoder_weights)
    move(checkpoint.encoder, device)
    words = word_lengths(checkpoint, [s for group in captions.sentences for s in group])
    if len(words) < 2:
        raise DataError(f"the split has {len(words)} words five times or more; expected two")
    regions = embed_all_regions(checkpoint, captions, options.features)
    if options.sheet is not None:
        write_sheet(regions, 24, options.sheet)
    write_sheet(embed_all_regions(checkpoint, free), 12, page.with_suffix(".jpg"))
    text = describe(words, regions, checkpoint, command, options.name)
    page.write_text(text, encoding="utf-8")
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="a data set (train/README.md)")
    parser.add_argument("--split", default="test", help="which part of it (default: test)")
    parser.add_argument("--images", type=Path, help="the photos' folder, where --data has none")
    parser.add_argument("--features", type=Path, help="keep or reuse the regions in this folder")
    add_checkpoint(parser)
    parser.add_argument(
        "--free-photos", type=Path, default=MagnitudesTable.free_photos,
        help=f"photos that may be passed on (default: {MagnitudesTable.free_photos})",
    )  # fmt: skip
    parser.add_argument(
        "--sheet", type=Path, help="a picture of the data set's own regions, to look at"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the page, such as runs/results"
    )
    parser.add_argument("--name", default="magnitudes", help="of the files in it (magnitudes)")
    machine.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    options = read_into(MagnitudesTable, arguments)
    command = f"python -m train {shlex.join(sys.argv[1:])}"
    print(magnitudes_table(options, command, machine.prepare(arguments)))
    print(f"written: {options.out / options.name}.md")
    if options.sheet is not None:
        print(f"regions of the set's own photos: {options.sheet}")
