"""`python -m train table NAME`: the tables of docs/results, each from one command.

They are written to runs/results unless --out names another place: nothing tracked is overwritten by
a try.
"""

from __future__ import annotations

import argparse

TABLES = {  # name -> its module below train/, which is imported only when it is chosen
    "captioning": (
        "experiments.captioning", "sentences of photos and regions beside the published ones",
    ),
    "alignment": (
        "experiments.alignment", "the paper's models as recipes, beside the published rows",
    ),
    "magnitudes": (
        "experiments.magnitudes", "words and regions with the largest and smallest vectors",
    ),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tables = parser.add_subparsers(dest="table", required=True, metavar="NAME")
    for name, (module, text) in TABLES.items():
        tables.add_parser(name, help=text, module=module)
