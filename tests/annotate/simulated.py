"""Nine simulated people who annotate 200 photos through the store, as the paper's did."""

from __future__ import annotations

import random

from annotate.people import OPERATOR
from annotate.projects import ProjectSettings
from annotate.store import Store
from annotate.work import Content
from core.formats.record import Annotation, Box, Photo

PEOPLE = tuple(f"person {number}" for number in range(1, 10))
PHOTOS = tuple(Photo(f"{number:03}.jpg", 500, 375 + number % 3) for number in range(200))
THINGS = ("dog", "cat", "boat", "tree", "woman", "sky", "ball", "red car")


def things_on(photo: Photo) -> list[tuple[Box, str]]:
    """Five things, each at its place: what a photo shows, the same for everybody."""
    chance = random.Random(photo.name)
    found: list[tuple[Box, str]] = []
    for number, thing in enumerate(chance.sample(THINGS, 5)):
        x0, y0 = 90.0 * number + 5 * chance.random(), 200 * chance.random() + 5
        found.append(((x0, y0, x0 + 40 + 40 * chance.random(), y0 + 100), thing))
    return found


def drawn_by(person: str, photo: Photo) -> Content:
    """One person's five boxes, each edge a few pixels off, and their words for them."""
    chance = random.Random(person + photo.name)
    annotations = []
    for order, (box, thing) in enumerate(things_on(photo)):
        x0, y0, x1, y1 = (edge + chance.uniform(-4, 4) for edge in box)
        word = chance.choice(("a", "the", "one small"))
        snippet = f"{word} {thing}" if chance.random() < 0.95 else f'="{thing}",\r\n'
        annotations.append(
            Annotation(
                f"{order}",
                (max(x0, 0.0), max(y0, 0.0), min(x1, photo.width), min(y1, photo.height)),
                snippet,
                order,
                seconds=chance.uniform(2, 20),
            )
        )
    return Content(tuple(annotations), chance.uniform(30, 90))


def fill(store: Store, name: str) -> int:
    """The whole of it, in the order in which people come back for more; gives the project's id."""
    project = store.projects.create(OPERATOR, name, ProjectSettings(guidelines="Draw five things."))
    store.projects.add_photos(OPERATOR, project.id, PHOTOS)
    photos = {photo.name: photo for photo in PHOTOS}
    people = [store.people.enter(person) for person in PEOPLE]
    while people:
        for person in tuple(people):
            task = store.work.next_photo(person, project.id)
            if task is None:
                people.remove(person)
                continue
            content = drawn_by(person.name, photos[task.photo.name])
            key = f"{person.name} {task.photo.name}"
            store.work.submit(person, task.assignment, content, task.version, key)
    return project.id
