"""The folder of uploaded files, kept small. Gradio writes there and never looks back."""

from __future__ import annotations

import threading
import time
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


class UploadFolder:
    """Deletes what is too old, then the oldest until the rest fits. Safe from several threads."""

    def __init__(self, folder: Path, limits: UploadLimits = UploadLimits()) -> None:
        self.folder = folder
        self.limits = limits
        self._sweeping = threading.Lock()

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
