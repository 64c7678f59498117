"""Make the store's tables, or bring an older store's up to date. Other commands do this too."""

from __future__ import annotations

import argparse
from contextlib import closing

from annotate.commands import add_url, opened


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_url(options)


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    with closing(opened(arguments, make=True)) as store:
        print(f"The store has schema {store.database.migrate()}.")
