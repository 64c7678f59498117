"""How well people agree on boxes and snippets: IoU, BLEU, ROUGE-L, CIDEr and, with Java, METEOR."""

from __future__ import annotations

import argparse

from annotate.agreement import measure
from annotate.commands.files import add_figures, project_of, save_figures
from core.vision.matching import THRESHOLD


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_figures(options)
    options.add_argument(
        "--no-meteor", action="store_true", help="leave METEOR out: it is slow and knows English"
    )


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    found = measure(project_of(arguments))
    scores = found.snippets(meteor=False if arguments.no_meteor else None)
    overall = found.overall
    print(f"{overall.pairs} pairs of people on a photo, {overall.boxes} boxes compared")
    if overall.mean_iou is not None:
        print(f"mean IoU of matched boxes  {overall.mean_iou:.4f}")
    if overall.share_agreed is not None:
        print(f"matched at IoU {THRESHOLD}         {overall.share_agreed:.2%}")
    alone = len(found.candidates) - len(found.references)
    print(f"snippets: {len(found.references)} against the others', {alone} without a partner")
    for name, value in scores.items():
        print(f"{name:9}{value:6.2f}")
    if scores and "meteor" not in scores and not arguments.no_meteor:
        print("meteor   left out: it needs Java, and there is no `java` on the PATH")
    if scores and len(found.references) == 1:
        print("cider    of one snippet is 0 by its definition, whatever it says")
    save_figures(arguments, found.as_json(scores))
