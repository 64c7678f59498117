"""The commands of `python -m annotate`, one file each, and what they share."""

from __future__ import annotations

import argparse

from annotate.store import DEFAULT_URL, Store


def add_url(options: argparse.ArgumentParser) -> None:
    """The option that every command has."""
    options.add_argument(
        "--url",
        default=DEFAULT_URL,
        help=f"the store: sqlite:///FILE or postgresql://USER@HOST/NAME ({DEFAULT_URL})",
    )


def opened(arguments: argparse.Namespace) -> Store:
    """The store that `--url` names, with today's schema; to be closed."""
    store = Store(arguments.url)
    try:
        store.migrate()
    except BaseException:
        store.close()
        raise
    return store
