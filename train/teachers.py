"""The teachers: published networks that the bundled one starts from or learns boxes from.

Their weights are not part of this project; each comes as a folder with the weights and (NanoDet)
the module that rebuilds it. Nothing here is needed to use the project, only to train it anew.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torchvision import ops

from core.vision.encoders.bundled import RegionNetwork, RegionNetworkConfig, Trunk
from core.vision.images import resize_square
from train.data import DataError

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


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class NanoDet:
    """NanoDet-Plus-m 416: photos -> the boxes it is sure enough of, whatever their class."""

    side = 416

    def __init__(self, folder: Path, threshold: float = 0.35, most: int = 12) -> None:
        names = (
            "decode.py",
            "ncnn_to_torch.py",
            "nanodet-plus-m_416.param",
            "nanodet-plus-m_416.bin",
        )
        for name in names:
            if not (folder / name).is_file():
                raise DataError(f"{folder} has no {name}; expected NanoDet's folder with {names}")
        self.decoder = _module(folder / "decode.py")
        self.network = _module(folder / "ncnn_to_torch.py").NCNN(
            str(folder / "nanodet-plus-m_416.param"), str(folder / "nanodet-plus-m_416.bin")
        )
        self.network.eval()
        self.threshold, self.most = threshold, most

    @torch.inference_mode()
    def boxes(self, photos: Sequence[np.ndarray]) -> list[Tensor]:
        """(H, W, 3) uint8 RGB photos -> for each (n, 4) float32 normalised xyxy, n <= most."""
        pixels = np.stack([resize_square(photo, self.side)[..., ::-1] for photo in photos])
        mean, std = torch.tensor(self.decoder.MEAN), torch.tensor(self.decoder.STD)
        x = ((torch.from_numpy(pixels).float() - mean) / std).permute(0, 3, 1, 2)
        xyxy, classes = self.decoder.decode(self.network(x)[0], self.side)
        found = []
        for box, score in zip(xyxy, classes.amax(dim=-1), strict=True):
            box = ops.clip_boxes_to_image(box, (self.side, self.side))
            sure = score > self.threshold
            box, score = box[sure], score[sure]
            kept = ops.nms(box, score, 0.5)[: self.most]
            found.append(box[kept] / self.side)
        return found
