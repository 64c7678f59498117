"""What a command computes on: threads, memory, and the device.

Threads are counted by what is free: on two busy cores, two threads beside another program's take
three to ten times as long as one, because each waits for the other at every step.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import platform
import sys
from typing import TYPE_CHECKING

from core.devices import add_device, device_of
from core.errors import UserError

if TYPE_CHECKING:
    import torch

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # glibc's mallopt parameters


def add_threads(parser: argparse.ArgumentParser) -> None:
    """--threads."""
    parser.add_argument(
        "--threads", type=int, help="of the processor (default: as many as there are idle cores)"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--threads and --device, for every command that runs a region network or a training."""
    add_threads(parser)
    add_device(parser)


def prepare(arguments: argparse.Namespace) -> torch.device:
    """Do as --threads and --device say -> the device."""
    set_threads(arguments.threads)
    return device_of(arguments.device)


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def idle_cores() -> int:
    """Those that other work of the last minute left idle, at least one; of several processes of one
    training (`torchrun`), this one's share."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    share = (cores() - math.floor(busy + 0.5)) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, share)


def set_threads(count: int | None) -> None:
    """Torch's threads in this process (None: by what is idle, said in one line), and memory that
    stays with it.

    glibc gives every large block back to the kernel, so each step of a training faults its
    activations in anew: keeping them made a step of joint training 2.1 times faster here.
    """
    import torch

    if count is None:
        count = idle_cores()
        print(
            f"threads: {count} of {cores()} cores, by what is idle; --threads takes another number",
            file=sys.stderr,
        )
    if count < 1:
        raise UserError(f"threads is {count}; expected 1 or more")
    torch.set_num_threads(count)
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(_M_TOP_PAD, 512 * 2**20)
