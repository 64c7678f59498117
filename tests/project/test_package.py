"""What `pip install .` makes: a package under one name, whole, that works outside the checkout."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email import message_from_string
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from setuptools.errors import BaseError

ROOT = Path(__file__).parents[2]
NAME = "visual_semantic_alignment"
FOLDERS = ("core", "annotate", "train", "demo")

OUTSIDE = f"""
import importlib.util

from {NAME} import __version__

assert __version__
for folder in {FOLDERS}:
    assert importlib.util.find_spec(folder) is None, folder
"""


def copy_of_the_checkout(to: Path) -> Path:
    """The checkout less what git leaves out; the build writes beside the code."""
    leave = shutil.ignore_patterns("__pycache__", "*.pyc")
    for folder in (*FOLDERS, "tools"):
        shutil.copytree(ROOT / folder, to / folder, ignore=leave)
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, to)
    return to


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; fails where it fails."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built package."""
    source = copy_of_the_checkout(tmp_path_factory.mktemp("source"))
    out = tmp_path_factory.mktemp("wheel")
    backend = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    run(sys.executable, "-c", backend, cwd=source)
    [path] = out.iterdir()
    return path


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the package; its dependencies are those of these tests."""
    folder = tmp_path_factory.mktemp("site") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install")
    run(*pip, "--no-deps", "--no-index", "--quiet", wheel, cwd=folder.parent)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_everything_lies_under_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {NAME}
    modules = {name for name in names if name.startswith(f"{NAME}/")}
    assert not any("__pycache__" in name or name.endswith(".md") for name in modules)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix not in (".md", ".mako", ".pyc"):
                assert f"{NAME}/{path.relative_to(ROOT)}" in names


def test_it_depends_on_what_the_code_needs_to_run(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [path] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        facts = message_from_string(archive.read(path).decode())
    needed = {Requirement(text).name for text in facts.get_all("Requires-Dist") or ()}
    assert {"torch", "gradio", "sqlalchemy", "plotly", "numpy"} <= needed
    assert not needed & {"pytest", "mypy", "ruff", "hypothesis", "faiss-cpu", "setuptools"}


def test_the_describer_works_outside_the_checkout(
    site: Path, tmp_path: Path, builder: ModuleType
) -> None:
    """docs/api.md's program, with the package's name before the modules'."""
    fences = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.S)
    [program] = [builder.under_the_name(text, "api.md") for text in fences if "Describer" in text]
    photo = "demo/examples/cat-with-yarn.jpg"
    assert program.count(photo) == 1
    shutil.copy(ROOT / photo, tmp_path / "cat.jpg")
    program = OUTSIDE + program.replace(photo, "cat.jpg")
    assert "'with a ball']" in run(site / "bin" / "python", "-c", program, cwd=tmp_path)


def test_the_store_works_outside_the_checkout(site: Path, tmp_path: Path) -> None:
    command = site / "bin" / "visual-semantic-alignment-annotate"
    store = ("--url", "sqlite:///store.db")
    run(command, "project", "create", "street scenes", *store, cwd=tmp_path)  # makes the tables
    python = (site / "bin" / "python", "-m", f"{NAME}.annotate")
    assert "street scenes" in run(*python, "project", "list", *store, cwd=tmp_path)


@pytest.mark.parametrize("folder", ["train", "demo"])
def test_the_commands_name_themselves_as_they_are_called(
    folder: str, site: Path, tmp_path: Path
) -> None:
    helped = run(site / "bin" / "python", "-m", f"{NAME}.{folder}", "--help", cwd=tmp_path)
    assert f"python -m {NAME}.{folder}" in helped
    assert f"python -m {folder}" not in helped


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    """setup.py, not run."""
    spec = importlib.util.spec_from_file_location("builder", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOURCE = '''"""From photos: from core.errors import this stays."""

from __future__ import annotations

from core.errors import UserError
from corelib import other
from demo import app; from train.runs import (
    core,
    train,
)
import demo.app as page, annotate.store as é, os


def later(core: str = "from core import x") -> str:
    é = "é"; from core.describer import Describer
    if core: from demo import app
    importlib.import_module("train.align"); é = import_module(f"demo.{core}.page")
    import_module(f"{core}.train.x"); import_module(".train.x", __name__); find("core.x")
    return f"{core}: run `python -m train ground`"
'''

REWRITTEN = f'''"""From photos: from core.errors import this stays."""

from __future__ import annotations

from {NAME}.core.errors import UserError
from corelib import other
from {NAME}.demo import app; from {NAME}.train.runs import (
    core,
    train,
)
import {NAME}.demo.app as page, {NAME}.annotate.store as é, os


def later(core: str = "from core import x") -> str:
    é = "é"; from {NAME}.core.describer import Describer
    if core: from {NAME}.demo import app
    importlib.import_module("{NAME}.train.align"); é = import_module(f"{NAME}.demo.{{core}}.page")
    import_module(f"{{core}}.train.x"); import_module(".train.x", __name__); find("core.x")
    return f"{{core}}: run `python -m {NAME}.train ground`"
'''


def test_only_imports_and_commands_are_rewritten(builder: ModuleType) -> None:
    assert builder.under_the_name(SOURCE, "module.py") == REWRITTEN


def test_an_import_that_binds_a_folders_name_is_refused(builder: ModuleType) -> None:
    with pytest.raises(BaseError, match=r"module\.py, line 2: expected `from \.\.\. import"):
        builder.under_the_name("import os\nimport core.errors\n", "module.py")


def test_every_module_can_be_rewritten(builder: ModuleType) -> None:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            text = builder.under_the_name(path.read_text("utf-8"), str(path))
            compile(text, str(path), "exec")
