"""Which folder may import which (CONTRIBUTING.md, "Where things go")."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("core", "train", "annotate", "demo")
MAY_IMPORT = {
    "core": set(),
    "train": {"core"},
    "annotate": {"core"},
    "demo": {"core", "annotate"},
}


def imported_folders(source: str) -> set[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who imports whom; name the folder"
            names.append(node.module or "")
    return {name.split(".")[0] for name in names} & set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, f"{folder} has no Python file"
    for path in files:
        found = imported_folders(path.read_text(encoding="utf-8")) - {folder}
        assert found <= MAY_IMPORT[folder], f"{path.relative_to(ROOT)} imports {found}"


def test_the_rule_would_notice() -> None:
    assert imported_folders("from demo.app import x\nimport train.align, os") == {"demo", "train"}


def test_no_pickle_anywhere() -> None:
    """Weights load without pickle, which would run code."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            for word in ("torch.load(", "import pickle", "from pickle"):
                assert word not in source, f"{path.relative_to(ROOT)} uses {word}"
