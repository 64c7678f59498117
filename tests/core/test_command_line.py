"""How a command ends whose output nobody reads any more."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.command_line import UNREAD, Refused, run
from core.errors import UserError

ROOT = Path(__file__).parents[2]


def unread(argv: list[str], both: bool = False, buffered: bool = True) -> tuple[int, str]:
    """Run a program whose output goes to a pipe that nobody reads -> its status, what else it said.
    both: its errors go there, too, as after `2>&1 | head`."""
    read, write = os.pipe()
    os.close(read)
    try:
        ran = subprocess.run(
            [sys.executable, *argv], cwd=ROOT, stdout=write, timeout=120, text=True,
            stderr=write if both else subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": "" if buffered else "1"},
        )  # fmt: skip
    finally:
        os.close(write)
    return ran.returncode, ran.stderr or ""


@pytest.mark.parametrize("folder", ["annotate", "train", "demo"])
def test_help_that_nobody_reads_ends_without_a_word(folder: str) -> None:
    assert unread(["-m", folder, "--help"]) == (UNREAD, "")


LISTS = """
import argparse, sys
from core.command_line import run

def many(_):
    for line in range({lines}):
        print(line, file=sys.{stream})

parser = argparse.ArgumentParser()
parser.set_defaults(main=many)
run(parser, [])
"""


@pytest.mark.parametrize("lines", [1, 100_000])  # what a buffer holds, and much more
@pytest.mark.parametrize(
    ("stream", "both"), [("stdout", False), ("stdout", True), ("stderr", True)]
)
def test_a_list_that_nobody_reads_ends_without_a_word(lines: int, stream: str, both: bool) -> None:
    argv = ["-c", LISTS.format(lines=lines, stream=stream)]
    for buffered in (True, False):
        assert unread(argv, both, buffered) == (UNREAD, "")


def test_a_pipe_of_the_commands_own_is_an_error_like_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(_: argparse.Namespace) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    parser = argparse.ArgumentParser()
    parser.set_defaults(main=broken)
    with pytest.raises(Refused) as end:
        run(parser, [])
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: Broken pipe\n"


def test_what_a_person_can_mend_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def refused(_: argparse.Namespace) -> None:
        raise UserError("one\n  two")

    parser = argparse.ArgumentParser()
    parser.set_defaults(main=refused)
    with pytest.raises(Refused) as end:
        run(parser, [])
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: one two\n"
