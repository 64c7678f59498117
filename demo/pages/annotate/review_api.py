"""What an owner's page asks: how far everybody is, all work on a photo, judging it."""

from dataclasses import asdict
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime

from annotate.people import Person
from annotate.progress import PhotoProgress
from annotate.review import Change
from annotate.revisions import Receipt
from demo.pages.annotate.dependencies import Current, Id, PersonalRoute
from demo.pages.annotate.work_api import Body
from demo.web.sessions import Sessions

PAGE = 50
"""Photos listed at once."""


class Reason(Body):
    """Why work does not count."""

    reason: str


def review_api(sessions: Sessions) -> APIRouter:
    """The routes below /annotate/ that only owners may call; each asks who calls, and so does the
    store."""
    store = sessions.store
    router = APIRouter(prefix="/annotate", route_class=PersonalRoute)
    owner: TypeAlias = Annotated[Person, Depends(Current(sessions).owner)]

    @router.get("/projects/{project}/progress")
    def progress(by: owner, project: Id, day: AwareDatetime | None = None) -> dict[str, Any]:
        return {
            "totals": asdict(store.progress.project(by, project)),
            "people": [asdict(line) for line in store.progress.people(by, project, day)],
        }

    @router.get("/projects/{project}/photos")
    def photos(by: owner, project: Id, after: Id = 0) -> list[PhotoProgress]:
        return store.progress.photos(by, project, after, PAGE)

    @router.get("/tasks/{assignment}/history")
    def history(by: owner, assignment: Id) -> list[Change]:
        return store.review.history(by, assignment)

    @router.post("/tasks/{assignment}/bad")
    def bad(by: owner, assignment: Id, why: Reason) -> Receipt:
        return store.review.mark_bad(by, assignment, why.reason)

    @router.post("/tasks/{assignment}/unmark")
    def unmark(by: owner, assignment: Id) -> Receipt:
        return store.review.unmark(by, assignment)

    @router.post("/tasks/{assignment}/reopen")
    def reopen(by: owner, assignment: Id) -> Receipt:
        return store.review.reopen(by, assignment)

    return router
