"""Builds the package `visual_semantic_alignment` from the checkout's four folders.

In a checkout the folders stand at the top, and their code says `from core.describer import ...`.
`core` and `train` are no names to put among a site's packages, so the built package holds them
under its own name, and every import of them in the built copy says so:
`from visual_semantic_alignment.core.describer import ...`.
"""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

from setuptools import find_namespace_packages, setup
from setuptools.command.build_py import build_py
from setuptools.errors import BaseError

NAME = "visual_semantic_alignment"
FOLDERS = ("core", "annotate", "train", "demo")
NOT_SHIPPED = {".md", ".pyc", ".mako"}
"""Kinds of files that only somebody who works on the code needs."""
FOR_TESTS = "# Tests and checks"
"""The heading in requirements.txt below which nothing is needed to run the code."""
OPENING = re.compile(rb"[a-zA-Z]*(\"\"\"|'''|\"|')")
"""How a string begins, in source."""


class Build(build_py):
    """Copies the modules; then lets their imports and their messages say the package's name."""

    def run(self) -> None:
        """Build anew: an earlier build may hold modules that the checkout no longer has."""
        if self.editable_mode:
            raise BaseError(
                "An editable installation is not possible, for the imports are written anew; "
                "work in the checkout itself (`make`), or install it without -e."
            )
        shutil.rmtree(Path(self.build_lib) / NAME, ignore_errors=True)
        super().run()

    def build_module(self, module: str, module_file: str, package: str) -> tuple[str, bool]:
        """Copy one module and rewrite the copy."""
        written, copied = super().build_module(module, module_file, package)
        path = Path(written)
        path.write_text(under_the_name(path.read_text("utf-8"), module_file), encoding="utf-8")
        return written, copied


def under_the_name(source: str, file: str) -> str:
    """A module's source with the folders' modules under the package's name.

    Raises BaseError for `import core.x`, which would bind a name that the package does not have.
    """
    lines = source.split("\n")
    places: list[tuple[int, int]] = []  # line from 0, byte in the line where a folder's name begins
    for node in ast.walk(ast.parse(source, file)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _in_a_folder(node.module):
            places.append((node.lineno - 1, node.col_offset + len("from ")))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _in_a_folder(alias.name) and alias.asname is None:
                    raise BaseError(f"{file}, line {node.lineno}: expected `from ... import ...`")
                if _in_a_folder(alias.name):
                    places.append((alias.lineno - 1, alias.col_offset))
        elif isinstance(node, ast.Call) and _called(node) == "import_module" and node.args:
            name = node.args[0]  # "core.x", or f"core.{x}"
            first = name.values[0] if isinstance(name, ast.JoinedStr) and name.values else name
            if isinstance(first, ast.Constant) and _in_a_folder(str(first.value)):
                opened = OPENING.match(lines[name.lineno - 1].encode()[name.col_offset :])
                places.append((name.lineno - 1, name.col_offset + opened.end()))
    for line, byte in sorted(places, reverse=True):
        raw = lines[line].encode()
        lines[line] = (raw[:byte] + f"{NAME}.".encode() + raw[byte:]).decode()
    text = "\n".join(lines)
    for (
        folder
    ) in FOLDERS:  # `python -m train` stands in messages only: as code it would be an error
        text = text.replace(f"python -m {folder}", f"python -m {NAME}.{folder}")
    return text


def _called(call: ast.Call) -> str:
    """The name of the function that is called, without its module's."""
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _in_a_folder(module: str | None) -> bool:
    return (module or "").partition(".")[0] in FOLDERS


def packages() -> dict[str, str]:
    """Package -> folder, for the four folders with all that lies in them, and what holds them."""
    found = {NAME: "tools/package"}
    for module in find_namespace_packages(include=[f"{folder}*" for folder in FOLDERS]):
        if "__pycache__" not in module and module.partition(".")[0] in FOLDERS:
            found[f"{NAME}.{module}"] = module.replace(".", "/")
    return found


def data(folder: str) -> list[str]:
    """The files of a package's folder that are no modules: weights, scripts, photos."""
    files = (path for path in Path(folder).iterdir() if path.is_file())
    return [path.name for path in files if path.suffix not in NOT_SHIPPED | {".py"}]


def requirements() -> list[str]:
    """What the code needs to run, from requirements.txt."""
    needed, _, _ = Path("requirements.txt").read_text("utf-8").partition(FOR_TESTS)
    return [text for line in needed.splitlines() if (text := line.partition("#")[0].strip())]


if __name__ == "__main__":
    folders = packages()
    setup(
        packages=list(folders),
        package_dir=folders,
        package_data={package: data(folder) for package, folder in folders.items()},
        install_requires=requirements(),
        cmdclass={"build_py": Build},
    )
