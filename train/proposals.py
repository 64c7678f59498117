"""`python -m train proposals`: teach the region network where things are.

The trunk starts from the EfficientNet-B4 teacher and stays fixed here, so its maps are computed
once and memory-mapped; the pyramid and the FCOS head learn on them. Targets are class-agnostic:
the training photos' Entities boxes and NanoDet's boxes. No word is read here: boxes teach where
things are, never what they are called.
"""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from core.checkpoints import save_checkpoint
from core.vision import boxes, images
from core.vision.encoders.bundled import RegionNetwork, RegionNetworkConfig
from train import machine
from train.data import CaptionSet, DataError, PhrasePhoto, read_flickr8k, read_phrases
from train.data.photos import read_photo
from train.interrupts import on_interrupt
from train.loop import Losses, Schedule, learn
from train.options import add_fields, check_numbers, fields_of
from train.runs import Run
from train.teachers import NanoDet, network_from_efficientnet


@dataclass(frozen=True)
class ProposalRecipe:
    """How the proposal head is trained."""

    side: int = 321
    """Input side in pixels, 32 k + 1."""
    epochs: int = 10
    """Passes over the photos."""
    batch: int = 16
    """Photos in a step."""
    rate: float = 1e-3
    """Adam's, falling to zero along half a cosine."""
    warm_up: int = 100
    """Steps over which the rate rises first."""
    held_out: int = 300
    """Training photos with phrases kept aside: the epoch of the best recall on them is exported."""
    seed: int = 1
    """Of everything drawn at random."""

    def __post_init__(self) -> None:
        check_numbers(self)


def load_pixels(path: Path, side: int) -> np.ndarray:
    """A photo from disk -> (3, side, side) uint8."""
    return images.resize_square(read_photo(path).pixels, side).transpose(2, 0, 1)


def teacher_boxes(folder: Path, paths: Sequence[Path], cache: Path) -> list[np.ndarray]:
    """NanoDet's boxes of each photo, (n, 4) normalised; computed once and kept in `cache`."""
    if cache.is_file():
        return read_boxes(cache, [path.name for path in paths])
    teacher = NanoDet(folder)
    found: list[np.ndarray] = []
    for start in tqdm(range(0, len(paths), 16), "NanoDet boxes", unit="batch"):
        photos = [read_photo(path).pixels for path in paths[start : start + 16]]
        found += [one.numpy() for one in teacher.boxes(photos)]
    fresh = cache.with_suffix(".new.npz")  # whole or not at all
    named: dict[str, Any] = {path.name: box for path, box in zip(paths, found, strict=True)}
    np.savez(fresh, **named)
    fresh.replace(cache)
    return found


def target_boxes(photo: PhrasePhoto | None, detected: np.ndarray) -> np.ndarray:
    """People's boxes, and the teacher's where they add something: (n, 4) normalised xyxy."""
    if photo is None or not photo.phrases:
        return detected.astype(np.float32)
    drawn = np.concatenate([phrase.boxes for phrase in photo.phrases])
    drawn = drawn[((drawn[:, 2:] - drawn[:, :2]) > 0.005).all(axis=1)]
    kept = [drawn[:0]]
    for box in drawn:  # the same thing is often drawn for two phrases
        if not (boxes.iou(box[None], np.concatenate(kept)) > 0.9).any():
            kept.append(box[None])
    drawn = np.concatenate(kept)
    fresh = boxes.iou(detected, drawn).max(axis=1, initial=0.0) < 0.5
    return np.concatenate((drawn, detected[fresh])).astype(np.float32)


def read_boxes(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """nanodet.npz -> the boxes of these photos. Raises DataError where it is another file."""
    try:
        with np.load(path) as stored:
            return [stored[name] for name in names]
    except KeyError as error:
        raise DataError(f"{path} has no boxes of {error.args[0]}; expected all photos'") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        raise DataError(
            f"{path} is not there, or no file of boxes; expected nanodet.npz of `train proposals`"
        ) from None


def proposal_targets(captions: CaptionSet, phrases: Path, nanodet: Path) -> list[np.ndarray]:
    """The boxes to teach for each photo of `captions`, from a phrases file and `nanodet.npz`."""
    photos = {photo.name: photo for photo in read_phrases(phrases)}
    detected = read_boxes(nanodet, captions.names)
    return [
        target_boxes(photos.get(name), found)
        for name, found in zip(captions.names, detected, strict=True)
    ]


@torch.inference_mode()
def recall(
    network: RegionNetwork, maps: Sequence[np.ndarray], photos: Sequence[PhrasePhoto]
) -> float:
    """Share of phrases with any of the photo's regions at IoU >= 0.5, the union box included."""
    network.eval()
    hit = total = 0
    for index, photo in enumerate(photos):
        level = [
            torch.from_numpy(m[index : index + 1]).to(network.mean.device).float() for m in maps
        ]
        found = network.propose(level, network.detect(level))[0][0].cpu().numpy()
        found = np.concatenate((np.array([boxes.WHOLE_IMAGE]), found))
        for phrase in photo.phrases:
            wanted = np.concatenate((phrase.boxes, boxes.union_xyxy(phrase.boxes)[None]))
            hit += bool((boxes.iou(found, wanted) >= 0.5).any())
            total += 1
    return hit / max(total, 1)


def cached_maps(network: RegionNetwork, paths: Sequence[Path], folder: Path) -> list[np.ndarray]:
    """The fixed trunk's maps of every photo, float16, memory-mapped, resumable by batch."""
    folder.mkdir(parents=True, exist_ok=True)
    side, device = network.config.side, network.mean.device
    blank = torch.zeros(1, 3, side, side, dtype=torch.uint8, device=device)
    with torch.no_grad():
        shapes = [tuple(m.shape[1:]) for m in network.maps(blank)]
    done_file = folder / "done.txt"
    done = int(done_file.read_text()) if done_file.is_file() else 0
    mode = "r+" if done else "w+"
    stored: list[np.ndarray] = [
        np.memmap(folder / f"level{i}.f16", np.dtype("f2"), mode, shape=(len(paths), *shape))  # type: ignore[call-overload]
        for i, shape in enumerate(shapes)
    ]
    for start in tqdm(range(done, len(paths), 16), "trunk maps", unit="batch"):
        pixels = np.stack([load_pixels(path, side) for path in paths[start : start + 16]])
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
            maps = network.maps(torch.from_numpy(pixels).to(device))
        for target, value in zip(stored, maps, strict=True):
            target[start : start + 16] = value.to(torch.float16).cpu().numpy()
        done_file.write_text(str(start + len(pixels)))
    return stored


class Rows:
    """Some rows of a memory-mapped array, read only when asked for."""

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self.array, self.rows = array, rows

    def __getitem__(self, chosen: np.ndarray) -> np.ndarray:
        return np.asarray(self.array[self.rows[chosen]])


class ProposalTask:
    """`train.loop.Task` of `train proposals`: pyramid and head learn on the trunk's maps."""

    def __init__(
        self,
        network: RegionNetwork,
        maps: Sequence[Rows],
        targets: Sequence[np.ndarray],
        held: Sequence[PhrasePhoto],
        held_maps: Sequence[np.ndarray],
        recipe: ProposalRecipe,
        folder: Path,
    ) -> None:
        """maps, targets: of the photos to learn from; held, held_maps: of those kept aside; folder:
        where the checkpoint goes."""
        if recipe.batch > len(targets):
            raise DataError(
                f"batch is {recipe.batch}; expected at most the {len(targets)} photos there are"
            )
        self.network, self.maps, self.targets = network, maps, targets
        self.held, self.held_maps = held, held_maps
        self.recipe, self.folder = recipe, folder
        self.generator = np.random.default_rng(recipe.seed)
        self.generators = (self.generator,)
        self.models = {"detector": network.detector}
        self.optimiser = torch.optim.AdamW(
            network.detector.parameters(), recipe.rate, weight_decay=1e-4
        )
        self.steps = len(targets) // recipe.batch

    def epoch(self, number: int) -> Iterator[Losses]:
        network, batch, device = self.network, self.recipe.batch, self.network.mean.device
        network.train()
        order = self.generator.permutation(len(self.targets))
        for step in range(self.steps):
            chosen = np.sort(order[step * batch : (step + 1) * batch])
            maps = [torch.from_numpy(level[chosen]).to(device).float() for level in self.maps]
            wanted = [self.targets[i] for i in chosen]
            if self.generator.random() < 0.5:  # the mirror image's maps, but for the trunk's
                maps = [level.flip(3) for level in maps]  # asymmetry
                wanted = [boxes.mirrored(one) for one in wanted]
            found = [torch.from_numpy(one) for one in wanted]
            yield Losses(network.proposal_loss(maps, network.detect(maps), found))

    def clip(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.network.detector.parameters(), 5.0)

    def assess(self) -> dict[str, float]:
        return {"recall": recall(self.network, self.held_maps, self.held)}

    def columns(self, means: Mapping[str, float]) -> dict[str, float]:
        return dict(means)

    def worth(self, figures: Mapping[str, float]) -> float:
        return figures["recall"]

    def save(self) -> None:
        name = self.folder.parent.name
        save_checkpoint(self.folder, name, self.network, half=False)


@dataclass(frozen=True)
class ProposalOptions:
    """What is taught, from what, and where it goes."""

    data: Path
    phrases: Path
    efficientnet: Path
    """The trunk's teacher (`train.teachers`)."""
    nanodet: Path
    """The boxes' teacher."""
    out: Path
    """The run's folder, which also keeps what is computed once: nanodet.npz and maps/."""
    recipe: ProposalRecipe = ProposalRecipe()

    def described(self) -> dict[str, Any]:
        """Everything a resumed run must agree on, for config.json."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "recipe"}
        return {"command": "proposals"} | told | asdict(self.recipe)


def proposals(options: ProposalOptions, device: torch.device = torch.device("cpu")) -> Path:
    """Teach as the options say -> the checkpoint's folder."""
    recipe = options.recipe
    schedule = Schedule(recipe.epochs, recipe.warm_up, seed=recipe.seed)
    try:
        config = RegionNetworkConfig(side=recipe.side)
    except ValueError as error:
        raise DataError(str(error)) from None
    captions = read_flickr8k(options.data, "train")
    phrases = {photo.name: photo for photo in read_phrases(options.phrases)}
    with_phrases = [i for i, name in enumerate(captions.names) if name in phrases]
    chosen = np.random.default_rng(recipe.seed).permutation(with_phrases)[: recipe.held_out]
    held = sorted(int(i) for i in chosen)
    kept = np.setdiff1d(np.arange(len(captions)), held)
    torch.manual_seed(recipe.seed)  # of what no teacher gives: a run that goes on begins the same
    network = network_from_efficientnet(options.efficientnet, config).to(device)
    run = Run(options.out, options.described())
    with on_interrupt(
        lambda: f"stopped; {options.out} keeps what there is, the same command goes on"
    ):
        detected = teacher_boxes(options.nanodet, captions.paths, options.out / "nanodet.npz")
        maps = cached_maps(network.eval(), captions.paths, options.out / "maps")
        folder = options.out / "checkpoint"
        task = ProposalTask(
            network,
            [Rows(level, kept) for level in maps],
            [target_boxes(phrases.get(captions.names[i]), detected[i]) for i in kept],
            [phrases[captions.names[i]] for i in held],
            [level[held] for level in maps],
            recipe,
            folder,
        )
        learn(task, schedule, run)
    return folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="a Flickr8k folder")
    parser.add_argument(
        "--phrases", type=Path, required=True, help="its training phrases with boxes"
    )
    parser.add_argument("--efficientnet", type=Path, required=True, help="the trunk's teacher")
    parser.add_argument(
        "--nanodet",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the boxes' teacher: a folder with its ncnn files; no code there is run",
    )
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    machine.add_arguments(parser)
    add_fields(parser, ProposalRecipe)


def main(arguments: argparse.Namespace) -> None:
    recipe = ProposalRecipe(**fields_of(ProposalRecipe, arguments))
    own = {
        f.name: getattr(arguments, f.name) for f in fields(ProposalOptions) if f.name != "recipe"
    }
    proposals(ProposalOptions(**own, recipe=recipe), machine.prepare(arguments))
