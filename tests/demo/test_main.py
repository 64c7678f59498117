"""`python -m demo`: what it says before it serves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from demo.__main__ import main
from demo.web.server import listen


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


def test_the_port_is_free_again_at_once() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            first.accept()[0].close()
    listen("127.0.0.1", port).close()


def test_it_ends_without_a_word_while_pages_are_open(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "demo",
            "--pages",
            "annotate",
            "--open",
            "--port",
            "0",
            "--url",
            url,
        ],
        env=os.environ | {"XDG_DATA_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    address = process.stdout.readline().split()[1]
    with httpx.stream("GET", f"{address}/gradio_api/heartbeat/page", timeout=60) as page:
        assert page.status_code == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == 130
