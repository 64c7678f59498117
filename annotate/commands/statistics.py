"""How many snippets, how long, which are common; how large the boxes; how long people took."""

from __future__ import annotations

import argparse

from annotate.commands.files import add_figures, project_of, save_figures
from annotate.statistics import Spread, describe


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_figures(options)


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    found = describe(project_of(arguments))
    for name in (
        "photos",
        "photos_with_boxes",
        "people",
        "submissions",
        "skipped",
        "bad",
        "snippets",
        "different_snippets",
        "different_words",
    ):
        print(f"{name.replace('_', ' '):24}{getattr(found, name)}")
    spreads: dict[str, Spread | None] = {
        "words per snippet": found.words,
        "share of the photo": found.area_share,
        "seconds per box": found.box_seconds,
        "seconds per photo": found.photo_seconds,
    }
    for name, spread in spreads.items():
        if spread is not None:
            quantiles = "  ".join(f"{q:.0%} {value:.3g}" for q, value in spread.quantiles.items())
            print(f"{name:24}mean {spread.mean:.3g}  {quantiles}")
    print("commonest: " + ", ".join(f"{text} ({count})" for text, count in found.commonest))
    save_figures(arguments, found.as_json())
