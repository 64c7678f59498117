"""`python -m train COMMAND`: every step from photos to a checkpoint and its figures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from core.command_line import command_parser, run

COMMANDS = {  # name -> its module below train/, which is imported only when it is chosen
    "download": ("download", "fetch Flickr8k into the layout that --data reads"),
    "proposals": ("proposals", "teach the region network where things are"),
    "classes": ("classes", "teach the region network what things are"),
    "features": ("features", "photos -> regions on disk"),
    "align": ("align", "learn the alignment model (and, with --train-encoder, the network)"),
    "everyday": ("everyday", "go on with photos whose labels are known, and a table of words"),
    "snippets": ("snippets", "training sentences -> snippets of regions, for region captioners"),
    "caption": ("caption", "learn to describe photos, or their regions"),
    "calibrate": ("calibrate", "how words score on photos, so that a score says something"),
    "teach": ("teach", "a new word from a few boxes"),
    "evaluate": ("evaluate", "rank, ground, describe: the figures of a checkpoint"),
    "ground": ("ground", "photos and sentences -> a grounding set for the Browse page"),
    "query": ("query", "the regions of a data set that suit some words best"),
    "statistics": ("sentence_statistics.command", "captions by the million, counted and compared"),
    "table": ("experiments.tables", "the tables of docs/results"),
    "bench": ("benchmarks.speed", "what a photo, a sentence and a beta cost"),
    "export": ("export", "a run's checkpoint -> a float16 checkpoint folder"),
}


def parser() -> argparse.ArgumentParser:
    """All commands' options."""
    return command_parser("python -m train", __doc__, __package__ or "train", COMMANDS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; SystemExit as `core.command_line.run` says."""
    run(parser(), arguments)


if __name__ == "__main__":
    main()
