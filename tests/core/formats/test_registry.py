"""One list of formats: commands, documents and pages take theirs from it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.__main__ import parser as annotate_parser
from core import formats
from core.formats import FORMATS
from train.__main__ import parser as train_parser

ROOT = Path(__file__).parents[3]


def test_the_documents_table_is_the_registrys() -> None:
    assert formats.as_table() in (ROOT / "docs" / "formats.md").read_text("utf-8")


def test_each_format_is_a_file_of_the_room() -> None:
    """To add one is one file and its line in the list."""
    files = {path.stem for path in (ROOT / "core" / "formats").glob("*.py")}
    modules = {one.parse.__module__.rpartition(".")[2] for one in FORMATS.values()}
    assert len(modules) == len(FORMATS)
    assert modules <= files
    listed = [
        path.stem
        for path in (ROOT / "core" / "formats").glob("*.py")
        if "\nFORMAT = Format(" in path.read_text("utf-8")
    ]
    assert sorted(listed) == sorted(modules)


@pytest.mark.parametrize(
    ("parser", "commands"),
    [
        (annotate_parser, ("export",)),
        (annotate_parser, ("import",)),
        (annotate_parser, ("agreement",)),
        (annotate_parser, ("statistics",)),
        (train_parser, ("ground",)),
        (train_parser, ("evaluate", "ground")),
        (train_parser, ("evaluate", "caption")),
    ],
)
def test_help_names_every_format(
    parser: Callable[[], ArgumentParser],
    commands: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="0"):
        parser().parse_args([*commands, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for name in FORMATS:
        assert name in text.replace("- ", "-")  # as argparse may part a name's halves


def test_no_page_has_a_list_of_its_own() -> None:
    """The server tells it: a format's name stands in no script."""
    for path in (ROOT / "demo").rglob("*.js"):
        text = path.read_text("utf-8")
        for one in FORMATS.values():
            for name in (one.name, *one.older_names):
                assert f'"{name}"' not in text, f"{path.relative_to(ROOT)} names {name}"


def test_names_are_distinct() -> None:
    taken = [name for one in FORMATS.values() for name in (one.name, *one.older_names)]
    assert len(set(taken)) == len(taken)
    assert len({one.ending for one in FORMATS.values()}) == len(FORMATS)
