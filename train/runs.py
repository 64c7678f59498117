"""What every training shares: a run folder with config, log, curves and resumable state."""

from __future__ import annotations

import json
import math
import os
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.tensorboard import SummaryWriter

from core.errors import UserError
from train.options import folder_for

MAY_CHANGE = frozenset({"epochs", "patience"})
"""Options that say only how long a run lasts: named again with others, it goes on."""
NOT_COMPARED = frozenset({"threads", "device"})
"""Where it runs: kept in no config.json."""


class NotFiniteError(UserError):
    """The loss stopped being a number; the message gives its parts."""


RESCALED = "; from here on the rates follow the cosine of the new number"


class Run:
    """A run folder: config.json, log.jsonl (a line a report), curves/ (the same for TensorBoard),
    progress.safetensors (to resume).

    Opened again with the same configuration it goes on; with another one it is refused, by the
    names of what differs. `MAY_CHANGE` may differ, and a folder that holds nothing but config.json
    (its run was refused or stopped before it began) takes any.
    """

    def __init__(self, folder: Path, config: object, first: bool = True) -> None:
        """first: whether this process, of several, may write."""
        self.folder = folder
        folder_for(folder)
        described = (
            asdict(config) if is_dataclass(config) and not isinstance(config, type) else config
        )
        text = json.dumps(described, indent=2, default=str) + "\n"
        path = folder / "config.json"
        if first and path.is_file() and any(one.name != path.name for one in folder.iterdir()):
            self._compare(path, json.loads(text))
        if first and not (path.is_file() and path.read_text(encoding="utf-8") == text):
            # Whole or not at all: another process of the same training may be reading it.
            written = folder / f"config.json.{os.getpid()}"
            written.write_text(text, encoding="utf-8")
            written.replace(path)
        self.curves: SummaryWriter | None = None

    def _compare(self, path: Path, given: dict[str, Any]) -> None:
        """Refuse a configuration that is not the folder's. A name that only one of them has is of
        another version of this program, whose defaults were the same."""
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise UserError(f"{path} is not JSON; expected one that a run wrote") from None
        other = [
            f"{name.replace('_', '-')} {given[name]} (there {kept[name]})"
            for name in given
            if name in kept and kept[name] != given[name] and name not in MAY_CHANGE
        ]
        if other:
            raise UserError(
                f"{self.folder} holds a run with other options: {', '.join(other)}; expected the "
                "same ones, or another --out"
            )
        for name in sorted(MAY_CHANGE & given.keys() & kept.keys()):
            if kept[name] != given[name]:
                print(
                    f"{self.folder}: {name} is {given[name]} now, {kept[name]} before"
                    + (RESCALED if name == "epochs" else "")
                )

    def log(self, **values: Any) -> None:
        """Append one line to log.jsonl and to the curves, and print it.

        Its place is its `epoch`, or its number in the file where it has none. A run that was killed
        after logging an epoch and before keeping it logs that epoch again: the new line replaces
        the old one and any after it.
        """
        rounded = {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in values.items()
        }
        before = self._lines()
        kept = [line for line in before if "epoch" not in values or line["epoch"] < values["epoch"]]
        path = self.folder / "log.jsonl"
        if len(kept) < len(before):
            path.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        with path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(rounded) + "\n")
        self._draw(kept, rounded)
        print("  ".join(f"{key} {value}" for key, value in rounded.items()), flush=True)

    def _lines(self) -> list[dict[str, Any]]:
        path = self.folder / "log.jsonl"
        if not path.is_file():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def _draw(self, before: list[dict[str, Any]], line: dict[str, Any]) -> None:
        """Put a line into the curves; a run that goes on draws those of its earlier part anew, so
        that TensorBoard shows every step once."""
        todo = [line]
        if self.curves is None:
            folder = self.folder / "curves"
            for stale in folder.glob("events.out.tfevents.*"):
                stale.unlink()
            self.curves = SummaryWriter(str(folder))
            weakref.finalize(self, self.curves.close)
            todo = [*before, line]
        for place, values in enumerate(todo, len(before) + 2 - len(todo)):
            for name, value in values.items():
                if name != "epoch" and isinstance(value, int | float):
                    self.curves.add_scalar(name, value, values.get("epoch", place))
        self.curves.flush()


def check_finite(parts: Mapping[str, Tensor]) -> Tensor:
    """The sum of a loss's parts; NotFiniteError, naming every part, when it is no number."""
    total = torch.stack(list(parts.values())).sum()
    if not math.isfinite(total.item()):
        listed = ", ".join(f"{name} {value.item():.4g}" for name, value in parts.items())
        raise NotFiniteError(
            f"the loss is {total.item()}; its parts: {listed}; expected finite numbers"
        )
    return total


class Progress:
    """All that a training needs to go on as if it had never stopped, in one file.

    Tensors (models, the optimiser's moments, torch's random state) lie as they are; numbers and
    numpy's random states as JSON in the file's metadata. Written beside and moved into place, so
    that a kill leaves the last whole one.
    """

    def __init__(
        self,
        path: Path,
        models: Mapping[str, nn.Module],
        optimiser: Optimizer,
        schedule: LambdaLR,
        generators: Sequence[np.random.Generator],
    ) -> None:
        self.path, self.models, self.optimiser = path, models, optimiser
        self.schedule, self.generators = schedule, generators

    def save(self, **numbers: float) -> None:
        """Keep the present state, and `numbers` such as the epoch."""
        tensors = {"random": torch.get_rng_state()}
        if torch.cuda.is_available():
            tensors["random_cuda"] = torch.cuda.get_rng_state()
        for name, model in self.models.items():
            tensors |= {f"{name}/{key}": value for key, value in model.state_dict().items()}
        moments = self.optimiser.state_dict()["state"]
        for index, values in moments.items():
            tensors |= {f"optimiser/{index}/{key}": value for key, value in values.items()}
        schedule = {k: v for k, v in self.schedule.state_dict().items() if k != "lr_lambdas"}
        written = {
            "numbers": numbers,
            "schedule": schedule,
            "generators": [generator.bit_generator.state for generator in self.generators],
        }
        fresh = self.path.with_suffix(".new")
        contiguous = {key: value.contiguous() for key, value in tensors.items()}
        save_file(contiguous, fresh, {"json": json.dumps(written)})
        fresh.replace(self.path)

    def load(self) -> dict[str, float]:
        """Restore the state that was kept last -> its numbers; {} where none was."""
        if not self.path.is_file():
            return {}
        with safe_open(self.path, "pt") as file:
            written = json.loads(file.metadata()["json"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        torch.set_rng_state(tensors.pop("random"))
        if (of_card := tensors.pop("random_cuda", None)) is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(of_card)
        for name, model in self.models.items():
            model.load_state_dict({key: tensors[f"{name}/{key}"] for key in model.state_dict()})
        state = self.optimiser.state_dict()
        for key, value in tensors.items():
            if key.startswith("optimiser/"):
                _, index, name = key.split("/")
                state["state"].setdefault(int(index), {})[name] = value
        self.optimiser.load_state_dict(state)
        code = self.schedule.state_dict()["lr_lambdas"]  # functions, no state
        self.schedule.load_state_dict(written["schedule"] | {"lr_lambdas": code})
        self._set_rates()
        for generator, kept in zip(self.generators, written["generators"], strict=True):
            generator.bit_generator.state = kept
        numbers: dict[str, float] = written["numbers"]
        return numbers

    def _set_rates(self) -> None:
        """The rates of the step to come: those that were kept, or, where the schedule has another
        length now, those that it gives."""
        at, groups = self.schedule.last_epoch, self.optimiser.param_groups
        rates = [
            base * share(at)
            for base, share in zip(self.schedule.base_lrs, self.schedule.lr_lambdas, strict=True)
        ]
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate
        self.schedule._last_lr = list(rates)
