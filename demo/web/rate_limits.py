"""How often passwords may be guessed: for one name, from one address, and both together.

Ten wrong passwords are free; after them, one is looked at in each half minute. So guessing comes to
an end, and nobody is locked out: a name that strangers guess at stays open to its owner, who comes
from elsewhere, or with a browser that has been signed in as them before, or waits half a minute.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from annotate.errors import CrowdedError

Key = tuple[str, ...]


@dataclass(frozen=True)
class Rate:
    """So many at once, and one more in each of so many seconds."""

    burst: int
    seconds: float


@dataclass(frozen=True)
class GuessLimits:
    """Wrong passwords that are looked at."""

    together: Rate = Rate(10, 30.0)
    """For one name from one address, or from one browser that was signed in by that name."""
    address: Rate = Rate(60, 5.0)
    """For any names from one address, which may be a whole office's."""
    name: Rate = Rate(200, 1.5)
    """For one name from any addresses, but for browsers that were signed in by it."""
    remembered: int = 10_000
    """Names and addresses; the longest unused are forgotten first."""


class TooManyError(CrowdedError):
    """No try is left for a name, an address or both."""

    def __init__(self, key: Key, seconds: float, first: bool) -> None:
        self.key = key
        self.seconds = math.ceil(seconds)
        """Until there is one."""
        self.first = first
        """Whether it is the first since `QUIET` seconds: once is enough for the audit."""
        super().__init__(
            f"Too many wrong passwords were tried; wait {self.seconds} seconds and try again."
        )


QUIET = 300.0


class Tries:
    """Counts tries of each key when they begin, so that many at once are many. Safe between
    threads.
    """

    def __init__(self, remembered: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._remembered = remembered
        self._clock = clock
        self._counted: OrderedDict[Key, tuple[float, float]] = OrderedDict()
        """Tries, which become fewer with time, and as of when."""
        self._refused: OrderedDict[Key, float] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, rates: dict[Key, Rate], count: float = 1) -> None:
        """One more try of each key, or so many. TooManyError, and nothing is counted, where one has
        none left.
        """
        now = self._clock()
        with self._lock:
            before = {key: self._count(key, rate, now) for key, rate in rates.items()}
            for key, rate in rates.items():
                if (over := before[key] + count - rate.burst) > 0:
                    raise TooManyError(key, over * rate.seconds, self._is_first(key, now))
            for key, counted in before.items():
                self._keep(self._counted, key, (counted + count, now))

    def take_back(self, key: Key, count: float = math.inf) -> float:
        """So many of a key's tries, or all, do not count -> how many that were."""
        with self._lock:
            there, since = self._counted.pop(key, (0.0, 0.0))
            taken = min(there, count)
            if there > taken:
                self._counted[key] = (there - taken, since)
            return taken

    def _count(self, key: Key, rate: Rate, now: float) -> float:
        count, since = self._counted.get(key, (0.0, now))
        return max(0.0, count - (now - since) / rate.seconds)

    def _is_first(self, key: Key, now: float) -> bool:
        first = now - self._refused.get(key, -math.inf) > QUIET
        if first:
            self._keep(self._refused, key, now)
        return first

    def _keep(self, kept: OrderedDict[Key, Any], key: Key, value: Any) -> None:
        kept[key] = value
        kept.move_to_end(key)
        while len(kept) > self._remembered:
            kept.popitem(last=False)


class Guesses:
    """The passwords that were tried at one server."""

    def __init__(
        self, limits: GuessLimits = GuessLimits(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self._tries = Tries(limits.remembered, clock)

    def begin(self, name: str, address: str, browser: str = "") -> None:
        """One more guess, wrong until it is `right`. TooManyError where no more are looked at.

        browser: one that was signed in by this name before; what others guess does not count there.
        """
        self._tries.begin(self._rates(name, address, browser))

    def right(self, name: str, address: str, browser: str = "") -> None:
        """The guess was none: it does not count, and neither do those before it from there."""
        together, *others = self._rates(name, address, browser)
        count = self._tries.take_back(together)
        for key in others:
            self._tries.take_back(key, count)

    def _rates(self, name: str, address: str, browser: str) -> dict[Key, Rate]:
        name = unicodedata.normalize("NFC", name)[:200]  # as the store looks for it
        if browser:
            return {("browser", name, browser): self.limits.together}
        where = network(address)
        return {
            ("together", name, where): self.limits.together,
            ("address", where): self.limits.address,
            ("name", name): self.limits.name,
        }


def network(address: str) -> str:
    """What one person has of addresses: one of the old kind, 2**64 of the new."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return address
