"""The bundled region network: one pass from a photo to boxes, objectness and features.

trunk      torchvision's EfficientNet-B4 without its classifier, BatchNorm folded into the
           convolutions; two residual blocks are left out: the last one, which the teacher's file
           lacks, and one more in stage 6, to keep the file under 30 MB.
proposals  a feature pyramid and a class-agnostic FCOS head (Tian et al. 2019), both torchvision's.
features   RoIAlign on the trunk's stride-16 and stride-32 maps, side by side: the coarse one says
           what, the fine one where.
classes    where the config has them: a small class-aware detector beside the trunk
           (`class_detector`). Its detections join the proposals; a region's feature goes on with
           what its class scores say there and with features from its own stride-8 and -16 maps.

Departure from the paper, whose R-CNN (2014) ran its CNN once for every region of a photo.

Input sides are 32 k + 1. Each stride-2 convolution then sees an odd side, symmetric padding
equals the "same" padding that the teacher was trained with, and cell (i, j) of a map with stride s
is centred on pixel (i s, j s), so boxes and maps line up without half-cell offsets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision import ops
from torchvision.models import efficientnet_b4
from torchvision.models.detection.fcos import FCOS, FCOSHead
from torchvision.ops.misc import Conv2dNormActivation

from core.configuration import ConfigError, check_bounds
from core.vision.encoders import StoredKind
from core.vision.encoders.class_detector import CHANNELS as MAP_CHANNELS
from core.vision.encoders.class_detector import STRIDES as CELL_STRIDES
from core.vision.encoders.class_detector import Cells, ClassDetector
from core.vision.encoders.class_regions import (
    detections,
    evidence,
    evidence_at,
    together,
)
from core.vision.images import resize_square
from core.vision.regions import (
    PAPER_REGIONS,
    Regions,
    image_region,
    windows_around,
)

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # RGB, of pixels in [0, 1]: what the teacher was trained on
IMAGENET_STD = (0.229, 0.224, 0.225)
STRIDES = (8, 16, 32)  # of the trunk's maps that feed the pyramid
CHANNELS = (56, 160, 448)  # of those maps


@dataclass(frozen=True)
class RegionNetworkConfig:
    """Choices of the bundled region network."""

    side: int = 321
    """Input side in pixels, 32 k + 1 (see the module's text); photos are stretched to a square."""
    dropped_block: int = 3
    """Block of stage 6 (eight alike) that is left out: dropping this one changed the teacher's
    pooled features least (cosine 0.987; the next best 0.986, the worst 0.978)."""
    pyramid_channels: int = 96
    """Enough for one class; a multiple of 32, as the head's group normalisation needs."""
    head_convolutions: int = 2
    """Half of FCOS's four: one class instead of 80."""
    nms_iou: float = 0.6
    """Overlap above which the weaker of two proposals goes."""
    roi_bins: int = 3
    """RoIAlign samples a 3x3 grid of bins in each box and the feature is their mean."""
    regions: int = PAPER_REGIONS
    """The most regions of a photo, the whole image included."""
    classes: int = 0
    """Categories of the class-aware detector; 0 for a network that has none."""
    class_side: int = 416
    """Its own input side, a multiple of 32: what its teacher was trained at."""
    class_share: float = 1.5
    """What a detection's class score counts beside a proposal's objectness where the best are
    taken: of 0.7, 1 and 1.5 the last kept most things of everyday photos and lost no phrase."""
    copy_iou: float = 0.6
    """Overlap above which a detection or proposal is a copy of a better one."""
    least_score: float = 1e-3
    """A class score below it says no more than it: logarithms are taken."""

    @property
    def feature_dimension(self) -> int:
        """The trunk's part first, so that what was trained on it alone reads on."""
        return self.trunk_dimension + (self.classes + 2 * MAP_CHANNELS if self.classes else 0)

    @property
    def trunk_dimension(self) -> int:
        return CHANNELS[1] + CHANNELS[2]

    def __post_init__(self) -> None:
        if self.side % 32 != 1 or not 97 <= self.side <= 4097:
            raise ConfigError(
                f"side is {self.side}; expected 32 k + 1, at least 97 and at most 4097, such as 321"
            )
        # Beyond these, no network that anybody trained.
        check_bounds(
            self,
            dropped_block=(0, 7),
            pyramid_channels=(32, 512),
            head_convolutions=(1, 8),
            nms_iou=(0, 1),
            roi_bins=(1, 32),
            regions=(1, 1000),
            classes=(0, 10_000),
            class_side=(64, 4096),
            class_share=(0, 1000),
            copy_iou=(0, 1),
            least_score=(1e-12, 0.5),
        )
        if self.class_side % 32:
            raise ConfigError(f"class_side is {self.class_side}; expected a multiple of 32")
        if self.pyramid_channels % 32:
            raise ConfigError(
                f"pyramid_channels is {self.pyramid_channels}; expected a multiple of 32"
            )


class Trunk(nn.Module):
    """EfficientNet-B4's stages 0-7 (BatchNorm folded) -> maps of strides 8, 16 and 32."""

    def __init__(self, dropped_block: int) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm2d, eps=1e-3)  # the teacher's
        stages = efficientnet_b4(stochastic_depth_prob=0.0, norm_layer=norm).features[:8]
        del stages[7][1]
        del stages[6][dropped_block]
        self.stages = stages

    def fold_batch_norm(self) -> None:
        """Fold each BatchNorm into the convolution before it, once its statistics are known."""
        for module in self.modules():
            if isinstance(module, Conv2dNormActivation) and isinstance(module[1], nn.BatchNorm2d):
                module.eval()
                module[0] = fuse_conv_bn_eval(module[0], module[1])
                module[1] = nn.Identity()
        # The fused biases come out frozen, because the convolutions had none to ask.
        self.requires_grad_(True)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in (3, 5, 7):
                maps.append(x)
        return maps


class Pyramid(nn.Module):
    """Trunk maps -> one pyramid with equal channels; what torchvision's FCOS calls a backbone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels
        self.pyramid = ops.FeaturePyramidNetwork(list(CHANNELS), channels)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        named = OrderedDict((str(level), value) for level, value in enumerate(maps))
        return list(self.pyramid(named).values())


class RegionNetwork(nn.Module):
    """The network proper: batches of square photos as tensors. `BundledEncoder` wraps it."""

    name = "bundled"
    mean: Tensor
    std: Tensor

    def __init__(self, config: RegionNetworkConfig = RegionNetworkConfig()) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(config.dropped_block)
        self.trunk.fold_batch_norm()
        channels = config.pyramid_channels
        self.detector = FCOS(
            Pyramid(channels),
            num_classes=1,
            head=FCOSHead(channels, 1, 1, config.head_convolutions),
            score_thresh=0.0,  # the best are wanted, however weak
            nms_thresh=config.nms_iou,
            # Beside a class-aware detector some more, as it puts its own in the place of many.
            detections_per_img=max(60 if config.classes else 0, config.regions - 1),
            topk_candidates=300,
        )
        self.class_detector = ClassDetector(config.classes) if config.classes else None
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)

    @property
    def stored(self) -> RegionNetwork:
        """Itself: what a checkpoint holds (see `RegionEncoder`)."""
        return self

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """(B, 3, S, S) uint8 RGB -> the trunk's maps of strides 8, 16, 32."""
        normalised = (pixels.float() / 255 - self.mean) / self.std
        maps: list[Tensor] = self.trunk(normalised.contiguous(memory_format=torch.channels_last))
        return maps

    def _anchors(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """One square of the stride's size around each cell's pixel, per level (cells, 4) xyxy."""
        anchors = []
        for stride, level in zip(STRIDES, maps, strict=True):
            rows, columns = level.shape[-2:]
            y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
            centre = torch.stack((x, y), dim=-1).reshape(-1, 2).to(level.device) * float(stride)
            anchors.append(torch.cat((centre - stride / 2, centre + stride / 2), dim=1))
        return anchors

    def detect(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """Trunk maps -> what the head says of every cell; for `proposal_loss` and `propose`."""
        outputs = self.detector.head(self.detector.backbone(maps))
        return {name: value.float() for name, value in outputs.items()}

    def proposal_loss(
        self, maps: Sequence[Tensor], outputs: dict[str, Tensor], boxes: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        """FCOS's three losses. boxes: for each photo (n, 4) normalised xyxy, n may be 0."""
        anchors = self._anchors(maps)
        device = anchors[0].device
        targets = [
            {
                "boxes": b.to(device) * (self.config.side - 1),
                "labels": torch.zeros(len(b), dtype=torch.int64, device=device),
            }
            for b in boxes
        ]
        counts = [len(level) for level in anchors]
        losses: dict[str, Tensor] = self.detector.compute_loss(
            targets, outputs, [torch.cat(anchors)] * len(boxes), counts
        )
        return losses

    @torch.no_grad()
    def propose(
        self, maps: Sequence[Tensor], outputs: dict[str, Tensor]
    ) -> list[tuple[Tensor, Tensor]]:
        """For each photo ((n, 4) normalised xyxy, (n,) objectness), best first: the class-agnostic
        proposals. n is less than the config's `regions`, or 60 beside a class-aware detector."""
        anchors = self._anchors(maps)
        counts = [len(level) for level in anchors]
        split = {name: list(torch.split(v, counts, dim=1)) for name, v in outputs.items()}
        batch, side = maps[0].shape[0], self.config.side - 1
        found = self.detector.postprocess_detections(
            split, [anchors] * batch, [(side, side)] * batch
        )
        proposals = []
        for one in found:
            size = one["boxes"][:, 2:] - one["boxes"][:, :2]
            kept = (size >= 1.0).all(dim=1)  # a box thinner than a pixel shows nothing
            proposals.append((one["boxes"][kept] / side, one["scores"][kept]))
        return proposals

    def choose(
        self, proposals: Sequence[tuple[Tensor, Tensor]], cells: Cells | None
    ) -> list[tuple[Tensor, Tensor]]:
        """Proposals of B photos, the class-aware detector's cells where there is one -> for each
        photo the boxes (n, 4) and objectness (n,) of its regions without the whole image."""
        if cells is None:
            return list(proposals)
        config, most = self.config, self.config.regions - 1
        chosen = []
        scores = cells.logits.sigmoid()
        for boxes, mine, proposed in zip(cells.boxes, scores, proposals, strict=True):
            found = detections(boxes.clamp(0, 1), mine, config.nms_iou, 60)
            chosen.append(together(found, proposed, config.class_share, config.copy_iou, most))
        return chosen

    def describe(
        self, maps: Sequence[Tensor], cells: Cells | None, boxes: Sequence[Tensor]
    ) -> Tensor:
        """Trunk maps, cells and boxes per photo (R_b, 4) normalised -> (sum R_b, D) features: the
        trunk's, class evidence, the detector's maps."""
        heard = []
        if cells is not None:
            scored = zip(boxes, cells.boxes, cells.logits.sigmoid(), strict=True)
            least = self.config.least_score
            heard = [evidence(mine, cell.clamp(0, 1), said, least) for mine, cell, said in scored]
        return self._joined(maps, cells, boxes, heard)

    def describe_windows(
        self, maps: Sequence[Tensor], cells: Cells | None, points: Tensor, side: float
    ) -> Tensor:
        """Trunk maps and cells of one photo, points (P, 2) normalised -> (P, D) features as
        `describe` gives them, of windows of that side around the points.

        Class evidence is that of the cells whose box holds the point: by overlap, as regions hear
        it, a small window in the middle of a large thing would hear none.
        """
        boxes = torch.from_numpy(windows_around(points.cpu().numpy(), side)).to(points.device)
        heard = []
        if cells is not None:
            [cell], [said] = cells.boxes.clamp(0, 1), cells.logits.sigmoid()
            heard = [evidence_at(points, cell, said, self.config.least_score)]
        return self._joined(maps, cells, [boxes], heard)

    def _joined(
        self,
        maps: Sequence[Tensor],
        cells: Cells | None,
        boxes: Sequence[Tensor],
        heard: list[Tensor],
    ) -> Tensor:
        pooled = self.pool(maps, boxes)
        if cells is None:
            return pooled
        side = float(self.config.class_side)
        fine = self._pooled(cells.maps[:2], CELL_STRIDES[:2], boxes, side)
        return torch.cat((pooled, torch.cat(heard), fine), dim=1)

    def pool(self, maps: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:
        """Trunk maps, boxes per photo (R_b, 4) normalised -> (sum R_b, 608) features."""
        return self._pooled(maps[1:], STRIDES[1:], boxes, float(self.config.side - 1))

    def _pooled(
        self,
        maps: Sequence[Tensor],
        strides: Sequence[int],
        boxes: Sequence[Tensor],
        side: float,
    ) -> Tensor:
        """RoIAlign with aligned=False: cell i lies at pixel i s here, not at (i + 1/2) s."""
        rois = [b.to(maps[0].dtype) * side for b in boxes]
        bins = self.config.roi_bins
        pooled = [
            ops.roi_align(level, rois, bins, 1 / stride, sampling_ratio=2, aligned=False)
            for level, stride in zip(maps, strides, strict=True)
        ]
        return torch.cat([one.mean(dim=(2, 3)) for one in pooled], dim=1)


class BundledEncoder:
    """`RegionEncoder` over the bundled network. name "bundled"; dimension 608, or 880 with 80
    classes."""

    name = RegionNetwork.name

    def __init__(self, network: RegionNetwork) -> None:
        self.network = network.eval().to(memory_format=torch.channels_last)
        self.dimension = network.config.feature_dimension
        self.regions = network.config.regions

    @property
    def config(self) -> RegionNetworkConfig:
        return self.network.config

    @property
    def stored(self) -> RegionNetwork:
        return self.network

    def to(self, device: torch.device) -> None:
        self.network.to(device)

    def encode(self, photos: Sequence[np.ndarray]) -> list[Regions]:
        return [regions for regions, _ in self._seen(photos, [_NONE] * len(photos))]

    def encode_kept(self, photo: np.ndarray) -> tuple[Regions, SeenPhoto]:
        maps, cells = self._pass([photo])
        [(regions, _)] = self._regions(maps, cells, [_NONE])
        return regions, SeenPhoto(self.network, maps, cells)

    def encode_boxes(
        self, photos: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
    ) -> list[tuple[Regions, np.ndarray]]:
        return self._seen(photos, boxes)

    def _seen(
        self, photos: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
    ) -> list[tuple[Regions, np.ndarray]]:
        """The regions of photos, and the features of each one's own boxes (n, 4)."""
        maps, cells = self._pass(photos)
        return self._regions(maps, cells, boxes)

    @torch.inference_mode()
    def _pass(self, photos: Sequence[np.ndarray]) -> tuple[list[Tensor], Cells | None]:
        """The networks' one pass over photos: the trunk's maps, the detector's cells."""
        network, config = self.network, self.network.config
        device = network.mean.device
        maps = network.maps(_squares(photos, config.side).to(device))
        if network.class_detector is None:
            return maps, None
        cells: Cells = network.class_detector(_squares(photos, config.class_side).to(device))
        return maps, cells

    @torch.inference_mode()
    def _regions(
        self, maps: list[Tensor], cells: Cells | None, boxes: Sequence[np.ndarray]
    ) -> list[tuple[Regions, np.ndarray]]:
        network = self.network
        chosen = network.choose(network.propose(maps, network.detect(maps)), cells)
        found = [image_region(box.cpu().numpy(), score.cpu().numpy()) for box, score in chosen]
        own = [np.asarray(one, np.float32).reshape(-1, 4) for one in boxes]
        # The whole image stands first, then a photo's regions, then its own boxes.
        every = [
            torch.from_numpy(np.concatenate((box, mine))).to(maps[0].device)
            for (box, _), mine in zip(found, own, strict=True)
        ]
        features = network.describe(maps, cells, every).float().cpu().numpy()
        parts = np.split(features, np.cumsum([len(one) for one in every])[:-1])
        return [
            (Regions(box, score, part[: len(box)]), part[len(box) :])
            for (box, score), part in zip(found, parts, strict=True)
        ]


@dataclass(frozen=True)
class SeenPhoto:
    """`Seen`: the maps of one photo's pass (3 MB of them)."""

    network: RegionNetwork
    maps: list[Tensor]
    cells: Cells | None

    @torch.inference_mode()
    def windows(self, points: np.ndarray, side: float) -> np.ndarray:
        places = torch.from_numpy(points.astype(np.float32)).to(self.maps[0].device)
        found = self.network.describe_windows(self.maps, self.cells, places, side)
        features: np.ndarray = found.float().cpu().numpy()
        return features


_NONE = np.zeros((0, 4), dtype=np.float32)


def _squares(photos: Sequence[np.ndarray], side: int) -> Tensor:
    """Photos -> (B, 3, side, side) uint8 RGB, each stretched to a square."""
    pixels = np.stack([resize_square(photo, side) for photo in photos])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


KIND = StoredKind(RegionNetworkConfig, RegionNetwork, BundledEncoder)
