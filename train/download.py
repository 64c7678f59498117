"""`python -m train download flickr8k`: the published archives, laid out as the readers expect.

Flickr8k (Hodosh, Young & Hockenmaier 2013) is for research use. Its own site asks for a form; the
archives are published again as a release of github.com/jbrownlee/Datasets, which is where this
looks unless --base-url names another place.

A download that was cut goes on where it was, also in a later call. The archives are checked against
the MD5 sums that mlverse/torchvision (R) gives for that release, or against `--sha256`; they tell
damage, and a file that was changed later, but an MD5 sum proves no origin. The SHA-256 sums that
were seen first are kept in OUT/archives/sums.json, and every later download must have them too.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import re
import shutil
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tqdm import tqdm

from core.formats.archives import DAMAGED
from train.data import DataError, read_flickr8k
from train.interrupts import on_interrupt
from train.options import folder_for

BASE_URL = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k/"
CHUNK = 2**20
ENCRYPTED = 1  # of a zip member's flags
TRIES = 5  # in one call; each goes on where the last was cut
PAUSE = 2.0  # seconds before the second try, twice as long before each further one
TIMEOUT = 60.0  # seconds without a byte
MOST_BYTES = 2 * 2**30  # of an archive: the photos' has 1.1 GB
MOST_UNPACKED = 8 * 2**30  # of an archive's files together


@dataclass(frozen=True)
class Archive:
    """A published file and its MD5 sum."""

    name: str
    md5: str


TEXT = Archive("Flickr8k_text.zip", "bf6c1abcb8e4a833b7f922104de18627")
PHOTOS = Archive("Flickr8k_Dataset.zip", "f18a1e2920de5bd84dae7cf08ec78978")
LAYOUT = {  # a file of the text archive -> its name for `train.data.flickr8k`
    "Flickr8k.token.txt": "captions.token.txt",
    "Flickr_8k.trainImages.txt": "splits/train.txt",
    "Flickr_8k.devImages.txt": "splits/dev.txt",
    "Flickr_8k.testImages.txt": "splits/test.txt",
}


class _CutError(Exception):
    """The connection ended early; what came is kept."""


def fetch(url: str, path: Path) -> None:
    """A file to `path`, by way of `path`.part, which a cut leaves for the next try."""
    part = path.with_name(path.name + ".part")
    for turn in range(TRIES):
        if turn:
            time.sleep(PAUSE * 2 ** (turn - 1))
        try:
            _fetch_rest(url, part)
        except (_CutError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
            reason: object = error
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500:
                raise DataError(f"{url} answers {error.code} {error.reason}") from None
            reason = f"{error.code} {error.reason}"
        except urllib.error.URLError as error:
            reason = error.reason
        else:
            part.replace(path)
            return
    kept = part.stat().st_size if part.is_file() else 0
    raise DataError(
        f"{url} could not be fetched in {TRIES} tries ({reason}); {kept:,} bytes are kept, run the "
        "command again to go on"
    )


def _fetch_rest(url: str, part: Path) -> None:
    start = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: nothing lies behind what is there
            raise
        error.close()
        if error.headers.get("Content-Range") == f"bytes */{start}":
            return
        part.unlink()  # longer than the file: of another one
        raise _CutError("what was there belonged to another file") from None
    with answer:
        if answer.status != 206 or not str(answer.headers.get("Content-Range")).startswith(
            f"bytes {start}-"
        ):
            start = 0  # the server sends the whole file
        length = answer.headers.get("Content-Length")
        # Digits alone: int() takes "+5" and "1_0" as well, and refuses thousands of digits.
        known = length is not None and re.fullmatch(r"[0-9]{1,15}", length) is not None
        total = start + int(length or 0) if known else None
        if total is not None and total > MOST_BYTES:
            raise DataError(f"{url} has {total:,} bytes; expected at most {MOST_BYTES:,}")
        came = start
        with (
            part.open("ab" if start else "wb") as file,
            tqdm(
                total=total, initial=start, desc=part.stem, unit="B", unit_scale=True, mininterval=2
            ) as bar,
        ):
            while chunk := answer.read(CHUNK):
                came += len(chunk)
                if came > MOST_BYTES:  # an endless answer
                    break
                file.write(chunk)
                bar.update(len(chunk))
    if came > MOST_BYTES:
        part.unlink()
        raise DataError(f"{url} has no end after {MOST_BYTES:,} bytes; what came was removed")
    size = part.stat().st_size
    if total is not None and size < total:
        raise _CutError(f"cut after {size:,} of {total:,} bytes")


def sums_of(path: Path) -> dict[str, str]:
    sums: dict[str, Any] = {"md5": hashlib.md5(usedforsecurity=False), "sha256": hashlib.sha256()}
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            for one in sums.values():
                one.update(chunk)
    return {name: one.hexdigest() for name, one in sums.items()}


def check(path: Path, archive: Archive, sha256: str | None) -> None:
    """Refuse, and remove, an archive that is not the expected one; remember one that is."""
    lock = path.with_name("sums.json")
    seen = json.loads(lock.read_text(encoding="utf-8")) if lock.is_file() else {}
    found = sums_of(path)
    wanted = {"sha256": sha256} if sha256 else {"md5": archive.md5}
    expected = [wanted] + ([{"sha256": seen[archive.name]}] if archive.name in seen else [])
    for one in expected:
        [(kind, value)] = one.items()
        if found[kind] != value.lower():
            path.unlink()
            raise DataError(
                f"{archive.name} has {kind} {found[kind]}; expected {value}. The file was removed"
            )
    lock.write_text(json.dumps(seen | {archive.name: found["sha256"]}, indent=2) + "\n", "utf-8")


def members(archive: Path, file: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of an archive. Refused whole when one would lie outside the folder it is put in."""
    for member in file.infolist():
        name = PurePosixPath(member.filename)
        if (
            name.is_absolute()
            or ".." in name.parts
            or "\\" in member.filename
            or ":" in member.filename
        ):
            raise DataError(f"{archive}: '{member.filename}' leads outside; expected plain names")
        if member.flag_bits & ENCRYPTED:
            raise DataError(f"{archive}: '{name}' is encrypted; expected plain files")
    if (size := sum(member.file_size for member in file.infolist())) > MOST_UNPACKED:
        raise DataError(
            f"{archive}: its files have {size:,} bytes; expected at most {MOST_UNPACKED:,}"
        )
    return [one for one in file.infolist() if not one.is_dir() and "__MACOSX" not in one.filename]


def unpack(archive: Path, out: Path, layout: dict[str, str] | None) -> None:
    """Files by `layout` (name -> place under `out`), or all JPEGs into out/images. A file that is
    there in full is left alone."""
    try:
        with zipfile.ZipFile(archive) as file:
            for member in tqdm(members(archive, file), archive.stem, unit="file", mininterval=5):
                name = PurePosixPath(member.filename).name
                if layout is None:
                    place = f"images/{name}" if name.lower().endswith(".jpg") else None
                else:
                    place = layout.get(name)
                if place is None:
                    continue
                target = out / place
                if target.is_file() and target.stat().st_size == member.file_size:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                fresh = target.with_name(target.name + ".part")
                with file.open(member) as source, fresh.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
                fresh.replace(target)
    except DAMAGED as error:
        raise DataError(f"{archive} is no whole zip archive: {error}") from None


def download_flickr8k(out: Path, base_url: str, sha256: dict[str, str]) -> None:
    if not base_url.startswith(("http://", "https://")):
        raise DataError(f"base-url is '{base_url}'; expected one of http or https")
    folder = out / "archives"
    folder_for(folder)
    for archive, layout in ((TEXT, LAYOUT), (PHOTOS, None)):
        path = folder / archive.name
        if not path.is_file():
            fetch(f"{base_url.rstrip('/')}/{archive.name}", path)
        check(path, archive, sha256.get(archive.name))
        unpack(path, out, layout)
    for split in ("train", "dev", "test"):
        captions = read_flickr8k(out, split)
        missing = [path for path in captions.paths if not path.is_file()]
        if missing:
            raise DataError(f"{missing[0]} of split '{split}' is not there; it was in no archive")
        print(f"{split}: {len(captions):,} photos, {sum(map(len, captions.sentences)):,} sentences")
    print(f"{out} is ready for --data; {folder} may be removed")


def _named_sum(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    known = (TEXT.name, PHOTOS.name)
    if name not in known or not equals or len(value) != 64:
        raise argparse.ArgumentTypeError(f"'{text}'; expected NAME=HEX with NAME of {known}")
    return name, value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", choices=("flickr8k",), help="what to fetch")
    parser.add_argument("--out", type=Path, required=True, help="folder to make, for --data")
    parser.add_argument(
        "--base-url", default=BASE_URL, help=f"where the archives lie (default: {BASE_URL})"
    )
    parser.add_argument(
        "--sha256",
        type=_named_sum,
        action="append",
        default=[],
        metavar="NAME=HEX",
        help="a sum that an archive must have, instead of the MD5 sum that is known here",
    )


def main(arguments: argparse.Namespace) -> None:
    out = arguments.out
    with on_interrupt(
        lambda: f"stopped: {out} keeps what came, the same command goes on from there"
    ):
        download_flickr8k(out, arguments.base_url, dict(arguments.sha256))
