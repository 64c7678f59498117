"""What a newcomer meets: help for every option, quick --help, threads and devices, Ctrl-C."""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from annotate.__main__ import parser as annotate_parser
from core.command_line import CommandParser
from core.devices import device_of
from core.errors import UserError
from demo.__main__ import parser as demo_parser
from tests.train.test_refusals import refusal
from train import machine
from train.__main__ import COMMANDS
from train.__main__ import parser as train_parser

ROOT = Path(__file__).parents[2]


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and all below it, complete."""
    if isinstance(parser, CommandParser):
        parser.complete()
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from parsers(one)


@pytest.mark.parametrize("make", [train_parser, annotate_parser, demo_parser])
def test_every_option_says_what_it_is(make: object) -> None:
    found = list(parsers(make()))  # type: ignore[operator]
    for parser in found:
        assert parser.format_help()
        for action in parser._actions:
            if not isinstance(action, argparse._SubParsersAction):
                name = action.option_strings or action.dest
                assert action.help, f"{parser.prog} {name} has no help"


def test_all_commands_are_walked() -> None:
    names = {one.prog.split()[3] for one in parsers(train_parser()) if len(one.prog.split()) > 3}
    assert names == set(COMMANDS)


def test_the_defaults_shown_are_those_of_the_default_recipe() -> None:
    [align] = [one for one in parsers(train_parser()) if one.prog.endswith(" align")]
    shown = {action.dest: str(action.help) for action in align._actions}
    assert shown["batch"].endswith("(default: 256)")
    assert shown["similarity"].endswith("(default: weighted)")
    assert shown["region_dropout"].endswith("(default: 0.3)")


@pytest.mark.parametrize("argv", [["--help"], ["download", "--help"], ["table", "--help"]])
def test_what_needs_no_model_imports_no_torch(argv: list[str]) -> None:
    code = (
        "import sys; from train.__main__ import main; sys.argv = ['train', *sys.argv[1:]]\n"
        "try: main()\n"
        "finally: assert 'torch' not in sys.modules, 'torch was imported'"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *argv], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert "usage: python -m train" in ran.stdout


@pytest.mark.parametrize(
    ("load", "processes", "wanted"), [(0.2, 1, 8), (3.4, 1, 5), (30, 1, 1), (0, 2, 4), (7.6, 4, 1)]
)
def test_threads_are_the_idle_cores(
    load: float, processes: int, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    assert machine.idle_cores() == wanted


def test_the_choice_of_threads_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "idle_cores", lambda: 1)
    before = torch.get_num_threads()
    try:
        machine.set_threads(None)
        assert capsys.readouterr().err.startswith("threads: 1 of ")
        machine.set_threads(1)
        assert not capsys.readouterr().err
    finally:
        torch.set_num_threads(before)
    with pytest.raises(UserError, match="threads is 0; expected 1 or more"):
        machine.set_threads(0)


def test_a_card_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto") == device_of("cpu") == torch.device("cpu")
    with pytest.raises(
        UserError, match=r"device is cuda, and PyTorch finds no CUDA card .*expected"
    ):
        device_of("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto") == device_of("cuda") == torch.device("cuda")


@pytest.mark.parametrize(
    "command",
    [
        "features --data x --out x", "align --data x --out x", "ground --out x.sqlite",
        "caption --level image --features x --dev-features x --out x", "query x --out x.png",
        "proposals --data x --phrases x --efficientnet x --nanodet x --out x",
        "evaluate rank --json x.json", "evaluate caption --level image --json x.json",
        "table magnitudes --out x",
        "classes --data x --phrases x --labelled x --nanodet x --encoder x --out x",
        "everyday --data x --labelled x --word-table x --features x --labelled-features x "
        "--dev-features x --encoder x --start x --out x",
    ],
)  # fmt: skip
def test_every_command_with_a_network_takes_a_device(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    end = refusal([*command.split(), "--threads", "1", "--device", "cuda"])
    assert end is not None
    assert end.code == 2
    assert "error: device is cuda, and PyTorch finds no CUDA card" in capsys.readouterr().err


def interrupted(argv: list[str], begun: Path) -> subprocess.CompletedProcess[str]:
    """Run a command and press Ctrl-C once `begun` is there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "train", *argv], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"},
        # what a shell starts in the background ignores it, and children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    ends = time.monotonic() + 240
    while not begun.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < ends, "it never began"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


@pytest.mark.parametrize("name", ["features", "align", "ground"])
def test_ctrl_c_says_what_is_kept(
    name: str, tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    data = ["--data", str(tiny_flickr), "--threads", "1"]
    if name == "features":
        argv = [*data, "--encoder", str(random_checkpoint), "--out", str(out)]
        begun, told = out / "count.npy", rf"stopped: {out} keeps \d+ of 12 photos, the same command"
    elif name == "ground":
        out = tmp_path / "set.sqlite"
        argv = [*data, "--checkpoint", str(random_checkpoint), "--out", str(out)]
        begun, told = (
            out,
            rf"stopped: {out} keeps what is done, the same command goes on from there",
        )
    else:
        for split in ("train", "dev"):
            ran = refusal(["features", *data, "--split", split, "--encoder", str(random_checkpoint),
                           "--out", str(tmp_path / split)])  # fmt: skip
            assert ran is None
        argv = [*data, "--encoder", str(random_checkpoint), "--features", str(tmp_path / "train"),
                "--dev-features", str(tmp_path / "dev"), "--epochs", "5000", "--batch", "6",
                "--out", str(out)]  # fmt: skip
        begun = out / "progress.safetensors"
        told = rf"stopped in epoch \d+ of 5000: {out} keeps the first \d+, the same command goes on"
    ran = interrupted([name, *argv], begun)
    assert ran.returncode == 130, ran.stderr
    assert "Traceback" not in ran.stderr
    assert re.search(told, ran.stderr.strip().splitlines()[-1])
