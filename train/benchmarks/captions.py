"""What captions of a photo's 20 regions cost, for `python -m train bench`.

batched      ours: all regions and all partial sentences in one batch (core/captioning/beam.py)
plain_loop   the same search as one would write it: one region, one partial sentence at a time
neuraltalk   the public numpy implementation of this paper's captioner, of the same sizes and beam,
             run side by side where `--neuraltalk DIR` names a checkout (of
             github.com/karpathy/neuraltalk). It is Python 2: `--neuraltalk-python` names one with
             numpy.

The captioners are LSTMs of the shipped size with random weights, whose sentences run to the limit
of 20 words: the worst case for all three. `trained` is the checkpoint's own, where it has one.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from core.captioning.beam import Decoding, search
from core.captioning.captioner import Captioner
from core.captioning.recurrences import CaptionerConfig, State
from core.checkpoints import Checkpoint
from core.language.vocabulary import UNKNOWN
from train.data import DataError

REGIONS, VOCABULARY, SIZE = 20, 2537, 512  # Flickr8k's words; neuraltalk wants one size for all
_NEURALTALK = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import numpy
from imagernn.generic_batch_generator import GenericBatchGenerator
regions, words, size, beam, runs = [int(n) for n in sys.argv[2:]]
ids = dict((n, n) for n in range(words))
sizes = dict(image_encoding_size=size, word_encoding_size=size, hidden_size=size, generator='lstm')
model = GenericBatchGenerator.init(sizes, dict(wordtoix=ids, ixtoword=ids))['model']
batch = [{'image': {'feat': numpy.random.rand(4096)}} for _ in range(regions)]
times = []
for _ in range(runs):
    start = time.time()
    GenericBatchGenerator.predict(batch, model, beam_size=beam, generator='lstm', tanhC_version=1)
    times.append(1000 * (time.time() - start))
print(json.dumps(sorted(times)[len(times) // 2]))
"""


@torch.inference_mode()
def plain_loop(captioner: Captioner, images: torch.Tensor, beam: int, longest: int) -> list[Any]:
    """Beam search without batches: the peer."""
    end, found = captioner.config.boundary, []
    for image in images:
        kept: list[tuple[float, list[int], State]] = [(0.0, [], captioner.begin(image[None]))]
        for step in range(longest + 1):
            grown = []
            for total, words, state in kept:
                if words and words[-1] == end:
                    grown.append((total, words, state))
                    continue
                after, table = captioner.step(state, torch.tensor([words[-1] if words else end]))
                table[:, UNKNOWN] = float("-inf")
                if step == 0:
                    table[:, end] = float("-inf")
                if step == longest:
                    table[:, :end] = float("-inf")
                values, best = table[0].topk(beam)
                grown += [
                    (total + value, [*words, word], after)
                    for value, word in zip(values.tolist(), best.tolist(), strict=True)
                ]
            kept = sorted(grown, key=lambda one: -one[0])[:beam]
        found.append([word for word in kept[0][1] if word != end])
    return found


def neuraltalk_ms(folder: Path, python: str, beam: int, runs: int) -> float:
    """Median milliseconds of neuraltalk's own prediction for 20 images."""
    sizes = [str(n) for n in (REGIONS, VOCABULARY, SIZE, beam, runs)]
    try:
        ran = subprocess.run(
            [python, "-c", _NEURALTALK, str(folder), *sizes],
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError:
        raise DataError(f"--neuraltalk-python is '{python}', which is not there") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        raise DataError(f"neuraltalk in {folder} did not run under {python}: {last}") from None
    return float(json.loads(ran.stdout.splitlines()[-1]))


def median_ms(work: Any, runs: int) -> float:
    times = []
    for turn in range(runs + 1):
        started = time.perf_counter()
        work()
        if turn:
            times.append(1000 * (time.perf_counter() - started))
    return sorted(times)[len(times) // 2]


def bench_captions(
    checkpoint: Checkpoint, runs: int, neuraltalk: Path | None, python: str
) -> dict[str, Any]:
    """Milliseconds for 20 regions at beam 7, and captions per second."""
    torch.manual_seed(0)
    decoding = Decoding()
    model = Captioner(
        CaptionerConfig(608, VOCABULARY, word_dimension=SIZE, hidden_dimension=SIZE)
    ).eval()
    images = torch.randn(REGIONS, model.config.image_dimension)
    ours = [one[0].words for one in search(model, images, decoding)]
    theirs = plain_loop(model, images, decoding.beam, decoding.longest)
    if [list(words) for words in ours] != theirs:
        raise AssertionError("the batched search and the plain loop say different things")
    batched = median_ms(lambda: search(model, images, decoding), max(3, runs // 20))
    loop = median_ms(
        lambda: plain_loop(model, images, decoding.beam, decoding.longest), max(1, runs // 100)
    )
    figures = {
        "regions": REGIONS,
        "beam": decoding.beam,
        "words": decoding.longest,
        "batched_ms": round(batched, 1),
        "batched_captions_per_second": round(1000 * REGIONS / batched, 1),
        "plain_loop_ms": round(loop, 1),
        "plain_loop_ratio": round(loop / batched, 1),
    }
    if neuraltalk is not None:
        numpy_ms = neuraltalk_ms(neuraltalk, python, decoding.beam, max(1, runs // 100))
        figures |= {
            "neuraltalk_ms": round(numpy_ms, 1),
            "neuraltalk_ratio": round(numpy_ms / batched, 1),
        }
    for level, trained in checkpoint.captioners.items():
        inputs = torch.randn(REGIONS, trained.model.config.image_dimension)
        inputs = inputs * trained.model.image_scale + trained.model.image_mean
        spent = median_ms(
            lambda m=trained.model, i=inputs: search(m, i, decoding), max(3, runs // 20)
        )
        figures[f"trained_{level}_ms"] = round(spent, 1)
    return figures
