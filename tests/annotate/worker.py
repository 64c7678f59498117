"""A process of its own that works in a store; its children are forked, so they start at once.

`worker.py URL kills N`: N children, one after another, save drafts without end and say what was
acknowledged; each is killed at a random moment. Prints all that was acknowledged.
`worker.py URL saves N NAME...`: a child for each person saves N drafts, all at once. Prints each
one's slowest, in seconds.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from annotate.people import Person
from annotate.store import Store
from annotate.work import Content
from core.formats.record import Annotation


def draft(mark: str) -> Content:
    return Content(tuple(Annotation(f"r{n}", (n, 0, n + 1, 9), mark, n) for n in range(5)))


def entered(store: Store, name: str) -> Person:
    found = store.people.named(name)
    assert found is not None
    return found


def warm(url: str, name: str) -> Store:
    """A store that has saved once, so that no child compiles SQL anew, and has no connection."""
    store = Store(url)
    who = entered(store, name)
    task = store.work.next_photo(who, 1)
    assert task is not None
    store.work.save(who, task.assignment, draft("warm"), task.version)
    store.close()
    return store


def save_without_end(store: Store, pipe: int, child: int) -> None:
    who = entered(store, "Ada")
    task = store.work.next_photo(who, 1)
    assert task is not None
    version = task.version
    while True:
        mark = f"child {child} on {version}"
        version = store.work.save(who, task.assignment, draft(mark), version).version
        os.write(pipe, f"{version}\t{mark}\n".encode())  # one write: whole lines or none


def kills(url: str, number: str) -> None:
    dice = random.Random(0)
    store, acknowledged = warm(url, "Ada"), []
    for child in range(int(number)):
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reading)
            try:
                save_without_end(store, writing, child)
            except BaseException:
                traceback.print_exc()
            finally:  # never return into the parent's loop
                os._exit(1)
        os.close(writing)
        select.select([reading], [], [], 20)  # killed before it began, it would show nothing
        time.sleep(dice.uniform(0, 0.06))
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        assert os.WIFSIGNALED(status), "the child ended by itself"
        with os.fdopen(reading, "rb") as lines:
            acknowledged += [line.decode().rstrip("\n").split("\t") for line in lines]
    print(json.dumps([(int(version), mark) for version, mark in acknowledged]))


def saves(url: str, number: str, *names: str) -> None:
    store, children = warm(url, names[0]), []
    for name in names:
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            try:
                os.write(writing, str(slowest_save(store, int(number), name)).encode())
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(writing)
        children.append((process, reading))
    for process, reading in children:
        with os.fdopen(reading) as told:
            print(told.read())
        assert os.waitpid(process, 0)[1] == 0, "a writer failed"


def slowest_save(store: Store, number: int, name: str) -> float:
    who = entered(store, name)
    task = store.work.next_photo(who, 1)
    assert task is not None
    slowest, version = 0.0, task.version
    for count in range(number):
        begin = time.perf_counter()
        mark = f"{name} {count}"
        version = store.work.save(who, task.assignment, draft(mark), version).version
        slowest = max(slowest, time.perf_counter() - begin)
    return slowest


if __name__ == "__main__":
    _, url, deed, number, *rest = sys.argv
    {"kills": kills, "saves": saves}[deed](url, number, *rest)
