"""What the command lines share: commands whose modules are imported when they are chosen, and how a
command ends.

A command's module has `add_arguments(parser)` and `main(arguments)`.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from core.errors import UserError

INTERRUPTED = 130  # what shells expect of a program that Ctrl-C ended
UNREAD = 141  # and of one whose reader went away, such as `| head`


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

    Raises SystemExit: status 2 after a UserError or an OSError, 130 after Ctrl-C, 143 and 129 after
    SIGTERM and SIGHUP, 141, without a word, where nobody reads what it prints any more.
    """
    with until_unread(), ended_by_signals():
        _run(parser, arguments)


@contextmanager
def ended_by_signals(**statuses: int) -> Iterator[None]:
    """Run a program that SIGTERM and SIGHUP end as an error would: what it made for a moment is
    removed, and the status is 128 and the signal's number, as shells have it.

    statuses: other ones, by the signal's name. A signal that the program was started to ignore, as
    `nohup` does with SIGHUP, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():  # only there they arrive
        yield
        return
    before = {}

    def end(number: int, _: object) -> None:
        sys.exit(statuses.get(signal.Signals(number).name, 128 + number))

    for one in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(one) != signal.SIG_IGN:
            before[one] = signal.signal(one, end)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def until_unread() -> Iterator[None]:
    """Run a program; SystemExit with status 141, without a word, once nobody reads any more what it
    prints, as after `| head -1`."""
    try:
        try:
            yield
        finally:
            _flush()  # here, not when Python ends, where nobody could catch it
    except BrokenPipeError:
        if not _unread():
            raise
        sys.exit(UNREAD)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _unread() -> bool:
    """Is it standard output or error that nobody reads? What was still to be printed there is let
    go, or Python would try again at its end."""
    found = False
    for stream in (sys.stdout, sys.stderr):
        try:
            place = stream.fileno()
        except (AttributeError, OSError):  # none, or none that is a file
            continue
        if _reader_left(place):
            found = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, place)
            os.close(nowhere)
    return found


def _reader_left(place: int) -> bool:
    """Of an open file: was it a pipe whose other end is closed?"""
    asked = select.poll()
    asked.register(place, 0)
    return any(told & select.POLLERR for _, told in asked.poll(0))


def _run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> None:
    try:
        chosen = parser.parse_args(arguments)
        chosen.main(chosen)
    except (UserError, OSError) as error:
        if isinstance(error, BrokenPipeError) and _unread():
            sys.exit(UNREAD)
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
