"""`python -m annotate COMMAND`: projects, people, photos, and what they made."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from annotate.commands import (
    agreement,
    bench,
    export,
    load,
    migrate,
    photos,
    project,
    serve,
    statistics,
    user,
)
from core.errors import UserError

COMMANDS = {
    "migrate": (migrate, "make or update the store's tables"),
    "project": (project, "create or list projects"),
    "photos": (photos, "add photos to a project"),
    "user": (user, "add, list, disable people; passwords"),
    "agreement": (agreement, "how well people agree on boxes and snippets"),
    "statistics": (statistics, "snippets, words, boxes, time"),
    "export": (export, "write a project to a file"),
    "import": (load, "read a file into a new project, or a model's regions as suggestions"),
    "serve": (serve, "moved: `python -m demo --pages annotate`"),
    "bench": (bench, "what next photo, save and progress cost in a full store"),
}


def parser() -> argparse.ArgumentParser:
    """All commands' options."""
    top = argparse.ArgumentParser(prog="python -m annotate", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        one = commands.add_parser(name, help=text, description=module.__doc__)
        module.add_arguments(one)
        one.set_defaults(main=module.main)
    return top


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; what the user can mend ends it with one sentence."""
    chosen = parser().parse_args(arguments)
    try:
        chosen.main(chosen)
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
