"""Put a backup into a new store, of SQLite or PostgreSQL. Everybody signs in anew afterwards."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from annotate.backup import restore
from annotate.commands import add_url, opened
from annotate.errors import InvalidError


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote")
    options.add_argument(
        "--photos",
        type=Path,
        metavar="FOLDER",
        help="where to put the photos' files, if they are in it; without, they are looked for "
        "where they were",
    )
    add_url(options)


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    if not arguments.file.is_file():
        raise InvalidError(f"There is no file {arguments.file}; expected one that `backup` wrote.")
    with closing(opened(arguments, make=True)) as store:
        made = restore(arguments.file, store, arguments.photos)
    print(f"{made.rows:,} rows, {made.photos:,} photos")
