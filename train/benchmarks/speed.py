"""`python -m train bench`: what a photo, a sentence and a beta cost, and how decoding grows; and
`python -m train bench ranking` (train/benchmarks/ranking.py).

Every time is the median of many runs in this process after warm-up, on `--threads` threads; every
peer runs beside it in the same process:
  photo      torchvision's smallest Faster R-CNN (random weights: the cost is the same)
  sentence   a loop over words and regions, as Eq. 8 is written
  decode     textbook Viterbi with an M x M transition table
  captions   a plain loop, and neuraltalk where there is a checkout (train/benchmarks/captions.py)
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.models import get_model

from core.alignment import chain
from core.describer import Describer
from core.devices import move
from core.results import align, maps_of
from core.vision.encoders.torchvision import TorchvisionEncoder
from core.vision.images import DecodedPhoto
from train import machine
from train.benchmarks.captions import bench_captions
from train.benchmarks.ranking import bench_ranking
from train.benchmarks.statistics import bench_statistics
from train.data import DataError
from train.options import written

SENTENCE = "a man in a red shirt throws a ball to a brown dog on the grass near the water"
PEER = "fasterrcnn_mobilenet_v3_large_320_fpn"


def median_ms(work: Callable[[], object], runs: int) -> float:
    """Median milliseconds of `work`, after three runs that do not count."""
    times = []
    for turn in range(runs + 3):
        started = time.perf_counter()
        work()
        if turn >= 3:
            times.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(times), 3)


def viterbi(scores: np.ndarray, beta: float) -> np.ndarray:
    """The peer: dynamic programming over an M x M table at every word, O(N M^2)."""
    pair = beta * np.eye(scores.shape[1])
    best, back = scores[0], []
    for row in scores[1:]:
        table = best[:, None] + pair
        back.append(table.argmax(axis=0))
        best = table.max(axis=0) + row
    path = [int(best.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return np.array(path[::-1])


def bench_decode(runs: int) -> list[dict[str, Any]]:
    """N = 20 words, M = 20 ... 2,000 regions: ours, the peer, and their ratio."""
    rows = []
    generator = np.random.default_rng(0)
    for regions in (20, 100, 200, 1000, 2000):
        scores = generator.normal(size=(20, regions))
        if not np.array_equal(chain.decode(scores, 0.5), viterbi(scores, 0.5)):
            raise AssertionError(f"decode and Viterbi differ at M = {regions}")

        ours = median_ms(lambda s=scores: chain.decode(s, 0.5), runs)  # type: ignore[misc]
        peer = median_ms(lambda s=scores: viterbi(s, 0.5), max(3, runs // 10))  # type: ignore[misc]
        rows.append(
            {"regions": regions, "ms": ours, "viterbi_ms": peer, "ratio": round(peer / ours, 1)}
        )
    return rows


def bench_steps(describer: Describer, runs: int) -> dict[str, Any]:
    """The costs a person feels: a new photo and sentence, where its words score, a new sentence, a
    new beta."""
    generator = np.random.default_rng(0)
    photo = DecodedPhoto(generator.integers(0, 256, (480, 640, 3), dtype=np.uint8))
    look = describer.look(photo)
    reading = describer.read(SENTENCE)
    alignment = align(look, reading)
    windows = describer.windows(look)
    peer = TorchvisionEncoder("peer", get_model(PEER, weights=None, weights_backbone=None))

    def loop() -> float:
        return sum(max(float(v @ s) for v in look.vectors) for s in reading.vectors)

    steps = {
        "photo_to_regions_ms": median_ms(lambda: describer.look(photo), max(1, runs // 4)),
        "photo_peer_ms": median_ms(lambda: peer.encode([photo.pixels]), max(3, runs // 10)),
        "sentence_to_scores_ms": median_ms(lambda: align(look, describer.read(SENTENCE)), runs),
        "maps_of_words_ms": median_ms(
            lambda: maps_of(look, reading, describer.windows(look)), max(1, runs // 4)
        ),
        "further_maps_ms": median_ms(lambda: maps_of(look, reading, windows), runs),
        "score_product_ms": median_ms(lambda: reading.vectors @ look.vectors.T, runs),
        "score_loop_ms": median_ms(loop, runs),
        "new_beta_ms": median_ms(lambda: alignment.at(0.1), runs),
        "photo_and_sentence_ms": median_ms(
            lambda: align(describer.look(photo), describer.read(SENTENCE)), max(1, runs // 4)
        ),
    }
    return steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="?", choices=("steps", "ranking", "statistics"), default="steps",
        help="what is timed: what a person waits for, whole test sets, or captions by the million "
        "(default: steps)",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", default="bundled", help="'bundled' or a checkpoint's folder (bundled)"
    )
    parser.add_argument("--runs", type=int, default=200, help="of each; its median (default: 200)")
    parser.add_argument("--neuraltalk", type=Path, metavar="DIR", help="a checkout to run beside")
    parser.add_argument(
        "--neuraltalk-python", default="python2", help="its Python 2, with numpy (python2)"
    )
    machine.add_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="OUT", help="where the figures go, too")


def main(arguments: argparse.Namespace) -> None:
    device = machine.prepare(arguments)
    if arguments.runs < 1:
        raise DataError(f"runs is {arguments.runs}; expected 1 or more")
    if arguments.json:
        written(arguments.json)
    threads = torch.get_num_threads()
    figures: dict[str, Any] = {"machine": f"{platform.machine()}, {threads} threads, {device}"}
    if arguments.what == "ranking":
        figures |= bench_ranking()
    elif arguments.what == "statistics":
        figures |= bench_statistics()
    else:
        describer = Describer.load(arguments.checkpoint)
        move(describer.checkpoint.encoder, device)
        figures["steps"] = bench_steps(describer, arguments.runs)
        figures["decode_20_words"] = bench_decode(arguments.runs)
        figures["captions"] = bench_captions(
            describer.checkpoint, arguments.runs, arguments.neuraltalk, arguments.neuraltalk_python
        )
    text = json.dumps(figures, indent=2)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)
