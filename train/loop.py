"""The one training loop: under `train align`, `caption`, `proposals`, `classes` and `everyday`.

A training brings a `Task`: its models and their optimiser, the losses of an epoch's steps, what it
measures on held-out data, and how its checkpoint is written. The loop brings the rest: rates along
half a cosine after a warm-up, the check that a loss is a number, the log and its curves, a state to
resume from after every epoch, the export of the best epoch, the early stop.

A run that was killed or stopped goes on after its last whole epoch, to the same curve as if it had
never stopped. With more `epochs` than before, the rates follow the longer cosine from there on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from core.errors import UserError
from train.distributed import World
from train.interrupts import on_interrupt
from train.runs import Progress, Run, check_finite

ALONE = World(0, 1, torch.device("cpu"))


@dataclass(frozen=True)
class Schedule:
    """How long a training lasts, and how its rates go."""

    epochs: int
    warm_up: int
    """Steps over which the rates rise, before they fall along half a cosine."""
    patience: int = 0
    """Epochs without a better one after which training stops; 0 for never."""
    seed: int = 1
    steps: int = 0
    """Of the whole training, where its last epoch may be shorter than the others; 0 for epochs of
    one length."""

    @classmethod
    def of_steps(cls, steps: int, report: int, warm_up: int, seed: int) -> Schedule:
        """Of a training whose length is told in steps: an epoch is `report` of them, the last one
        what is left."""
        for name, value in (("steps", steps), ("report", report)):
            if value < 1:
                raise UserError(f"{name} is {value}; expected 1 or more")
        return cls(math.ceil(steps / report), warm_up, seed=seed, steps=steps)

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("warm_up", 1), ("patience", 0)):
            value = getattr(self, name)
            if value < least:
                raise UserError(f"{name.replace('_', '-')} is {value}; expected {least} or more")

    def share_of_rate(self, step: int, steps: int) -> float:
        """Of the full rate, at a step from 0 on, where an epoch has `steps`."""
        rising = min(1.0, (step + 1) / self.warm_up)
        whole = self.steps or steps * self.epochs
        return rising * (1 + math.cos(math.pi * step / whole)) / 2

    def steps_of(self, number: int, steps: int) -> int:
        """Of an epoch from 0 on, where a whole one has `steps`."""
        return min(steps, self.steps - number * steps) if self.steps else steps


@dataclass(frozen=True)
class Losses:
    """The parts of a step's loss, scalars by name, and what the step weighs in the epoch's means.
    A part that some steps lack is a mean over those that have it."""

    parts: Mapping[str, Tensor]
    weight: float = 1.0


class Task(Protocol):
    """What one kind of training brings to the loop."""

    @property
    def models(self) -> Mapping[str, nn.Module]:
        """What learns, by the names under which it is kept."""
        ...

    @property
    def optimiser(self) -> Optimizer: ...

    @property
    def generators(self) -> Sequence[np.random.Generator]:
        """All of the task's own randomness, to be kept too (torch's is kept anyhow)."""
        ...

    @property
    def steps(self) -> int:
        """In an epoch; the last may have fewer (`Schedule.steps`)."""
        ...

    def epoch(self, number: int) -> Iterator[Losses]:
        """The losses of its steps, each computed when it is asked for: the models change in
        between. number counts from 0."""
        ...

    def clip(self) -> None:
        """Bound the gradients, before the optimiser uses them."""
        ...

    def assess(self) -> dict[str, float]:
        """Figures on held-out data, after an epoch."""
        ...

    def columns(self, means: Mapping[str, float]) -> dict[str, float]:
        """The epoch's mean losses by name, as the log shows them."""
        ...

    def worth(self, figures: Mapping[str, float]) -> float:
        """How good an epoch is, by its figures: the best one is exported."""
        ...

    def save(self) -> None:
        """Export what there is as a checkpoint."""
        ...


def learn(task: Task, schedule: Schedule, run: Run, world: World = ALONE) -> float:
    """Train until all epochs are done, or `patience` is at its end -> the best epoch's worth.

    Raises NotFiniteError when a loss is no number, and Interrupted, which says what was kept, when
    a person stops it.
    """
    torch.manual_seed(schedule.seed)
    steps = task.steps
    rates = LambdaLR(task.optimiser, lambda step: schedule.share_of_rate(step, steps))
    progress = Progress(
        run.folder / "progress.safetensors", task.models, task.optimiser, rates, task.generators
    )
    kept = progress.load()
    if kept and "epoch" not in kept:
        raise UserError(
            f"{run.folder} was begun by an earlier version of this program, which counted "
            "otherwise; expected another --out"
        )
    done, best = int(kept.get("epoch", 0)), kept.get("best", -math.inf)
    best_epoch = int(kept.get("best_epoch", 0))
    if done > schedule.epochs:
        raise UserError(
            f"epochs is {schedule.epochs}; {run.folder} has done {done}, expected as many or more"
        )
    if done and world.first:
        print(_where(run, done, schedule, best_epoch), flush=True)
    for number in range(done, schedule.epochs):
        if _stopped(schedule, number, best_epoch):
            break
        with on_interrupt(partial(_kept, run, number, schedule.epochs)):
            means = _epoch(task, number, schedule, rates, world)
            figures = task.assess() if world.first else {}
            worth = world.agree(task.worth(figures) if world.first else 0.0)
            if better := worth > best:
                best, best_epoch = worth, number + 1
            if world.first:
                run.log(epoch=number + 1, **task.columns(means), **figures)
                if better:
                    task.save()
                progress.save(epoch=number + 1, best=best, best_epoch=best_epoch)
    return best


def _epoch(
    task: Task, number: int, schedule: Schedule, rates: LambdaLR, world: World
) -> dict[str, float]:
    """One pass -> the mean of each part of the loss."""
    sums: dict[str, float] = {}
    weights: dict[str, float] = {}
    bar = tqdm(
        task.epoch(number), f"epoch {number + 1}/{schedule.epochs}",
        schedule.steps_of(number, task.steps), unit="step", mininterval=10, disable=not world.first,
    )  # fmt: skip
    for step, losses in enumerate(bar):
        total = check_finite(losses.parts)
        task.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        task.clip()
        task.optimiser.step()
        rates.step()
        for name, value in losses.parts.items():
            sums[name] = sums.get(name, 0.0) + value.item() * losses.weight
            weights[name] = weights.get(name, 0.0) + losses.weight
        if step % 10 == 0:
            bar.set_postfix({name: f"{v.item():.3f}" for name, v in losses.parts.items()})
    return {name: value / weights[name] for name, value in sums.items()}


def _stopped(schedule: Schedule, done: int, best_epoch: int) -> bool:
    return bool(schedule.patience) and done - best_epoch >= schedule.patience


def _where(run: Run, done: int, schedule: Schedule, best_epoch: int) -> str:
    """What becomes of a run that was begun before."""
    if _stopped(schedule, done, best_epoch):
        return (
            f"{run.folder} stopped early after epoch {done}: none was better than epoch "
            f"{best_epoch}; a higher --patience goes on"
        )
    if done == schedule.epochs and schedule.steps:
        return f"{run.folder} has done all {schedule.steps} steps"
    if done == schedule.epochs:
        return f"{run.folder} has done all {done} epochs; a higher --epochs goes on"
    return f"{run.folder} goes on after epoch {done} of {schedule.epochs}"


def _kept(run: Run, done: int, epochs: int) -> str:
    if not done:
        return f"stopped in the first epoch: {run.folder} starts anew with the same command"
    return (
        f"stopped in epoch {done + 1} of {epochs}: {run.folder} keeps the first {done}, the same "
        "command goes on from there"
    )
