"""The folder of uploaded files: kept small, and the only one that a request may name a file of.

Gradio writes there and never looks back.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class UploadLimits:
    """How much a server keeps of what it is sent."""

    request_bytes: int = 24 * 2**20
    """All files of one request together: one photo of the largest size (20 MB) and its envelope."""
    folder_bytes: int = 256 * 2**20
    """A dozen of the largest photos, so that none goes before its turn to be read comes."""
    seconds: float = 600.0
    """A file is read within seconds of its upload; ten minutes outlast any queue."""
    sweep_seconds: float = 60.0
    """How often old files are looked for, even when nothing is uploaded."""


PREFIX = "demo-uploads-"
SETTLED = 60.0
"""Seconds after which a folder that nobody holds is a leftover, and not one just being made."""


@contextmanager
def upload_folder() -> Iterator[Path]:
    """A new folder for a server's uploads, held as long as it runs, and removed at its end.

    What servers left that were killed is removed first: nobody holds it any more.
    """
    where = Path(tempfile.gettempdir())
    for path in where.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if path.stat().st_uid == os.getuid() and time.time() - path.stat().st_mtime > SETTLED:
                _remove_unheld(path)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        holding = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(holding, fcntl.LOCK_SH)
            yield Path(name)
        finally:
            os.close(holding)


def _remove_unheld(path: Path) -> None:
    found = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError: its server runs
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(found)


class UploadFolder:
    """Deletes what is too old, then the oldest until the rest fits. Safe from several threads."""

    def __init__(self, folder: Path, limits: UploadLimits = UploadLimits()) -> None:
        self.folder = folder
        self.limits = limits
        self._sweeping = threading.Lock()

    def holds(self, path: str) -> bool:
        """Whether a path leads into the folder, links and all; the file may be gone by now.

        What lies elsewhere is told by its name alone: not even whether it exists is looked up.
        """
        named, resolved = os.path.abspath(self.folder), os.path.realpath(self.folder)
        if not any(_below(os.path.abspath(path), folder) for folder in (named, resolved)):
            return False
        try:
            return _below(os.path.realpath(path), resolved)
        except ValueError:  # a NUL character, half a surrogate pair: no file is called so
            return False

    def read(self, path: str) -> bytes | None:
        """An uploaded file, byte for byte; None for anything but a regular file of the folder."""
        if not self.holds(path):
            return None
        try:
            # Opening a pipe or a device would wait for ever.
            opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            return None
        with open(opened, "rb") as file:
            return file.read()

    def sweep(self) -> None:
        with self._sweeping:
            found = []
            for path in self.folder.rglob("*"):
                if path.is_file():
                    status = path.stat()
                    found.append((status.st_mtime, status.st_size, path))
            total = sum(size for _, size, _ in found)
            oldest = time.time() - self.limits.seconds
            for changed, size, path in sorted(found):
                if changed >= oldest and total <= self.limits.folder_bytes:
                    break
                path.unlink(missing_ok=True)
                total -= size
                if path.parent != self.folder and not any(path.parent.iterdir()):
                    path.parent.rmdir()


def _below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)
