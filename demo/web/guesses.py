"""How often passwords may be guessed: for one name, from one address, and both together.

Who guesses wrong ten times waits, and nobody else: a name that strangers guess at stays open to its
owner, who comes from elsewhere. Only guesses from very many addresses close a name for all.
"""

from __future__ import annotations

import ipaddress
import threading
import time
import unicodedata
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from annotate.errors import CrowdedError

Key = tuple[str, ...]


@dataclass(frozen=True)
class GuessLimits:
    """Wrong passwords within `minutes`; further ones are not looked at."""

    minutes: float = 5.0
    together: int = 10
    """For one name from one address."""
    address: int = 60
    """For any names from one address, which may be a whole office's."""
    name: int = 200
    """For one name from any addresses."""
    remembered: int = 10_000
    """Names and addresses; the longest unused are forgotten first."""


class Guesses:
    """Counts guesses when they begin, so that many at once are many. Safe between threads."""

    def __init__(
        self, limits: GuessLimits = GuessLimits(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self._clock = clock
        self._begun: OrderedDict[Key, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, name: str, address: str) -> None:
        """One more guess, wrong until it is `right`. CrowdedError where there were too many."""
        now = self._clock()
        with self._lock:
            for key, most in self._keys(name, address):
                begun = self._begun.get(key, deque())
                while begun and now - begun[0] >= 60 * self.limits.minutes:
                    begun.popleft()
                if len(begun) >= most:
                    raise CrowdedError(
                        "Too many wrong passwords were tried; wait "
                        f"{self.limits.minutes:g} minutes and try again."
                    )
            for key, _ in self._keys(name, address):
                self._begun.setdefault(key, deque()).append(now)
                self._begun.move_to_end(key)
            while len(self._begun) > self.limits.remembered:
                self._begun.popitem(last=False)

    def right(self, name: str, address: str) -> None:
        """The guess was none: it does not count, and neither do those before it from there."""
        with self._lock:
            (together, _), *others = self._keys(name, address)
            taken_back = len(self._begun.pop(together, ()))
            for key, _ in others:
                begun = self._begun.get(key, deque())
                for _ in range(min(taken_back, len(begun))):
                    begun.pop()

    def _keys(self, name: str, address: str) -> list[tuple[Key, int]]:
        name = unicodedata.normalize("NFC", name)[:200]  # as the store looks for it
        where = _network(address)
        return [
            (("together", name, where), self.limits.together),
            (("address", where), self.limits.address),
            (("name", name), self.limits.name),
        ]


def _network(address: str) -> str:
    """What one person has of addresses: one of the old kind, 2**64 of the new."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return address
