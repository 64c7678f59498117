"""The rules of the house: who may import whom (see README.md, "How the code is arranged")."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("core", "train", "annotate", "demo")
MAY_IMPORT = {
    "core": set(),
    "train": {"core"},
    "annotate": {"core"},
    "demo": {"core", "annotate"},
}


def imported_rooms(source: str) -> set[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who imports whom; name the room"
            names.append(node.module or "")
    return {name.split(".")[0] for name in names} & set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files, f"{room} has no Python file"
    for path in files:
        found = imported_rooms(path.read_text(encoding="utf-8")) - {room}
        assert found <= MAY_IMPORT[room], f"{path.relative_to(ROOT)} imports {found}"


def test_the_rule_would_notice() -> None:
    assert imported_rooms("from demo.app import x\nimport train.align, os") == {"demo", "train"}


def test_no_pickle_anywhere() -> None:
    """Weights load without pickle, which would run code."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            for word in ("torch.load(", "import pickle", "from pickle"):
                assert word not in source, f"{path.relative_to(ROOT)} uses {word}"
