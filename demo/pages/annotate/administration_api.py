"""What an owner does to projects and people: make, change, copy, delete, upload, invite."""

import secrets
from dataclasses import asdict
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from annotate.administration import MemberInfo
from annotate.errors import InvalidError
from annotate.invitations import DAYS, InvitationInfo
from annotate.people import Person
from annotate.projects import ProjectInfo, ProjectSettings
from demo.pages.annotate.dependencies import Current, Id, PersonalRoute
from demo.pages.annotate.files_api import sent
from demo.pages.annotate.work_api import Body, Nothing
from demo.web.sessions import Sessions

Role: TypeAlias = Literal["owner", "annotator"]


class Rules(Body):
    """A project's name and all of its rules."""

    name: str
    boxes_per_photo: int
    annotators_per_photo: int
    guidelines: str = ""
    blind: bool = True
    suggestions: bool = False
    lease_minutes: int = ProjectSettings.lease_minutes
    members_only: bool = False

    def settings(self) -> ProjectSettings:
        """What the store keeps; it checks every value."""
        return ProjectSettings(
            self.boxes_per_photo,
            self.annotators_per_photo,
            self.guidelines,
            self.blind,
            self.suggestions,
            self.lease_minutes,
            self.members_only,
        )


class Name(Body):
    """Of a project or a person."""

    name: str


class Archive(Body):
    """Whether it is put away."""

    archived: bool


class Membership(Body):
    """Whether somebody may work on a project."""

    name: str
    admitted: bool


class Newcomer(Body):
    """A person that an owner makes; their password is made here."""

    name: str
    role: Role = "annotator"


class Disabled(Body):
    """Whether somebody is kept from signing in."""

    name: str
    disabled: bool


class Rank(Body):
    """What somebody may do."""

    name: str
    role: Role


class Invited(Body):
    """Whom an invitation is for. projects: those that they are put into."""

    note: str = ""
    role: Role = "annotator"
    projects: tuple[Id, ...] = Field((), strict=False)
    days: int = DAYS


class Joining(Body):
    """Somebody with an invitation's link."""

    token: str
    name: str
    password: str


def administration_api(sessions: Sessions) -> APIRouter:
    """The routes below /annotate/ for owners' projects and people, and for who is invited."""
    store = sessions.store
    router = APIRouter(prefix="/annotate", route_class=PersonalRoute)
    owner: TypeAlias = Annotated[Person, Depends(Current(sessions).owner)]
    body: TypeAlias = Annotated[bytes, Depends(sent)]

    @router.post("/projects")
    def create(by: owner, rules: Rules) -> ProjectInfo:
        return store.projects.create(by, rules.name, rules.settings())

    @router.post("/projects/{project}/rules")
    def change(by: owner, project: Id, rules: Rules) -> ProjectInfo:
        """Another name, other rules; what was submitted stays."""
        store.administration.rename(by, project, rules.name)
        return store.projects.change(by, project, rules.settings())

    @router.post("/projects/{project}/copy")
    def copy(by: owner, project: Id, named: Name) -> ProjectInfo:
        """The same rules and photos, nobody's work."""
        return store.administration.copy(by, project, named.name)

    @router.post("/projects/{project}/archive")
    def archive(by: owner, project: Id, put: Archive) -> ProjectInfo:
        return store.administration.archive(by, project, put.archived)

    @router.post("/projects/{project}/delete")
    def delete(by: owner, project: Id, named: Name) -> dict[str, str]:
        """For ever; its name has to be sent along."""
        store.administration.delete(by, project, named.name)
        return {"deleted": named.name}

    @router.post("/upload/{project}")
    def upload(by: owner, data: body, project: Id, path: str) -> dict[str, Any]:
        """One photo; `path` is its name, or where it lay in the folder that was chosen."""
        added = store.photos.upload(by, project, path, data)
        if added.refused:
            [(_, why)] = added.refused
            raise InvalidError(why)
        return {"new": added.new + added.linked, "known": added.known}

    @router.get("/projects/{project}/members")
    def members(by: owner, project: Id) -> list[MemberInfo]:
        return store.administration.members(by, project)

    @router.post("/projects/{project}/members")
    def admit(by: owner, project: Id, membership: Membership) -> dict[str, bool]:
        store.administration.admit(by, project, membership.name, membership.admitted)
        return {"admitted": membership.admitted}

    @router.post("/photos/{photo}/give")
    def give(by: owner, photo: Id, named: Name) -> dict[str, str]:
        store.administration.give(by, photo, named.name)
        return {"given": named.name}

    @router.get("/people")
    def people(by: owner) -> dict[str, Any]:
        """Everybody, and the invitations that can still be used."""
        lines = [
            {**asdict(one.person), **{key: value for key, value in asdict(one).items()
                                      if key != "person"}}
            for one in store.people.all(by)
        ]  # fmt: skip
        return {"people": lines, "invitations": store.invitations.open(by), "open": sessions.open}

    @router.post("/people")
    def add(by: owner, newcomer: Newcomer) -> dict[str, str]:
        """A new person, and a password that is shown only now."""
        password = secrets.token_urlsafe(12)
        person = store.people.add(by, newcomer.name, password, newcomer.role)
        return {"name": person.name, "password": password}

    @router.post("/people/password")
    def password(by: owner, named: Name) -> dict[str, str]:
        """A new password, shown only now; all their sessions end."""
        made = secrets.token_urlsafe(12)
        store.people.set_password(by, named.name, made)
        return {"name": named.name, "password": made}

    @router.post("/people/disabled")
    def disable(by: owner, change: Disabled) -> dict[str, bool]:
        store.people.set_disabled(by, change.name, change.disabled)
        return {"disabled": change.disabled}

    @router.post("/people/role")
    def rank(by: owner, change: Rank) -> dict[str, str]:
        store.people.set_role(by, change.name, change.role)
        return {"role": change.role}

    @router.post("/invitations")
    def invite(by: owner, whom: Invited) -> dict[str, Any]:
        """An invitation, and its token, which is told only now."""
        info, token = store.invitations.invite(by, whom.role, whom.projects, whom.note, whom.days)
        return {"invitation": info, "token": token}

    @router.get("/invitations")
    def invitations(by: owner) -> list[InvitationInfo]:
        return store.invitations.open(by)

    @router.post("/invitations/{invitation}/withdraw")
    def withdraw(by: owner, invitation: Id, _: Nothing) -> dict[str, bool]:
        store.invitations.withdraw(by, invitation)
        return {"withdrawn": True}

    @router.post("/join")
    async def join(joining: Joining, request: Request, response: Response) -> dict[str, Any]:
        """Who has an invitation's link comes in, and is signed in at once."""
        person = await sessions.join(
            joining.token, joining.name, joining.password, request, response
        )
        return {"name": person.name, "owner": person.owner}

    return router
