"""Write a project to a file; what each format carries stands in docs/formats.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from annotate.commands.files import add_place, project_of, write_file
from core.formats import FORMATS
from core.formats.contents import carried, contents_of, left_out, told


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
    chosen = FORMATS[arguments.format]
    write_file(arguments.out, chosen.write(project))
    all_of_it = contents_of(project)
    print(f"{arguments.out}: {told(carried(all_of_it, chosen.carries))}")
    if missing := left_out(all_of_it, chosen.carries):
        print(f"Left out, as {chosen.name} has no place for it: {missing}.")
