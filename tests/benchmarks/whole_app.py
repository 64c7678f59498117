"""The app under load: `python -m tests.benchmarks.whole_app --minutes 5 --json OUT`.

Twenty visitors of one `python -m demo` at once: some align photos, the others draw and save boxes,
each pausing between two requests as people do.

align     seconds from a request to its answer, waiting in the queue included
save      milliseconds until a draft is acknowledged as durable, while the models work
memory    resident megabytes of the server after the first quarter, and at most after that
flood     more requests at once than the queue holds: how many were answered, and what the others
          were told
"""

from __future__ import annotations

import argparse
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from gradio_client import Client, handle_file

from tests.demo.visit import served
from tests.serving import ROOT

PHOTO = ROOT / "demo/examples/horses.jpg"
SENTENCES = ("three horses on a green hill", "a black horse", "a foal lies in the grass")


class Visitor:
    """Asks again and again, and notes how long each answer took."""

    def __init__(self, ask: Callable[[int], object], pause: float, seed: int) -> None:
        self.ask, self.pause = ask, pause
        self.chance = random.Random(seed)
        self.seconds: list[float] = []

    def run(self, until: float) -> None:
        time.sleep(self.chance.uniform(0, self.pause))
        while time.monotonic() < until:
            started = time.monotonic()
            self.ask(len(self.seconds))
            self.seconds.append(time.monotonic() - started)
            time.sleep(self.chance.uniform(0.5, 1.5) * self.pause)


def aligner(address: str) -> Callable[[int], object]:
    client = Client(address, verbose=False)
    photo = handle_file(str(PHOTO))

    def ask(number: int) -> object:
        return client.predict(photo, SENTENCES[number % 3], 0.0, api_name="/align")

    return ask


def annotator(address: str, name: str) -> Callable[[int], object]:
    client = httpx.Client(base_url=address, headers={"Origin": address}, timeout=60)
    client.post("/annotate/enter", json={"name": name}).raise_for_status()
    [project, *_] = client.get("/annotate/projects").json()
    asked = client.post("/annotate/next", json={"project": project["id"]}).raise_for_status()
    task = asked.json()["task"]
    version = task["version"]

    def ask(number: int) -> object:
        nonlocal version
        box = [10.0, 10.0, 60.0 + number % 40, 70.0]
        region = {"id": "1", "box": box, "snippet": f"a horse, draft {number}",
                  "provenance": "drawn", "seconds": 1.0}  # fmt: skip
        draft = {
            "annotations": [region],
            "seconds": 1.0,
            "base": version,
            "key": f"{name} {number}",
        }
        answer = client.post(f"/annotate/tasks/{task['assignment']}/save", json=draft)
        version = answer.raise_for_status().json()["version"]
        return version

    return ask


def resident(pid: str) -> float:
    """Megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def spread(values: list[float], scale: float = 1.0) -> dict[str, float]:
    return {
        "requests": len(values),
        "median": round(float(np.median(values)) * scale, 2),
        "p95": round(float(np.percentile(values, 95)) * scale, 2),
        "worst": round(max(values) * scale, 2),
    }


def flood(address: str, count: int) -> dict[str, Any]:
    """`count` requests at once from one program."""
    client = Client(address, verbose=False, max_workers=count)
    jobs = [
        client.submit(handle_file(str(PHOTO)), SENTENCES[0], 0.0, api_name="/align")
        for _ in range(count)
    ]
    said: Counter[str] = Counter()
    for job in jobs:
        error = job.exception()
        said["answered" if error is None else str(error)] += 1
    return dict(said)


def measure(minutes: float, aligning: int, annotating: int, pause: float) -> dict[str, Any]:
    with served() as address:
        me = os.getpid()
        children = Path(f"/proc/{me}/task/{me}/children").read_text(encoding="ascii").split()
        [server] = [pid for pid in children if b"demo" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        visitors = [Visitor(aligner(address), pause, k) for k in range(aligning)]
        drawers = [Visitor(annotator(address, f"p{k}"), 1.0, 100 + k) for k in range(annotating)]
        started = time.monotonic()
        until = started + 60 * minutes
        memory: list[tuple[float, float]] = []

        def watch() -> None:
            while time.monotonic() < until:
                memory.append((time.monotonic() - started, resident(server)))
                time.sleep(1)

        watching = threading.Thread(target=watch)
        watching.start()
        with ThreadPoolExecutor(aligning + annotating) as threads:
            for job in [threads.submit(v.run, until) for v in (*visitors, *drawers)]:
                job.result()
        watching.join()
        later = [mb for at, mb in memory if at > 15 * minutes]
        return {
            "minutes": minutes,
            "visitors": {"aligning": aligning, "annotating": annotating, "pause_s": pause},
            "align_s": spread([s for v in visitors for s in v.seconds]),
            "save_ms": spread([s for v in drawers for s in v.seconds], 1000),
            "memory_mb": {"first_quarter": round(later[0]), "at_most_after": round(max(later))},
            "flood": flood(address, 120),
        }


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.whole_app", description=__doc__
    )
    options.add_argument("--minutes", type=float, default=5)
    options.add_argument("--aligning", type=int, default=16)
    options.add_argument("--annotating", type=int, default=4)
    options.add_argument("--pause", type=float, default=8, help="seconds between two alignments")
    options.add_argument("--json", type=Path)
    return options


def main() -> None:
    arguments = parser().parse_args()
    found = measure(arguments.minutes, arguments.aligning, arguments.annotating, arguments.pause)
    text = json.dumps(found, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
