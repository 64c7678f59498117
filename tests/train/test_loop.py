"""The one training loop, on a task of one number: schedule, resume, stretching, stops."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import UserError
from train.interrupts import Interrupted
from train.loop import Losses, Schedule, learn
from train.runs import NotFiniteError, Run


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(1))


class Slope:
    """A task that draws numbers and learns the slope that was drawn with them."""

    steps = 4

    def __init__(self, worths: Mapping[int, float] | None = None) -> None:
        self.line = Line()
        self.models = {"line": self.line}
        self.generator = np.random.default_rng(0)
        self.generators = (self.generator,)
        self.optimiser = torch.optim.Adam(self.line.parameters(), lr=0.5)
        self.worths, self.epochs = worths or {}, 0
        self.rates: list[float] = []
        self.saved: list[float] = []
        self.break_at: int | None = None
        self.failure: BaseException | float = math.nan

    def epoch(self, number: int) -> Iterator[Losses]:
        self.epochs = number + 1
        for step in range(self.steps):
            self.rates.append(self.optimiser.param_groups[0]["lr"])
            x = float(self.generator.normal()) + float(torch.rand(1))
            loss = (self.line.slope * x - 3 * x).square().sum()
            if self.break_at == number * self.steps + step:
                if isinstance(self.failure, BaseException):
                    raise self.failure
                loss = loss * self.failure
            yield Losses({"square": loss}, weight=step + 1)

    def clip(self) -> None:
        pass

    def assess(self) -> dict[str, float]:
        return {"slope": self.line.slope.item()}

    def columns(self, means: Mapping[str, float]) -> dict[str, float]:
        return dict(means)

    def worth(self, figures: Mapping[str, float]) -> float:
        return self.worths.get(self.epochs, figures["slope"])

    def save(self) -> None:
        self.saved.append(self.line.slope.item())


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_the_rates_are_a_warm_up_and_half_a_cosine(tmp_path: Path) -> None:
    task = Slope()
    learn(task, Schedule(epochs=3, warm_up=5), Run(tmp_path, {}))
    wanted = [
        0.5 * min(1, (step + 1) / 5) * (1 + math.cos(math.pi * step / 12)) / 2 for step in range(12)
    ]
    assert task.rates == pytest.approx(wanted)


def test_a_step_weighs_what_it_says(tmp_path: Path) -> None:
    seen: list[tuple[float, float]] = []

    class Watched(Slope):
        def epoch(self, number: int) -> Iterator[Losses]:
            for losses in super().epoch(number):
                seen.append((losses.parts["square"].item(), losses.weight))
                yield losses

    learn(Watched(), Schedule(1, 1), Run(tmp_path, {}))
    mean = sum(value * weight for value, weight in seen) / sum(weight for _, weight in seen)
    assert log(tmp_path)[0]["square"] == pytest.approx(mean, abs=1e-4)


def test_a_killed_run_goes_on_to_the_same_curve(tmp_path: Path) -> None:
    learn(Slope(), Schedule(4, 2), Run(tmp_path / "whole", {}))
    killed = Slope()
    killed.break_at, killed.failure = 9, SystemError()
    with pytest.raises(SystemError):
        learn(killed, Schedule(4, 2), Run(tmp_path / "killed", {}))
    torch.rand(7)  # whatever else happens before it goes on
    learn(Slope(), Schedule(4, 2), Run(tmp_path / "killed", {}))
    assert log(tmp_path / "killed") == log(tmp_path / "whole")


@pytest.mark.parametrize("done", [2, 4])
def test_more_epochs_follow_the_longer_cosine(
    done: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a finished run (4 of 4 epochs) as of one that was stopped (2 of 4)."""
    first = Slope()
    first.break_at, first.failure = (done * first.steps if done < 4 else None), SystemError()
    try:
        learn(first, Schedule(4, 1), Run(tmp_path, {"epochs": 4}))
    except SystemError:
        assert done < 4
    second = Slope()
    learn(second, Schedule(6, 1), Run(tmp_path, {"epochs": 6}))
    steps = range(done * 4, 24)
    assert second.rates == pytest.approx(
        [0.5 * (1 + math.cos(math.pi * step / 24)) / 2 for step in steps]
    )
    assert [line["epoch"] for line in log(tmp_path)] == [1, 2, 3, 4, 5, 6]
    printed = capsys.readouterr().out
    assert "epochs is 6 now, 4 before; from here on the rates follow the cosine" in printed
    assert f"goes on after epoch {done} of 6" in printed


def test_a_finished_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learn(Slope(), Schedule(2, 1), Run(tmp_path, {}))
    task = Slope()
    learn(task, Schedule(2, 1), Run(tmp_path, {}))
    assert not task.rates
    assert "has done all 2 epochs; a higher --epochs goes on" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"epochs is 1; .* has done 2, expected as many"):
        learn(task, Schedule(1, 1), Run(tmp_path, {}))


def test_the_best_epoch_is_exported_and_patience_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = Slope({1: 1.0, 2: 3.0, 3: 2.0, 4: 3.0, 5: 9.0})
    assert learn(task, Schedule(9, 1, patience=2), Run(tmp_path, {})) == 3.0
    assert len(task.saved) == 2
    assert len(log(tmp_path)) == 4
    learn(Slope(), Schedule(9, 1, patience=2), Run(tmp_path, {}))
    assert "stopped early after epoch 4: none was better than epoch 2" in capsys.readouterr().out


def test_a_loss_that_is_no_number_stops_it(tmp_path: Path) -> None:
    task = Slope()
    task.break_at = 5
    with pytest.raises(NotFiniteError, match="the loss is nan; its parts: square nan"):
        learn(task, Schedule(3, 1), Run(tmp_path, {}))
    assert len(log(tmp_path)) == 1


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (2, "stopped in the first epoch: .* starts anew with the same command"),
        (9, "stopped in epoch 3 of 4: .* keeps the first 2, the same command goes on from there"),
    ],
)
def test_who_interrupts_is_told_what_is_kept(at: int, message: str, tmp_path: Path) -> None:
    task = Slope()
    task.break_at, task.failure = at, KeyboardInterrupt()
    with pytest.raises(Interrupted, match=message):
        learn(task, Schedule(4, 1), Run(tmp_path, {}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs is 0; expected 1 or more"),
        ({"warm_up": 0}, "warm-up is 0; expected 1 or more"),
        ({"patience": -1}, "patience is -1; expected 0 or more"),
    ],
)
def test_lengths_that_mean_nothing(values: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Schedule(**{"epochs": 2, "warm_up": 1} | values)
