"""`python -m train export`: a run's checkpoint -> a checkpoint folder to ship, in float16."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from core.alignment.grounding import GroundingConfig
from core.alignment.model import AlignmentModel
from core.checkpoints import (
    Checkpoint,
    load_captioners,
    load_checkpoint,
    save_captioner,
    save_checkpoint,
    save_evidence,
)
from train.data import DataError
from train.options import folder_for

GROUNDING_HELP = {
    "prior": "weight of objectness in choosing a region",
    "image_objectness": "that of the whole image there",
    "neighbours": "share of a score that neighbours give",
    "window": "words on either side that a word is read with",
    "shared_out": "share taken off of what words share",
    "merging_share": "beta that is shown at first, as a share of the merging one",
    "copy_iou": "overlap from which a region is another's near copy",
}


def add_grounding_arguments(parser: argparse.ArgumentParser) -> None:
    """An option for each field of GroundingConfig, which training does not touch: `evaluate ground`
    on dev phrases tells good ones."""
    for one in fields(GroundingConfig):
        name = f"--{one.name.replace('_', '-')}"
        parser.add_argument(name, type=type(one.default), help=GROUNDING_HELP[one.name])


def grounding_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the options say of a grounding: fields of GroundingConfig and their values."""
    given = {one.name: getattr(arguments, one.name) for one in fields(GroundingConfig)}
    return {name: value for name, value in given.items() if value is not None}


def with_grounding(checkpoint: Checkpoint, **changes: Any) -> Checkpoint:
    """The checkpoint with some fields of its GroundingConfig changed; ConfigError for a value that
    they cannot have. Where scores change, it no longer knows how words score elsewhere."""
    grounding = replace(checkpoint.grounding, **changes)
    same = grounding == replace(checkpoint.grounding, merging_share=grounding.merging_share)
    return replace(checkpoint, grounding=grounding, evidence=checkpoint.evidence if same else None)


def exported(
    checkpoint: Checkpoint, out: Path, name: str, captioners: Sequence[Path] = ()
) -> list[Path]:
    """Write a checkpoint as float16, with the captioners of these folders instead of its own of
    the same level -> the files of tensors."""
    spoken = dict(checkpoint.captioners)
    for folder in captioners:
        spoken |= load_captioners(folder)
    save_checkpoint(
        out,
        name,
        checkpoint.encoder,
        checkpoint.alignment,
        checkpoint.vocabulary,
        grounding=checkpoint.grounding,
    )
    if checkpoint.evidence is not None:
        save_evidence(out, checkpoint.evidence)
    for level, captioner in spoken.items():
        save_captioner(out, level, captioner)
    return sorted(out.glob("*.safetensors"))


def averaged(model: AlignmentModel, others: Sequence[tuple[AlignmentModel, float]]) -> None:
    """Make a model the weighted mean of itself and others that one training gave, in place: what
    several states of it agree on generalises better (Izmailov et al. 2018). The model's own share
    is what theirs leave of 1. Raises DataError where they do not fit."""
    left = 1.0 - sum(share for _, share in others)
    if left <= 0 or any(share <= 0 for _, share in others):
        raise DataError(f"the shares leave {left:g} for the checkpoint itself; expected some each")
    mean = {key: left * value for key, value in model.state_dict().items()}
    for other, share in others:
        state = other.state_dict()
        if {k: v.shape for k, v in state.items()} != {k: v.shape for k, v in mean.items()}:
            raise DataError("the alignment models have other sizes; expected those of one training")
        # Features may be scaled otherwise there (`train everyday --evidence-boost`).
        scale = model.feature_scale / other.feature_scale
        state["region_projection.weight"] = state["region_projection.weight"] * scale
        state["feature_scale"] = model.feature_scale
        for key in mean:
            mean[key] = mean[key] + share * state[key]
    model.load_state_dict(mean)


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f"the share is '{text[:30]}'; expected a number below 1") from None


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
    parser.add_argument(
        "--average",
        nargs=2,
        action="append",
        default=[],
        metavar=("DIR", "SHARE"),
        help="another checkpoint of the same training, and its share of the mean of both alignment "
        "models; may come again",
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    parser.add_argument(
        "--name", default="bundled", help="what the checkpoint calls itself (default: bundled)"
    )
    add_grounding_arguments(parser)
    parser.add_argument("--side", type=int, help="input side of the shipped network, 32 k + 1")
    parser.add_argument("--encoder-weights", type=Path, help="a file for encoders with a name")


def main(arguments: argparse.Namespace) -> None:
    changes = {"side": arguments.side} if arguments.side is not None else {}
    loaded = load_checkpoint(arguments.checkpoint, arguments.encoder_weights, changes)
    loaded = with_grounding(loaded, **grounding_options(arguments))
    others = [
        (load_checkpoint(folder).alignment, _share(share)) for folder, share in arguments.average
    ]
    if others:
        averaged(loaded.alignment, others)
        loaded = replace(loaded, evidence=None)  # words score otherwise now
    out = folder_for(arguments.out)
    for path in exported(loaded, out, arguments.name, arguments.captioner):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
