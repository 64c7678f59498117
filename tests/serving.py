"""The apps as people start them: a process of its own, on a free port."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextmanager
def running(*command: str, **environment: str) -> Iterator[str]:
    """`python -m COMMAND --port 0` -> its address. Checks that it ends well."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line.startswith("Open http://"), line
        yield line.split()[1]
    finally:
        process.terminate()
        process.wait(90)  # threads that compute are waited for
        process.stdout.close()
    assert process.returncode == 0
