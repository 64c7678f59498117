"""What the commands on files share: where a project comes from, writing whole files."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from annotate.commands import add_url, opened
from annotate.people import OPERATOR
from annotate.projects import ProjectInfo
from annotate.store import Store
from core.errors import InvalidError
from core.formats import FormatError, ReadOptions, names, read_file
from core.formats.record import Project
from core.vision.images import ImageError, read


def add_place(options: argparse.ArgumentParser) -> None:
    """Where the project is: in a store or in a file."""
    add_url(options)
    options.add_argument("--project", metavar="NAME", help="the project in the store")
    options.add_argument(
        "--annotations",
        type=Path,
        metavar="FILE",
        help=f"in place of a store: a file of any format ({names()})",
    )
    options.add_argument(
        "--photos", type=Path, metavar="DIR", help="the photos, where a file lacks their sizes"
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
        options = ReadOptions(arguments.annotations.stem, sizes=sizes_of(arguments))
        return read_file(arguments.annotations, options)
    with closing(opened(arguments)) as store:
        return store.records(OPERATOR, named(store, arguments.project).id)


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


def sizes_of(arguments: argparse.Namespace) -> Mapping[str, tuple[int, int]]:
    """What `--photos` says of photos' sizes."""
    if arguments.photos is None:
        return {}
    if not arguments.photos.is_dir():
        raise InvalidError(f"There is no folder {arguments.photos}; expected one with photos.")
    return FolderSizes(arguments.photos)


def write_file(path: Path, data: bytes) -> None:
    """The whole file or none of it: what was there stays until all is written."""
    write_pieces(path, (data,))


def write_pieces(path: Path, pieces: Iterable[bytes], mode: int = 0o644) -> None:
    """The same, of a file that is made as it is written; what making it raises is passed on."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(handle)
            os.chmod(name, mode)  # mkstemp's are for the owner only
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise FormatError(str(path), f"The file cannot be written: {error.strerror}.") from error
