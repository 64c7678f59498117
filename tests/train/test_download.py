"""`train download` against a server on loopback that fails in every way a server can."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.train.test_commands import run
from train import download
from train.data import DataError

NAMES = {"train": ["a.jpg", "b.jpg"], "dev": ["c.jpg"], "test": ["d.jpg"]}
PHOTO = bytes(range(256)) * 40


def zipped(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


def archives() -> dict[str, bytes]:
    every = [name for names in NAMES.values() for name in names]
    text = {"__MACOSX/._Flickr8k.token.txt": b"x", "readme.txt": b"x"}
    tokens = "".join(f"{name}#{k}\tA dog {k} .\n" for name in every for k in range(2))
    text["Flickr8k.token.txt"] = tokens.encode()
    for split, names in NAMES.items():
        text[f"Flickr_8k.{split}Images.txt"] = ("\n".join(names) + "\n").encode()
    photos = {f"Flicker8k_Dataset/{name}": PHOTO + name.encode() for name in every}
    return {
        "Flickr8k_text.zip": zipped(text),
        "Flickr8k_Dataset.zip": zipped(photos | {"__MACOSX/Flicker8k_Dataset/._a.jpg": b"x"}),
    }


class Server(ThreadingHTTPServer):
    """files by name; `cut`: how many bytes an answer may have, then the connection ends."""

    files: dict[str, bytes]
    cut: list[int]
    ranges: bool
    asked: list[tuple[str, str | None]]
    failures: list[int]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        asked = self.headers.get("Range")
        self.server.asked.append((name, asked))
        if self.server.failures:
            self.send_error(self.server.failures.pop(0))
            return
        if name not in self.server.files:
            self.send_error(404)
            return
        content, start = self.server.files[name], 0
        if asked and self.server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = start + self.server.cut.pop(0) if self.server.cut else len(content)
        self.wfile.write(content[start:stop])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    one = Server(("127.0.0.1", 0), Handler)
    one.files, one.cut, one.ranges, one.asked, one.failures = archives(), [], True, [], []
    for archive in ("TEXT", "PHOTOS"):
        name = getattr(download, archive).name
        known = download.Archive(name, hashlib.md5(one.files[name]).hexdigest())
        monkeypatch.setattr(download, archive, known)
    thread = threading.Thread(target=one.serve_forever, args=(0.05,))
    thread.start()
    yield one
    one.shutdown()
    thread.join()
    one.server_close()


@pytest.fixture
def fetch(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    def command(*options: str) -> Path:
        url = f"http://127.0.0.1:{server.server_address[1]}/release/"
        out = tmp_path / "flickr8k"
        run(monkeypatch, "download", "flickr8k", "--out", out, "--base-url", url, *options)
        return out

    return command


def assert_whole(out: Path) -> None:
    assert sorted(p.name for p in (out / "images").iterdir()) == [
        "a.jpg", "b.jpg", "c.jpg", "d.jpg",
    ]  # fmt: skip
    assert (out / "images" / "a.jpg").read_bytes() == PHOTO + b"a.jpg"
    assert (out / "splits" / "dev.txt").read_text() == "c.jpg\n"
    assert not list(out.rglob("*.part"))


def test_download(
    fetch: Callable[..., Path], server: Server, capsys: pytest.CaptureFixture
) -> None:  # type: ignore[type-arg]
    out = fetch()
    assert_whole(out)
    assert "train: 2 photos, 4 sentences" in capsys.readouterr().out
    seen = json.loads((out / "archives" / "sums.json").read_text())
    name = "Flickr8k_text.zip"
    assert seen[name] == hashlib.sha256(server.files[name]).hexdigest()
    asked = len(server.asked)
    (out / "images" / "b.jpg").unlink()
    fetch()  # the archives are there: nothing is fetched again, what is missing is unpacked
    assert len(server.asked) == asked
    assert_whole(out)


def test_a_cut_connection_goes_on(fetch: Callable[..., Path], server: Server) -> None:
    server.cut = [10, 25, 0]
    assert_whole(fetch())
    text = [asked for name, asked in server.asked if name == "Flickr8k_text.zip"]
    assert text == [None, "bytes=10-", "bytes=35-", "bytes=35-"]


def test_a_later_call_goes_on(
    fetch: Callable[..., Path], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TRIES", 1)
    server.cut = [100]
    with pytest.raises(SystemExit, match=r"cut after 100 of .* 100 bytes are kept, run the comm"):
        fetch()
    assert_whole(fetch())
    assert server.asked[1] == ("Flickr8k_text.zip", "bytes=100-")
    # killed between the last byte and the renaming: the server has nothing more to send
    whole = tmp_path / "flickr8k" / "archives" / "Flickr8k_text.zip"
    whole.rename(whole.with_name(whole.name + ".part"))
    assert_whole(fetch())


def test_without_ranges_it_starts_anew(fetch: Callable[..., Path], server: Server) -> None:
    server.ranges, server.cut = False, [50]
    assert_whole(fetch())


def test_a_part_of_another_file_is_dropped(
    fetch: Callable[..., Path], server: Server, tmp_path: Path
) -> None:
    part = tmp_path / "flickr8k" / "archives" / "Flickr8k_text.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 10**6)
    assert_whole(fetch())


def test_a_server_in_trouble_is_asked_again(fetch: Callable[..., Path], server: Server) -> None:
    server.failures = [503, 500]
    assert_whole(fetch())


def test_not_found(fetch: Callable[..., Path], server: Server) -> None:
    del server.files["Flickr8k_Dataset.zip"]
    with pytest.raises(SystemExit, match=r"Flickr8k_Dataset.zip answers 404 Not Found"):
        fetch()
    assert len(server.asked) == 2, "what is not there is not asked for again"


def test_nobody_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DataError, match=r"could not be fetched in 5 tries \(.*refused"):
        download.fetch("http://127.0.0.1:9/x.zip", tmp_path / "x.zip")
    with pytest.raises(DataError, match="base-url is 'file:///etc'"):
        download.download_flickr8k(tmp_path, "file:///etc", {})


def test_wrong_sums(fetch: Callable[..., Path], server: Server, tmp_path: Path) -> None:
    right = server.files["Flickr8k_text.zip"]
    path = tmp_path / "flickr8k" / "archives" / "Flickr8k_text.zip"
    server.files["Flickr8k_text.zip"] = right[:-1] + b"!"
    with pytest.raises(SystemExit, match=r"text.zip has md5 .*; expected .* was removed"):
        fetch()
    assert not path.exists()
    given = hashlib.sha256(right).hexdigest()
    with pytest.raises(SystemExit, match=r"has sha256 .*; expected " + given):
        fetch("--sha256", f"Flickr8k_text.zip={given}")
    server.files["Flickr8k_text.zip"] = right
    fetch("--sha256", f"Flickr8k_text.zip={given.upper()}")
    # a later download must be the one that was trusted first, whatever the command says now
    other = zipped({"Flickr8k.token.txt": b"other"})
    server.files["Flickr8k_text.zip"] = other
    path.unlink()
    with pytest.raises(SystemExit, match=r"has sha256 .*; expected " + given):
        fetch("--sha256", f"Flickr8k_text.zip={hashlib.sha256(other).hexdigest()}")


@pytest.mark.parametrize("name", ["../evil.jpg", "/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg"])
def test_an_archive_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    path, out = tmp_path / "deep" / "x.zip", tmp_path / "deep" / "out"
    path.parent.mkdir()
    path.write_bytes(zipped({"fine.jpg": b"x", name: b"x"}))
    with pytest.raises(DataError, match="leads outside"):
        download.unpack(path, out, None)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["deep", "x.zip"]


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="is no whole zip archive"):
        download.unpack(path, tmp_path, None)
    whole = zipped({"a.jpg": PHOTO})
    path.write_bytes(whole[:100] + b"?" + whole[101:])
    with pytest.raises(DataError, match="Bad CRC"):
        download.unpack(path, tmp_path, None)
    assert not (tmp_path / "images" / "a.jpg").exists()


def test_a_damaged_stream_is_said(tmp_path: Path) -> None:
    """The directory is whole, a file's compressed bytes are not."""
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.jpg", PHOTO)
    damaged = bytearray(archive.read_bytes())
    start = 30 + len("a.jpg")  # after the local header
    damaged[start : start + 20] = b"\xff" * 20
    archive.write_bytes(damaged)
    with pytest.raises(DataError, match="is no whole zip archive"):
        download.unpack(archive, tmp_path / "out", None)


def test_an_endless_answer_ends(
    fetch: Callable[..., Path], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a length, as one with too large a length; nothing of it is kept."""
    monkeypatch.setattr(download, "MOST_BYTES", 3 * 2**20)

    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):  # it hangs up
            for _ in range(4000):
                handler.wfile.write(bytes(2**20))

    monkeypatch.setattr(Handler, "do_GET", endless)
    with pytest.raises(SystemExit, match=r"has no end after 3,145,728 bytes; what came was rem"):
        fetch()

    def claiming(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "9" * 12)
        handler.end_headers()

    monkeypatch.setattr(Handler, "do_GET", claiming)
    with pytest.raises(SystemExit, match=r"has 999,999,999,999 bytes; expected at most 3,145,728"):
        fetch()


def test_archives_that_are_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "x.zip"
    encrypted = bytearray(zipped({"a.jpg": PHOTO}))
    encrypted[6] |= 1  # the flags of the file, and of its line in the directory
    encrypted[encrypted.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(encrypted)
    with pytest.raises(DataError, match=r"'a\.jpg' is encrypted; expected plain files"):
        download.unpack(archive, tmp_path / "out", None)
    monkeypatch.setattr(download, "MOST_UNPACKED", 10**6)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for k in range(3):
            file.writestr(f"{k}.jpg", bytes(400_000))
    with pytest.raises(DataError, match="its files have 1,200,000 bytes; expected at most"):
        download.unpack(archive, tmp_path / "out", None)
    assert not (tmp_path / "out").exists()
