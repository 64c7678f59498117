"""What the page's routes depend on: who calls, rows' numbers, and that nobody keeps an answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import Field

from annotate.errors import NotAllowedError
from annotate.people import Person
from core.formats.validation import LARGEST
from demo.web.errors import RefusedError
from demo.web.sessions import Sessions

Id = Annotated[int, Field(ge=0, le=LARGEST)]
"""A number of a row; larger ones are none, and no database could be asked for them."""
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PersonalRoute(APIRoute):
    """A route whose answers no browser keeps: whoever sits there next may be somebody else."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            answer: Response = await inner(request)
            answer.headers.setdefault("cache-control", "no-store")
            return answer

        return handle


class Current:
    """Who calls, as dependencies: a person, or an owner."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def person(self, request: Request) -> Person:
        """Whoever has a session; RefusedError without."""
        person = self.sessions.person(request)
        if person is None:
            raise RefusedError(401, "nobody", "You are signed out; sign in again to go on.")
        return person

    def owner(self, request: Request) -> Person:
        """NotAllowedError for all but owners."""
        person = self.person(request)
        if not person.owner:
            raise NotAllowedError("Only an owner may do this.")
        return person
