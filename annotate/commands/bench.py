"""Fill a new store and time what pages do all day: next photo, save, submit, progress.

Half-done project: the first photos have all nine people, the next have some, the rest none. The
figures are in milliseconds; the goal is 50 at the 95th percentile. Tables are made in the store
that --url names, which must be empty.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import bindparam, func, insert, select, text, update

from annotate import schema
from annotate.commands import opened
from annotate.database import Database
from annotate.errors import InvalidError
from annotate.people import OPERATOR, Person
from annotate.projects import ProjectSettings
from annotate.revisions import annotation_row
from annotate.store import Store
from annotate.work import Content
from core.formats.record import Annotation, Photo

T = TypeVar("T")
WIDTH, HEIGHT = 640, 480
CHUNK = 20_000
"""Rows in one insert: a store this size is filled in minutes, in bounded memory."""


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_argument("--photos", type=int, default=100_000, help="to fill it with (100,000)")
    options.add_argument(
        "--annotations", type=int, default=1_000_000, help="to fill it with (1,000,000)"
    )
    options.add_argument("--people", type=int, default=40, help="who made them (40)")
    options.add_argument("--runs", type=int, default=200, help="of each call (200)")
    options.add_argument("--json", type=Path, help="write the figures there too")
    options.add_argument(
        "--url", required=True, help="an empty store to fill: sqlite:///FILE or postgresql://..."
    )


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    with closing(opened(arguments, make=True)) as store:
        if store.projects.all(OPERATOR):
            raise InvalidError("The store has projects; expected an empty one to fill.")
        begin = time.perf_counter()
        project, people = fill(store, arguments.photos, arguments.annotations, arguments.people)
        print(f"filled in {time.perf_counter() - begin:.0f} s", flush=True)
        figures = measure(store, project, people, arguments.runs)
        for name, figure in figures.items():
            print(f"{name:16} median {figure['median']:7.2f} ms   p95 {figure['p95']:7.2f} ms")
        if arguments.json:
            arguments.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


def fill(store: Store, photos: int, annotations: int, people: int) -> tuple[int, list[Person]]:
    """A project of `photos`, of which the first have been worked on; its id and its people."""
    settings = ProjectSettings()
    each, per_photo = settings.boxes_per_photo, min(settings.annotators_per_photo, people)
    submissions = annotations // each
    if submissions > photos * per_photo:
        raise InvalidError(
            f"{annotations:,} annotations are too many for {photos:,} photos; expected at most "
            f"{photos * per_photo * each:,}."
        )
    project = store.projects.create(OPERATOR, "bench", settings).id
    crowd = [store.people.enter(f"person {number}") for number in range(people)]
    for start in range(0, photos, CHUNK):
        numbers = range(start, min(photos, start + CHUNK))
        store.projects.add_photos(
            OPERATOR, project, [Photo(f"{number:07}.jpg", WIDTH, HEIGHT) for number in numbers]
        )
    # A new store gives ids that follow each other; only the first is asked for.
    first = store.progress.photos(OPERATOR, project, limit=1)[0].photo.id
    pairs = (
        (first + photo, crowd[(photo + place) % people].id)
        for photo in range(photos)
        for place in range(per_photo)
    )
    work = list(islice(pairs, submissions))
    _insert(store.database, schema.Assignment, _assignments(project, work))
    with store.database.read() as connection:
        start = connection.scalar(select(func.min(schema.Assignment.id))) or 0
    _insert(store.database, schema.Annotation, _annotations(each, work, start))
    _count(store.database, project, work)
    return project, crowd


def _insert(database: Database, table: type[schema.Base], rows: Iterator[dict[str, Any]]) -> None:
    while chunk := list(islice(rows, CHUNK)):
        with database.write() as connection:
            connection.execute(insert(table), chunk)


def _assignments(project: int, work: list[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC)
    for number, (photo, person) in enumerate(work):
        finished = now - timedelta(minutes=len(work) - number)  # the last ones are today's
        yield {
            "uid": f"{number:x}",
            "project_id": project,
            "photo_id": photo,
            "person_id": person,
            "state": schema.SUBMITTED,
            "version": 1,
            "lease_until": None,
            "reason": "",
            "bad": "",
            "returned": "",
            "approved": False,
            "started": finished - timedelta(minutes=2),
            "finished": finished,
            "seconds": 120.0,
        }


def _annotations(each: int, work: list[tuple[int, int]], start: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(0)
    for number, (photo, _) in enumerate(work):
        for region in _regions(dice, each):
            yield annotation_row(start + number, photo, WIDTH, HEIGHT, region)


def _regions(dice: random.Random, number: int) -> list[Annotation]:
    regions = []
    for place in range(number):
        x, y = dice.uniform(0, WIDTH / 2), dice.uniform(0, HEIGHT / 2)
        box = (x, y, x + dice.uniform(9, WIDTH / 2), y + dice.uniform(9, HEIGHT / 2))
        snippet = f"the dog number {dice.randrange(1000)}"
        regions.append(Annotation(f"r{place}", box, snippet, place, "drawn", 24.0))
    return regions


def _count(database: Database, project: int, work: list[tuple[int, int]]) -> None:
    """What the store itself would have counted, and the planner's figures of the full tables."""
    photo, member = schema.Photo, schema.Member
    of_photo = Counter(photo for photo, _ in work)
    of_person = Counter(person for _, person in work)
    with database.write() as connection:
        counted = (
            update(photo)
            .where(photo.id == bindparam("which"))
            .values(free=photo.free - bindparam("number"), submitted=bindparam("number"))
        )
        connection.execute(
            counted, [{"which": key, "number": number} for key, number in of_photo.items()]
        )
        connection.execute(
            insert(member),
            [
                {"project_id": project, "person_id": person, "cursor": 0, "submitted": number}
                | {"skipped": 0, "bad": 0, "seconds": 120.0 * number, "admitted": True}
                for person, number in of_person.items()
            ],
        )
        connection.execute(text("ANALYZE"))


def measure(store: Store, project: int, people: list[Person], runs: int) -> dict[str, Any]:
    """By call: median and p95 in ms, over `runs` of each, one after another."""
    dice = random.Random(1)
    each = store.projects.get(OPERATOR, project).settings.boxes_per_photo
    times: dict[str, list[float]] = {}

    def timed(name: str, call: Callable[..., T], *values: Any) -> T:
        begin = time.perf_counter()
        result = call(*values)
        times.setdefault(name, []).append(1e3 * (time.perf_counter() - begin))
        return result

    photos = store.progress.project(OPERATOR, project).photos
    for run in range(runs):
        who = people[run % len(people)]
        task = timed("next photo", store.work.next_photo, who, project)
        if task is None:
            raise InvalidError("The photos ran out; expected more photos or fewer runs.")
        mine, content = task.assignment, Content(tuple(_regions(dice, each)), 120.0)
        receipt = timed("save", store.work.save, who, mine, content, 0)
        timed("submit", store.work.submit, who, mine, content, receipt.version, f"key {run}")
        timed("my progress", store.progress.mine, who, project)
        timed("totals", store.progress.project, OPERATOR, project)
        timed("people", store.progress.people, OPERATOR, project)
        after = dice.randrange(max(1, photos - 100))
        timed("100 photos", store.progress.photos, OPERATOR, project, after)
    return {
        name: {
            "median": round(statistics.median(all_times), 2),
            "p95": round(statistics.quantiles(all_times, n=20)[-1], 2),
            "runs": runs,
        }
        for name, all_times in times.items()
    }
