"""`python -m train export`: a run's checkpoint -> a checkpoint folder to ship, in float16."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from core.alignment.model import AlignmentModel
from core.checkpoints import load_captioners, load_checkpoint, save_captioner, save_checkpoint
from core.vision.encoders.bundled import BundledEncoder, RegionNetwork


def add_choosing_arguments(parser: argparse.ArgumentParser) -> None:
    """Options over the numbers of `core.alignment.grounding`, which training does not touch:
    `evaluate ground` on dev phrases tells good ones."""
    parser.add_argument("--prior", type=float, help="weight of objectness in choosing a region")
    parser.add_argument("--image-objectness", type=float, help="that of the whole image there")
    parser.add_argument("--neighbours", type=float, help="share of a score that neighbours give")
    parser.add_argument("--window", type=int, help="words on either side that a word is read with")
    parser.add_argument("--shared-out", type=float, help="share taken off of what words share")


def set_choosing(model: AlignmentModel, arguments: argparse.Namespace) -> None:
    names = ("prior", "image_objectness", "neighbours", "window", "shared_out")
    given = {name: getattr(arguments, name) for name in names}
    model.config = replace(model.config, **{k: v for k, v in given.items() if v is not None})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="a run's checkpoint folder")
    parser.add_argument(
        "--captioner",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a captioner's checkpoint folder, to ship beside it; may come twice",
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="bundled")
    add_choosing_arguments(parser)
    parser.add_argument("--side", type=int, help="input side of the shipped network, 32 k + 1")


def main(arguments: argparse.Namespace) -> None:
    loaded = load_checkpoint(arguments.checkpoint)
    encoder = loaded.encoder
    kind: RegionNetwork | str = encoder.name
    if isinstance(encoder, BundledEncoder):
        kind = encoder.network
        if arguments.side:
            kind.config = replace(kind.config, side=arguments.side)
    set_choosing(loaded.alignment, arguments)
    save_checkpoint(arguments.out, arguments.name, kind, loaded.alignment, loaded.vocabulary)
    captioners = dict(loaded.captioners)
    for folder in arguments.captioner:
        captioners |= load_captioners(folder)
    for level, captioner in captioners.items():
        save_captioner(arguments.out, level, captioner)
    for path in sorted(arguments.out.glob("*.safetensors")):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
