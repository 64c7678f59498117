"""Run folders: the log and its curves, also after a kill."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.errors import UserError
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


def begun(folder: Path, config: dict[str, object]) -> None:
    """A run folder that has done something."""
    Run(folder, config).log(epoch=1, loss=1.0)


def test_another_configuration_is_refused_by_the_names_of_what_differs(tmp_path: Path) -> None:
    begun(tmp_path, {"rate": 1, "weight_decay": 0.1, "batch": 4})
    with pytest.raises(
        UserError,
        match=r"run with other options: rate 2 \(there 1\), weight-decay 0.2 \(there 0.1\); expect",
    ):
        Run(tmp_path, {"rate": 2, "weight_decay": 0.2, "batch": 4})
    assert json.loads((tmp_path / "config.json").read_text())["rate"] == 1


def test_a_run_that_never_began_takes_any_configuration(tmp_path: Path) -> None:
    Run(tmp_path, {"rate": 1})
    Run(tmp_path, {"rate": 2})
    assert json.loads((tmp_path / "config.json").read_text()) == {"rate": 2}


def test_more_epochs_are_no_other_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun(tmp_path, {"epochs": 1, "patience": 0})
    Run(tmp_path, {"epochs": 3, "patience": 2})
    printed = capsys.readouterr().out
    assert "epochs is 3 now, 1 before; from here on the rates follow the cosine" in printed
    assert "patience is 2 now, 0 before\n" in printed
    assert json.loads((tmp_path / "config.json").read_text()) == {"epochs": 3, "patience": 2}


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"cannot be made \(.*\); expected a folder"):
            Run(folder, {})
