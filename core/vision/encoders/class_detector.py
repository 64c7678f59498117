"""A small detector that knows COCO's 80 categories: boxes, class scores and fine maps of a photo.

The architecture is NanoDet-Plus-m's (RangiLyu 2021; Apache-2.0), written here from its description:

backbone   ShuffleNetV2 1.0x (Ma et al. 2018) with leaky rectifiers; maps of strides 8, 16, 32
pyramid    Ghost-PAN: top-down and bottom-up paths of ghost blocks (Han et al. 2020), and one more
           level at stride 64; 96 channels each
head       two depthwise-separable convolutions a level, then 80 class logits and, for each side of
           the box, a distribution over the distances 0..7 strides (Li et al. 2020)

BatchNorm is folded into the convolutions, as in the teacher's file, which is where training starts.
Cell (i, j) of a level with stride s stands on pixel (i s, j s).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (8, 16, 32, 64)
CHANNELS = 96
"""Of every map of the pyramid."""
BINS = 8
"""Distances from a cell to a side of its box are 0..7 strides."""
MEAN = (123.675, 116.28, 103.53)  # RGB, of pixels in 0..255: what the teacher was trained on
STD = (58.395, 57.12, 57.375)
_STAGES = ((116, 4), (232, 8), (464, 4))  # channels and blocks of the backbone's stages


def _convolution(
    into: int, out: int, kernel: int = 1, stride: int = 1, depthwise: bool = False, act: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=into if depthwise else 1)
    ]
    if act:
        layers.append(nn.LeakyReLU(0.1, inplace=True))
    return nn.Sequential(*layers)


def _separable(into: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        _convolution(into, into, 5, stride, depthwise=True), _convolution(into, out)
    )


class ShuffleBlock(nn.Module):
    """ShuffleNetV2's unit: half of the channels (all, where it halves the map) are convolved."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        half = out // 2
        self.shortcut = None
        if stride == 2:
            self.shortcut = nn.Sequential(
                _convolution(into, into, 3, 2, depthwise=True, act=False), _convolution(into, half)
            )
        self.branch = nn.Sequential(
            _convolution(into if stride == 2 else half, half),
            _convolution(half, half, 3, stride, depthwise=True, act=False),
            _convolution(half, half),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.shortcut is None:
            kept, x = x.chunk(2, dim=1)
        else:
            kept = self.shortcut(x)
        both = torch.stack((kept, self.branch(x)), dim=2)  # interleaves the halves' channels
        return both.flatten(1, 2)


class GhostBlock(nn.Module):
    """Two ghost modules beside a depthwise-separable shortcut."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        half = out // 2
        self.primary = _convolution(into, half)
        self.cheap = _convolution(half, half, 3, depthwise=True)
        self.second_primary = _convolution(out, half, act=False)
        self.second_cheap = _convolution(half, half, 3, depthwise=True, act=False)
        self.shortcut = nn.Sequential(
            _convolution(into, into, 5, depthwise=True, act=False),
            _convolution(into, out, act=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        first = self.primary(x)
        y = self.second_primary(torch.cat((first, self.cheap(first)), dim=1))
        summed: Tensor = torch.cat((y, self.second_cheap(y)), dim=1) + self.shortcut(x)
        return summed


@dataclass(frozen=True)
class Cells:
    """What the detector says of a batch of photos, N cells of all levels together.

    logits  (B, N, C) class logits, each class for itself
    bins    (B, N, 4, 8) logits of the distances to the left, top, right and bottom side
    boxes   (B, N, 4) normalised xyxy; they may reach beyond the photo
    maps    the pyramid's maps of strides 8, 16, 32, 64: (B, 96, S/s, S/s)
    """

    logits: Tensor
    bins: Tensor
    boxes: Tensor
    maps: list[Tensor]


class ClassDetector(nn.Module):
    """(B, 3, S, S) uint8 RGB -> Cells. S is a multiple of 32; the teacher's was 416."""

    mean: Tensor
    std: Tensor

    def __init__(self, classes: int = 80) -> None:
        super().__init__()
        self.classes = classes
        self.stem = _convolution(3, 24, 3, 2)
        self.pool = nn.MaxPool2d(3, 2, 1)
        stages, into = [], 24
        for out, blocks in _STAGES:
            units = [
                ShuffleBlock(into if k == 0 else out, out, 2 if k == 0 else 1)
                for k in range(blocks)
            ]
            stages.append(nn.Sequential(*units))
            into = out
        self.stages = nn.ModuleList(stages)
        c = CHANNELS
        self.reduce = nn.ModuleList(_convolution(out, c) for out, _ in _STAGES)
        self.down_16, self.down_8 = GhostBlock(2 * c, c), GhostBlock(2 * c, c)
        self.step_16, self.up_16 = _separable(c, c, 2), GhostBlock(2 * c, c)
        self.step_32, self.up_32 = _separable(c, c, 2), GhostBlock(2 * c, c)
        self.extra_in, self.extra_out = _separable(c, c, 2), _separable(c, c, 2)
        self.heads = nn.ModuleList(
            nn.Sequential(_separable(c, c), _separable(c, c), nn.Conv2d(c, classes + 4 * BINS, 1))
            for _ in STRIDES
        )
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def pyramid(self, pixels: Tensor) -> list[Tensor]:
        x = (pixels.float() - self.mean) / self.std
        x = self.pool(self.stem(x.contiguous(memory_format=torch.channels_last)))
        levels = []
        for stage, reduce in zip(self.stages, self.reduce, strict=True):
            x = stage(x)
            levels.append(reduce(x))
        at_8, at_16, at_32 = levels
        down_16 = self.down_16(torch.cat((_doubled(at_32), at_16), dim=1))
        out_8 = self.down_8(torch.cat((_doubled(down_16), at_8), dim=1))
        out_16 = self.up_16(torch.cat((self.step_16(out_8), down_16), dim=1))
        out_32 = self.up_32(torch.cat((self.step_32(out_16), at_32), dim=1))
        return [out_8, out_16, out_32, self.extra_in(at_32) + self.extra_out(out_32)]

    def forward(self, pixels: Tensor) -> Cells:
        maps = self.pyramid(pixels)
        said = [head(level).float() for head, level in zip(self.heads, maps, strict=True)]
        flat = torch.cat([one.flatten(2) for one in said], dim=2).transpose(1, 2)
        logits = flat[..., : self.classes]
        bins = flat[..., self.classes :].reshape(*flat.shape[:2], 4, BINS)
        places = [places_of(one, stride) for one, stride in zip(said, STRIDES, strict=True)]
        boxes = decode(bins, torch.cat(places)) / pixels.shape[-1]
        return Cells(logits, bins, boxes, maps)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def places_of(level: Tensor, stride: int) -> Tensor:
    """(..., H, W) map -> (H W, 3) x, y of each cell's pixel and the stride, row by row."""
    rows, columns = level.shape[-2:]
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    place = torch.stack((x * stride, y * stride, torch.full_like(x, stride)), dim=-1)
    return place.reshape(-1, 3).to(level.device, torch.float32)


def decode(bins: Tensor, places: Tensor) -> Tensor:
    """(B, N, 4, 8) logits of distances, (N, 3) places -> (B, N, 4) xyxy in pixels: each side lies
    at the mean of its distribution."""
    steps = torch.arange(BINS, dtype=bins.dtype, device=bins.device)
    distance = (bins.softmax(dim=-1) @ steps) * places[:, 2:]
    return torch.cat((places[:, :2] - distance[..., :2], places[:, :2] + distance[..., 2:]), dim=-1)
