"""Add a folder's photos to a project (`photos add PROJECT FOLDER`). The files stay where they are.

A project's photos may lie in many folders. Run again, it adds what is new; photos that were brought
in without their files get them. What cannot be taken is listed, and the others are added.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from annotate.commands import add_url, opened
from annotate.errors import InvalidError
from annotate.people import OPERATOR
from annotate.photo_folder import scan
from core.formats.contents import counted


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = options.add_subparsers(dest="action", required=True, metavar="add")
    add = actions.add_parser("add", help="add a folder's JPEG, PNG and WebP files")
    add.add_argument("project", help="its name")
    add.add_argument("folder", type=Path, help="the folder that holds the photos")
    add.add_argument(
        "--recursive", action="store_true", help="take the photos of all folders below it, too"
    )
    add_url(add)


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    with closing(opened(arguments)) as store:
        project = store.projects.named(OPERATOR, arguments.project)
        scanned = scan(arguments.folder, arguments.recursive)
        added = store.photos.add_found(OPERATOR, project.id, arguments.folder, scanned.found)
    refused = [*scanned.faults, *added.refused]
    if refused:
        print(f"Not taken: {len(refused):,} of the files.", file=sys.stderr)
        for file, why in refused:
            print(f"  {file}: {why}", file=sys.stderr)
    below = f"{counted(scanned.below, 'photo')} in folders below it (taken with --recursive)"
    if added.new + added.known + added.linked == 0:
        more = f"; {below}" if scanned.below else ""
        raise InvalidError(
            f"{arguments.folder} has no photo that can be taken, so nothing was changed; "
            f"expected JPEG, PNG or WebP files{more}."
        )
    linked = f", {added.linked:,} that had no file have one now" if added.linked else ""
    print(
        f"Added {counted(added.new, 'photo')} to {project.name}; "
        f"{added.known:,} were there already{linked}."
    )
    if scanned.below:
        print(f"Passed over: {below}.")
