"""`python -m annotate COMMAND`: projects, people, photos, and what they made."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from core.command_line import command_parser, run

COMMANDS = {  # name -> its module below annotate/, which is imported only when it is chosen
    "migrate": ("commands.migrate", "make or update the store's tables"),
    "project": ("commands.project", "create or list projects"),
    "photos": ("commands.photos", "add photos to a project"),
    "user": ("commands.user", "add, list, disable people; passwords"),
    "backup": ("commands.backup", "write the whole store into one file"),
    "restore": ("commands.restore", "put a backup into a new store"),
    "check": ("commands.check", "find broken photos, orphans, boxes outside their photos"),
    "audit": ("commands.audit", "who did what, and when"),
    "agreement": ("commands.agreement", "how well people agree on boxes and snippets"),
    "statistics": ("commands.statistics", "snippets, words, boxes, time"),
    "export": ("commands.export", "write a project to a file"),
    "import": (
        "commands.load",
        "read a file into a new project, or a model's regions as suggestions",
    ),
    "serve": ("commands.serve", "moved: `python -m demo --pages annotate`"),
    "bench": ("commands.bench", "what next photo, save and progress cost in a full store"),
}


def parser() -> argparse.ArgumentParser:
    """All commands' options."""
    return command_parser("python -m annotate", __doc__, __package__ or "annotate", COMMANDS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; SystemExit as `core.command_line.run` says."""
    run(parser(), arguments)


if __name__ == "__main__":
    main()
