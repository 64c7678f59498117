"""`python -m train table NAME`: the tables of docs/results/, each from one command."""

from __future__ import annotations

import argparse

from train.experiments import alignment, magnitudes
from train.experiments import captioning as captioning_table

TABLES = {
    "captioning": (captioning_table, "sentences of photos and regions beside the published ones"),
    "alignment": (alignment, "the paper's models as recipes, beside the published rows"),
    "magnitudes": (magnitudes, "words and regions with the largest and smallest vectors"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tables = parser.add_subparsers(dest="table", required=True, metavar="NAME")
    for name, (module, text) in TABLES.items():
        one = tables.add_parser(name, help=text, description=module.__doc__)
        module.add_arguments(one)
        one.set_defaults(table_main=module.main)


def main(arguments: argparse.Namespace) -> None:
    arguments.table_main(arguments)
