"""What was acknowledged is durable, and writers never see "database is locked"."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from annotate.database import WAIT_SECONDS
from tests.annotate.store_helper import StoreHelper

WORKER = Path(__file__).with_name("worker.py")
KILLS = 100
WRITERS, SAVES = 8, 100


def run(url: str, *arguments: str) -> str:
    """What the worker printed; its own words where it failed."""
    done = subprocess.run(
        [sys.executable, WORKER, url, *arguments], capture_output=True, text=True, timeout=540
    )
    assert not done.stderr, done.stderr
    return done.stdout


def test_what_was_acknowledged_survives_a_hundred_kills(helper: StoreHelper, url: str) -> None:
    """What was acknowledged stays: kill -9 at random moments, also in the middle of a commit."""
    project, ada = helper.project(photos=1), helper.person("Ada")
    assert project == 1
    task = helper.next(ada, project)
    acknowledged: dict[int, str] = dict(json.loads(run(url, "kills", str(KILLS))))
    assert len(acknowledged) >= KILLS

    # The history tells what each version held: the next one's `before`, or what is there now.
    history = helper.store.review.history(ada, task.assignment)
    held = [change.before["annotations"] for change in history[1:]]
    now = helper.store.work.task(ada, task.assignment)
    held.append([{"snippet": one.snippet} for one in now.content.annotations])
    assert now.version == len(history) == len(held)
    for version, mark in acknowledged.items():
        assert [one["snippet"] for one in held[version - 1]] == [mark] * 5
    if helper.store.database.sqlite:
        with helper.store.database.read() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


def test_eight_processes_that_write_at_once_all_succeed(helper: StoreHelper, url: str) -> None:
    """No "database is locked": 8 x 100 saves, while a reader asks for progress all the time."""
    names = [f"person {number}" for number in range(WRITERS)]
    project = helper.project(photos=2, annotators_per_photo=WRITERS)
    people = [helper.person(name) for name in names]
    with ThreadPoolExecutor(1) as thread:
        writers = thread.submit(run, url, "saves", str(SAVES), *names)
        while not writers.done():
            helper.store.progress.project(helper.operator, project)
            helper.store.progress.mine(people[0], project)
            time.sleep(0.01)
    slowest = [float(line) for line in writers.result().split()]
    assert len(slowest) == WRITERS
    assert max(slowest) < WAIT_SECONDS
    for who in people:
        task = helper.next(who, project)
        assert task.version == SAVES + (who.name == names[0])  # the worker's first save, to warm up
        assert task.content.annotations[0].snippet == f"{who.name} {SAVES - 1}"
