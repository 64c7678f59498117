"""`make` and its environment: the right Python, an end to broken installations, the CPU build."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools import environment

ROOT = Path(__file__).parents[2]
NOTHING = "# an empty lock file\n"
THIS = "{}.{}".format(*sys.version_info)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with `make`, whose lock file asks for nothing."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "requirements.lock").write_text(NOTHING)
    return tmp_path


# Not as a part of the `make test PYTHON=...` that may be running this: it would tell its folder and
# its own variables.
OUTSIDE = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("MAKE") and name not in ("PYTHON", "TORCH", "ARGS")
}


def make(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "environment", *arguments],
        cwd=checkout,
        env=OUTSIDE | variables,
        capture_output=True,
        text=True,
        timeout=600,
    )


def made(checkout: Path) -> dict[str, str]:
    return json.loads((checkout / ".venv" / "installed").read_text())


def python_that_says(folder: Path, name: str, version: tuple[int, int, int]) -> Path:
    """A stand-in for another Python: ours, which gives another version for its own."""
    program = folder / name
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        f"sys.version_info = {version}\n"
        "sys.argv[:1] = []\n"
        "assert sys.argv[0] == '-c'\n"
        "exec(sys.argv[1])\n"
    )
    program.chmod(0o755)
    return program


def test_an_unsupported_python_is_one_sentence_and_no_environment(
    checkout: Path, tmp_path: Path
) -> None:
    old = python_that_says(tmp_path, "python3.10", (3, 10, 13))
    refused = make(checkout, f"PYTHON={old}")
    assert refused.returncode != 0
    assert refused.stdout == (
        "Python 3.11, 3.12 or 3.13 with its venv module is needed, "
        f"and '{old}' is Python 3.10.13.\n"
    )
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("name", ["no-such-python", "/dev/null"])
def test_a_python_that_is_not_there_is_one_sentence(checkout: Path, name: str) -> None:
    refused = make(checkout, f"PYTHON={name}")
    assert refused.returncode != 0
    assert refused.stdout.endswith(f"is needed, and '{name}' does not run here.\n")


def test_the_newest_supported_python_is_taken(checkout: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    python_that_says(programs, "python3.13", (3, 14, 1))  # a name may lie, as pyenv's do
    (programs / "python3.12").write_text("#!/no/such/interpreter\n")
    (programs / "python3.12").chmod(0o755)
    python_that_says(programs, "python3.11", (3, 11, 9))
    said = subprocess.run(
        ["make", "--dry-run", "environment"],
        cwd=checkout,
        env=OUTSIDE | {"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert "\npython3.11 tools/environment.py" in said.stdout


def test_it_is_made_once_and_anew_for_another_python(checkout: Path) -> None:
    first = make(checkout, f"PYTHON={sys.executable}", "TORCH=default")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "GB to download" in first.stdout
    assert "minutes" in first.stdout
    assert made(checkout) == {
        "lock": hashlib.sha256(NOTHING.encode()).hexdigest(),
        "python": THIS,
        "torch": "default",
    }
    witness = checkout / ".venv" / "witness"
    witness.touch()
    assert make(checkout, f"PYTHON={sys.executable}").stdout == ""
    assert witness.exists()
    # Another lock file: the same environment, updated.
    (checkout / "requirements.lock").write_text("# another\n")
    assert "updating" in make(checkout, f"PYTHON={sys.executable}").stdout
    assert made(checkout)["lock"] == hashlib.sha256(b"# another\n").hexdigest()
    assert witness.exists()
    # Another Python, which nobody asked for by name: it stays. Asked for: it is made anew.
    record = made(checkout) | {"python": "3.99"}
    (checkout / ".venv" / "installed").write_text(json.dumps(record))
    assert make(checkout).stdout == ""
    assert "removing" in make(checkout, f"PYTHON={sys.executable}", "TORCH=default").stdout
    assert made(checkout)["python"] == THIS
    assert not witness.exists()


def test_a_failed_installation_leaves_nothing_in_the_way(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("./no-such-file.whl --hash=sha256:" + "0" * 64)
    failed = make(checkout, f"PYTHON={sys.executable}", "TORCH=default")
    assert failed.returncode != 0
    assert "The installation failed (pip's words stand above), and .venv was removed" in (
        failed.stderr
    )
    assert "Traceback" not in failed.stderr
    assert not (checkout / ".venv").exists(), "the next try begins like the first"


@contextmanager
def index(pages: dict[str, str], delay: float = 0) -> Iterator[str]:
    """The address of a package index on this machine."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(delay)
            text = pages.get(self.path)
            self.send_response(200 if text is not None else 404)
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_: object) -> None:
            pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            pass  # whoever asked has gone

    with Server(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "http://127.0.0.1:{}".format(*server.server_address[1:])
        server.shutdown()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interruption_leaves_nothing_in_the_way(checkout: Path, how: signal.Signals) -> None:
    (checkout / "requirements.lock").write_text("slow==1 --hash=sha256:" + "0" * 64)
    with index({}, delay=60) as address:
        going = subprocess.Popen(
            [sys.executable, "tools/environment.py", "--torch", "default"],
            cwd=checkout,
            env=os.environ | {"PIP_INDEX_URL": address, "PIP_NO_CACHE_DIR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A suite that was started in the background ignores Ctrl-C, and so would this.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert going.stdout is not None
        for line in going.stdout:
            if line.startswith("Looking in indexes"):
                break
        os.killpg(going.pid, how)  # as Ctrl-C does: to make, to this and to pip
        _, errors = going.communicate(timeout=600)
    if how == signal.SIGINT:
        assert "Interrupted: .venv was removed" in errors
        assert not (checkout / ".venv").exists()
        return
    (checkout / "requirements.lock").write_text(NOTHING)
    again = make(checkout, f"PYTHON={sys.executable}", "TORCH=default")
    assert ".venv is incomplete: removing it." in again.stdout
    assert again.returncode == 0


def real_lock() -> str:
    return (ROOT / "requirements.lock").read_text("utf-8")


def test_the_cpu_build_is_taken_where_it_can_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    lock = real_lock()
    tag = "cp{}{}-".format(*sys.version_info)
    pages = {
        f"/{name}/": f'<a href="{name}-{version}%2Bcpu-{tag}linux.whl">'
        for name, version in environment.versions(lock).items()
    }
    assert len(pages) == 2

    def build(**more: object) -> str:
        settings = {"system": "linux", "has_driver": lambda: False} | more
        return environment.suitable_build(lock, **settings)  # type: ignore[arg-type]

    with index(pages) as address:
        assert build(index=address) == "cpu"
        assert "CPU build" in capsys.readouterr().out
        assert build(index=address, has_driver=lambda: True) == "default"
        assert build(index=address, system="darwin") == "default"
        pages["/torchvision/"] = "<a href=torchvision-0.1%2Bcpu-cp39-linux.whl>"
        assert build(index=address) == "default"
        assert "no torchvision" in capsys.readouterr().out
    assert build(index=address) == "default", "a closed port"
    assert "cannot be had" in capsys.readouterr().out


def test_an_index_that_does_not_answer_costs_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PATIENCE_SECONDS", 0.2)
    with index({}, delay=30) as address:
        start = time.monotonic()
        assert environment.suitable_build(real_lock(), "linux", lambda: False, address) == (
            "default"
        )
        assert time.monotonic() - start < 5


def test_beside_a_cpu_build_nothing_of_cuda_is_installed() -> None:
    lock = real_lock()
    left = environment.without_cuda(lock)
    names = {line.split("==")[0] for line in left.splitlines() if "==" in line and line[0] != " "}
    every = {line.split("==")[0] for line in lock.splitlines() if "==" in line and line[0] != " "}
    gone = every - names
    assert {"torch", "torchvision", "triton", "nvidia-cublas", "cuda-bindings"} <= gone
    assert {"numpy", "gradio", "sympy", "setuptools"} <= names
    assert all(name.startswith(("torch", "triton", "nvidia-", "cuda-")) for name in gone)
    assert left.count("--hash") < lock.count("--hash")


def test_a_full_disk_is_said_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SystemExit, match=r"1\.0 GB free where \.venv needs"):
        environment.announce(tmp_path / ".venv", "default")
