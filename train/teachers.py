"""The teachers: published networks that the bundled one starts from or learns boxes from.

Their weights are not part of this project; each comes as a folder of plain numbers (safetensors,
ncnn), of which nothing is executed. Nothing here is needed to use the project, only to train it
anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import ops

from core.vision.encoders.bundled import RegionNetwork, RegionNetworkConfig, Trunk
from core.vision.encoders.class_detector import ClassDetector
from core.vision.images import resize_square
from train.data import DataError
from train.ncnn import read_convolutions

_STAGE_LENGTHS = (2, 4, 4, 6, 6, 8, 1)  # blocks of B4's stages 1-7; the teacher's file ends at 31


def _trunk_names(dropped_block: int) -> Iterator[tuple[str, str]]:
    """(prefix in the teacher's file, prefix in `Trunk`) of each convolution and BatchNorm."""
    yield "stem_conv1", "stages.0.0"
    yield "stem_bn1", "stages.0.1"
    number = 0
    for stage, length in enumerate(_STAGE_LENGTHS, 1):
        kept = 0
        for block in range(length):
            teacher = f"blocks.{number}"
            number += 1
            if stage == 6 and block == dropped_block:
                continue
            ours = f"stages.{stage}.{kept}.block"
            kept += 1
            depth = 0
            if stage > 1:
                yield f"{teacher}.expand_conv", f"{ours}.0.0"
                yield f"{teacher}.bn0", f"{ours}.0.1"
                depth = 1
            yield f"{teacher}.depthwise", f"{ours}.{depth}.0"
            yield f"{teacher}.bn1", f"{ours}.{depth}.1"
            yield f"{teacher}.se_reduce", f"{ours}.{depth + 1}.fc1"
            yield f"{teacher}.se_expand", f"{ours}.{depth + 1}.fc2"
            yield f"{teacher}.project_conv", f"{ours}.{depth + 2}.0"
            yield f"{teacher}.bn2", f"{ours}.{depth + 2}.1"


def network_from_efficientnet(folder: Path, config: RegionNetworkConfig) -> RegionNetwork:
    """A region network whose trunk starts from the EfficientNet-B4 in `folder`; the rest is new.

    The teacher's BatchNorm has eps 1e-3, which folding uses up: it is gone afterwards.
    """
    path = folder / "efficientnet_b4_trunk_fp16.safetensors"
    try:
        teacher = load_file(path)
    except (OSError, SafetensorError):
        raise DataError(
            f"{path} is not there, or no safetensors file; expected the trunk's teacher"
        ) from None
    trunk = Trunk(config.dropped_block)
    state = {}
    for theirs, ours in _trunk_names(config.dropped_block):
        for kind in ("weight", "bias", "running_mean", "running_var"):
            if f"{theirs}.{kind}" in teacher:
                state[f"{ours}.{kind}"] = teacher[f"{theirs}.{kind}"].float()
    missing = trunk.load_state_dict(state, strict=False)
    absent = [key for key in missing.missing_keys if not key.endswith("num_batches_tracked")]
    if absent or missing.unexpected_keys:
        raise DataError(
            f"{path} lacks {absent[:3]} or has {missing.unexpected_keys[:3]}; expected the tensors "
            "of EfficientNet-B4"
        )
    trunk.fold_batch_norm()
    network = RegionNetwork(config)
    network.trunk.load_state_dict(trunk.state_dict())
    return network


def class_detector_from_nanodet(folder: Path) -> ClassDetector:
    """A class-aware detector with the weights of the NanoDet-Plus-m in `folder`: 80 categories of
    COCO, in the order of its coco_names.json. Raises DataError where they do not fit."""
    name = folder / "nanodet-plus-m_416.param"
    stored = read_convolutions(name, name.with_suffix(".bin"))
    detector = ClassDetector()
    # ncnn lists convolutions as they run, and so does our module.
    layers = [one for one in detector.modules() if isinstance(one, nn.Conv2d)]
    shapes = [tuple(layer.weight.shape) for layer in layers]
    if shapes != [weight.shape for weight, _ in stored]:
        raise DataError(f"{name} is not NanoDet-Plus-m's; expected {len(layers)} convolutions")
    for number, (layer, (weight, bias)) in enumerate(zip(layers, stored, strict=True)):
        if number == 0:  # it was fed BGR
            weight = weight[:, ::-1].copy()
        layer.weight.data = torch.from_numpy(weight)
        assert layer.bias is not None
        layer.bias.data = torch.from_numpy(bias)
    return detector


class NanoDet:
    """NanoDet-Plus-m 416: photos -> the boxes it is sure enough of, whatever their class."""

    side = 416

    def __init__(self, folder: Path, threshold: float = 0.35, most: int = 12) -> None:
        self.network = class_detector_from_nanodet(folder).eval()
        self.threshold, self.most = threshold, most

    @torch.inference_mode()
    def boxes(self, photos: Sequence[np.ndarray]) -> list[Tensor]:
        """(H, W, 3) uint8 RGB photos -> for each (n, 4) float32 normalised xyxy, n <= most."""
        pixels = np.stack([resize_square(photo, self.side) for photo in photos])
        cells = self.network(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        found = []
        for boxes, logits in zip(cells.boxes.clamp(0, 1), cells.logits, strict=True):
            score = logits.sigmoid().amax(dim=-1)
            sure = score > self.threshold
            kept = ops.nms(boxes[sure], score[sure], 0.5)[: self.most]
            found.append(boxes[sure][kept])
        return found
