"""`python -m train export`: a run's checkpoint -> a checkpoint folder to ship, in float16."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from core.region_network import BundledEncoder, RegionNetwork
from core.weights import load_captioners, load_checkpoint, save_captioner, save_checkpoint


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
    parser.add_argument("--side", type=int, help="input side of the shipped network, 32 k + 1")


def main(arguments: argparse.Namespace) -> None:
    loaded = load_checkpoint(arguments.checkpoint)
    encoder = loaded.encoder
    kind: RegionNetwork | str = encoder.name
    if isinstance(encoder, BundledEncoder):
        kind = encoder.network
        if arguments.side:
            kind.config = replace(kind.config, side=arguments.side)
    save_checkpoint(arguments.out, arguments.name, kind, loaded.alignment, loaded.vocabulary)
    captioners = dict(loaded.captioners)
    for folder in arguments.captioner:
        captioners |= load_captioners(folder)
    for level, captioner in captioners.items():
        save_captioner(arguments.out, level, captioner)
    for path in sorted(arguments.out.glob("*.safetensors")):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
