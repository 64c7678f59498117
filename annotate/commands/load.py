"""Read a file: into a new project, or a model's regions into a project as suggestions.

A file that is wrong anywhere changes nothing; the error names the line or the JSON path.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from annotate.commands import opened
from annotate.commands.files import (
    add_place,
    in_file,
    named,
    project_of,
    read_file,
    told,
    write_file,
)
from annotate.errors import InvalidError
from annotate.formats import FORMATS, Absent, FormatError, jsonl, predictions
from annotate.people import OPERATOR
from core.vision.images import ImageError, read

PREDICTIONS = "predictions"


class FolderSizes(Mapping[str, tuple[int, int]]):
    """The sizes of upright photos in a folder, by file name; each is read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> tuple[int, int]:
        path = self._folder / name
        if path.name != name or not path.is_file():
            raise KeyError(name)
        try:
            photo = read(path)
        except ImageError as error:
            raise FormatError(name, str(error)) from None
        return photo.width, photo.height

    def __iter__(self) -> Iterator[str]:
        return (path.name for path in self._folder.iterdir())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_argument("file", type=Path, metavar="FILE", help="what to read")
    options.add_argument("--format", required=True, choices=(*FORMATS, PREDICTIONS))
    add_place(options)
    options.add_argument(
        "--photos", type=Path, metavar="DIR", help="the photos, where the file lacks their sizes"
    )
    options.add_argument(
        "--annotator",
        default=Absent.annotator,
        metavar="NAME",
        help="who drew the boxes, where the file does not say (default: %(default)s)",
    )


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    if arguments.format == PREDICTIONS:
        _import_predictions(arguments)
        return
    if arguments.photos is not None and not arguments.photos.is_dir():
        raise InvalidError(f"There is no folder {arguments.photos}; expected one with photos.")
    absent = Absent(
        arguments.project or arguments.file.stem,
        arguments.annotator,
        {} if arguments.photos is None else FolderSizes(arguments.photos),
    )
    data = read_file(arguments.file)
    with in_file(arguments.file):
        project = FORMATS[arguments.format].read(data, absent)
    if arguments.project is not None:
        project = replace(project, name=arguments.project)
    if arguments.annotations is not None:
        if arguments.annotations.exists():
            raise InvalidError(f"{arguments.annotations} is there already; expected a new file.")
        write_file(arguments.annotations, jsonl.write(project))
    else:
        with closing(opened(arguments, make=True)) as store:
            info = store.load(OPERATOR, project)
            if arguments.photos is not None:
                store.projects.set_folder(OPERATOR, info.id, arguments.photos)
    print(f"project {project.name}: {told(project)}")


def _import_predictions(arguments: argparse.Namespace) -> None:
    project = project_of(arguments)
    data = read_file(arguments.file)
    with in_file(arguments.file):
        found = predictions.read(data, project.photos)
    if arguments.annotations is not None:
        write_file(arguments.annotations, jsonl.write(predictions.suggest(project, found)))
    else:
        with closing(opened(arguments)) as store:
            info = named(store, arguments.project)
            store.projects.add_suggestions(OPERATOR, info.id, found)
    number = sum(map(len, found.values()))
    print(f"project {project.name}: {number} suggestions on {len(found)} photos")
    if not project.suggestions:
        print("The project does not show suggestions to its annotators.")
