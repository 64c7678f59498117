"""Write the whole store into one file: people, projects, photos' uploads, work and its history, the
audit. People may go on working meanwhile. The file holds hashes of passwords: keep it safe."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from annotate.backup import back_up
from annotate.commands import add_url, opened


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_argument("file", type=Path, metavar="FILE", help="the file to write (.zip)")
    options.add_argument(
        "--photos", action="store_true", help="with the files of the photos that lie in folders"
    )
    add_url(options)


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    with closing(opened(arguments)) as store:
        made = back_up(store, arguments.file, arguments.photos)
    for line in made.missing:
        print(f"not in it: {line}", file=sys.stderr)
    print(f"{arguments.file}: {made.rows:,} rows, {made.photos:,} photos")
