"""The commands of `python -m annotate`, one file each, and what they share."""

from __future__ import annotations

import argparse

from annotate.store import Store, open_store


def add_url(options: argparse.ArgumentParser) -> None:
    """The option that every command has."""
    options.add_argument(
        "--url",
        help="the store: sqlite:///FILE or postgresql://USER@HOST/NAME "
        "(words-and-regions/annotations.db in your data folder)",
    )


def opened(arguments: argparse.Namespace, make: bool = False) -> Store:
    """The store that `--url` names, to be closed; see `open_store`."""
    return open_store(arguments.url, make)
