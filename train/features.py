"""`python -m train features`: photos -> regions on disk, memory-mapped, resumable.

A feature folder holds names.json (photos, encoder, dimension, regions) and four .npy files of n
photos and R regions, the most that the encoder gives: boxes (n, R, 4) float32 normalised xyxy,
objectness (n, R) float32, features (n, R, D) float16, count (n,) int32, the regions a photo has.
count 0 means "not done yet": a run that was stopped goes on there. A photo that cannot be read is
left out and named, with the reason, in names.json and in unreadable.txt.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from core.checkpoints import load_encoder
from core.devices import move
from core.vision import boxes as box_formats
from core.vision.encoders import NamedEncoder, kind_of, usages
from core.vision.regions import PAPER_REGIONS, RegionEncoder
from train import machine
from train.data import CaptionSet, DataError, read_captions
from train.data.photos import read_photo, tell_unreadable, unreadable_photos
from train.interrupts import on_interrupt
from train.labelled import LabelledPhotos, read_labelled
from train.options import add_photos, folder_for

BATCH = 16  # photos a pass: beyond this nothing gets faster on a CPU


class FeatureStore:
    """A feature folder, read. Arrays stay on disk: memory does not grow with the photos."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "names.json").is_file():
            raise DataError(f"{folder} is no feature folder; expected one made by `train features`")
        described = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        self.folder = folder
        self.names: list[str] = described["names"]
        self.unreadable: dict[str, str] = described.get("unreadable", {})
        self.encoder: str = described["encoder"]
        self.dimension: int = described["dimension"]
        self.regions: int = described.get("regions", PAPER_REGIONS)  # older folders do not say
        self.boxes = np.load(folder / "boxes.npy", mmap_mode="r")
        self.objectness = np.load(folder / "objectness.npy", mmap_mode="r")
        self.features = np.load(folder / "features.npy", mmap_mode="r")
        self.count = np.load(folder / "count.npy", mmap_mode="r")
        missing = int((self.count == 0).sum())
        if missing:
            raise DataError(
                f"{folder} lacks {missing} of {len(self.names)} photos; run `train features` again"
            )

    def readable(self, captions: CaptionSet) -> CaptionSet:
        """A data set without the photos that could not be read when the features were made."""
        return captions.without(self.unreadable)

    @property
    def named_encoder(self) -> NamedEncoder:
        """The encoder as far as the folder tells of it."""
        return NamedEncoder(self.encoder, kind_of(self.encoder).config(regions=self.regions))

    def must_be_of(self, encoder: str, dimension: int, whose: str) -> None:
        """Raises DataError where the features are not of an encoder with this name that gives
        `dimension` numbers a region; whose: what the sentence calls it, such as "--encoder"."""
        if (self.encoder, self.dimension) != (encoder, dimension):
            raise DataError(
                f"{self.folder} has features of the encoder {self.encoder} ({self.dimension} "
                f"numbers a region); {whose} has {encoder} ({dimension}), expected the same"
            )

    def rows(self, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
        """(K,) row numbers -> features (K, R, D) float32, present (K, R) bool."""
        features = torch.from_numpy(np.asarray(self.features[chosen], dtype=np.float32))
        present = torch.arange(self.regions) < torch.from_numpy(self.count[chosen])[:, None]
        return features, present


def write_features(
    encoder: RegionEncoder,
    names: Sequence[str],
    paths: Sequence[Path],
    folder: Path,
    mirrored: bool = False,
) -> None:
    """Encode photos into a feature folder, going on where an earlier run stopped. Photos that
    cannot be read are left out (`FeatureStore.unreadable`).

    mirrored: encode their mirror images, another view to train on; boxes are the photo's own.
    """
    folder_for(folder)
    described = folder / "names.json"
    fresh = not described.is_file()
    there: dict[str, object] = {}
    if fresh:
        unreadable = unreadable_photos(names, paths)
        tell_unreadable(unreadable, len(names), folder / "unreadable.txt")
        if len(unreadable) == len(names) > 0:
            name, why = next(iter(unreadable.items()))
            raise DataError(f"none of {len(names):,} photos can be read; {name}: {why}")
    else:
        there = {"regions": PAPER_REGIONS, **json.loads(described.read_text(encoding="utf-8"))}
        unreadable = dict(there.get("unreadable", {}))  # type: ignore[call-overload]
    kept = [row for row, name in enumerate(names) if name not in unreadable]
    names, paths = [names[row] for row in kept], [paths[row] for row in kept]
    n, r = len(names), encoder.regions
    header: dict[str, object] = {
        "encoder": encoder.name,
        "dimension": encoder.dimension,
        "regions": encoder.regions,
        "names": list(names),
    }
    if mirrored:
        header["mirrored"] = True
    if unreadable:
        header["unreadable"] = unreadable
    if not fresh and there != header:
        raise DataError(f"{folder} holds other photos or another encoder; expected an empty folder")

    def open_array(name: str, shape: tuple[int, ...], kind: type) -> np.ndarray:
        path = folder / f"{name}.npy"
        if fresh:
            return np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
        return np.lib.format.open_memmap(path, mode="r+")

    boxes = open_array("boxes", (n, r, 4), np.float32)
    objectness = open_array("objectness", (n, r), np.float32)
    features = open_array("features", (n, r, encoder.dimension), np.float16)
    count = open_array("count", (n,), np.int32)
    described.write_text(json.dumps(header), encoding="utf-8")
    todo = np.flatnonzero(np.asarray(count) == 0)

    def done_so_far() -> str:
        done = int((np.asarray(count) > 0).sum())
        return (
            f"stopped: {folder} keeps {done:,} of {n:,} photos, the same command goes on from there"
        )

    with (
        on_interrupt(done_so_far),
        tqdm(total=n, initial=n - len(todo), desc="features", unit="photo", mininterval=5) as bar,
    ):
        for start in range(0, len(todo), BATCH):
            rows = todo[start : start + BATCH]
            pixels = [read_photo(paths[row]).pixels for row in rows]
            found = encoder.encode([photo[:, ::-1] for photo in pixels] if mirrored else pixels)
            for row, regions in zip(rows, found, strict=True):
                k = len(regions)
                at = box_formats.mirrored(regions.boxes) if mirrored else regions.boxes
                boxes[row, :k], objectness[row, :k] = at, regions.objectness
                features[row, :k] = regions.features
                count[row] = k  # last: a row counts only when all of it is there
            bar.update(len(rows))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser, "train")
    parser.add_argument("--labelled", type=Path, help="photos with labels (train/labelled.py)")
    parser.add_argument(
        "--encoder",
        default="bundled",
        help=f"'bundled' (the default), a checkpoint's or region network's folder, or one of "
        f"{usages()}",
    )
    parser.add_argument(
        "--encoder-weights", type=Path, help="a file for an encoder that has a name"
    )
    parser.add_argument("--regions", type=int, help="most regions of a photo (the encoder's own)")
    parser.add_argument("--mirrored", action="store_true", help="of the photos' mirror images")
    parser.add_argument("--out", type=Path, required=True, help="the feature folder")
    machine.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    device = machine.prepare(arguments)
    photos: CaptionSet | LabelledPhotos
    if arguments.labelled is not None:
        photos = read_labelled(arguments.labelled)
    else:
        photos = read_captions(
            arguments.data,
            arguments.split,
            arguments.images,
            arguments.captions,
            wordless=True,
        )
    changes = {"regions": arguments.regions} if arguments.regions is not None else {}
    encoder = load_encoder(arguments.encoder, arguments.encoder_weights, changes)
    move(encoder, device)
    write_features(encoder, photos.names, photos.paths, arguments.out, arguments.mirrored)
