"""Who is calling: from a session in the store, never from what a request says of itself.

Two ways in. With passwords, a page that asks for one stands before the whole app. Open, for people
who trust each other on one machine or network, the page asks for a name; an owner's name still
needs its password.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from annotate.errors import CrowdedError, InvalidError, NotAllowedError
from annotate.people import Person, Proof
from annotate.store import Store
from demo.web.guard import CALLER
from demo.web.rate_limits import Guesses, GuessLimits, Rate, TooManyError, Tries, network
from demo.web.work_queue import QueueFullError, WorkQueue

T = TypeVar("T")


@dataclass(frozen=True)
class SessionLimits:
    """What guessing and asking cost."""

    guesses: GuessLimits = field(default_factory=GuessLimits)
    names: Rate = Rate(30, 20.0)
    """Names that one address may begin with on an open server: a class at once, and then some."""
    saved: Rate = Rate(8 * 2**20, 1 / 20_000)
    """Bytes of drafts that one person may save, each of which is kept: 8 MB, then 20 KB a second. A
    save has a few KB, every other second."""
    hashing: int = 1
    """Passwords hashed at a time: each takes 64 MB and all of a small machine's cores."""
    waiting: int = 32
    """Passwords that wait to be hashed, two seconds' work; further ones are told to come again."""
    waiting_each: int = 6
    """Those of one address, so that nobody fills the queue for everybody."""
    pause: float = 1.0
    """Seconds before the answer that it cannot be answered: or asking again takes all there is."""
    known_days: int = 400
    """A browser is known this long; they keep no cookie longer."""


class Sessions:
    """Sessions at one server. open: whether a name is enough."""

    def __init__(self, store: Store, open: bool, limits: SessionLimits = SessionLimits()) -> None:
        self.store = store
        self.open = open
        self.limits = limits
        # Cookies know no ports: servers of two stores on one machine must not take each other's.
        identity = store.sign_ins.identity()
        self.cookie, self.known_cookie = f"session-{identity}", f"browser-{identity}"
        self._guesses = Guesses(limits.guesses)
        self._names = Tries(limits.guesses.remembered)
        self._saved = Tries(limits.guesses.remembered)
        self._hashing = WorkQueue("hashing", limits.hashing, limits.waiting, limits.waiting_each)

    def person(self, request: Request) -> Person | None:
        """The person of the request's session as they are in the store now; None: nobody."""
        token = request.cookies.get(self.cookie)
        return None if not token else self.store.sign_ins.person(token, not self.open)

    def name(self, request: Request) -> str | None:
        """The same person's name, as Gradio asks for it."""
        person = self.person(request)
        return None if person is None else person.name

    async def enter(
        self, name: str, password: str | None, request: Request, response: Response
    ) -> Person:
        """Begin a session by a name, or by a name and its password; sets the cookie.

        NotAllowedError where that is not enough; CrowdedError after too many wrong ones, or while
        too many ask.
        """
        if password is not None:
            proof = await self.verified(name, password, request)
            if proof is None:
                raise NotAllowedError("The name and the password do not belong together.")
            await self._begin(proof, request, response)
            return proof.person
        if not self.open:
            raise NotAllowedError("This server asks for a password before the page is shown.")
        person = await run_in_threadpool(self._entered, name)
        await self._begin(person, request, response)
        return person

    async def join(
        self, token: str, name: str, password: str, request: Request, response: Response
    ) -> Person:
        """Make a person by an invitation's token and begin their session; errors as
        `Invitations.accept`'s, and CrowdedError while too many passwords wait to be hashed."""
        accept = self.store.invitations.accept
        try:
            proof = await self._hashing.run(CALLER.get(), lambda: accept(token, name, password))
        except QueueFullError:
            raise CrowdedError(
                "Too many people are signing in at this moment; try again in a few seconds."
            ) from None
        await self._begin(proof, request, response)
        return proof.person

    def leave(self, request: Request, response: Response, everywhere: bool = False) -> None:
        """End the request's session, if it has one, or all of its person's."""
        person = self.person(request)
        if everywhere and person is not None:
            self.store.sign_ins.end_all(person, person.name, CALLER.get())
        elif token := request.cookies.get(self.cookie):
            self.store.sign_ins.end(token, CALLER.get())
        self._forget(request, response)

    async def verified(self, name: str, password: str, request: Request) -> Proof | None:
        """The store's answer; None: wrong. CrowdedError as `enter`."""

        def prove() -> Proof:
            if proof := self.store.people.prove(name, password):
                return proof
            raise NotAllowedError

        try:
            return await self._hashed(name, request, prove)
        except NotAllowedError:
            return None

    async def change_password(
        self, who: Person, old: str, new: str, request: Request, response: Response
    ) -> None:
        """One's own; the old one can be guessed no more often than at the sign-in.

        All sessions end; this browser gets a new one.
        """
        change = self.store.people.change_password
        proof = await self._hashed(who.name, request, lambda: change(who, old, new))
        await self._begin(proof, request, response)

    async def _begin(self, who: Person | Proof, request: Request, response: Response) -> None:
        begin, before = self.store.sign_ins.begin, request.cookies.get(self.cookie)
        token = await run_in_threadpool(begin, who, CALLER.get(), before)
        days = self.store.sign_ins.limits.days
        self._set_cookie(self.cookie, token, days, request, response)
        if isinstance(who, Proof):
            number = secrets.token_urlsafe(16)
            known = f"{number}.{_signature(who.password_hash, number)}"
            self._set_cookie(self.known_cookie, known, self.limits.known_days, request, response)

    def _set_cookie(
        self, name: str, value: str, days: int, request: Request, response: Response
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=days * 24 * 3600,
            httponly=True,
            secure=request.url.scheme == "https",
            # A link from elsewhere opens the page itself, not the sign-in page, for who is signed
            # in; open, it is the page's own script that asks.
            samesite="strict" if self.open else "lax",
        )

    def _forget(self, request: Request, response: Response) -> None:
        response.delete_cookie(
            self.cookie,
            httponly=True,
            secure=request.url.scheme == "https",
            samesite="strict" if self.open else "lax",
        )

    def count_saved(self, who: Person, size: int) -> None:
        """Before a draft of so many bytes is saved. CrowdedError where it would be too much."""
        try:
            self._saved.begin({("saved", who.name): self.limits.saved}, size)
        except TooManyError as error:
            raise CrowdedError(
                f"Too much was saved in a short time; it is saved in {error.seconds} seconds."
            ) from error

    def _entered(self, name: str) -> Person:
        """Somebody new costs a try, or anybody could fill the store with names."""
        if isinstance(name, str) and self.store.people.named(name.strip()) is None:
            try:
                self._names.begin({("names", network(CALLER.get())): self.limits.names})
            except TooManyError as error:
                raise CrowdedError(
                    f"Too many new names came from here; wait {error.seconds} seconds and try "
                    "again."
                ) from error
        return self.store.people.enter(name)

    async def _hashed(self, name: str, request: Request, job: Callable[[], T]) -> T:
        """A job that looks at a password, in its turn. Its NotAllowedError is a wrong guess."""
        address = CALLER.get()

        def guessed() -> T:
            browser = self._browser(name, request)
            try:
                self._guesses.begin(name, address, browser)
            except TooManyError as error:
                if error.first:
                    self.store.audit.note("", "guessed passwords", person=name, address=address)
                raise
            try:
                answer = job()
            except InvalidError:  # of the new password: the old one was right
                self._guesses.right(name, address, browser)
                raise
            self._guesses.right(name, address, browser)
            return answer

        try:
            return await self._hashing.run(address, guessed)
        except QueueFullError:
            said = "Too many people are signing in at this moment; try again in a few seconds."
        except CrowdedError as error:
            said = str(error)
        await asyncio.sleep(self.limits.pause)
        raise CrowdedError(said)

    def _browser(self, name: str, request: Request) -> str:
        """The number of a browser that was signed in by this name and its present password; "" for
        any other. Only the store knows the password's hash, so nobody can make one up."""
        number, _, signature = request.cookies.get(self.known_cookie, "").partition(".")
        password_hash = self.store.people.password_hash(name) if signature else None
        if password_hash is None:
            return ""
        right = hmac.compare_digest(
            _signature(password_hash, number).encode(), signature.encode(errors="replace")
        )
        return number if right else ""


def _signature(password_hash: str, number: str) -> str:
    return hmac.new(
        password_hash.encode(), number.encode(errors="replace"), hashlib.sha256
    ).hexdigest()
