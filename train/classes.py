"""`python -m train classes`: teach the region network what things are.

The class-aware detector starts from NanoDet-Plus (`train.teachers`) and goes on from what its
teacher says of each photo, mended by what people said of it:

  labels   a category that a labelled photo does not show scores 0; of one that it shows, the
           teacher's best box scores more; where the teacher sees none, nothing is taught
  people   boxes of people, where they are complete, take the place of the teacher's
  phrases  Flickr30k Entities' boxes mend those of the teacher's that lie close; no word is read

The trunk and the proposals stay as they are. Losses are NanoDet's: quality focal, generalised
IoU, and the distribution of distances (Li et al. 2020).
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision import ops

from core.checkpoints import load_network, save_checkpoint
from core.vision.boxes import mirrored
from core.vision.encoders.bundled import RegionNetwork
from core.vision.encoders.class_detector import BINS, STRIDES, Cells, ClassDetector, places_of
from train import machine
from train.data import DataError, read_captions, read_json, read_phrases
from train.labelled import read_labelled
from train.loop import Losses, Schedule, learn
from train.options import add_fields, check_numbers, fields_of, read_into
from train.proposals import load_pixels
from train.runs import Run
from train.teachers import class_detector_from_nanodet


@dataclass(frozen=True)
class ClassRecipe:
    """How the class-aware detector is trained."""

    steps: int = 300
    """Batches in all."""
    batch: int = 16
    """Photos of a step."""
    rate: float = 1e-3
    """Relative to each tensor's own size, as BatchNorm is folded."""
    warm_up: int = 40
    """Steps over which the rate rises, before it falls to zero along half a cosine."""
    side: int = 320
    """Input side of two steps in three."""
    large_side: int = 416
    """Every third step's, which is the side that the network runs at."""
    regions: int = 36
    """Of the network that comes out."""
    report: int = 25
    """Steps between two reports and kept states."""
    seed: int = 1
    """Of everything that is drawn."""

    def __post_init__(self) -> None:
        check_numbers(self)


@dataclass(frozen=True)
class Known:
    """What people said of a photo: categories it shows (None where that is not known), all boxes of
    people (None likewise), boxes of phrases; normalised xyxy."""

    path: Path
    labels: tuple[int, ...] | None = None
    people: np.ndarray | None = None
    phrases: np.ndarray | None = None


@torch.no_grad()
def mended(
    cells: Cells, photos: Sequence[Known], flipped: Sequence[bool], places: Tensor, person: int
) -> tuple[Tensor, Tensor, Tensor]:
    """What the teacher says of photos, mended -> scores (B, N, C), boxes (B, N, 4) and the weight
    (B, N, C) of each score. places (N, 3) as of `places_of`; person: the category of people."""
    scores, boxes = cells.logits.sigmoid(), cells.boxes.clamp(0, 1).clone()
    weight = torch.ones_like(scores)
    for b, (photo, flip) in enumerate(zip(photos, flipped, strict=True)):

        def tensor(given: np.ndarray, flip: bool = flip) -> Tensor:
            turned = mirrored(given) if flip else given
            return torch.from_numpy(np.ascontiguousarray(turned, np.float32)).to(scores.device)

        if photo.labels is not None:
            absent = torch.ones(scores.shape[2], dtype=torch.bool, device=scores.device)
            absent[list(photo.labels)] = False
            scores[b][:, absent] = 0
            for category in photo.labels:
                if category != person or photo.people is None:
                    _raise(scores[b], boxes[b], weight[b], category)
        if photo.people is not None and len(photo.people):
            _people(scores[b], boxes[b], tensor(photo.people), places, person)
        if photo.phrases is not None and len(photo.phrases):
            drawn = tensor(photo.phrases)
            best, which = ops.box_iou(boxes[b], drawn).max(dim=1)
            boxes[b] = torch.where((best >= 0.6)[:, None], drawn[which], boxes[b])
    return scores, boxes, weight


def _raise(scores: Tensor, boxes: Tensor, weight: Tensor, category: int) -> None:
    """A category that the photo shows: its best box should be surer of it; in place."""
    mine = scores[:, category]
    top = float(mine.max())
    if top < 0.08:  # the teacher does not see it: where it is, nobody knows
        weight[:, category] = torch.where(mine > 0.005, 0.0, 1.0)
    elif top < 0.7:
        near = ops.box_iou(boxes[mine.argmax()][None], boxes)[0] >= 0.5
        gain = min((0.3 + (0.7 if top >= 0.2 else 0.5) * top) / top, 0.7 / top)
        scores[:, category] = torch.where(near, (mine * gain).clamp(max=0.9), mine)


def _people(scores: Tensor, boxes: Tensor, drawn: Tensor, places: Tensor, person: int) -> None:
    """All people's boxes are known: the teacher's take their place, others are nobody; in place."""
    best, which = ops.box_iou(boxes, drawn).max(dim=1)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (centre[:, None] >= drawn[None, :, :2]) & (centre[:, None] <= drawn[None, :, 2:])
    mine = scores[:, person]
    mine = torch.where((best < 0.3) & ~inside.all(dim=-1).any(dim=1), 0.0, mine)
    hit = (best >= 0.5) & (mine > 0.05)
    mine = torch.where(hit, torch.maximum(mine, (mine * 1.3).clamp(max=0.9)), mine)
    own = hit & (scores.argmax(dim=1) == person)
    boxes.copy_(torch.where(own[:, None], drawn[which], boxes))
    side = float(places[:, :2].max()) + STRIDES[0]
    for k, box in enumerate(drawn):
        if ((which == k) & (best >= 0.5) & (mine > 0.25)).any():
            continue  # the teacher sees this one
        size = (box[2:] - box[:2]) * side
        if float(size.min()) < 6:
            continue
        level = round(math.log2(float(size.max()) / (STRIDES[0] * 5.5)))
        stride = STRIDES[min(max(level, 0), len(STRIDES) - 1)]
        away = (places[:, :2] - (box[:2] + box[2:]) / 2 * side).abs().amax(dim=1)
        here = (places[:, 2] == stride) & (away <= 0.75 * stride)
        mine = torch.where(here, mine.clamp(min=0.5), mine)
        boxes.copy_(torch.where(here[:, None], box[None], boxes))
    scores[:, person] = mine


def losses(
    cells: Cells, scores: Tensor, boxes: Tensor, weight: Tensor, places: Tensor, side: int
) -> dict[str, Tensor]:
    """NanoDet's three losses against `mended` targets; boxes count by their best score."""
    said = cells.logits.sigmoid()
    focal = F.binary_cross_entropy_with_logits(cells.logits, scores, reduction="none")
    focal = focal * (said - scores).square() * weight
    top = scores.amax(dim=2)
    whole = top.sum().clamp_min(1.0)
    parts = {"scores": focal.sum() / whole}
    used = top > 0.1
    if not used.any():
        return parts
    wanted, share = boxes[used], top[used]
    giou = ops.generalized_box_iou_loss(cells.boxes[used], wanted)
    at = places[None].expand(len(scores), -1, -1)[used]
    away = torch.cat((at[:, :2] - wanted[:, :2] * side, wanted[:, 2:] * side - at[:, :2]), dim=1)
    away = (away / at[:, 2:]).clamp(0, BINS - 1 - 0.01)
    below = away.floor().long()
    spread = cells.bins[used].log_softmax(dim=-1)
    low = spread.gather(2, below[..., None])[..., 0]
    high = spread.gather(2, below[..., None] + 1)[..., 0]
    part = away - below
    distances = -(low * (1 - part) + high * part).mean(dim=1)
    parts["boxes"] = 2 * (giou * share).sum() / whole
    parts["distances"] = 0.25 * (distances * share).sum() / whole
    return parts


class ClassTask:
    """`train.loop.Task` of `train classes`: a detector learns from its own start as the teacher. An
    epoch is the steps between two reports, and the checkpoint is always the last."""

    def __init__(
        self,
        student: ClassDetector,
        photos: Sequence[Known],
        person: int,
        recipe: ClassRecipe,
        schedule: Schedule,
        export: Callable[[], None],
    ) -> None:
        """person: the category of people; export: write the checkpoint."""
        self.student, self.photos, self.person = student, photos, person
        self.recipe, self.schedule, self.export = recipe, schedule, export
        self.teacher = copy.deepcopy(student).eval().requires_grad_(False)
        groups = [
            {
                "params": [t],
                "lr": recipe.rate * t.detach().square().mean().sqrt().clamp_min(1e-2).item(),
            }
            for t in student.parameters()
        ]
        self.optimiser = torch.optim.AdamW(groups, weight_decay=1e-4, betas=(0.9, 0.99))
        self.models = {"detector": student}
        self.generator = np.random.default_rng(recipe.seed)
        self.generators = (self.generator,)
        self.steps = recipe.report
        self.done = 0

    def epoch(self, number: int) -> Iterator[Losses]:
        recipe, first = self.recipe, number * self.steps
        for step in range(first, first + self.schedule.steps_of(number, self.steps)):
            side = recipe.large_side if step % 3 == 0 else recipe.side
            self.done = step + 1
            yield Losses(self._step(side))

    def _step(self, side: int) -> dict[str, Tensor]:
        """One batch at an input side -> the parts of its loss."""
        batch, device = self.recipe.batch, next(self.student.parameters()).device
        few = len(self.photos) < batch
        chosen = [
            self.photos[row] for row in self.generator.choice(len(self.photos), batch, replace=few)
        ]
        flipped = (self.generator.random(batch) < 0.5).tolist()
        pixels = [load_pixels(photo.path, side) for photo in chosen]
        turned = [p[:, :, ::-1] if flip else p for p, flip in zip(pixels, flipped, strict=True)]
        x = torch.from_numpy(np.ascontiguousarray(np.stack(turned))).to(device)
        with torch.no_grad():
            taught = self.teacher(x)
        places = torch.cat(
            [places_of(level, stride) for level, stride in zip(taught.maps, STRIDES, strict=True)]
        )
        targets = mended(taught, chosen, flipped, places, self.person)
        return losses(self.student(x), *targets, places, side)

    def clip(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 5.0)

    def assess(self) -> dict[str, float]:
        return {"step": self.done}

    def columns(self, means: Mapping[str, float]) -> dict[str, float]:
        return dict(means)

    def worth(self, figures: Mapping[str, float]) -> float:
        """The last is the best: the rates fall to zero with it."""
        return figures["step"]

    def save(self) -> None:
        self.export()


def with_classes(network: RegionNetwork, detector: ClassDetector, regions: int) -> RegionNetwork:
    """A network with a class-aware detector beside what it has."""
    grown = RegionNetwork(replace(network.config, classes=detector.classes, regions=regions))
    own = {f"class_detector.{key}": value for key, value in detector.state_dict().items()}
    grown.load_state_dict(network.state_dict() | own)
    return grown


def known_photos(data: Path, phrases: Path, labelled: Path, names: Sequence[str]) -> list[Known]:
    """Flickr8k's training photos with phrases' boxes, and labelled ones; names of the categories in
    the detector's order."""
    number = {name: i for i, name in enumerate(names)}
    drawn = {
        photo.name: np.concatenate([phrase.boxes for phrase in photo.phrases])
        for photo in read_phrases(phrases)
        if photo.phrases
    }
    captions = read_captions(data, "train", None, None)
    known = [
        Known(path, phrases=drawn.get(name))
        for name, path in zip(captions.names, captions.paths, strict=True)
    ]
    photos = read_labelled(labelled)
    for name, path, labels in zip(photos.names, photos.paths, photos.labels, strict=True):
        if strange := sorted(labels - number.keys()):
            raise DataError(f"{labelled}: {name} has the label '{strange[0]}'; expected COCO's")
        shown = tuple(sorted(number[label] for label in labels))
        known.append(Known(path, shown, photos.people.get(name)))
    return known


@dataclass(frozen=True)
class ClassOptions:
    """What is taught, from what, and where it goes."""

    data: Path
    """A Flickr8k folder."""
    phrases: Path
    """Its training phrases with boxes."""
    labelled: Path
    """Photos with labels (`train.labelled`)."""
    nanodet: Path
    """The teacher (`train.teachers`)."""
    encoder: str
    """The checkpoint whose network gets the detector."""
    out: Path
    """The run's folder; the checkpoint lies in its `checkpoint`."""
    recipe: ClassRecipe = ClassRecipe()

    def described(self) -> dict[str, Any]:
        """Everything a resumed run must agree on, for config.json."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "recipe"}
        return {"command": "classes"} | told | asdict(self.recipe)


def classes(options: ClassOptions, device: torch.device = torch.device("cpu")) -> Path:
    """Teach as the options say -> the checkpoint's folder. Nothing is written before all options
    and files are known to be good."""
    recipe = options.recipe
    schedule = Schedule.of_steps(recipe.steps, recipe.report, recipe.warm_up, recipe.seed)
    listed = read_json(options.nanodet / "coco_names.json")
    names = [listed[str(i)] for i in range(len(listed))]
    photos = known_photos(options.data, options.phrases, options.labelled, names)
    network = load_network(options.encoder)
    student = class_detector_from_nanodet(options.nanodet)
    student.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    folder = options.out / "checkpoint"

    def export() -> None:
        grown = with_classes(network, student, recipe.regions)
        save_checkpoint(folder, options.out.name, grown, half=False)

    task = ClassTask(student, photos, names.index("person"), recipe, schedule, export)
    learn(task, schedule, Run(options.out, options.described()))
    return folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="a Flickr8k folder")
    parser.add_argument("--phrases", type=Path, required=True, help="its phrases with boxes")
    parser.add_argument("--labelled", type=Path, required=True, help="photos with labels")
    parser.add_argument(
        "--nanodet",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the teacher: a folder with its ncnn files; no code there is run",
    )
    parser.add_argument("--encoder", required=True, help="checkpoint of the network to add it to")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    machine.add_arguments(parser)
    add_fields(parser, ClassRecipe)


def main(arguments: argparse.Namespace) -> None:
    recipe = ClassRecipe(**fields_of(ClassRecipe, arguments))
    classes(read_into(ClassOptions, arguments, recipe=recipe), machine.prepare(arguments))
