"""How a command ends when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import tempfile, time
from core.command_line import ended_by_signals
with ended_by_signals(), tempfile.TemporaryDirectory() as folder:
    print(folder, flush=True)
    time.sleep(20)
"""


def ended(sent: signal.Signals, ignored: tuple[int, ...], scratch: Path) -> int:
    def ignore() -> None:
        for one in ignored:
            signal.signal(one, signal.SIG_IGN)

    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=ignore,
    )
    assert process.stdout
    with process.stdout:
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        process.send_signal(sent)
        if sent in ignored:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.send_signal(signal.SIGTERM)
        status = process.wait(30)
    assert not folder.exists()
    return status


def test_signals_end_it_as_errors_do(tmp_path: Path) -> None:
    """What it made for a moment is removed; the status is what shells expect; nohup holds."""
    assert ended(signal.SIGTERM, (), tmp_path) == 143
    assert ended(signal.SIGHUP, (), tmp_path) == 129
    assert ended(signal.SIGHUP, (signal.SIGHUP,), tmp_path) == 143
