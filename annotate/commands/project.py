"""Make a project (`project create NAME`) or list those there are (`project list`)."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from annotate.commands import add_url, opened
from annotate.errors import InvalidError
from annotate.people import OPERATOR
from annotate.projects import ProjectSettings

STOCK = ProjectSettings()


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = options.add_subparsers(dest="action", required=True, metavar="create|list")
    create = actions.add_parser("create", help="make a project; add photos to it afterwards")
    create.add_argument("name", help="what the project is called")
    create.add_argument(
        "--boxes", type=int, default=STOCK.boxes_per_photo, help="boxes per photo (5, the paper's)"
    )
    create.add_argument(
        "--annotators",
        type=int,
        default=STOCK.annotators_per_photo,
        help="people per photo (9, the paper's)",
    )
    create.add_argument("--guidelines", type=Path, help="a text file, shown to annotators")
    create.add_argument(
        "--open-work", action="store_true", help="annotators may see each other's submissions"
    )
    create.add_argument(
        "--suggestions", action="store_true", help="annotators see what models propose"
    )
    create.add_argument(
        "--lease",
        type=int,
        default=STOCK.lease_minutes,
        help="minutes without a save after which a photo goes to somebody else (60)",
    )
    add_url(create)
    add_url(actions.add_parser("list", help="the projects and how far they are"))


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    with closing(opened(arguments, make=arguments.action == "create")) as store:
        if arguments.action == "create":
            settings = ProjectSettings(
                arguments.boxes,
                arguments.annotators,
                _text(arguments.guidelines) if arguments.guidelines else "",
                not arguments.open_work,
                arguments.suggestions,
                arguments.lease,
            )
            print(f"Made {store.projects.create(OPERATOR, arguments.name, settings).name}.")
            return
        for project in store.projects.all(OPERATOR):
            totals = store.progress.project(OPERATOR, project.id)
            print(
                f"{project.name}: {totals.photos:,} photos, {totals.complete:,} complete; "
                f"{totals.submissions:,} of {totals.wanted:,} submissions"
            )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise InvalidError(f"{path} cannot be read as text; expected UTF-8.") from error
