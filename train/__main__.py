"""`python -m train COMMAND`: every step from photos to a checkpoint and its figures."""

from __future__ import annotations

import argparse
import sys

from core.errors import UserError
from train import (
    align,
    bench,
    caption,
    download,
    evaluate,
    export,
    features,
    ground,
    proposals,
    query,
    snippets,
)
from train.experiments import tables
from train.runs import NotFiniteError

COMMANDS = {
    "download": (download, "fetch Flickr8k into the layout that --data reads"),
    "proposals": (proposals, "teach the region network where things are"),
    "features": (features, "photos -> regions on disk"),
    "align": (align, "learn the alignment model (and, with --train-encoder, the network)"),
    "snippets": (snippets, "training sentences -> snippets of regions, for region captioners"),
    "caption": (caption, "learn to describe photos, or their regions"),
    "evaluate": (evaluate, "rank or ground: the figures of a checkpoint"),
    "ground": (ground, "photos and sentences -> a grounding set for the Browse page"),
    "query": (query, "the regions of a data set that suit some words best"),
    "table": (tables, "the tables of docs/results"),
    "bench": (bench, "what a photo, a sentence and a beta cost"),
    "export": (export, "a run's checkpoint -> a float16 checkpoint folder"),
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        one = commands.add_parser(name, help=text, description=module.__doc__)
        module.add_arguments(one)
        one.set_defaults(main=module.main)
    return top


def main() -> None:
    arguments = parser().parse_args()
    try:
        arguments.main(arguments)
    except (UserError, NotFiniteError) as error:
        sys.exit(f"error: {error}")  # one sentence; these are the user's to mend


if __name__ == "__main__":
    main()
