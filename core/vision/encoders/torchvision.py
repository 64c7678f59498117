"""Region encoders from torchvision: `torchvision:<name>`, any of its Faster R-CNN models.

The path to the strongest regions: detectors trained on COCO. A region's feature is the 1024-d
vector of the box head, as the paper takes R-CNN's. One pass: the backbone runs once; its maps serve
the proposals, the refined boxes and the regions' vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from zipfile import ZipFile, is_zipfile

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torchvision import ops
from torchvision.models import detection, get_model, get_model_weights, list_models
from torchvision.models.detection.faster_rcnn import FasterRCNN
from torchvision.models.detection.image_list import ImageList

from core.configuration import check_bounds
from core.errors import shown
from core.vision.encoders import EncoderError, NamedKind
from core.vision.regions import PAPER_REGIONS, Regions, image_region, windows_around

PREFIX = "torchvision:"
FEATURE_DIMENSION = 1024  # what the box head of every Faster R-CNN of torchvision gives
NMS_IOU = 0.6  # as the bundled network's: regions may overlap, classes do not matter


@dataclass(frozen=True)
class TorchvisionConfig:
    """Choices of a torchvision encoder."""

    regions: int = PAPER_REGIONS
    """The most regions of a photo, the whole image included."""

    def __post_init__(self) -> None:
        check_bounds(self, regions=(1, 1000))


def faster_rcnn_names() -> list[str]:
    """The names that work after "torchvision:"."""
    return [name for name in list_models(module=detection) if name.startswith("fasterrcnn_")]


def _state_from_file(path: Path) -> dict[str, Tensor]:
    """A .safetensors file, or a .pth as torchvision publishes them.

    The .pth goes through torch's restricted reader (weights_only), which builds tensors and
    refuses anything that would run code. A file that is there is read, nothing is fetched.
    """
    if not path.is_file():
        raise EncoderError(
            f"the weights file {path.name} is not there; expected a .pth or .safetensors"
        )
    if path.suffix == ".safetensors":
        return load_file(path)
    if is_zipfile(path):
        with ZipFile(path) as archive:
            # torch's own archives have many members; one alone is an older way to publish, which is
            # unpacked beside the file, over whatever has the member's name there.
            if len(archive.infolist()) < 2:
                raise EncoderError(
                    f"the weights file {path.name} is an archive of one file; expected a .pth that "
                    "torch.save wrote, or .safetensors"
                )
    state: dict[str, Tensor] = torch.hub.load_state_dict_from_url(
        path.as_uri(), str(path.parent), "cpu", file_name=path.name, weights_only=True
    )
    return state


def _check(state: Mapping[str, object], wanted: Mapping[str, Tensor]) -> None:
    """EncoderError for numbers of another kind than the model's, NaN and infinite ones: torch would
    take them in silence. Missing names and other shapes it refuses itself."""
    for key, value in state.items():
        if not isinstance(value, Tensor) or key not in wanted:
            continue
        if value.is_floating_point() != wanted[key].is_floating_point():
            kind = str(value.dtype).removeprefix("torch.")
            raise EncoderError(f"the weights file's '{shown(key)}' is of {kind}")
        if not torch.isfinite(value).all():
            raise EncoderError(f"the weights file's '{shown(key)}' holds NaN or infinity")


def torchvision_encoder(
    name: str,
    config: TorchvisionConfig = TorchvisionConfig(),
    weights: Path | None = None,
) -> TorchvisionEncoder:
    """ "torchvision:fasterrcnn_..." -> the encoder, with COCO weights from `weights` or fetched.

    Raises EncoderError on an unknown name, on a file that does not fit, and where neither file nor
    network is there: then the message says which file to get and how to name it.
    """
    model_name = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or model_name not in faster_rcnn_names():
        raise EncoderError(
            f"the region encoder is '{shown(name)}'; expected one of "
            + ", ".join(PREFIX + known for known in faster_rcnn_names())
        )
    model: FasterRCNN = get_model(model_name, weights=None, weights_backbone=None)
    published = get_model_weights(model_name).DEFAULT.url
    try:
        if weights is not None:
            state = _state_from_file(weights.resolve())
        else:
            state = torch.hub.load_state_dict_from_url(
                published, map_location="cpu", weights_only=True
            )
        _check(state, model.state_dict())
        model.load_state_dict(state)
    except (URLError, OSError) as error:
        raise EncoderError(
            f"the weights of {name} are not here and cannot be fetched ({type(error).__name__}); "
            f"download {published} on a machine with a network and name the file with "
            "--encoder-weights FILE"
        ) from None
    except EncoderError:
        raise
    except Exception as error:  # torch's reader has no common base for what it refuses
        reason = str(error).strip().splitlines()[0][:200]
        raise EncoderError(f"the weights file does not fit {name}: {reason}") from None
    return TorchvisionEncoder(name, model, config)


class TorchvisionEncoder:
    """`RegionEncoder` over a Faster R-CNN. dimension 1024; photos keep their aspect ratio."""

    dimension = FEATURE_DIMENSION

    stored = None  # the name says whose weights these are

    def __init__(
        self, name: str, model: FasterRCNN, config: TorchvisionConfig = TorchvisionConfig()
    ) -> None:
        self.name = name
        self.model = model.eval()
        self.config = config
        self.regions = config.regions

    def to(self, device: torch.device) -> None:
        self.model.to(device)

    @torch.inference_mode()
    def encode(self, photos: Sequence[np.ndarray]) -> list[Regions]:
        # One by one: the detector pads a batch to its largest photo, which would change the answer.
        return [self._encode_one(photo, np.zeros((0, 4)))[0] for photo in photos]

    @torch.inference_mode()
    def encode_boxes(
        self, photos: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
    ) -> list[tuple[Regions, np.ndarray]]:
        return [self._encode_one(photo, own) for photo, own in zip(photos, boxes, strict=True)]

    @torch.inference_mode()
    def encode_kept(self, photo: np.ndarray) -> tuple[Regions, SeenPhoto]:
        images, maps = self._pass(photo)
        regions, _ = self._regions(images, maps, np.zeros((0, 4)))
        return regions, SeenPhoto(self.model, maps, images.image_sizes)

    def _encode_one(self, photo: np.ndarray, own: np.ndarray) -> tuple[Regions, np.ndarray]:
        return self._regions(*self._pass(photo), own)

    def _pass(self, photo: np.ndarray) -> tuple[ImageList, dict[str, Tensor]]:
        """The photo as the model takes it, and the backbone's maps of it."""
        device = next(self.model.parameters()).device
        pixels = torch.from_numpy(np.ascontiguousarray(photo)).to(device).permute(2, 0, 1) / 255.0
        images, _ = self.model.transform([pixels])
        return images, self.model.backbone(images.tensors)

    def _regions(
        self, images: ImageList, maps: dict[str, Tensor], own: np.ndarray
    ) -> tuple[Regions, np.ndarray]:
        [(height, width)] = images.image_sizes
        candidates, _ = self.model.rpn(images, maps)
        heads = self.model.roi_heads
        sizes = images.image_sizes
        logits, offsets = heads.box_predictor(
            heads.box_head(heads.box_roi_pool(maps, candidates, sizes))
        )
        decoded = heads.box_coder.decode(offsets, candidates)  # (n, classes, 4)
        objectness, best = logits.softmax(dim=1)[:, 1:].max(dim=1)  # class 0 is the background
        refined = decoded[torch.arange(len(best)), best + 1]
        refined = ops.clip_boxes_to_image(refined, (height, width))
        kept = ops.remove_small_boxes(refined, 1.0)
        kept = kept[ops.nms(refined[kept], objectness[kept], NMS_IOU)][: self.regions - 1]
        scale = torch.tensor([width, height, width, height], dtype=torch.float32)
        normalised = refined[kept].cpu() / scale
        boxes, scores = image_region(normalised.numpy(), objectness[kept].cpu().numpy())
        drawn = np.asarray(own, dtype=np.float32).reshape(-1, 4)
        features = SeenPhoto(self.model, maps, sizes).features(np.concatenate((boxes, drawn)))
        return Regions(boxes, scores, features[: len(boxes)]), features[len(boxes) :]


@dataclass(frozen=True)
class SeenPhoto:
    """`Seen`: the backbone's maps of one photo, and its size in the model's pixels."""

    model: FasterRCNN
    maps: dict[str, Tensor]
    sizes: list[tuple[int, int]]
    """[(height, width)]."""

    @torch.inference_mode()
    def features(self, boxes: np.ndarray) -> np.ndarray:
        """(n, 4) normalised xyxy -> (n, D)."""
        [(height, width)] = self.sizes
        scale = torch.tensor([width, height, width, height], dtype=torch.float32)
        device = next(self.model.parameters()).device
        in_pixels = (torch.from_numpy(boxes.astype(np.float32)) * scale).to(device)
        heads = self.model.roi_heads
        pooled = heads.box_roi_pool(self.maps, [in_pixels], self.sizes)
        features: np.ndarray = heads.box_head(pooled).cpu().numpy()
        return features

    def windows(self, points: np.ndarray, side: float) -> np.ndarray:
        return self.features(windows_around(points, side))


KIND = NamedKind(TorchvisionConfig, torchvision_encoder)
