"""One shape for every refusal: {"message": one sentence, "kind": one word}, without path or SQL.

`kind` is what a program or a page's script decides by; `message` is for people. The guard, the
routes of all pages and whatever goes wrong inside them answer so. Gradio's own endpoints keep
Gradio's shape.
"""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from annotate import errors
from core.errors import InvalidError, UserError

LOG = logging.getLogger(__name__)
ANSWERS: dict[type[UserError], tuple[int, str]] = {
    errors.NotAllowedError: (403, "refused"),
    errors.NotFoundError: (404, "absent"),
    errors.StaleError: (409, "stale"),
    errors.FinalError: (409, "final"),
    errors.LapsedError: (409, "lapsed"),
    errors.CrowdedError: (429, "crowded"),
    errors.BusyError: (503, "busy"),
    errors.FullError: (507, "full"),
    InvalidError: (400, "invalid"),
    errors.StoreError: (500, "broken"),
    UserError: (400, "invalid"),
}
"""HTTP's status and the kind of each class of errors; of a class not listed, its nearest base's."""
KINDS = {401: "nobody", 403: "refused", 404: "absent", 405: "method", 413: "large", 429: "crowded"}
"""What a bare status is called."""
SENTENCES = {401: "Sign in first.", 404: "Not found.", 405: "Only GET, HEAD and POST."}
EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "string_type": "text",
}
"""pydantic's kinds of errors -> what was expected."""


class RefusedError(UserError):
    """A request that is answered with this status and kind."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


def refusal(status: int, kind: str, message: str, **more: Any) -> JSONResponse:
    """An answer that says no. Nobody keeps it: the next one may be another."""
    content = {"message": message.rstrip(".") + ".", "kind": kind, **more}
    return JSONResponse(content, status, headers={"cache-control": "no-store"})


def install(app: FastAPI) -> None:
    """All routes of the application answer in this shape."""
    app.add_exception_handler(UserError, _of_user_error)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_status)
    app.add_exception_handler(Exception, _of_fault)


async def absent(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that has nothing: what stands below a page's address and is no route of it."""
    await refusal(404, "absent", "Not found.")(scope, receive, send)


def _of_user_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UserError)
    return answer_to(error)


def answer_to(error: UserError) -> JSONResponse:
    """What went wrong, as the answer that its class stands for."""
    if isinstance(error, RefusedError):
        return refusal(error.status, error.kind, str(error))
    status, kind = next(ANSWERS[base] for base in type(error).__mro__ if base in ANSWERS)
    if status >= 500:
        LOG.error("a request could not be answered", exc_info=error)
    more: dict[str, Any] = {}
    if isinstance(error, errors.StaleError):
        when = error.when.isoformat()
        more = {"who": error.who, "when": when, "what": error.what}
        more |= {"version": error.version, "final": error.final}
    return refusal(status, kind, str(error), **more)


def _of_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where, *names = first["loc"]
    name = ".".join(str(part) for part in names) or str(where)
    if where == "path":  # an address that cannot be one of ours
        return refusal(404, "absent", "Not found.")
    expected = EXPECTED.get(first["type"])
    if expected and isinstance(first.get("input"), (str, int, float)):
        return refusal(
            400, "invalid", f"{name} is '{str(first['input'])[:40]}'; expected {expected}."
        )
    return refusal(400, "invalid", f"The request's {name}: {first['msg']}.")


def _of_status(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = error.status_code
    said = SENTENCES.get(status, "The server could not answer.")
    return refusal(status, KINDS.get(status, "invalid" if status < 500 else "broken"), said)


def _of_fault(_: Request, error: Exception) -> JSONResponse:
    LOG.error("a request could not be answered", exc_info=error)
    return refusal(500, "broken", "The server could not answer; what went wrong is in its log.")
