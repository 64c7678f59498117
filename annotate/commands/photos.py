"""Add a folder's photos to a project (`photos add PROJECT FOLDER`). The files stay where they are.

Run again, it adds what is new. A project's photos lie in one folder.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from annotate.commands import add_url, opened
from annotate.people import OPERATOR
from annotate.photo_folder import photos_in


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    deeds = options.add_subparsers(dest="deed", required=True, metavar="add")
    add = deeds.add_parser("add", help="add a folder's JPEG, PNG and WebP files")
    add.add_argument("project", help="its name")
    add.add_argument("folder", type=Path, help="the folder that holds the photos")
    add_url(add)


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    with closing(opened(arguments)) as store:
        project = store.projects.named(OPERATOR, arguments.project)
        photos = list(photos_in(arguments.folder))
        store.projects.set_folder(OPERATOR, project.id, arguments.folder)
        new = store.projects.add_photos(OPERATOR, project.id, photos)
        print(f"Added {new:,} photos to {project.name}; {len(photos) - new:,} were there already.")
