"""Read a file: into a new project, or a model's regions into a project as suggestions.

A file that is wrong anywhere changes nothing; the error names the line or the JSON path.
"""

from __future__ import annotations

import argparse
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from annotate.commands import opened
from annotate.commands.files import add_place, named, project_of, sizes_of, write_file
from annotate.people import OPERATOR
from core.errors import InvalidError
from core.formats import (
    FORMATS,
    READERS,
    FormatError,
    ReadOptions,
    in_file,
    predictions,
    read_bytes,
    read_file,
    recognised,
    table,
)
from core.formats.contents import contents_of, counted, told

PREDICTIONS = "predictions"
KEPT = FORMATS["jsonl"]
"""In which a project is written: it carries all."""


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    options.add_argument("file", type=Path, metavar="FILE", help="what to read")
    options.add_argument(
        "--format",
        choices=(*READERS, PREDICTIONS),
        help="where it is not given, told by what is in the file",
    )
    add_place(options)
    options.add_argument(
        "--faults",
        choices=("refuse", "clip", "skip"),
        default="refuse",
        help="a region that cannot be stored (a box out of its photo, without an area, without "
        "words): refuse the file, cut its box to the photo (and leave it out where nothing is left "
        "of it), or leave it out (default: %(default)s)",
    )
    options.add_argument(
        "--report",
        type=Path,
        metavar="CSV",
        help="where each fault that was not refused is listed (FILE's name with .faults.csv, here)",
    )
    options.add_argument(
        "--annotator",
        default=ReadOptions.annotator,
        metavar="NAME",
        help="who drew the boxes, where the file does not say (default: %(default)s)",
    )


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    if arguments.format == PREDICTIONS:
        _import_predictions(arguments)
        return
    options = ReadOptions(
        arguments.project or arguments.file.stem,
        arguments.annotator,
        sizes_of(arguments),
        faults=arguments.faults,
    )
    project = read_file(arguments.file, options, arguments.format)
    if options.report:
        report = arguments.report or Path(f"{arguments.file.name}.faults.csv")
        write_file(report, table.faults(options.report))
        fates = Counter(one.fate for one in options.report)
        print(
            f"{counted(len(options.report), 'fault')}: {fates['clipped']:,} boxes clipped, "
            f"{fates['skipped']:,} regions left out; {report} lists them."
        )
    if arguments.project is not None:
        project = replace(project, name=arguments.project)
    if arguments.annotations is not None:
        if arguments.annotations.exists():
            raise InvalidError(f"{arguments.annotations} is there already; expected a new file.")
        write_file(arguments.annotations, KEPT.write(project))
    else:
        with closing(opened(arguments, make=True)) as store:
            info = store.load(OPERATOR, project)
            here = 0
            if arguments.photos is not None:
                here = store.photos.add_folder(OPERATOR, info.id, arguments.photos)
    print(f"project {project.name}: {told(contents_of(project))}")
    if arguments.annotations is None and (absent := len(project.photos) - here):
        print(
            f"The files of {counted(absent, 'photo')} are not here, so nobody can draw there yet: "
            f"`photos add` names their folder."
        )


def _import_predictions(arguments: argparse.Namespace) -> None:
    project = project_of(arguments)
    data = read_bytes(arguments.file)
    with in_file(arguments.file):
        found = predictions.read(data, project.photos)
    if arguments.annotations is not None:
        if recognised(read_bytes(arguments.annotations)) is not KEPT:
            raise FormatError(
                str(arguments.annotations),
                f"The file has no place for suggestions; expected {KEPT.name}.",
            )
        write_file(arguments.annotations, KEPT.write(predictions.suggest(project, found)))
    else:
        with closing(opened(arguments)) as store:
            info = named(store, arguments.project)
            store.projects.add_suggestions(OPERATOR, info.id, found)
    number = sum(map(len, found.values()))
    print(f"project {project.name}: {number} suggestions on {len(found)} photos")
    if not project.suggestions:
        print("The project does not show suggestions to its annotators.")
