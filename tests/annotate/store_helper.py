"""People at work in a store: what its tests do again and again."""

from __future__ import annotations

from itertools import count
from typing import Any

from annotate.people import Person
from annotate.projects import ProjectSettings
from annotate.revisions import Receipt
from annotate.store import Store
from annotate.work import Content, Task
from core.formats.record import Annotation, Photo

WIDTH, HEIGHT = 100, 80
KEYS = count(1)


def region(place: int = 0, snippet: str = "a dog", **more: Any) -> Annotation:
    return Annotation(f"r{place}", (place, 0.5, place + 10, 20.25), snippet, place, **more)


def content(regions: int = 2, snippet: str = "a dog", seconds: float = 4.0) -> Content:
    return Content(tuple(region(place, snippet) for place in range(regions)), seconds)


def key() -> str:
    return f"key {next(KEYS)}"


class StoreHelper:
    """People at work in a store."""

    def __init__(self, store: Store, operator: Person) -> None:
        self.store = store
        self.operator = operator

    def project(self, photos: int = 3, name: str = "horses", **rules: Any) -> int:
        """A project of two boxes per photo and one person, unless said otherwise."""
        settings = ProjectSettings(**{"boxes_per_photo": 2, "annotators_per_photo": 1, **rules})
        project = self.store.projects.create(self.operator, name, settings)
        added = [Photo(f"{number}.jpg", WIDTH, HEIGHT) for number in range(photos)]
        assert self.store.projects.add_photos(self.operator, project.id, added) == photos
        return project.id

    def person(self, name: str = "Ada") -> Person:
        return self.store.people.enter(name)

    def next(self, who: Person, project: int) -> Task:
        task = self.store.work.next_photo(who, project)
        assert task is not None, "expected a photo that wants people"
        return task

    def submit(self, who: Person, task: Task, regions: int = 2) -> Receipt:
        return self.store.work.submit(who, task.assignment, content(regions), task.version, key())

    def skip(self, who: Person, task: Task, reason: str = "too dark") -> Receipt:
        return self.store.work.skip(who, task.assignment, reason, task.version, key())

    def done(self, who: Person, project: int) -> Task:
        """Get the next photo and submit it; the task as it is afterwards."""
        task = self.next(who, project)
        self.submit(who, task)
        return self.store.work.task(who, task.assignment)
