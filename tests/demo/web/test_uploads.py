"""The folder of uploads stays bounded."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from demo.web.uploads import PREFIX, UploadFolder, UploadLimits, upload_folder


def stored(folder: Path, name: str, size: int, age: float = 0.0) -> Path:
    path = folder / name / "photo.jpg"
    path.parent.mkdir()
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_old_files_go(tmp_path: Path) -> None:
    old = stored(tmp_path, "old", 10, age=601)
    fresh = stored(tmp_path, "fresh", 10, age=599)
    UploadFolder(tmp_path).sweep()
    assert not old.parent.exists()  # its own folder goes with it
    assert fresh.exists()


def test_the_oldest_go_first_when_there_is_too_much(tmp_path: Path) -> None:
    files = [stored(tmp_path, str(k), 100, age=50 - k) for k in range(5)]
    UploadFolder(tmp_path, UploadLimits(folder_bytes=250)).sweep()
    assert [file.exists() for file in files] == [False, False, False, True, True]


@pytest.mark.parametrize("total", [500, 501])
def test_a_full_folder_may_be_exactly_full(tmp_path: Path, total: int) -> None:
    stored(tmp_path, "one", 500)
    stored(tmp_path, "two", total - 500)
    UploadFolder(tmp_path, UploadLimits(folder_bytes=500)).sweep()
    assert sum(f.stat().st_size for f in tmp_path.rglob("*.jpg")) <= 500


def test_nothing_there_is_nothing_to_do(tmp_path: Path) -> None:
    UploadFolder(tmp_path / "absent").sweep()


def test_only_what_was_uploaded_is_read(tmp_path: Path) -> None:
    folder, outside = tmp_path / "uploads", tmp_path / "private.jpg"
    folder.mkdir()
    outside.write_bytes(b"private")
    good = stored(folder, "good", 5)
    (folder / "link.jpg").symlink_to(outside)
    (folder / "away").symlink_to(tmp_path, target_is_directory=True)
    (folder / "zero").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe")
    uploads = UploadFolder(folder)
    assert uploads.read(str(good)) == bytes(5)
    outsiders = ("link.jpg", "away/private.jpg", "zero", "../private.jpg", "../uploads-not/x", "")
    for name in (*(f"{folder}/{one}" for one in outsiders), str(outside), "/dev/zero", "\0", "x"):
        assert not uploads.holds(name), name
        assert uploads.read(name) is None, name
    for name in ("pipe", "good", "absent", "\ud800", "x" * 5000):
        assert uploads.read(f"{folder}/{name}") is None, name
    assert uploads.holds(str(folder / "absent"))  # gone by now, perhaps: no secret


def test_a_folder_behind_a_link_is_a_folder(tmp_path: Path) -> None:
    good = stored(tmp_path, "good", 5)
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path, target_is_directory=True)
    assert UploadFolder(link).read(str(link / "good" / "photo.jpg")) == bytes(5)
    assert UploadFolder(link).read(str(good)) == bytes(5)


def test_what_killed_servers_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not what a running server holds, a new folder, or what is none of ours."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old = time.time() - 3600
    for name in (f"{PREFIX}left", f"{PREFIX}new", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "photo.jpg").write_bytes(b"x")
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "other")
    with upload_folder() as held:
        for path in (held, tmp_path / f"{PREFIX}left", tmp_path / "other"):
            os.utime(path, (old, old))
        with upload_folder() as second:
            assert held.is_dir()
            assert second.is_dir()
            assert not (tmp_path / f"{PREFIX}left").exists()
            assert (tmp_path / f"{PREFIX}new" / "photo.jpg").exists()
            assert (tmp_path / "other" / "photo.jpg").exists()
    assert not held.exists()
    assert not second.exists()
