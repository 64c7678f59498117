"""What an annotator's page asks: who am I, which projects, the next photo, save, submit, skip.

Plain JSON beside Gradio, not its events: a save gets an answer or fails, is tried again with the
same key, and never stands in the queue in which the models' visitors wait.
"""

from dataclasses import asdict
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from annotate.people import Person
from annotate.progress import Overview
from annotate.revisions import Receipt
from annotate.work import Content, Task
from core.formats.record import Annotation
from demo.pages.annotate.dependencies import Current, Id, PersonalRoute
from demo.pages.annotate.photos import photo_jpeg, photo_tile
from demo.web.pictures import PictureCache
from demo.web.sessions import Sessions


class Body(BaseModel):
    """JSON with these keys and no others: who somebody is cannot be sent along."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Entry(Body):
    """A name, and its password where it has one."""

    name: str
    password: str | None = None


class Leaving(Body):
    """Of this browser, or of all."""

    everywhere: bool = False


class Passwords(Body):
    """To change one's own."""

    old: str
    new: str


class Next(Body):
    """Which project's photo. day: when the caller's day began."""

    project: Id
    day: Annotated[AwareDatetime | None, Field(strict=False)] = None
    take: bool = True
    """Whether to take a new photo where none is in hand; otherwise nobody's place is taken."""


class Region(Body):
    """An annotation as the page sends it: its place in the list is its order."""

    id: str
    box: list[float]
    snippet: str
    provenance: str
    seconds: float


def regions(sent: list[Region]) -> tuple[Annotation, ...]:
    """What the store keeps of them; it checks every value."""
    return tuple(
        Annotation(r.id, r.box, r.snippet, place, r.provenance, r.seconds)  # type: ignore[arg-type]
        for place, r in enumerate(sent)
    )


class Draft(Body):
    """All that is on the page. base: the version that it was made from."""

    annotations: list[Region]
    seconds: float
    base: Id
    key: str

    def content(self) -> Content:
        """What the store keeps; it checks every value."""
        return Content(regions(self.annotations), self.seconds)


class Nothing(Body):
    """An address that needs to be told nothing more; still only JSON of the page's own is taken."""


class Skip(Body):
    """Why a photo is given back."""

    reason: str
    base: Id
    key: str


def work_api(sessions: Sessions, pictures: PictureCache) -> APIRouter:
    """The routes below /annotate/."""
    store = sessions.store
    router = APIRouter(prefix="/annotate", route_class=PersonalRoute)
    known: TypeAlias = Annotated[Person, Depends(Current(sessions).person)]

    @router.get("/me")
    def me(request: Request) -> dict[str, Any]:
        """The only question that nobody may ask too."""
        person = sessions.person(request)
        return {
            "name": person.name if person else None,
            "owner": bool(person and person.owner),
            "open": sessions.open,
        }

    @router.post("/enter")
    async def enter(entry: Entry, request: Request, response: Response) -> dict[str, Any]:
        person = await sessions.enter(entry.name, entry.password, request, response)
        return {"name": person.name, "owner": person.owner, "open": sessions.open}

    @router.post("/leave")
    def leave(request: Request, response: Response, leaving: Leaving) -> dict[str, Any]:
        sessions.leave(request, response, leaving.everywhere)
        return {}

    @router.post("/password")
    async def password(
        who: known, passwords: Passwords, request: Request, response: Response
    ) -> dict[str, Any]:
        """All sessions of the caller end; this browser gets a new one."""
        old, new = passwords.old, passwords.new
        await sessions.change_password(who, old, new, request, response)
        return {}

    @router.get("/projects")
    def projects(who: known, day: AwareDatetime | None = None) -> list[Overview]:
        return store.progress.overview(who, day)

    @router.post("/next")
    def next_photo(who: known, asked: Next) -> dict[str, Any]:
        """The photo in hand or a new one; null when none is left. And how far the caller is."""
        find = store.work.next_photo if asked.take else store.work.in_hand
        task = find(who, asked.project)
        return {
            "task": task and asdict(task),
            "mine": asdict(store.progress.mine(who, asked.project, asked.day)),
        }

    @router.get("/tasks/{assignment}")
    def task(who: known, assignment: Id) -> Task:
        return store.work.task(who, assignment)

    @router.post("/tasks/{assignment}/save")
    def save(who: known, assignment: Id, draft: Draft, request: Request) -> Receipt:
        sessions.count_saved(who, int(request.headers["content-length"]))  # the guard checked it
        return store.work.save(who, assignment, draft.content(), draft.base, draft.key)

    @router.post("/tasks/{assignment}/submit")
    def submit(who: known, assignment: Id, draft: Draft, request: Request) -> Receipt:
        sessions.count_saved(who, int(request.headers["content-length"]))
        return store.work.submit(who, assignment, draft.content(), draft.base, draft.key)

    @router.post("/tasks/{assignment}/skip")
    def skip(who: known, assignment: Id, skipped: Skip) -> Receipt:
        return store.work.skip(who, assignment, skipped.reason, skipped.base, skipped.key)

    @router.post("/tasks/{assignment}/release")
    def release(who: known, assignment: Id, _: Nothing) -> dict[str, bool]:
        return {"released": store.work.put_back(who, assignment)}

    @router.get("/photos/{photo}")
    def photo(who: known, photo: Id) -> Response:
        return Response(photo_jpeg(store, pictures, who, photo), media_type="image/jpeg")

    @router.get("/photos/{photo}/tiles/{column}/{row}")
    def tile(who: known, photo: Id, column: Id, row: Id) -> Response:
        """A square of the photo with all its pixels."""
        found = photo_tile(store, pictures, who, photo, column, row)
        return Response(found, media_type="image/jpeg")

    @router.get("/photos/{photo}/works")
    def works(who: known, photo: Id) -> dict[str, Any]:
        """The others' work: all of it for owners; for annotators what the project shows them."""
        found = store.review.others(who, photo)
        info = store.projects.photo(who, photo)
        return {"photo": asdict(info), "works": [asdict(work) for work in found]}

    return router
