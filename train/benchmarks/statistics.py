"""`python -m train bench statistics`: captions of regions counted as a stream, beside a plain loop.

The file is Visual Genome's in shape and size: 4.1 M made-up phrases of about five words, whose
words come by Zipf's law, 40 regions a photo. The peer is what one writes first: `json.load` and
`collections.Counter` of lengths, words and sentences, which is less than ours counts. Each runs in
a process of its own, whose peak memory is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

REGIONS = 4_100_000
KINDS = 80_000
PHOTO = 40
"""Regions of a photo."""
_OURS = """
from train.sentence_statistics.counting import counted
from train.sentence_statistics.streams import sentences_of
found = counted("regions", sentences_of(Path(sys.argv[1])))
figures = found.sentences, found.words.total, found.kinds
found.exponent(), found.share_unique, [one.entropy() for one in (found.pairs, found.triples)]
"""
_PLAIN = """
from collections import Counter
lengths, words, sentences = Counter(), Counter(), Counter()
with open(sys.argv[1], encoding="utf-8") as file:
    for photo in json.load(file):
        for region in photo["regions"]:
            read = region["phrase"].lower().split()
            lengths[len(read)] += 1
            words.update(read)
            sentences[" ".join(read)] += 1
figures = sum(lengths.values()), sum(words.values()), len(words)
"""
_AROUND = """
import json, re, sys, time
from pathlib import Path
started = time.monotonic()
{}
status = Path("/proc/self/status").read_text()  # getrusage would tell the parent's peak
peak = int(re.search(r"VmHWM:\\s*(\\d+)", status)[1]) / 1024
print(json.dumps([time.monotonic() - started, peak, figures]))
"""


def write_regions(path: Path, regions: int) -> None:
    """A region_descriptions.json of made-up phrases."""
    generator = np.random.default_rng(0)
    vocabulary = np.array([f"w{n}" for n in range(KINDS)])
    chances = 1 / np.arange(1, KINDS + 1)
    chances /= chances.sum()
    step = 100_000 // PHOTO * PHOTO
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for start in range(0, regions, step):
            lengths = generator.integers(2, 9, min(step, regions - start))
            words = vocabulary[generator.choice(KINDS, int(lengths.sum()), p=chances)]
            ends = np.cumsum(lengths)
            for first in range(0, len(lengths), PHOTO):
                photo = (start + first) // PHOTO
                said = [
                    {"region_id": start + k, "x": 1, "y": 2, "width": 30, "height": 40,
                     "image_id": photo, "phrase": " ".join(words[end - length : end])}
                    for k, (length, end) in enumerate(
                        zip(lengths[first : first + PHOTO], ends[first : first + PHOTO],
                            strict=True), first)
                ]  # fmt: skip
                entry = json.dumps({"id": photo, "regions": said})
                file.write(("" if photo == 0 else ",\n") + entry)
        file.write("]")


def bench_statistics(regions: int = REGIONS) -> dict[str, Any]:
    """Seconds, MB at the peak, and what both counted."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "region_descriptions.json"
        write_regions(path, regions)
        found: dict[str, Any] = {"regions": regions, "file_mb": round(path.stat().st_size / 1e6, 1)}
        for name, code in (("ours", _OURS), ("json.load and Counter", _PLAIN)):
            done = subprocess.run(
                [sys.executable, "-c", _AROUND.format(code), str(path)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            seconds, peak, counts = json.loads(done.stdout)
            found[name] = {
                "seconds": round(seconds, 1),
                "peak_mb": round(peak),
                "sentences_words_vocabulary": counts,
            }
    return found
