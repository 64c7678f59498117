"""`python -m train export`: a run's checkpoint -> a checkpoint folder to ship, in float16."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.region_network import BundledEncoder
from core.weights import load_checkpoint, save_checkpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="a run's checkpoint folder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="bundled")


def main(arguments: argparse.Namespace) -> None:
    loaded = load_checkpoint(arguments.checkpoint)
    encoder = loaded.encoder
    kind = encoder.network if isinstance(encoder, BundledEncoder) else encoder.name
    save_checkpoint(arguments.out, arguments.name, kind, loaded.alignment, loaded.vocabulary)
    for path in sorted(arguments.out.glob("*.safetensors")):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
