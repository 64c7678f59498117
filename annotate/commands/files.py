"""What the commands on files share: where a project comes from, reading and writing whole files."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from annotate.commands import add_url, opened
from annotate.errors import InvalidError
from annotate.formats import FormatError, jsonl
from annotate.people import OPERATOR
from annotate.projects import ProjectInfo
from annotate.records import Project
from annotate.store import Store


def add_place(options: argparse.ArgumentParser) -> None:
    """Where the project is: in a store or in a file."""
    add_url(options)
    options.add_argument("--project", metavar="NAME", help="the project in the store")
    options.add_argument(
        "--annotations", type=Path, metavar="FILE", help="JSON lines, in place of a store"
    )


def add_figures(options: argparse.ArgumentParser) -> None:
    """Where the project is, and where its figures go."""
    add_place(options)
    options.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")


def save_figures(arguments: argparse.Namespace, figures: Mapping[str, object]) -> None:
    """What `--json` asks for."""
    if arguments.json is not None:
        text = json.dumps(figures, ensure_ascii=False, allow_nan=False, indent=1)
        write_file(arguments.json, text.encode() + b"\n")


def named(store: Store, name: str | None) -> ProjectInfo:
    """The project that `--project` names."""
    if name is None:
        known = ", ".join(one.name for one in store.projects.all(OPERATOR)) or "none yet"
        raise InvalidError(f"No project is named; add --project NAME, one of: {known}.")
    return store.projects.named(OPERATOR, name)


def project_of(arguments: argparse.Namespace) -> Project:
    """The project that the options name."""
    if arguments.annotations is not None:
        data = read_file(arguments.annotations)
        with in_file(arguments.annotations):
            return jsonl.read(data)
    with closing(opened(arguments)) as store:
        return store.records(OPERATOR, named(store, arguments.project).id)


def told(project: Project) -> str:
    """How much a project holds."""
    snippets = sum(len(submission.annotations) for submission in project.submissions)
    return (
        f"{len(project.photos):,} photos, {len(project.submissions):,} submissions, "
        f"{snippets:,} snippets"
    )


def read_file(path: Path) -> bytes:
    """All of it, or FormatError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormatError(str(path), f"The file cannot be read: {error.strerror}.") from error


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """Says in which file a FormatError is."""
    try:
        yield
    except FormatError as error:
        raise FormatError(f"{path}, {error.where}", error.reason) from None


def write_file(path: Path, data: bytes) -> None:
    """The whole file or none of it: what was there stays until all is written."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            os.chmod(name, 0o644)  # as other files; mkstemp's are for the owner only
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise FormatError(str(path), f"The file cannot be written: {error.strerror}.") from error
