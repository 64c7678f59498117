"""Where the Annotate page is served now: by the demo, which has everything a browser sees."""

from __future__ import annotations

import argparse
import sys


def add_arguments(options: argparse.ArgumentParser) -> None:
    """Whatever it is called with gets the same answer."""
    options.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def main(arguments: argparse.Namespace) -> None:
    """Name the new command."""
    sys.exit("`annotate serve` is now `python -m demo --pages annotate`, with the same options.")
