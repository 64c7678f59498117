"""`python -m train proposals`: teach the region network where things are.

The trunk starts from the EfficientNet-B4 teacher and stays fixed here, so its maps are computed
once and memory-mapped; the pyramid and the FCOS head learn on them. Targets are class-agnostic:
the training photos' Entities boxes and NanoDet's boxes. No word is read here: boxes teach where
things are, never what they are called.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from core.checkpoints import save_checkpoint
from core.vision import boxes, images
from core.vision.encoders.bundled import RegionNetwork, RegionNetworkConfig
from train.data import CaptionSet, PhrasePhoto, read_flickr8k, read_phrases
from train.runs import Run, check_finite, set_threads
from train.teachers import NanoDet, network_from_efficientnet


@dataclass(frozen=True)
class ProposalRecipe:
    """How the proposal head is trained."""

    side: int = 321
    epochs: int = 10
    batch: int = 16
    rate: float = 1e-3
    """Adam's, falling to zero along half a cosine."""
    held_out: int = 300
    """Training photos with phrases kept aside to measure recall on while training."""
    seed: int = 1


def load_pixels(path: Path, side: int) -> np.ndarray:
    """A photo from disk -> (3, side, side) uint8."""
    return images.resize_square(images.read(path).pixels, side).transpose(2, 0, 1)


def teacher_boxes(folder: Path, paths: Sequence[Path], cache: Path) -> list[np.ndarray]:
    """NanoDet's boxes of each photo, (n, 4) normalised; computed once and kept in `cache`."""
    if cache.is_file():
        with np.load(cache) as stored:
            return [stored[path.name] for path in paths]
    teacher = NanoDet(folder)
    found: list[np.ndarray] = []
    for start in tqdm(range(0, len(paths), 16), "NanoDet boxes", unit="batch"):
        photos = [images.read(path).pixels for path in paths[start : start + 16]]
        found += [one.numpy() for one in teacher.boxes(photos)]
    np.savez(cache, **{path.name: box for path, box in zip(paths, found, strict=True)})
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


def proposal_targets(captions: CaptionSet, phrases: Path, nanodet: Path) -> list[np.ndarray]:
    """The boxes to teach for each photo of `captions`, from a phrases file and `nanodet.npz`."""
    photos = {photo.name: photo for photo in read_phrases(phrases)}
    with np.load(nanodet) as stored:
        return [target_boxes(photos.get(name), stored[name]) for name in captions.names]


def recall(
    network: RegionNetwork, maps: Sequence[np.ndarray], photos: Sequence[PhrasePhoto]
) -> float:
    """Share of phrases with any of the photo's regions at IoU >= 0.5, the union box included."""
    network.eval()
    hit = total = 0
    for index, photo in enumerate(photos):
        level = [torch.from_numpy(m[index : index + 1]).float() for m in maps]
        found = network.propose(level, network.detect(level))[0][0].numpy()
        found = np.concatenate((np.array([boxes.WHOLE_IMAGE]), found))
        for phrase in photo.phrases:
            wanted = np.concatenate((phrase.boxes, boxes.union_xyxy(phrase.boxes)[None]))
            hit += bool((boxes.iou(found, wanted) >= 0.5).any())
            total += 1
    return hit / max(total, 1)


def cached_maps(network: RegionNetwork, paths: Sequence[Path], folder: Path) -> list[np.ndarray]:
    """The fixed trunk's maps of every photo, float16, memory-mapped, resumable by batch."""
    folder.mkdir(parents=True, exist_ok=True)
    side = network.config.side
    with torch.no_grad():
        shapes = [
            m.shape[1:] for m in network.maps(torch.zeros(1, 3, side, side, dtype=torch.uint8))
        ]
    done_file = folder / "done.txt"
    done = int(done_file.read_text()) if done_file.is_file() else 0
    mode = "r+" if done else "w+"
    stored = [
        np.memmap(folder / f"level{i}.f16", np.float16, mode, shape=(len(paths), *shape))
        for i, shape in enumerate(shapes)
    ]
    for start in tqdm(range(done, len(paths), 16), "trunk maps", unit="batch"):
        pixels = np.stack([load_pixels(path, side) for path in paths[start : start + 16]])
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            maps = network.maps(torch.from_numpy(pixels))
        for target, value in zip(stored, maps, strict=True):
            target[start : start + 16] = value.to(torch.float16).numpy()
        done_file.write_text(str(start + len(pixels)))
    return list(stored)


def train(
    network: RegionNetwork,
    maps: list[np.ndarray],
    targets: list[np.ndarray],
    held: Sequence[PhrasePhoto],
    held_maps: list[np.ndarray],
    recipe: ProposalRecipe,
    run: Run,
) -> None:
    generator = np.random.default_rng(recipe.seed)
    torch.manual_seed(recipe.seed)
    optimiser = torch.optim.AdamW(network.detector.parameters(), recipe.rate, weight_decay=1e-4)
    steps = len(targets) // recipe.batch
    total = steps * recipe.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min(1.0, (step + 1) / 100) * (1 + math.cos(math.pi * step / total)) / 2,
    )
    for epoch in range(recipe.epochs):
        network.train()
        order = generator.permutation(len(targets))
        sums: dict[str, float] = {}
        for step in tqdm(
            range(steps), f"epoch {epoch + 1}/{recipe.epochs}", unit="step", mininterval=10
        ):
            chosen = np.sort(order[step * recipe.batch : (step + 1) * recipe.batch])
            batch = [torch.from_numpy(level[chosen]).float() for level in maps]
            wanted = [targets[i] for i in chosen]
            if generator.random() < 0.5:  # the mirror image's maps, but for the trunk's asymmetry
                batch = [level.flip(3) for level in batch]
                wanted = [boxes.mirrored(one) for one in wanted]
            found = [torch.from_numpy(one) for one in wanted]
            parts = network.proposal_loss(batch, network.detect(batch), found)
            loss = check_finite(parts)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.detector.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value.item() / steps
        run.log(epoch=epoch + 1, **sums, recall=recall(network, held_maps, held))
        save_checkpoint(run.folder / "checkpoint", run.folder.name, network, half=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="a Flickr8k folder")
    parser.add_argument(
        "--phrases", type=Path, required=True, help="its training phrases with boxes"
    )
    parser.add_argument("--efficientnet", type=Path, required=True, help="the trunk's teacher")
    parser.add_argument("--nanodet", type=Path, required=True, help="the boxes' teacher")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    for field in fields(ProposalRecipe):
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=type(field.default), default=field.default)
    parser.add_argument("--threads", type=int, default=2)


def main(arguments: argparse.Namespace) -> None:
    set_threads(arguments.threads)
    recipe = ProposalRecipe(**{f.name: getattr(arguments, f.name) for f in fields(ProposalRecipe)})
    run = Run(arguments.out, recipe)
    captions = read_flickr8k(arguments.data, "train")
    detected = teacher_boxes(arguments.nanodet, captions.paths, arguments.out / "nanodet.npz")
    phrases = {photo.name: photo for photo in read_phrases(arguments.phrases)}
    network = network_from_efficientnet(
        arguments.efficientnet, RegionNetworkConfig(side=arguments.side)
    )
    maps = cached_maps(network.eval(), captions.paths, arguments.out / "maps")
    with_phrases = [i for i, name in enumerate(captions.names) if name in phrases]
    chosen = np.random.default_rng(recipe.seed).permutation(with_phrases)[: recipe.held_out]
    held = sorted(int(i) for i in chosen)
    kept = np.setdiff1d(np.arange(len(captions)), held)
    train(
        network,
        [_Rows(level, kept) for level in maps],  # type: ignore[misc]
        [target_boxes(phrases.get(captions.names[i]), detected[i]) for i in kept],
        [phrases[captions.names[i]] for i in held],
        [level[held] for level in maps],
        recipe,
        run,
    )


class _Rows:
    """Some rows of a memory-mapped array, read only when asked for."""

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self.array, self.rows = array, rows

    def __getitem__(self, chosen: np.ndarray) -> np.ndarray:
        return np.asarray(self.array[self.rows[chosen]])
