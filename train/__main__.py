"""`python -m train COMMAND`: every step from photos to a checkpoint and its figures."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import Any

from core.errors import UserError

COMMANDS = {  # name -> its module below train/, which is imported only when it is chosen
    "download": ("download", "fetch Flickr8k into the layout that --data reads"),
    "proposals": ("proposals", "teach the region network where things are"),
    "classes": ("classes", "teach the region network what things are"),
    "features": ("features", "photos -> regions on disk"),
    "align": ("align", "learn the alignment model (and, with --train-encoder, the network)"),
    "everyday": ("everyday", "go on with photos whose labels are known, and a table of words"),
    "snippets": ("snippets", "training sentences -> snippets of regions, for region captioners"),
    "caption": ("caption", "learn to describe photos, or their regions"),
    "teach": ("teach", "a new word from a few boxes"),
    "evaluate": ("evaluate", "rank, ground, describe: the figures of a checkpoint"),
    "ground": ("ground", "photos and sentences -> a grounding set for the Browse page"),
    "query": ("query", "the regions of a data set that suit some words best"),
    "table": ("experiments.tables", "the tables of docs/results"),
    "bench": ("benchmarks.speed", "what a photo, a sentence and a beta cost"),
    "export": ("export", "a run's checkpoint -> a float16 checkpoint folder"),
}
INTERRUPTED = 130  # what shells expect of a program that Ctrl-C ended


class CommandParser(argparse.ArgumentParser):
    """A command's parser, which takes its options from the command's module when it first parses:
    the modules import PyTorch, which takes seconds that `--help` shall not cost."""

    def __init__(self, *arguments: Any, module: str = "", **named: Any) -> None:
        named.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*arguments, **named)
        self._module = module

    def complete(self) -> None:
        """Import the module and add its options, once."""
        if self._module:
            module = import_module(f"train.{self._module}")
            self._module = ""
            self.description = module.__doc__
            module.add_arguments(self)
            if main := getattr(module, "main", None):  # `table` has none: its tables have
                self.set_defaults(main=main)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.complete()
        return super().parse_known_args(args, namespace)


def parser() -> argparse.ArgumentParser:
    """All commands; the options of one are there once it has parsed something."""
    top = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=CommandParser
    )
    for name, (module, text) in COMMANDS.items():
        commands.add_parser(name, help=text, module=module)
    return top


class Refused(SystemExit):
    """The end of a command that was asked for something impossible: its text is for the person,
    its status 2, as for options that argparse refuses."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = 2


def in_words(error: UserError | OSError) -> str:
    """What went wrong, in one line. An OSError that nobody foresaw (no permission, a full disk, a
    folder where a file was meant) names its file itself."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return " ".join(str(error).split())


def main() -> None:
    """Run one command; what the user can mend, or stopped, ends it with one sentence."""
    try:
        arguments = parser().parse_args()
        arguments.main(arguments)
    except (UserError, OSError) as error:
        told = f"error: {in_words(error)}"
        print(told, file=sys.stderr)
        raise Refused(told) from None
    except KeyboardInterrupt as error:
        told = (
            str(error)
            or "stopped: nothing new was done, the same command goes on with what there was"
        )
        print(f"\n{told}", file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
