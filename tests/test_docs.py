"""The documents are executable: commands parse, commands are documented, snippets run."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from annotate.__main__ import parser as annotate_parser
from demo.__main__ import parser as demo_parser
from tests.benchmarks.grounding_sets import parser as sets_parser
from tests.benchmarks.whole_app import parser as app_parser
from train.__main__ import COMMANDS
from train.__main__ import parser as train_parser

ROOT = Path(__file__).parents[1]
PARSERS = {
    "train": train_parser,
    "demo": demo_parser,
    "annotate": annotate_parser,
    "tests.benchmarks.grounding_sets": sets_parser,
    "tests.benchmarks.whole_app": app_parser,
}
OTHERS = {"node_modules", "build"}  # what the checks and a build put beside the code
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in OTHERS for part in page.relative_to(ROOT).parts)
)
FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def fenced(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text("utf-8")) if kind == language]


def commands(page: Path) -> list[str]:
    """The page's `python -m ...` lines, timed and distributed ones too; continued lines joined."""
    lines = "\n".join(fenced(page, "sh")).replace("\\\n", " ").splitlines()
    starts = re.compile(r"(?:time )?(?:python|torchrun .*?) (-m \w.*)")
    return [f"python {match[1]}" for line in lines if (match := starts.match(line.strip()))]


def test_documented_commands_parse() -> None:
    found = [(page, line) for page in PAGES for line in commands(page)]
    assert len(found) > 5
    for page, line in found:
        _, _, module, *arguments = shlex.split(line, comments=True)
        try:
            PARSERS[module]().parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{page.relative_to(ROOT)} has a command that does not parse: {line}")


def test_every_command_is_documented() -> None:
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    for command in COMMANDS:
        assert f"python -m train {command}" in text, f"train {command} stands in no document"


def test_every_file_has_a_line_in_its_readme() -> None:
    for top in ("core", "train", "demo", "annotate"):
        for path in (ROOT / top).rglob("*.py"):
            folder = next(f for f in path.parents if (f / "README.md").is_file())  # the nearest
            text = (folder / "README.md").read_text("utf-8")
            named = (f"`{path.name}`", f"`{path.relative_to(folder)}`")
            if not path.name.startswith("__"):
                assert any(name in text for name in named), f"{folder}/README.md lacks {named[1]}"


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        links = re.findall(r"\]\(([^)#:\s]*)(?:#([^)]+))?\)", page.read_text("utf-8"))
        for target, anchor in links:
            there = page.parent / target if target else page
            assert there.exists(), f"{page.relative_to(ROOT)} links to {target}"
            if anchor:
                assert anchor in anchors(there), f"{page.relative_to(ROOT)}: {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_named_test_exists() -> None:
    named = [(page, *match) for page in PAGES for match in NAMED_TEST.findall(page.read_text())]
    assert len(named) > 50
    for page, file, name in named:
        assert (ROOT / file).is_file(), f"{page.relative_to(ROOT)} names {file}"
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{page.relative_to(ROOT)} names {file}::{name}"


def test_every_guarantee_names_its_test() -> None:
    text = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
    guarantees = re.split(r"\n\n|\n(?=- )", text)
    lacking = [one for one in guarantees if one.startswith("- ") and not NAMED_TEST.search(one)]
    assert not lacking, lacking[0]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 900


def test_the_readmes_figures_stand_beside_their_commands() -> None:
    """Each row of the headline figures leads to a page that has the same figures and a command."""
    text = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\|(.+\d.*)\| \[\w+\]\((docs/[\w/.]+)", text, re.MULTILINE)
    assert len(rows) >= 5
    for cells, page in rows:
        there = re.sub(r"[^\d.]+", " ", (ROOT / page).read_text("utf-8")).split()
        for figure in re.findall(r"\d+\.\d+", cells):
            assert figure in there, f"{page} does not have {figure}, which README.md takes from it"
        assert commands(ROOT / page), f"{page} has no command"


def test_the_snippet_in_one_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [snippet] = [body for body in fenced(ROOT / "docs" / "api.md", "python") if "Describer" in body]
    monkeypatch.chdir(ROOT)
    exec(compile(snippet, "docs/api.md", "exec"), {})
    assert "'with a ball'" in capsys.readouterr().out
