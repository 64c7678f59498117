"""The Annotate tab's store: a file of the person who started the demo, with a project to try.

Its photos are the examples; nothing that annotators do is written into the repository.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from annotate.errors import NotFoundError
from annotate.people import OPERATOR
from annotate.projects import ProjectSettings
from annotate.store import Store, open_store
from core.formats.record import Photo
from core.vision import images
from demo import examples

PROJECT = "Example photos"
GUIDELINES = (
    "Draw five boxes around things that you find worth a word, and say of each what it shows, in a "
    "few words: “a brown dog”, “man holding a tennis racket”.\n"
    "Boxes may overlap and lie in each other. Nobody sees what others draw."
)


def ready(url: str | None = None) -> Store:
    """The store at `url`, or the person's own, with the project of the example photos in it."""
    store = open_store(url, make=True)
    try:
        project = store.projects.named(OPERATOR, PROJECT).id
    except NotFoundError:
        rules = ProjectSettings(annotators_per_photo=9, guidelines=GUIDELINES)
        project = store.projects.create(OPERATOR, PROJECT, rules).id
        photos = [_photo(examples.FOLDER / one.file) for one in examples.load()]
        store.projects.add_photos(OPERATOR, project, photos)
    store.photos.add_folder(OPERATOR, project, examples.FOLDER)  # it may have moved since
    return store


def _photo(path: Path) -> Photo:
    data = path.read_bytes()
    decoded = images.decode(data)
    return Photo(path.name, decoded.width, decoded.height, hashlib.sha256(data).hexdigest())
