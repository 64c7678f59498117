"""What the page's addresses share: who may call, one sentence for every error, no cache."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import Field

from annotate import errors
from annotate.people import Person
from core.errors import UserError
from core.formats.validation import LARGEST
from demo.web.sessions import Door

LOG = logging.getLogger(__name__)
STATUS: dict[type[UserError], tuple[int, str]] = {
    errors.InvalidError: (400, "invalid"),
    errors.NotAllowedError: (403, "refused"),
    errors.NotFoundError: (404, "absent"),
    errors.StaleError: (409, "stale"),
    errors.FinalError: (409, "final"),
    errors.LapsedError: (409, "lapsed"),
    errors.CrowdedError: (429, "crowded"),
    errors.BusyError: (503, "busy"),
    errors.FullError: (507, "full"),
}
Id = Annotated[int, Field(ge=0, le=LARGEST)]
"""A number of a row; larger ones are none, and no database could be asked for them."""
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class NobodyError(Exception):
    """The call has no session."""


class OneSentence(APIRoute):
    """A route whose errors are {"error": a sentence, "kind": a word}, without path or SQL."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                answer = await inner(request)
            except NobodyError:
                answer = refusal(401, "nobody", "You are signed out; sign in again to go on.")
            except UserError as error:
                status, kind = STATUS.get(type(error), (500, "broken"))
                if status >= 500:
                    LOG.error("the store could not answer", exc_info=error)
                answer = refusal(status, kind, str(error), **_more(error))
            except RequestValidationError as error:
                first = error.errors()[0]
                place = ".".join(str(part) for part in first["loc"][1:]) or "body"
                answer = refusal(400, "invalid", f"The request's {place}: {first['msg']}.")
            # Whoever sits at this browser next may be somebody else.
            answer.headers.setdefault("cache-control", "no-store")
            return answer

        return handle


def refusal(status: int, kind: str, sentence: str, **more: Any) -> JSONResponse:
    """An answer that says no."""
    return JSONResponse({"error": sentence, "kind": kind, **more}, status)


def _more(error: UserError) -> dict[str, Any]:
    if not isinstance(error, errors.StaleError):
        return {}
    when = error.when.isoformat()
    return {"who": error.who, "when": when, "what": error.what, "version": error.version}


class Callers:
    """Dependencies of the routes: the person who calls, or an owner."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def person(self, request: Request) -> Person:
        """Whoever has a session; NobodyError without."""
        person = self.door.person(request)
        if person is None:
            raise NobodyError
        return person

    def owner(self, request: Request) -> Person:
        """NotAllowedError for all but owners."""
        person = self.person(request)
        if not person.owner:
            raise errors.NotAllowedError("Only an owner may do this.")
        return person
