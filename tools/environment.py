"""Make `.venv`, the environment that every command runs in, from requirements.lock.

A complete environment says in `.venv/installed` what it was made from: the lock file's hash, the
version of Python and the build of PyTorch. One without that record was interrupted and is made
anew. A failure leaves no `.venv` behind, so that no later try meets half of one.

Only the standard library: this runs before anything is installed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PATIENCE_SECONDS = 4.0
"""How long the index of CPU builds has to answer before the default build is taken."""
PAIR = ("torch", "torchvision")
CUDA_ONLY = re.compile(r"(torch|torchvision|triton|nvidia-[\w-]+|cuda-[\w-]+)==")
"""What of the lock file is not installed beside a CPU build."""
GIGABYTES_WITH_CUDA, GIGABYTES = (3.0, 6.7), (0.6, 2.2)
"""(to download, on the disk): Linux' default build of PyTorch brings CUDA's libraries along."""
DRIVER_SIGNS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
"""Files that are there where a driver of NVIDIA is: Linux, Linux without /proc, Windows' WSL."""


def main() -> None:
    """Make or update the environment of the current folder; SystemExit with a sentence if not."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--any-python", action="store_true", help="keep another Python's .venv")
    options.add_argument("--torch", choices=("auto", "cpu", "default"), default="auto")
    chosen = options.parse_args()
    signal.signal(signal.SIGTERM, _interrupted)
    with open("requirements.lock", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second `make` waits, and finds it done
        make(Path(".venv"), lock.read(), chosen.torch, chosen.any_python)


def make(folder: Path, lock: str, torch: str, any_python: bool) -> None:
    """Bring `folder` to what the lock file's text says, doing nothing where it is there already."""
    wanted = {
        "lock": hashlib.sha256(lock.encode()).hexdigest(),
        "python": "{}.{}".format(*sys.version_info),
    }
    found = record(folder)
    fits = (
        bool(found)
        and torch in ("auto", found["torch"])
        and (any_python or found["python"] == wanted["python"])
    )
    if fits and found["lock"] == wanted["lock"]:
        return
    if fits:
        wanted["python"], build = found["python"], found["torch"]
        print("requirements.lock has changed: updating .venv.", flush=True)
        stamp(folder).unlink()
    else:
        if folder.exists():
            print(f".venv is {'for other settings' if found else 'incomplete'}: removing it.")
            shutil.rmtree(folder)
        build = torch if torch != "auto" else suitable_build(lock)
        announce(folder, build)
    try:
        if not fits:
            run("Making the virtual environment", sys.executable, "-m", "venv", str(folder))
        install(folder, lock, build)
        stamp(folder).write_text(json.dumps(wanted | {"torch": build}), encoding="utf-8")
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, KeyboardInterrupt):
            sys.exit("Interrupted: .venv was removed; the next try begins anew.")
        if isinstance(error, subprocess.CalledProcessError):
            sys.exit(
                "The installation failed (pip's words stand above), and .venv was removed. "
                "Try the same command again; what was downloaded is kept by pip."
            )
        raise
    print(".venv is ready.", flush=True)


def stamp(folder: Path) -> Path:
    """Where a complete environment says what it was made from."""
    return folder / "installed"


def record(folder: Path) -> dict[str, str]:
    """What a complete environment was made from; nothing where it is incomplete or cannot run."""
    try:
        found = json.loads(stamp(folder).read_text(encoding="utf-8"))
        subprocess.run([folder / "bin" / "python", "-c", ""], check=True, capture_output=True)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return {}
    return found if isinstance(found, dict) and found.keys() == {"lock", "python", "torch"} else {}


def suitable_build(
    lock: str,
    system: str = sys.platform,
    has_driver: Callable[[], bool] | None = None,
    index: str = CPU_INDEX,
) -> str:
    """`cpu` on a Linux without NVIDIA's driver, if that build can be had; else `default`."""
    if system != "linux" or (has_driver or nvidia_driver)():
        return "default"
    try:
        for name, version in versions(lock).items():
            with urllib.request.urlopen(f"{index}/{name}/", timeout=PATIENCE_SECONDS) as page:
                wheel = f"{name}-{version}%2Bcpu-cp{sys.version_info[0]}{sys.version_info[1]}-"
                if wheel not in page.read().decode("utf-8", "replace"):
                    raise OSError(f"it has no {name} {version} for this Python")
    except OSError as error:
        reason = getattr(error, "reason", error)
        print(
            "No NVIDIA driver here, but the small CPU build of PyTorch cannot be had from "
            f"{index} ({reason}): taking the default build, which brings CUDA along."
        )
        return "default"
    print("No NVIDIA driver here: taking the CPU build of PyTorch (make TORCH=default for CUDA's).")
    return "cpu"


def nvidia_driver() -> bool:
    """Whether a driver of NVIDIA seems to be installed."""
    return any(Path(sign).exists() for sign in DRIVER_SIGNS) or bool(shutil.which("nvidia-smi"))


def versions(lock: str) -> dict[str, str]:
    """The lock file's versions of torch and torchvision."""
    return {
        name: match[1] for name in PAIR if (match := re.search(rf"(?m)^{name}==([\d.]+)", lock))
    }


def announce(folder: Path, build: str) -> None:
    """Say what is about to happen, its size and time; SystemExit where the disk is too small."""
    with_cuda = build == "default" and sys.platform == "linux"
    download, disk = GIGABYTES_WITH_CUDA if with_cuda else GIGABYTES
    print(
        f"Making .venv with Python {sys.version.split()[0]}: about {download} GB to download, "
        f"{disk} GB on the disk, 3 to 10 minutes at 100 Mbit/s or more. This happens once.",
        flush=True,
    )
    free = shutil.disk_usage(folder.parent).free / 1e9
    if free < disk:
        sys.exit(f"The disk has {free:.1f} GB free where .venv needs {disk} GB; make room first.")


def install(folder: Path, lock: str, build: str) -> None:
    """Install what the lock file names, every file held to its hash.

    The CPU builds are the exception: their index is another, and the lock file, made from the
    default builds, has no hash of them. Their version is the same.
    """
    python = str(folder / "bin" / "python")
    pip = (python, "-m", "pip", "install", "--disable-pip-version-check")
    if build == "cpu":
        pins = [f"{name}=={version}" for name, version in versions(lock).items()]
        run("Installing PyTorch", *pip, "--no-deps", "--index-url", CPU_INDEX, *pins)
        lock = without_cuda(lock)
    wanted = folder / "requirements.lock"
    wanted.write_text(lock, encoding="utf-8")
    silence = "after the downloads pip unpacks for a minute or more without a word"
    run(f"Installing ({silence})", *pip, "-r", str(wanted))


def without_cuda(lock: str) -> str:
    """The lock file's text less PyTorch and what only its CUDA build needs."""
    entries = re.split(r"(?m)^(?=[a-zA-Z])", lock)
    return "".join(entry for entry in entries if not CUDA_ONLY.match(entry))


def run(what: str, *command: str) -> None:
    """Run a command in sight of the user; CalledProcessError where it fails."""
    print(f"{what} ...", flush=True)
    subprocess.run(command, check=True)


def _interrupted(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
