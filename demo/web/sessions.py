"""Who is calling: from a session kept on the server, never from what a request says of itself.

Two ways in. With passwords, Gradio's own sign-in stands before the whole app and asks the store.
Open, for people who trust each other on one machine or network, the page asks for a name; an
owner's name still needs its password.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass

from fastapi import Request, Response
from gradio.routes import App
from starlette.concurrency import run_in_threadpool

from annotate.errors import NotAllowedError
from annotate.people import Person
from annotate.store import Store


@dataclass(frozen=True)
class DoorLimits:
    """What guessing and forgetting cost."""

    sessions: int = 10_000
    """The longest unused are forgotten first; those people type their name again."""
    days: int = 30
    """A browser keeps its session this long."""
    wrong: int = 10
    """Wrong passwords for one name within `minutes`; further ones are not looked at."""
    minutes: float = 5.0
    names: int = 10_000
    """Names whose wrong passwords are remembered."""


class Door:
    """Sessions of one server. open: whether a name is enough."""

    def __init__(self, store: Store, open: bool, limits: DoorLimits = DoorLimits()) -> None:
        self.store = store
        self.open = open
        self.limits = limits
        # Cookies know no ports: two servers on one machine must not take each other's.
        self.cookie = f"annotate-{secrets.token_hex(4)}"
        self._names: OrderedDict[str, str] = OrderedDict()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()
        self._hashing = threading.Lock()  # one at a time: each takes 64 MB

    def person(self, request: Request) -> Person | None:
        """The person of the request's session as they are in the store now; None: nobody."""
        name = self._name(request)
        return None if name is None else self.store.people.named(name)

    def enter(self, name: str, password: str | None, response: Response) -> Person:
        """Open a session by a name, or by a name and its password; sets the cookie."""
        if not self.open:
            raise NotAllowedError("This server asks for a password before the page is shown.")
        if password is None:
            person = self.store.people.enter(name)
        else:
            found = self.verified(name, password)
            if found is None:
                raise NotAllowedError("The name and the password do not belong together.")
            person = found
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._names[token] = person.name
            while len(self._names) > self.limits.sessions:
                self._names.popitem(last=False)
        age = self.limits.days * 24 * 3600
        response.set_cookie(self.cookie, token, max_age=age, httponly=True, samesite="strict")
        return person

    def leave(self, request: Request, response: Response) -> None:
        """End the request's session, if it has one of ours."""
        with self._lock:
            self._names.pop(request.cookies.get(self.cookie, ""), None)
        response.delete_cookie(self.cookie, httponly=True, samesite="strict")

    async def gradio(self, name: str, password: str) -> bool:
        """Gradio's `auth`. Asynchronous, because Gradio would hash on its event loop."""
        return await run_in_threadpool(self.verified, name, password) is not None

    def verified(self, name: str, password: str) -> Person | None:
        """The store's answer; None too after too many wrong passwords for this name."""
        now = time.monotonic()
        with self._lock:
            wrong = self._wrong.setdefault(name[:200], deque(maxlen=self.limits.wrong))
            self._wrong.move_to_end(name[:200])
            while len(self._wrong) > self.limits.names:
                self._wrong.popitem(last=False)
            if len(wrong) == wrong.maxlen and now - wrong[0] < 60 * self.limits.minutes:
                return None
        with self._hashing:
            person = self.store.people.verify(name, password)
        if person is None:
            wrong.append(now)
        else:
            wrong.clear()
        return person

    def _name(self, request: Request) -> str | None:
        if self.open:
            token = request.cookies.get(self.cookie, "")
            with self._lock:
                if token in self._names:
                    self._names.move_to_end(token)
                return self._names.get(token)
        for route in request.app.routes:
            if isinstance(pages := getattr(route, "app", None), App):
                # What gradio.routes.App looks at for `gr.Request.username`.
                safe = request.cookies.get(f"access-token-{pages.cookie_id}")
                plain = request.cookies.get(f"access-token-unsecure-{pages.cookie_id}")
                return pages.tokens.get(safe or plain)
        return None
