"""Where networks run: on the processor, or on a CUDA card where there is one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from core.errors import UserError

if TYPE_CHECKING:
    import torch

    from core.vision.regions import RegionEncoder

DEVICES = ("auto", "cpu", "cuda")


def add_device(parser: argparse.ArgumentParser) -> None:
    """--device."""
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default="auto",
        help="where networks run; auto takes a CUDA card where there is one (default: auto)",
    )


def device_of(name: str) -> torch.device:
    """ "auto", "cpu" or "cuda" -> a device; UserError where cuda is asked for and not there."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "device is cuda, and PyTorch finds no CUDA card (or is a build without CUDA); "
            "expected cpu, or auto"
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def move(encoder: RegionEncoder, device: torch.device) -> None:
    """Put a region encoder on a device. The alignment model stays where it is: beside the region
    network its products cost nothing."""
    if device.type != "cpu":
        encoder.to(device)
