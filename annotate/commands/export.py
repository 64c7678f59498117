"""Write a project to a file; what each format carries stands in docs/formats.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from annotate.commands.files import add_place, project_of, told, write_file
from core.formats import FORMATS


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_place(options)
    options.add_argument(
        "--format", required=True, choices=tuple(FORMATS), help="the format of the file"
    )
    options.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the file to write"
    )


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    project = project_of(arguments)
    write_file(arguments.out, FORMATS[arguments.format].write(project))
    print(f"{arguments.out}: {told(project)}")
