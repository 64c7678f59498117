"""Requests that once broke the server, sent again to one that runs as people start it."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.demo.visit import picture
from tests.serving import running

PROMPT = 30.0  # seconds: far above any honest answer's, on a busy machine too


@dataclass(frozen=True)
class Attacked:
    """A running server and the folders that it uses."""

    address: str
    scratch: Path
    client: httpx.Client

    @property
    def uploads(self) -> Path:
        [folder] = self.scratch.glob("demo-uploads-*")
        return folder

    def post(self, path: str, call: dict[str, Any]) -> httpx.Response:
        return self.client.post(f"{self.address}/gradio_api/{path}", json=call)

    def upload(self, data: bytes) -> str:
        files = {"files": ("photo.jpg", data)}
        answer = self.client.post(f"{self.address}/gradio_api/upload", files=files)
        [path] = answer.json()
        return str(path)

    def through_queue(self, number: int, data: list[Any], session: str = "s") -> tuple[int, str]:
        """An event by its number, as a page sends it -> status, and all that came of it."""
        call = {"fn_index": number, "data": data, "session_hash": session}
        joined = self.post("queue/join", call)
        if joined.status_code != 200:
            return joined.status_code, joined.text
        asked = {"session_hash": session}
        events = self.client.get(f"{self.address}/gradio_api/queue/data", params=asked)
        return events.status_code, events.text


@pytest.fixture(scope="module")
def attacked(
    small_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Attacked]:
    scratch = tmp_path_factory.mktemp("scratch")
    command = ("demo", "--checkpoint", str(small_checkpoint))
    with (
        running(*command, TMPDIR=str(scratch), XDG_DATA_HOME=str(scratch)) as address,
        httpx.Client(timeout=PROMPT) as client,
    ):
        yield Attacked(address, scratch, client)


def dependencies(attacked: Attacked) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{attacked.address}/config").json()["dependencies"]
    return found


def file_data(path: Path | str) -> dict[str, Any]:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize("kind", ["picture", "link", "database", "device", "pipe", "absent"])
def test_no_file_of_the_server_is_read(attacked: Attacked, tmp_path: Path, kind: str) -> None:
    """Every event, every endpoint, every way to call them; with and without Gradio's mark."""
    path = {"picture": tmp_path / "private.png", "device": Path("/dev/zero")}.get(
        kind, tmp_path / kind
    )
    if kind == "database":
        path = attacked.scratch / "words-and-regions" / "annotations.db"
        assert path.is_file()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind in ("picture", "link"):
        private = tmp_path / "private.png"
        private.write_bytes(picture(64, 48, "PNG"))
        if kind == "link":  # the only one that has an allowed name
            path = attacked.uploads / "link.png"
            path.symlink_to(private)
    before = sorted(attacked.uploads.rglob("*"))
    marked, answers = file_data(path), set()
    for dependency in dependencies(attacked):
        for value in (marked, {"path": str(path)}, [{"a": marked}]):
            places = max(1, len(dependency["inputs"]))
            data = [value] + [None] * (places - 1)
            status, said = attacked.through_queue(dependency["id"], data)
            answers.add((status, said))
            name = dependency["api_name"]
            for way in ("run", "call", "call/v2"):
                answer = attacked.post(f"{way}/{name}", {"data": data, "session_hash": "x"})
                answers.add((answer.status_code, answer.text))
    # The same words for all, so that they do not tell which files exist.
    said = '{"message":"Upload the file itself: no other file is read.","kind":"invalid"}'
    assert answers == {(400, said)}
    assert sorted(attacked.uploads.rglob("*")) == before
    if kind == "link":
        path.unlink()


def test_what_was_uploaded_is_read(attacked: Attacked) -> None:
    data = [file_data(attacked.upload(picture(64, 48))), "a dog", 0.0, None]
    [align] = [d["id"] for d in dependencies(attacked) if d["api_name"] == "align"]
    status, said = attacked.through_queue(align, data)
    assert (status, '"width":64' in said.replace(" ", "")) == (200, True), said


def test_an_endless_file_holds_nobody_up(attacked: Attacked) -> None:
    """The server answers others at once while one asks for what has no end."""
    with ThreadPoolExecutor(4) as threads:
        call = {"data": [file_data("/dev/zero"), "a dog", None], "session_hash": "x"}
        asked = [threads.submit(attacked.post, "run/take", call) for _ in range(3)]
        page = threads.submit(httpx.get, attacked.address, timeout=PROMPT)
        assert page.result().status_code == 200
        assert {one.result().status_code for one in asked} == {400}


def sent_raw(attacked: Attacked, path: str, headers: str, pieces: Iterator[bytes]) -> bytes:
    """What the server says to a body in chunks; the sender stops when it hangs up."""
    host, port = attacked.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PROMPT) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{headers}\r\n\r\n"
        connection.sendall(head.encode())
        try:
            for piece in pieces:
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            connection.sendall(b"0\r\n\r\n")
        except OSError:  # it does not listen any more; what it said can still be read
            pass
        try:
            return connection.recv(4096)
        except ConnectionResetError:
            return b""


BOTH = "Content-Length: 2\r\nTransfer-Encoding: chunked"
ENVELOPE = "Content-Type: multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/gradio_api/queue/join", f"{BOTH}\r\nContent-Type: application/json", 400),
        ("/gradio_api/upload", f"{BOTH}\r\n{ENVELOPE}", 400),
        ("/annotate/enter", f"{BOTH}\r\nContent-Type: application/json", 400),
        ("/annotate/import/project?form=jsonl&name=x", BOTH, 400),
        ("/gradio_api/upload", f"Transfer-Encoding: chunked\r\n{ENVELOPE}", 411),
    ],
)
def test_chunks_pass_no_cap(attacked: Attacked, path: str, headers: str, status: int) -> None:
    """A length that is stated beside chunks is no length: nothing of the body is taken."""
    before = sorted(attacked.uploads.rglob("*"))
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="x.jpg"\r\n\r\n'
    said = sent_raw(attacked, path, headers, iter([part, *[bytes(2**20)] * 40, b"\r\n--b--\r\n"]))
    if said:  # or the connection was cut while it was still sent
        assert said.startswith(b"HTTP/1.1 %d " % status), said
    assert sorted(attacked.uploads.rglob("*")) == before


@pytest.mark.parametrize("length", ["", "-1", "+2", "2, 3", "0x2", "2" * 5000, "\u0663"])
def test_lengths_that_are_none(attacked: Attacked, length: str) -> None:
    """Without a body: what a length is worth is told by the first lines."""
    headers = f"Content-Length: {length}\r\nContent-Type: application/json"
    said = sent_raw(attacked, "/gradio_api/queue/join", headers, iter(()))
    assert said.split(b" ", 2)[1] in (b"400", b"411", b"413"), said


def test_nothing_escapes_the_queue(attacked: Attacked) -> None:
    """A direct call of what waits in the queue for others is refused, by name and by number."""
    found = dependencies(attacked)
    assert {d["api_name"] for d in found if d["queue"]} >= {"align", "take", "pick"}
    for dependency in found:
        call = {"data": [None] * len(dependency["inputs"]), "session_hash": "x"}
        by_number = call | {"fn_index": dependency["id"]}
        for name, body in ((dependency["api_name"], call), ("predict", by_number)):
            if dependency["queue"]:
                assert attacked.post(f"run/{name}", body).status_code == 404, dependency
            assert attacked.post(f"api/{name}", body).status_code == 404, dependency


UNKNOWN = [
    ("GET", "queue/data?session_hash=nobody", None),
    ("GET", "call/align/no-event", None),
    ("POST", "queue/join", {"session_hash": "x", "fn_index": 99999, "data": []}),
    ("POST", "queue/join", {"session_hash": "x", "fn_index": -1, "data": []}),
    ("POST", "call/no-endpoint", {"data": []}),
    ("POST", "run/no-endpoint", {"data": []}),
]


@pytest.mark.parametrize(("method", "path", "call"), UNKNOWN)
def test_names_that_lead_nowhere(attacked: Attacked, method: str, path: str, call: Any) -> None:
    """One sentence at once, not a 500 or half an answer with a traceback in the log."""
    url = f"{attacked.address}/gradio_api/{path}"
    answer = attacked.client.request(method, url, json=call)
    assert (answer.status_code, answer.json()["kind"]) == (404, "absent")


def test_a_call_with_too_few_values(attacked: Attacked) -> None:
    answer = attacked.post("call/align", {"data": []})
    assert (answer.status_code, answer.json()["kind"]) == (400, "invalid")
    assert "data has 0 values; expected " in answer.json()["message"]


def test_who_hangs_up_takes_no_export_along(attacked: Attacked) -> None:
    """There are two slots; clients that do not wait for their answer leave none taken."""
    host, port = attacked.address.removeprefix("http://").split(":")
    asked = f"GET /groundings/export?format=coco HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
    for _ in range(40):
        with socket.create_connection((host, int(port)), timeout=PROMPT) as connection:
            reset = struct.pack("ii", 1, 0)  # not even a polite end
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.sendall(asked.encode())
    deadline = time.monotonic() + PROMPT
    while True:  # those that began are cut off within moments
        answer = attacked.client.get(f"{attacked.address}/groundings/export")
        if answer.status_code == 200 or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert answer.status_code == 200, answer.text
