"""Signing in where the server asks for passwords: the page, and the addresses that let in and out.

Not Gradio's own form, which says nothing where the server answers that too many passwords were
tried. `/login` takes the same words, so that Gradio's Python client signs in as ever.
"""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from starlette.types import Receive, Scope, Send

from annotate.errors import CrowdedError, NotAllowedError
from demo.web.errors import refusal
from demo.web.sessions import Sessions

PAGE = Path(__file__).parent / "static" / "sign_in.html"


async def sign_in_page(scope: Scope, receive: Receive, send: Send) -> None:
    """The page that asks for name and password, instead of what somebody wanted to see."""
    answer = FileResponse(PAGE, media_type="text/html", headers={"cache-control": "no-store"})
    await answer(scope, receive, send)


def sign_in_routes(sessions: Sessions) -> APIRouter:
    """`POST /login` and `GET /logout`."""
    router = APIRouter()

    @router.post("/login")
    async def login(
        request: Request,
        response: Response,
        username: Annotated[str, Form()],
        password: Annotated[str, Form()],
    ) -> Response:
        """What went wrong is `message`, as everywhere, and `detail`, as Gradio's own form has
        it.
        """
        answer = JSONResponse({"success": True}, headers={"cache-control": "no-store"})
        try:
            await sessions.enter(username.strip(), password, request, answer)
        except NotAllowedError as error:
            return refusal(400, "refused", str(error), detail=str(error))
        except CrowdedError as error:
            return refusal(429, "crowded", str(error), detail=str(error))
        return answer

    @router.get("/logout")
    def logout(request: Request) -> Response:
        answer = RedirectResponse(request.scope.get("root_path", "") + "/", 302)
        sessions.leave(request, answer)
        return answer

    return router
