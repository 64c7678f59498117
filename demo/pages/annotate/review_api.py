"""What an owner's page asks: how far everybody is, all work on a photo, judging it."""

from dataclasses import asdict
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime

from annotate.people import Person
from annotate.progress import PhotoProgress
from annotate.review import Change, RemarkInfo
from annotate.revisions import Receipt
from annotate.work import Finished
from demo.pages.annotate.dependencies import Current, Id, PersonalRoute
from demo.pages.annotate.work_api import Body, Region, regions
from demo.web.sessions import Sessions

PAGE = 50
"""Photos listed at once."""


class Approval(Body):
    """Whether work is good."""

    approved: bool


class Remark(Body):
    """What somebody says. region: the box's id; "" for all of the work."""

    text: str
    region: str = ""


class Correction(Body):
    """An owner's boxes and words. base: the version that they were made from."""

    annotations: list[Region]
    base: Id


class Reason(Body):
    """Why work does not count."""

    reason: str


def review_api(sessions: Sessions) -> APIRouter:
    """The routes below /annotate/ about finished work: owners' of everybody's, others' of theirs;
    each asks who calls, and so does the store."""
    store = sessions.store
    router = APIRouter(prefix="/annotate", route_class=PersonalRoute)
    owner: TypeAlias = Annotated[Person, Depends(Current(sessions).owner)]
    known: TypeAlias = Annotated[Person, Depends(Current(sessions).person)]

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

    @router.post("/tasks/{assignment}/return")
    def send_back(by: owner, assignment: Id, why: Reason) -> Receipt:
        """It needs changes: back to its author, boxes and all."""
        return store.review.send_back(by, assignment, why.reason)

    @router.post("/tasks/{assignment}/approve")
    def approve(by: owner, assignment: Id, approval: Approval) -> dict[str, bool]:
        store.review.approve(by, assignment, approval.approved)
        return {"approved": approval.approved}

    @router.post("/tasks/{assignment}/correct")
    def correct(by: owner, assignment: Id, correction: Correction) -> Receipt:
        made = regions(correction.annotations)
        return store.review.correct(by, assignment, made, correction.base)

    @router.get("/tasks/{assignment}/remarks")
    def remarks(who: known, assignment: Id) -> list[RemarkInfo]:
        return store.review.remarks(who, assignment)

    @router.post("/tasks/{assignment}/remarks")
    def remark(who: known, assignment: Id, said: Remark) -> RemarkInfo:
        return store.review.remark(who, assignment, said.text, said.region)

    @router.get("/projects/{project}/mine")
    def mine(who: known, project: Id, before: Id = 0) -> list[Finished]:
        """The caller's own finished photos, the newest first."""
        return store.work.finished(who, project, before, PAGE)

    return router
