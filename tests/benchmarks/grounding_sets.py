"""What grounding sets cost: `python -m tests.benchmarks.grounding_sets --json OUT`.

Synthetic features (random, 20 regions a photo, the bundled alignment model, random sentences of its
words) at 1,000, 10,000 and 100,000 regions' worth of photos; each size in a process of its own.

make      seconds of `train ground` from stored features, in all and for each photo, and the peak
          of resident memory; linear and flat are what is claimed
list      the first page of the grid (60 photos) of a set just opened, failures first
open      a photo with ten sentences, aligned
search    regions and photos for four words, best and median
rss       resident memory of the process after all that

Wall seconds are what a person waits; CPU seconds stay comparable on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image

from core.checkpoints import Checkpoint, load_checkpoint
from core.describer import Describer
from core.groundings.listing import Listing
from core.groundings.reader import GroundingSet
from demo.grounding_set.service import GroundingService
from train.data import CaptionSet, Phrase
from train.features import FeatureStore
from train.ground import ground

SIZES = (1_000, 10_000, 100_000)  # regions
QUERY = "a brown dog runs"


def synthetic(
    folder: Path, photos: int, sentences: int, checkpoint: Checkpoint
) -> tuple[CaptionSet, dict[str, list[Phrase]], FeatureStore]:
    """A data set whose photos are one small picture under many names, and a feature folder."""
    generator = np.random.default_rng(photos)
    dimension = checkpoint.encoder.dimension
    names = [f"{k:06}.jpg" for k in range(photos)]
    features, n = folder / "features", checkpoint.encoder.regions
    features.mkdir()
    (folder / "images").mkdir()
    first = folder / "images" / names[0]
    Image.fromarray(generator.integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(first)
    for name in names[1:]:
        (folder / "images" / name).hardlink_to(first)
    described = {"names": names, "encoder": checkpoint.encoder.name, "dimension": dimension}
    described |= {"regions": n}
    (features / "names.json").write_text(json.dumps(described))
    shapes = {"boxes": (n, 4), "objectness": (n,), "features": (n, dimension), "count": ()}
    kinds = {"features": np.float16, "count": np.int32}
    for name, shape in shapes.items():
        array = np.lib.format.open_memmap(
            features / f"{name}.npy", "w+", kinds.get(name, np.float32), (photos, *shape)
        )
        for start in range(0, photos, 500):
            rows = slice(start, start + 500)
            array[rows] = n if name == "count" else generator.random(array[rows].shape)
        if name == "boxes":
            array.sort(axis=2)  # left and top before right and bottom, or nearly
    words = checkpoint.vocabulary.words
    written = tuple(
        tuple(" ".join(generator.choice(words, 11)) for _ in range(sentences)) for _ in names
    )
    box = np.array([[0.2, 0.2, 0.7, 0.8]])
    phrases = {name: [Phrase("a dog", box)] for name in names[::2]}
    paths = tuple(folder / "images" / name for name in names)
    return CaptionSet(tuple(names), paths, written), phrases, FeatureStore(features)


def timed(work: Callable[[], Any], runs: int) -> dict[str, float]:
    """Milliseconds of `work`: best and median of the wall, median of the CPU."""
    walls, processor = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(1000 * (time.perf_counter() - wall))
        processor.append(1000 * (time.process_time() - cpu))
    told = {"best": min(walls), "median": statistics.median(walls)}
    told["cpu"] = statistics.median(processor)
    return {name: round(value, 2) for name, value in told.items()}


def measure(regions: int, sentences: int, threads: int, answer: Any) -> None:
    """One size, in this process; the figures go into the queue `answer`."""
    torch.set_num_threads(threads)
    describer = Describer.load()
    checkpoint = load_checkpoint()
    photos = regions // checkpoint.encoder.regions
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        captions, phrases, stored = synthetic(folder, photos, sentences, checkpoint)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, cpu = time.perf_counter(), time.process_time()
        out = folder / "set.sqlite"
        ground(checkpoint, captions, phrases, out, stored)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        groundings = GroundingSet(out)
        page = GroundingService(groundings, describer)
        failures = Listing("rank-worst")

        def first_page() -> None:
            groundings._orders.clear()  # as if nobody had asked before
            page.page(failures)

        middle = captions.names[photos // 2]
        figures = {
            "regions": regions,
            "photos": photos,
            "make": {
                "seconds": round(wall, 1),
                "cpu_seconds": round(cpu, 1),
                "cpu_ms_a_photo": round(1000 * cpu / photos, 2),
                "memory_before_mb": before // 1024,
                "memory_peak_mb": peak // 1024,
                "disk_mb": round(sum(p.stat().st_size for p in folder.glob("set.*")) / 1e6, 1),
            },
            "list_ms": timed(first_page, 9),
            "open_ms": timed(lambda: page.open(middle, listing=failures), 9),
            "search_ms": timed(lambda: page.search(QUERY), 15),
            "analysis_ms": timed(lambda: GroundingService(groundings, describer).analysis(), 3),
        }
        groundings.close()
    answer.put(figures)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--regions", type=int, nargs="+", default=SIZES)
    options.add_argument("--sentences", type=int, default=5, help="of each photo")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--json", type=Path)
    return options


def main() -> None:
    chosen = parser().parse_args()
    context = multiprocessing.get_context("spawn")
    rows = []
    for regions in chosen.regions:
        answer = context.Queue()
        asked = (regions, chosen.sentences, chosen.threads, answer)
        process = context.Process(target=measure, args=asked)
        process.start()
        rows.append(answer.get())
        process.join()
        print(json.dumps(rows[-1], indent=2), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
