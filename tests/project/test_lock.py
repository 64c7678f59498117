"""requirements.lock holds exactly what requirements.txt asks for, each file by its hash."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PYTHONS = ("3.11", "3.12", "3.13")


def asked_for() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    asked = [
        Requirement(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()
    ]
    return {canonicalize_name(one.name): one for one in asked}


def locked() -> list[tuple[Requirement, str]]:
    """(pin, the rest of its entry) for each entry of the lock file."""
    entries = re.split(r"(?m)^(?=[a-z])", LOCK)[1:]
    halves = [entry.split("\n", 1) for entry in entries]
    return [(Requirement(pin.rstrip("\\ ")), rest) for pin, rest in halves]


def pins(python: str) -> dict[str, str]:
    """Name -> version of what is installed on Linux with this version of Python."""
    place = {"python_version": python, "python_full_version": f"{python}.0"}
    place |= {"sys_platform": "linux", "platform_machine": "x86_64"}
    place |= {"platform_python_implementation": "CPython", "implementation_name": "cpython"}
    found: dict[str, str] = {}
    for pin, _ in locked():
        if pin.marker is None or pin.marker.evaluate(place):
            assert pin.name not in found, f"{pin.name} is locked twice for Python {python}"
            [one] = pin.specifier
            assert one.operator == "==", pin
            found[pin.name] = one.version
    return found


def test_every_requirement_has_a_locked_version_in_its_range() -> None:
    for python in PYTHONS:
        versions = pins(python)
        for name, requirement in asked_for().items():
            assert name in versions, f"`make lock` has not been run since {name} was added"
            assert requirement.specifier.contains(versions[name]), (
                f"{name} {versions[name]} is locked, and requirements.txt wants {requirement}"
            )


def test_the_lock_says_who_asked_for_each() -> None:
    direct = {
        pin.name for pin, rest in locked() if re.search(r"# +(via )?-r requirements\.txt", rest)
    }
    assert direct == asked_for().keys(), "`make lock` has not been run since requirements changed"


def test_every_file_is_held_to_a_hash_and_no_server_is_named() -> None:
    for pin, rest in locked():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", rest), f"{pin} has no hash"
        assert pin.url is None
    assert "index" not in LOCK
    assert "://" not in LOCK


def test_the_supported_versions_of_python_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    supported = SpecifierSet(project["project"]["requires-python"])
    assert [f"3.{minor}" for minor in range(8, 16) if f"3.{minor}" in supported] == [*PYTHONS]
    assert project["tool"]["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"
    [named] = re.findall(r"(?m)^SUPPORTED := (.*)$", (ROOT / "Makefile").read_text("utf-8"))
    assert named.split() == [f"python{one}" for one in reversed(PYTHONS)] + ["python3"]
