"""`python -m demo`: what it says before it serves."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from core.alignment.model import AlignmentConfig, AlignmentModel
from core.checkpoints import save_checkpoint
from core.language.vocabulary import Vocabulary
from core.vision.encoders import NamedEncoder, kind_of
from demo.__main__ import main
from demo.web.server import listen
from tests.core.handmade import handmade


def test_a_taken_port_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit, match=rf"port {port}: .*in use\. Choose another"):
            main(["--port", str(port)])


@pytest.mark.parametrize("port", ["-1", "70000"])
def test_no_such_port(port: str) -> None:
    with pytest.raises(SystemExit, match="Choose another"):
        main(["--port", port])


def test_no_such_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"Cannot load the checkpoint: .*has no config\.json"):
        main(["--port", "0", "--checkpoint", str(tmp_path)])


def test_weights_that_no_encoder_takes_are_refused(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pth"
    with pytest.raises(SystemExit, match=rf"the weights file {missing} has no use"):
        main(["--port", "0", "--encoder-weights", str(missing)])


def test_weights_of_an_encoder_that_are_not_there(tmp_path: Path) -> None:
    name = "torchvision:fasterrcnn_mobilenet_v3_large_320_fpn"
    model = AlignmentModel(AlignmentConfig(region_dimension=1024, vocabulary_size=2))
    kind = kind_of(name)
    stored = NamedEncoder(name, kind.config())
    save_checkpoint(tmp_path / "made", "named", stored, model, Vocabulary(["dog"], [1]))
    options = ["--port", "0", "--checkpoint", str(tmp_path / "made"), "--encoder-weights"]
    with pytest.raises(SystemExit, match=r"weights file missing\.pth is not there"):
        main([*options, str(tmp_path / "missing.pth")])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_a_card_that_is_not_there() -> None:
    with pytest.raises(SystemExit, match="device is cuda, and PyTorch finds no CUDA card"):
        main(["--port", "0", "--device", "cuda"])


@pytest.mark.parametrize("wrong", ["a folder", "a text"])
def test_no_grounding_set(wrong: str, tmp_path: Path) -> None:
    path = tmp_path if wrong == "a folder" else tmp_path / "a.txt"
    if wrong == "a text":
        path.write_text("no database", "utf-8")
    with pytest.raises(SystemExit, match="Cannot open the grounding set: "):
        main(["--port", "0", "--groundings", str(path)])


def test_a_set_names_no_folder_of_its_own_accord(tmp_path: Path) -> None:
    """A set from elsewhere chooses the folder whose pictures Browse would show."""
    path = handmade(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE about SET value = '/etc' WHERE key = 'photos_folder'")
    connection.close()
    with pytest.raises(SystemExit, match=r"names /etc for its photos, .* add --photos /etc"):
        main(["--port", "0", "--groundings", str(path)])
    with pytest.raises(SystemExit, match="--photos is nowhere; expected a folder"):
        main(["--port", "0", "--groundings", str(path), "--photos", "nowhere"])


def test_the_port_is_free_again_at_once() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            first.accept()[0].close()
    listen("127.0.0.1", port).close()


@pytest.mark.parametrize(
    ("name", "status", "ignored"),
    [("SIGINT", 130, False), ("SIGINT", 130, True), ("SIGTERM", 0, False), ("SIGHUP", 129, False)],
)
def test_it_ends_without_a_word_while_pages_are_open(
    tmp_path: Path, name: str, status: int, ignored: bool
) -> None:
    """Also started by something that ignores SIGINT, as a script's background jobs are."""
    with started(tmp_path, (signal.SIGINT,) if ignored else ()) as process:
        address = process.stdout.readline().split()[1]
        with httpx.stream("GET", f"{address}/gradio_api/heartbeat/page", timeout=60) as page:
            assert page.status_code == 200
            process.send_signal(signal.Signals[name])
            _, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == status
    assert list(tmp_path.glob("demo-uploads-*")) == []


def test_nohup_keeps_it_running(tmp_path: Path) -> None:
    with started(tmp_path, (signal.SIGHUP,)) as process:
        address = process.stdout.readline().split()[1]
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert httpx.get(address, timeout=60).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (errors, process.returncode) == ("", 0)


def test_a_request_that_runs_is_finished(tmp_path: Path) -> None:
    """Its body arrives after the server was asked to end; who comes then is refused."""
    with started(tmp_path) as process:
        address = process.stdout.readline().split()[1]
        host, port = address.removeprefix("http://").split(":")
        body = b'{"name": "Late"}'
        head = (
            f"POST /annotate/enter HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(head.encode() + body[:5])
            time.sleep(0.5)  # it waits for the rest
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(httpx.TransportError):
                httpx.get(address, timeout=5)
            connection.sendall(body[5:])
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        _, errors = process.communicate(timeout=60)
    assert (errors, process.returncode) == ("", 0)


def test_a_disk_that_fills_while_something_is_uploaded(tmp_path: Path) -> None:
    """Made by files that may not grow past 1 MB: one sentence, and the next, smaller one is
    taken.
    """
    with started(tmp_path, largest=2**20) as process:
        address = process.stdout.readline().split()[1]

        def upload(size: int) -> httpx.Response:
            files = {"files": ("photo.jpg", bytes(size))}
            return httpx.post(f"{address}/gradio_api/upload", files=files, timeout=60)

        answer = upload(3 * 2**20)
        assert (answer.status_code, answer.json()["kind"]) == (507, "full")
        assert upload(1000).status_code == 200
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert errors == "an upload could not be written: File too large\n"


@contextmanager
def started(
    tmp_path: Path, ignored: tuple[int, ...] = (), largest: int | None = None
) -> Iterator[Any]:
    """An open server of annotation, started by something that ignores these signals; its files
    cannot be larger than so many bytes."""

    def ignore() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        for one in ignored:
            signal.signal(one, signal.SIG_IGN)

    url = f"sqlite:///{tmp_path}/store.db"
    options = ("--pages", "annotate", "--open", "--port", "0", "--url", url)
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", *options],
        env=os.environ | {"XDG_DATA_HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=ignore,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
