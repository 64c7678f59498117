"""One training over several processes, as `torchrun` starts them (NCCL on GPUs, else gloo).

Each process encodes its share of a batch. The loss is the whole batch's, as in one process: every
process gathers all embeddings, and gradients flow back through the gathering.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_gather
from torch.nn import functional as F


@dataclass(frozen=True)
class World:
    """This process among those of a training: its number and how many there are."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes logs and checkpoints."""
        return self.rank == 0

    def gather(self, tensor: Tensor) -> Tensor:
        """(n, ...) here, with another n elsewhere -> (sum of n, ...), in the order of processes.

        Trailing sizes must agree. Differentiable."""
        if self.size == 1:
            return tensor
        counts = self.counts(len(tensor))
        rest = (0, 0) * (tensor.dim() - 1)
        padded = F.pad(tensor, (*rest, 0, max(counts) - len(tensor)))
        kind = padded.dtype
        if kind == torch.bool:
            padded = padded.to(torch.uint8)
        parts = all_gather(padded.contiguous())  # type: ignore[no-untyped-call]
        whole = torch.cat([part[:n] for part, n in zip(parts, counts, strict=True)])
        return whole.to(kind)

    def counts(self, count: int) -> list[int]:
        """A number of each process, in their order."""
        here = torch.tensor([count], device=self.device)
        all_counts = [torch.zeros_like(here) for _ in range(self.size)]
        distributed.all_gather(all_counts, here)
        return [int(n) for n in all_counts]

    def agree(self, value: float) -> float:
        """The first process's value, everywhere."""
        if self.size == 1:
            return value
        held = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(held, 0)
        return float(held)


def join(device: torch.device) -> World:
    """The world that `torchrun` describes in the environment, or one process alone; each process
    takes the card of its own number where the device is a card."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if size > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(int(os.environ.get("RANK", "0")), size, device)


def leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
