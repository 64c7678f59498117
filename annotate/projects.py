"""Projects: a photo set and its rules; its photos, their bytes, and what models suggest on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from annotate import schema
from annotate.audit_log import note
from annotate.database import Database
from annotate.errors import InvalidError, NotAllowedError, NotFoundError
from annotate.people import Person, confirm
from core.formats import record
from core.formats.validation import file_name_of, name_of, suggestion_of, text_of, whole

MOST_PEOPLE = 10_000
LONGEST_LEASE = 60 * 24 * 30


@dataclass(frozen=True)
class ProjectSettings:
    """A project's rules."""

    boxes_per_photo: int = 5
    """The paper's: five boxes of each person."""
    annotators_per_photo: int = 9
    """The paper's: nine people for each photo."""
    guidelines: str = ""
    """Shown to annotators before they begin."""
    blind: bool = True
    """Nobody sees the others' work."""
    suggestions: bool = False
    """Whether annotators see what models propose."""
    lease_minutes: int = 60
    """After this long without a save, a photo is given to somebody else."""
    members_only: bool = False
    """Whether only those work on it whom an owner put into it."""


@dataclass(frozen=True)
class ProjectInfo:
    """A project as pages list it."""

    id: int
    name: str
    settings: ProjectSettings
    archived: bool = False
    """Nobody works on it; all of it is kept."""


@dataclass(frozen=True)
class PhotoInfo:
    """A photo; sizes are of the upright picture, in pixels."""

    id: int
    project: int
    name: str
    width: int
    height: int
    sha256: str


PROJECT_COLUMNS = (
    schema.Project.id,
    schema.Project.name,
    schema.Project.boxes_per_photo,
    schema.Project.annotators_per_photo,
    schema.Project.guidelines,
    schema.Project.blind,
    schema.Project.suggestions,
    schema.Project.lease_minutes,
    schema.Project.members_only,
    schema.Project.archived,
)
PHOTO_COLUMNS = (
    schema.Photo.id,
    schema.Photo.project_id,
    schema.Photo.name,
    schema.Photo.width,
    schema.Photo.height,
    schema.Photo.sha256,
)


def project_info(connection: Connection, project: int) -> ProjectInfo:
    """The project with this id, or NotFoundError."""
    row = connection.execute(select(*PROJECT_COLUMNS).where(schema.Project.id == project)).first()
    if row is None:
        raise NotFoundError(f"There is no project {project}.")
    return _project(row)


def projects_of(connection: Connection, who: Person) -> list[ProjectInfo]:
    """The projects that `who` may see, by name: owners all, annotators those they may work on."""
    found = [_project(row) for row in connection.execute(select(*PROJECT_COLUMNS)).all()]
    if not who.owner:
        member = schema.Member
        rows = select(member.project_id, member.admitted).where(member.person_id == who.id)
        admitted = dict(connection.execute(rows).all())
        found = [
            one
            for one in found
            if not one.archived and admitted.get(one.id, not one.settings.members_only)
        ]
    return sorted(found, key=lambda one: one.name)


def may_work(connection: Connection, who: Person, project: int) -> ProjectInfo:
    """The project, or NotAllowedError where `who` may take no photo of it."""
    info = project_info(connection, project)
    if info.archived:
        raise NotAllowedError(f"The project {info.name} is archived; nobody works on it now.")
    if who.owner:
        return info
    member = schema.Member
    admitted = connection.scalar(
        select(member.admitted).where(member.project_id == project, member.person_id == who.id)
    )
    if not (admitted if admitted is not None else not info.settings.members_only):
        raise NotAllowedError(f"An owner has to put you into the project {info.name} first.")
    return info


def photo_info(connection: Connection, photo: int) -> PhotoInfo:
    """The photo with this id, or NotFoundError."""
    row = connection.execute(select(*PHOTO_COLUMNS).where(schema.Photo.id == photo)).first()
    if row is None:
        raise NotFoundError(f"There is no photo {photo}.")
    return PhotoInfo(*row)


SUGGESTION_COLUMNS = (
    schema.Suggestion.photo_id,
    schema.Suggestion.uid,
    schema.Suggestion.x0,
    schema.Suggestion.y0,
    schema.Suggestion.x1,
    schema.Suggestion.y1,
    schema.Suggestion.snippet,
    schema.Suggestion.score,
    schema.Suggestion.model,
)


def suggestion_from(row: Any) -> record.Suggestion:
    """One row of SUGGESTION_COLUMNS as plain data."""
    box = (row.x0, row.y0, row.x1, row.y1)
    return record.Suggestion(row.uid, box, row.snippet, row.score, row.model)


def suggestions_of(connection: Connection, photo: int) -> tuple[record.Suggestion, ...]:
    """What models propose on a photo, the best score first."""
    table = schema.Suggestion
    rows = connection.execute(
        select(*SUGGESTION_COLUMNS)
        .where(table.photo_id == photo)
        .order_by(table.score.desc(), table.id)
    )
    return tuple(suggestion_from(row) for row in rows)


def checked(settings: ProjectSettings) -> dict[str, Any]:
    """The columns of a project's rules; InvalidError for the first that cannot be."""
    for switch in (settings.blind, settings.suggestions, settings.members_only):
        if not isinstance(switch, bool):
            raise InvalidError(f"A switch of the project is {switch!r}; expected true or false.")
    return {
        "boxes_per_photo": whole("Boxes per photo", settings.boxes_per_photo, 1, 100),
        "annotators_per_photo": whole(
            "Annotators per photo", settings.annotators_per_photo, 1, MOST_PEOPLE
        ),
        "guidelines": text_of("The guidelines", settings.guidelines),
        "blind": settings.blind,
        "suggestions": settings.suggestions,
        "lease_minutes": whole("The lease's minutes", settings.lease_minutes, 1, LONGEST_LEASE),
        "members_only": settings.members_only,
    }


class Projects:
    """The projects of one database."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def create(
        self, by: Person, name: str, settings: ProjectSettings = ProjectSettings()
    ) -> ProjectInfo:
        """A new project without photos. InvalidError where the name is taken. Only for owners."""
        with self._database.write(alone=True) as connection:
            confirm(connection, by, owner=True)
            made = make_project(connection, name, settings, self._clock())
            note(connection, self._clock(), by.name, "made a project", project=made.name)
            return made

    def all(self, who: Person) -> list[ProjectInfo]:
        """Every project, by name."""
        with self._database.read() as connection:
            confirm(connection, who)
            return projects_of(connection, who)

    def get(self, who: Person, project: int) -> ProjectInfo:
        """One project by its id, or NotFoundError."""
        with self._database.read() as connection:
            confirm(connection, who)
            return project_info(connection, project)

    def named(self, who: Person, name: str) -> ProjectInfo:
        """One project by its name, or NotFoundError, which names those there are."""
        projects = self.all(who)
        for project in projects:
            if project.name == name:
                return project
        known = ", ".join(project.name for project in projects) or "none yet"
        raise NotFoundError(f"There is no project called {name}; there are: {known}.")

    def change(self, by: Person, project: int, settings: ProjectSettings) -> ProjectInfo:
        """Other rules from now on; what was submitted stays. Only for owners."""
        values = checked(settings)
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            lock_project(connection, project)
            before = project_info(connection, project).settings
            connection.execute(
                update(schema.Project).where(schema.Project.id == project).values(**values)
            )
            more = settings.annotators_per_photo - before.annotators_per_photo
            if more:
                _want_more(connection, project, more)
            after = project_info(connection, project)
            old, new = asdict(before), asdict(after.settings)
            detail = ", ".join(sorted(key for key in new if new[key] != old[key]))
            note(
                connection,
                self._clock(),
                by.name,
                "changed a project",
                project=after.name,
                detail=detail,
            )
            return after

    def add_photos(self, by: Person, project: int, photos: Sequence[record.Photo]) -> int:
        """Add photos with their suggestions; gives how many were new. Only for owners.

        A name that is there already must be the same photo (size and, where both are known,
        sha256), or nothing is added and InvalidError names it.
        """
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            added = insert_photos(connection, project, photos)
            if added:
                name = project_info(connection, project).name
                detail = f"{added} photos"
                note(
                    connection, self._clock(), by.name, "added photos", project=name, detail=detail
                )
            return added

    def photo(self, who: Person, photo: int) -> PhotoInfo:
        """One photo's name and size."""
        with self._database.read() as connection:
            may_see(connection, who, photo)
            return photo_info(connection, photo)

    def add_suggestions(
        self, by: Person, project: int, suggestions: Mapping[str, Sequence[record.Suggestion]]
    ) -> int:
        """What models propose, by photo name; gives how many. Only for owners.

        The same model's earlier proposals on a named photo are replaced.
        """
        with self._database.write() as connection:
            confirm(connection, by, owner=True)
            lock_project(connection, project)
            sizes = photo_sizes(connection, project)
            rows: list[dict[str, Any]] = []
            for name, proposed in suggestions.items():
                if name not in sizes:
                    raise NotFoundError(f"The project has no photo called {name}.")
                rows += _suggestion_rows(*sizes[name], proposed)
            for photo, model in {(row["photo_id"], row["model"]) for row in rows}:
                connection.execute(
                    delete(schema.Suggestion).where(
                        schema.Suggestion.photo_id == photo, schema.Suggestion.model == model
                    )
                )
            if rows:
                connection.execute(insert(schema.Suggestion), rows)
            note(
                connection,
                self._clock(),
                by.name,
                "added suggestions",
                project=project_info(connection, project).name,
                detail=f"{len(rows)} suggestions",
            )
            return len(rows)

    def suggestions(self, who: Person, photo: int) -> tuple[record.Suggestion, ...]:
        """What models propose, the best first; nothing where the project does not allow it."""
        with self._database.read() as connection:
            may_see(connection, who, photo)
            info = project_info(connection, photo_info(connection, photo).project)
            if not info.settings.suggestions:
                return ()
            return suggestions_of(connection, photo)


def may_see(connection: Connection, who: Person, photo: int) -> None:
    """NotAllowedError for an annotator who was not given this photo, unless the project is not
    blind."""
    confirm(connection, who)
    if who.owner:
        confirm(connection, who, owner=True)
        return
    info = photo_info(connection, photo)
    project = project_info(connection, info.project)
    if not project.settings.blind and project in projects_of(connection, who):
        return
    given = select(schema.Assignment.id).where(
        schema.Assignment.photo_id == photo, schema.Assignment.person_id == who.id
    )
    if connection.execute(given).first() is None:
        raise NotAllowedError("This photo was not given to you.")


def lock_project(connection: Connection, project: int) -> None:
    """Everybody else who locks this project waits until this transaction ends."""
    connection.execute(
        select(schema.Project.id)
        .where(schema.Project.id == project)
        .with_for_update(key_share=True)  # rows that only refer to the project need not wait
    )


def make_project(
    connection: Connection, name: str, settings: ProjectSettings, now: datetime
) -> ProjectInfo:
    """Insert a project; the transaction must be `alone`."""
    name = name_of("The project's name", name)
    taken = select(schema.Project.id).where(schema.Project.name == name)
    if connection.execute(taken).first() is not None:
        raise InvalidError(f"There is a project called {name} already; choose another name.")
    made = connection.execute(
        insert(schema.Project).values(
            name=name, turns=0, created=now, archived=False, **checked(settings)
        )
    )
    [key] = made.inserted_primary_key or (0,)
    return project_info(connection, int(key))


def _want_more(connection: Connection, project: int, more: int) -> None:
    """Change how many people each photo wants; the project is locked.

    Photos that were full and want people again go to the end of the queue (see `Photo.turn`).
    """
    table = schema.Photo
    if more > 0:
        place = func.row_number().over(order_by=table.turn).label("place")
        again = (
            select(table.id, place)
            .where(table.project_id == project, table.free <= 0, table.free + more > 0)
            .subquery()
        )
        last = select(schema.Project.turns).where(schema.Project.id == project)
        connection.execute(
            update(table)
            .where(table.id == again.c.id)
            .values(turn=again.c.place + last.scalar_subquery())
        )
        highest = select(func.max(table.turn)).where(table.project_id == project)
        connection.execute(
            update(schema.Project)
            .where(schema.Project.id == project)
            .values(turns=func.coalesce(highest.scalar_subquery(), 0))
        )
    connection.execute(
        update(table).where(table.project_id == project).values(free=table.free + more)
    )


def photo_sizes(connection: Connection, project: int) -> dict[str, tuple[int, int, int]]:
    """By name: the photo's id, width and height."""
    rows = connection.execute(
        select(schema.Photo.name, schema.Photo.id, schema.Photo.width, schema.Photo.height).where(
            schema.Photo.project_id == project
        )
    )
    return {name: (key, width, height) for name, key, width, height in rows}


def photo_row(photo: record.Photo) -> dict[str, Any]:
    """The columns that a photo itself gives; InvalidError for the first that cannot be."""
    return {
        "name": file_name_of(photo.name),
        "width": whole("A photo's width", photo.width, 1, 1_000_000),
        "height": whole("A photo's height", photo.height, 1, 1_000_000),
        "sha256": text_of("A photo's sha256", photo.sha256, 64),
    }


def append_photos(connection: Connection, project: int, rows: Sequence[dict[str, Any]]) -> None:
    """Put new photos, as of `photo_row` and maybe with their place, at the end of the project's
    queue; the project is locked."""
    if not rows:
        return
    wanted = project_info(connection, project).settings.annotators_per_photo
    turn = connection.scalar(select(schema.Project.turns).where(schema.Project.id == project)) or 0
    queued = [
        row | {"project_id": project, "turn": turn + number, "free": wanted, "submitted": 0}
        for number, row in enumerate(rows, 1)
    ]
    connection.execute(insert(schema.Photo), queued)
    connection.execute(
        update(schema.Project).where(schema.Project.id == project).values(turns=turn + len(rows))
    )


def insert_photos(connection: Connection, project: int, photos: Sequence[record.Photo]) -> int:
    """Put photos at the end of the project's queue; see `Projects.add_photos`."""
    lock_project(connection, project)
    project_info(connection, project)
    table = schema.Photo
    known = {
        name: (width, height, sha256)
        for name, width, height, sha256 in connection.execute(
            select(table.name, table.width, table.height, table.sha256).where(
                table.project_id == project
            )
        )
    }
    rows = []
    for photo in photos:
        row = photo_row(photo)
        name, width, height, sha256 = row.values()
        there = known.get(name)
        if there is not None:
            if there[:2] != (width, height) or (sha256 and there[2] and sha256 != there[2]):
                raise InvalidError(
                    f"The project has another photo called {name} ({there[0]} x {there[1]}); "
                    f"expected names that are unique."
                )
            continue
        known[name] = (width, height, sha256)
        rows.append(row)
    append_photos(connection, project, rows)
    sizes = photo_sizes(connection, project) if any(photo.suggestions for photo in photos) else {}
    new = {row["name"] for row in rows}
    proposed = [
        row
        for photo in photos
        if photo.suggestions and photo.name in new
        for row in _suggestion_rows(*sizes[photo.name], photo.suggestions)
    ]
    if proposed:
        connection.execute(insert(schema.Suggestion), proposed)
    return len(rows)


def _suggestion_rows(
    photo: int, width: int, height: int, proposed: Sequence[record.Suggestion]
) -> list[dict[str, Any]]:
    rows = []
    for one in (suggestion_of(one, width, height) for one in proposed):
        x0, y0, x1, y1 = one.box
        rows.append(
            {"photo_id": photo, "uid": one.id, "x0": x0, "y0": y0, "x1": x1, "y1": y1}
            | {"width": width, "height": height, "snippet": one.snippet, "score": one.score}
            | {"model": one.model}
        )
    if len({(row["model"], row["uid"]) for row in rows}) < len(rows):
        raise InvalidError("Two suggestions on a photo have the same identity; expected one each.")
    return rows


def _project(row: Any) -> ProjectInfo:
    key, name, *settings, archived = row
    return ProjectInfo(key, name, ProjectSettings(*settings), archived)
