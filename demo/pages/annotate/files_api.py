"""What an owner takes away and brings in: files of every format, suggestions, agreement."""

import re
import threading
from dataclasses import asdict
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Request, Response

from annotate import agreement, statistics
from annotate.errors import InvalidError, NotFoundError
from annotate.people import Person
from core.formats import (
    FORMATS,
    Format,
    FormatError,
    Reader,
    ReadOptions,
    as_json,
    named,
    predictions,
    recognised,
    table,
    writer,
)
from core.formats.build import FaultRule
from core.formats.contents import carried, left_out, told
from demo.pages.annotate import figures
from demo.pages.annotate.dependencies import Current, Id, PersonalRoute
from demo.web.sessions import Sessions


async def sent(request: Request) -> bytes:
    """A file's bytes; the guard has capped them."""
    return await request.body()


def _reader(name: str) -> Reader:
    try:
        return named(name)
    except InvalidError as error:
        raise NotFoundError(str(error)) from None


def _format(name: str) -> Format:
    try:
        return writer(name)
    except InvalidError as error:
        raise NotFoundError(str(error)) from None


def files_api(sessions: Sessions) -> APIRouter:
    """The routes below /annotate/ for owners' files."""
    store = sessions.store
    router = APIRouter(prefix="/annotate", route_class=PersonalRoute)
    owner: TypeAlias = Annotated[Person, Depends(Current(sessions).owner)]
    body: TypeAlias = Annotated[bytes, Depends(sent)]  # after the owner: no reading for others
    scoring = threading.Lock()  # one at a time: METEOR starts a Java machine

    @router.get("/formats")
    def formats(by: owner) -> list[dict[str, str | bool]]:
        """The formats of files: name and title."""
        return as_json()

    @router.get("/projects/{project}/exports")
    def exports(by: owner, project: Id) -> list[dict[str, str]]:
        """The formats with what a file of each holds of the project, and what it leaves out."""
        everything = store.progress.contents(by, project)
        return [
            {
                "name": one.name,
                "title": one.title,
                "holds": told(carried(everything, one.carries)),
                "left_out": left_out(everything, one.carries),
            }
            for one in FORMATS.values()
        ]

    @router.get("/projects/{project}/export/{form}")
    def export(by: owner, project: Id, form: str) -> Response:
        """The whole project in one of the formats, as a file to keep."""
        chosen = _format(form)
        found = store.records(by, project)
        store.audit.note(by.name, "exported a project", project=found.name, detail=form)
        name = re.sub(r"[^A-Za-z0-9]+", "-", found.name).strip("-") or "project"
        return Response(
            chosen.write(found),
            media_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{name}{chosen.ending}"'},
        )

    @router.post("/import/project")
    def load(
        by: owner, data: body, form: str, name: str, faults: FaultRule = "refuse"
    ) -> dict[str, Any]:
        """A new project from a file: all of it, or nothing and why; and a report of the faults that
        were not refused, as CSV."""
        options = ReadOptions(project=name, faults=faults)
        try:
            chosen = recognised(data) if form == "any" else _reader(form)
            project = chosen.read(data, options)
        except FormatError as error:
            raise InvalidError(f"The file was not taken. {error}") from error
        made = asdict(store.load(by, project, name))
        report = table.faults(options.report).decode() if options.report else ""
        return {**made, "faults": len(options.report), "report": report}

    @router.post("/import/suggestions/{project}")
    def suggest(by: owner, data: body, project: Id) -> dict[str, int]:
        """What a model proposes for a project's photos; -> how many."""
        try:
            proposed = predictions.read(data, store.records(by, project).photos)
        except FormatError as error:
            raise InvalidError(f"The file was not taken. {error}") from error
        return {"suggestions": store.projects.add_suggestions(by, project, proposed)}

    @router.get("/projects/{project}/agreement")
    def agree(by: owner, project: Id, meteor: bool = False) -> dict[str, Any]:
        """Agreement and statistics as numbers, and their pictures; METEOR only where Java is."""
        found = store.records(by, project)
        measured = agreement.measure(found)
        with scoring:
            scores = measured.snippets(None if meteor else False)
        return {
            "agreement": measured.as_json(scores),
            "statistics": statistics.describe(found).as_json(),
            "figures": {
                "people": figures.people(measured),
                "photos": figures.photos(measured),
                "snippets": figures.snippets(scores),
            },
        }

    return router
