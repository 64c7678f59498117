"""The installed commands: `visual-semantic-alignment-demo` is `python -m ....demo`, and so on."""

import runpy


def demo() -> None:
    """Serve the pages."""
    _run("demo")


def train() -> None:
    """Every step from photos to a checkpoint and its figures."""
    _run("train")


def annotate() -> None:
    """Projects, people, photos, and what they made."""
    _run("annotate")


def _run(folder: str) -> None:
    runpy.run_module(f"{__package__}.{folder}", run_name="__main__")
