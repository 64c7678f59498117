"""Who is calling: from a session kept on the server, never from what a request says of itself.

Two ways in. With passwords, Gradio's own sign-in stands before the whole app and asks the store.
Open, for people who trust each other on one machine or network, the page asks for a name; an
owner's name still needs its password.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import HTTPException, Request, Response
from gradio.routes import App
from starlette.concurrency import run_in_threadpool

from annotate.errors import CrowdedError, InvalidError, NotAllowedError
from annotate.people import Person
from annotate.store import Store
from demo.web.guard import CALLER
from demo.web.guesses import Guesses, GuessLimits
from demo.web.line import Line, LineFullError

T = TypeVar("T")


@dataclass(frozen=True)
class SessionLimits:
    """What guessing and forgetting cost."""

    sessions: int = 10_000
    """The longest unused are forgotten first; those people type their name again."""
    days: int = 30
    """A browser keeps its session this long."""
    guesses: GuessLimits = field(default_factory=GuessLimits)
    hashing: int = 1
    """Passwords hashed at a time: each takes 64 MB and all of a small machine's cores."""
    waiting: int = 32
    """Passwords that wait to be hashed, two seconds' work; further ones are told to come again."""
    waiting_each: int = 6
    """Those of one address, so that nobody fills the line for everybody."""
    pause: float = 1.0
    """Seconds before the answer that it cannot be answered: or asking again takes all there is."""


class Sessions:
    """Sessions of one server. open: whether a name is enough."""

    def __init__(self, store: Store, open: bool, limits: SessionLimits = SessionLimits()) -> None:
        self.store = store
        self.open = open
        self.limits = limits
        # Cookies know no ports: two servers on one machine must not take each other's.
        self.cookie = f"annotate-{secrets.token_hex(4)}"
        self._names: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()
        self._guesses = Guesses(limits.guesses)
        self._line = Line("hashing", limits.hashing, limits.waiting, limits.waiting_each)

    def person(self, request: Request) -> Person | None:
        """The person of the request's session as they are in the store now; None: nobody."""
        name = self._name(request)
        person = None if name is None else self.store.people.named(name)
        if name is not None and person is None and (pages := _gradio(request)):
            # Or Gradio would go on showing its pages to somebody who may not sign in any more.
            for token in [one for one, whose in list(pages.tokens.items()) if whose == name]:
                pages.tokens.pop(token, None)
        return person

    async def enter(self, name: str, password: str | None, response: Response) -> Person:
        """Open a session by a name, or by a name and its password; sets the cookie."""
        if not self.open:
            raise NotAllowedError("This server asks for a password before the page is shown.")
        if password is None:
            person = await run_in_threadpool(self.store.people.enter, name)
        else:
            found = await self.verified(name, password)
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

    async def check_password(self, name: str, password: str) -> bool:
        """Gradio's `auth`; 429 and one sentence where it cannot be answered now."""
        try:
            return await self.verified(name, password) is not None
        except CrowdedError as error:
            raise HTTPException(429, str(error)) from error

    async def verified(self, name: str, password: str) -> Person | None:
        """The store's answer. CrowdedError after too many wrong ones, or while too many ask."""

        def verify() -> Person:
            if person := self.store.people.verify(name, password):
                return person
            raise NotAllowedError

        try:
            return await self._hashed(name, verify)
        except NotAllowedError:
            return None

    async def change_password(self, who: Person, old: str, new: str) -> None:
        """One's own; the old one can be guessed no more often than at the sign-in."""
        change = self.store.people.change_password
        await self._hashed(who.name, lambda: change(who, old, new))

    async def _hashed(self, name: str, job: Callable[[], T]) -> T:
        """A job that looks at a password, in its turn. Its NotAllowedError is a wrong guess."""
        address = CALLER.get()

        def guessed() -> T:
            self._guesses.begin(name, address)
            try:
                answer = job()
            except InvalidError:  # of the new password: the old one was right
                self._guesses.right(name, address)
                raise
            self._guesses.right(name, address)
            return answer

        try:
            return await self._line.run(address, guessed)
        except LineFullError:
            said = "Too many people are signing in at this moment; try again in a few seconds."
        except CrowdedError as error:
            said = str(error)
        await asyncio.sleep(self.limits.pause)
        raise CrowdedError(said)

    def _name(self, request: Request) -> str | None:
        if self.open:
            token = request.cookies.get(self.cookie, "")
            with self._lock:
                if token in self._names:
                    self._names.move_to_end(token)
                return self._names.get(token)
        if (pages := _gradio(request)) is None:
            return None
        # What gradio.routes.App looks at for `gr.Request.username`.
        safe = request.cookies.get(f"access-token-{pages.cookie_id}")
        plain = request.cookies.get(f"access-token-unsecure-{pages.cookie_id}")
        name: str | None = pages.tokens.get(safe or plain)
        return name


def _gradio(request: Request) -> App | None:
    """Gradio's application, which keeps the sessions of its own sign-in."""
    for route in request.app.routes:
        if isinstance(pages := getattr(route, "app", None), App):
            return pages
    return None
