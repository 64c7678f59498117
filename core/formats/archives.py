"""Formats of a file for each photo come as one ZIP archive: its files, and no more than fits."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator

from core.formats.parsing import FormatError

MOST = 2**30
"""Bytes that an archive's files may have together."""

DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)
"""What `zipfile` raises of an archive that is cut off, damaged, or packed in a way that it does not
know. An encrypted one is a RuntimeError, and a name that cannot be a ValueError."""


def is_archive(start: bytes) -> bool:
    """Whether a file that begins so is meant to be a ZIP archive."""
    return start.startswith(b"PK\x03\x04")


def names_in(data: bytes) -> list[str]:
    """The files' names; none where this is no archive that can be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [one.filename for one in archive.infolist() if not one.is_dir()]
    except (*DAMAGED, ValueError):
        return []


def files_in(data: bytes, ending: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file that ends so, by name; FormatError for a damaged archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            wanted = [one for one in archive.infolist() if one.filename.lower().endswith(ending)]
            if sum(one.file_size for one in wanted) > MOST:
                raise FormatError("the archive", f"Its files have more than {MOST:,} bytes.")
            for one in sorted(wanted, key=lambda one: one.filename):
                if "__MACOSX/" not in one.filename:
                    yield one.filename, archive.read(one)
    except (*DAMAGED, RuntimeError, ValueError, OSError) as error:
        raise FormatError("the archive", f"It cannot be read: {error}.") from None
