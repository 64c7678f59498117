"""What the command lines share: commands whose modules are imported when they are chosen, and how a
command ends.

A command's module has `add_arguments(parser)` and `main(arguments)`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from core.errors import UserError

INTERRUPTED = 130  # what shells expect of a program that Ctrl-C ended


class CommandParser(argparse.ArgumentParser):
    """A command's parser, which takes its options from the command's module when it first parses:
    the modules import PyTorch and other libraries, which takes seconds that `--help` and the other
    commands shall not cost."""

    def __init__(self, *arguments: Any, module: str = "", package: str = "", **named: Any) -> None:
        named.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*arguments, **named)
        self._module, self._package = module, package

    def complete(self) -> None:
        """Import the module and add its options, once."""
        if self._module:
            module = import_module(f".{self._module}", self._package)
            self._module = ""
            self.description = module.__doc__
            module.add_arguments(self)
            if main := getattr(module, "main", None):  # one with commands of its own has none
                self.set_defaults(main=main)

    def add_subparsers(self, **named: Any) -> Any:
        """A command's own commands lie in its package, too."""
        kind = partial(type(self), package=self._package)
        return super().add_subparsers(**{"parser_class": kind} | named)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.complete()
        return super().parse_known_args(args, namespace)


def command_parser(
    prog: str, description: str | None, package: str, commands: Mapping[str, tuple[str, str]]
) -> argparse.ArgumentParser:
    """All commands; the options of one are there once it has parsed something.

    commands: name -> (its module below `package`, one line of help).
    """
    top = argparse.ArgumentParser(prog=prog, description=description)
    added = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=CommandParser
    )
    for name, (module, text) in commands.items():
        added.add_parser(name, help=text, module=module, package=package)
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


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> None:
    """Run one command; what the user can mend, or stopped, ends it with one sentence.

    Raises SystemExit: status 2 after a UserError or an OSError, 130 after Ctrl-C.
    """
    try:
        chosen = parser.parse_args(arguments)
        chosen.main(chosen)
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
