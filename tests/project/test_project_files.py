"""The files around the code agree with it: containers, workflows, hooks, citation, change log."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.__main__ import parser

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def demo_arguments(command: list[str]) -> list[str]:
    assert command[:2] == ["-m", "demo"]
    return command[2:]


def test_the_image_copies_what_is_there_and_all_that_runs() -> None:
    copied = [line.split()[1:-1] for line in re.findall(r"(?m)^COPY .*$", read("Dockerfile"))]
    sources = [source for sources in copied for source in sources]
    ignored = [line for line in read(".dockerignore").splitlines() if line and line[0] != "#"]
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not any(fnmatch.fnmatch(source, pattern) for pattern in ignored), source
    assert {"core", "annotate", "train", "demo", "requirements.lock"} <= set(sources)


def test_the_containers_commands_parse() -> None:
    [default] = re.findall(r"(?m)^CMD (.*)$", read("Dockerfile"))
    parser().parse_args(demo_arguments(json.loads(default)))
    services = yaml.safe_load(read("compose.yaml"))["services"]
    options = parser().parse_args(demo_arguments(services["annotate"]["command"]))
    assert [page.id for page in options.pages] == ["annotate"]
    assert not options.open, "passwords are asked for"
    assert options.url.startswith("postgresql://annotate@database/")
    assert services["database"]["environment"]["POSTGRES_DB"] == "annotate"


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")))
def test_the_workflows_call_what_is_there(path: Path) -> None:
    workflow: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    commands = " ".join(step.get("run", "") for step in steps)
    files = re.findall(r"\.ci/\w+|requirements\.\w+", commands)
    assert files
    for name in files:
        assert (ROOT / name).is_file(), name
    for job in workflow["jobs"].values():
        for python in job["strategy"]["matrix"]["python"]:
            assert f"python{python}" in read("Makefile")


def test_the_hooks_are_the_checks_of_make() -> None:
    [repository] = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    entries = {hook["entry"].replace(" --force-exclude", "") for hook in repository["hooks"]}
    said = subprocess.run(
        ["make", "--dry-run", "python-checks", "PYTHON=true"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    checks = [line for line in said.splitlines() if line.startswith(".venv/bin/")]
    assert entries == {check.removesuffix(" .") for check in checks} | {"make javascript"}


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert f"## {PROJECT['version']}" in read("CHANGELOG.md")
    for name in PROJECT["license-files"]:
        assert (ROOT / name).is_file()


def test_the_citation_names_the_paper() -> None:
    citation = yaml.safe_load(read("CITATION.cff"))
    paper = citation["preferred-citation"]
    assert paper["title"].startswith("Deep Visual-Semantic Alignments")
    assert [author["family-names"] for author in paper["authors"]] == ["Karpathy", "Fei-Fei"]
    needed = {"title", "authors", "year", "type"}
    assert all(needed <= other.keys() for other in citation["references"])
