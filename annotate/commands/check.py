"""Look for broken photos, rows that belong to nothing, boxes outside their photos and wrong
counters.

Nothing is changed. The status is 1 where something was found.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing

from annotate.check import faults
from annotate.commands import add_url, opened


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_argument(
        "--quick",
        action="store_true",
        help="read the photos' files and compare them with what was added, but decode none",
    )
    add_url(options)


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    found = 0
    with closing(opened(arguments)) as store:
        for line in faults(store, photos=not arguments.quick):
            found += 1
            print(line)
    if found:
        sys.exit(1)
    print("Nothing is wrong.")
