"""Run folders: the log and its curves, also after a kill."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from train.data import DataError
from train.runs import Run


def logged(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder / "curves"))
    events.Reload()
    return [(one.step, round(one.value, 4)) for one in events.Scalars(name)]


def log_and_die(folder: Path) -> None:
    run = Run(folder, {"rate": 1})
    for epoch in (1, 2, 3):
        run.log(epoch=epoch, loss=1 / epoch, note="words are no curve")
    os._exit(9)  # no finaliser runs, as when a process is killed


def test_a_killed_run_goes_on_without_doubles_or_gaps(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=log_and_die, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert [step for step, _ in curve(tmp_path, "loss")] == [1, 2, 3]
    # epoch 3 was logged but its state was not kept yet: it comes again
    run = Run(tmp_path, {"rate": 1})
    run.log(epoch=3, loss=0.25)
    run.log(epoch=4, loss=0.2)
    wanted = [(1, 1.0), (2, 0.5), (3, 0.25), (4, 0.2)]
    assert [(line["epoch"], line["loss"]) for line in logged(tmp_path)] == wanted
    assert curve(tmp_path, "loss") == wanted


def test_lines_without_an_epoch_are_counted(tmp_path: Path) -> None:
    Run(tmp_path, {}).log(loss=3.0)
    run = Run(tmp_path, {})
    run.log(loss=2.0)
    run.log(loss=1.0)
    assert curve(tmp_path, "loss") == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    Run(tmp_path, {"rate": 1})
    with pytest.raises(DataError, match="holds a run with other options"):
        Run(tmp_path, {"rate": 2})
