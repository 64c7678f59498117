"""The schema. `migrations/` makes it; a test holds that both say the same.

Counters beside the rows they count (`Photo.free`, `Photo.submitted`, `Member.*`) change in the
transaction that changes those rows, so that the next photo and progress are found by an index and
never by counting a million annotations.

Every box carries its photo's size, held to the photo's row by a foreign key: so the database
itself can refuse a box outside its photo, whoever writes to it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.formats.record import Provenance

OPEN, LAPSED, SUBMITTED, SKIPPED = "open", "lapsed", "submitted", "skipped"

# The conditions of partial indexes, which queries must repeat word by word: with a bound value
# the databases would not see that the index serves.
WANTING = text("free > 0")
LEASED = text("state = 'open'")
ABSENT = text("file IS NULL")


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime to the microsecond, the same in both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; expected an aware datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:  # SQLite's text knows no zone
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The tables' common part: names of constraints, which migrations need, and types."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        str: Text(),
        float: Double(),
        datetime: Moment(),
        dict[str, Any]: JSON(),
    }


def inside() -> tuple[CheckConstraint, ...]:
    """Finite, inside the photo, of positive area: NaN and infinity fail a comparison too."""
    return (
        CheckConstraint("0 <= x0 AND x0 < x1 AND x1 <= width", name="x_inside"),
        CheckConstraint("0 <= y0 AND y0 < y1 AND y1 <= height", name="y_inside"),
        CheckConstraint("(x1 - x0) * (y1 - y0) > 0", name="area"),  # of a hair, it rounds to 0
    )


class Person(Base):
    """Who annotates or owns. Without a password hash nobody can sign in as them by password."""

    __tablename__ = "person"
    __table_args__ = (CheckConstraint("role IN ('owner', 'annotator')", name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Literal["owner", "annotator"]] = mapped_column(Text)
    password_hash: Mapped[str | None]
    disabled: Mapped[bool]
    created: Mapped[datetime]
    active: Mapped[datetime | None]
    """When they last did something to a photo, to the minute."""


class Invitation(Base):
    """A link by which one person may come in once. The link's token is only in the link."""

    __tablename__ = "invitation"
    __table_args__ = (CheckConstraint("role IN ('owner', 'annotator')", name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the token: whoever reads the table can come in as nobody."""
    role: Mapped[Literal["owner", "annotator"]] = mapped_column(Text)
    note: Mapped[str]
    """For whom it is, as the owner calls them."""
    projects: Mapped[dict[str, Any]]
    """{"ids": [..]}: the projects that the person is put into."""
    by: Mapped[str]
    created: Mapped[datetime]
    expires: Mapped[datetime]
    used: Mapped[datetime | None]


class Project(Base):
    """A photo set and its rules."""

    __tablename__ = "project"
    __table_args__ = (
        CheckConstraint("boxes_per_photo >= 1", name="boxes"),
        CheckConstraint("annotators_per_photo >= 1", name="annotators"),
        CheckConstraint("lease_minutes >= 1", name="lease"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    boxes_per_photo: Mapped[int]
    annotators_per_photo: Mapped[int]
    guidelines: Mapped[str]
    blind: Mapped[bool]
    suggestions: Mapped[bool]
    lease_minutes: Mapped[int]
    members_only: Mapped[bool]
    """Whether only those work on it whom an owner put into it."""
    archived: Mapped[bool]
    """Nobody works on it; all of it is kept."""
    turns: Mapped[int]
    """The last place given out in the queue of photos; see `Photo.turn`."""
    created: Mapped[datetime]


class Folder(Base):
    """A folder in which photos of a project lie; only the command line adds any."""

    __tablename__ = "folder"
    __table_args__ = (UniqueConstraint("project_id", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    path: Mapped[str]


class Photo(Base):
    """One photo of one project, where its bytes are, and how many people it has."""

    __tablename__ = "photo"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        UniqueConstraint("id", "width", "height"),  # what boxes refer to
        CheckConstraint("width >= 1 AND height >= 1", name="size"),
        Index(
            "ix_photo_wanting", "project_id", "turn", sqlite_where=WANTING, postgresql_where=WANTING
        ),
        Index("ix_photo_project_id_id", "project_id", "id"),
        Index("ix_photo_project_id_submitted", "project_id", "submitted"),
        Index("ix_photo_absent", "project_id", sqlite_where=ABSENT, postgresql_where=ABSENT),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    sha256: Mapped[str]
    turn: Mapped[int]
    """Place in the project's queue. Everybody goes through the queue once, by `Member.cursor`; a
    photo that was full and wants people again moves to its end, where nobody has been."""
    free: Mapped[int]
    """People still wanted: the project's number, less open leases and good submissions. Below 0
    only where the owner let more count than were wanted."""
    submitted: Mapped[int]
    """Good submissions: those not marked as bad."""
    folder_id: Mapped[int | None] = mapped_column(ForeignKey("folder.id"))
    file: Mapped[str | None]
    """Its path in its folder; "" where `Upload` holds its bytes; None where they are not here."""


class Upload(Base):
    """The bytes of a photo that came through the page: in the database, so that what was
    acknowledged is durable, and a backup of the database is one of the photos too."""

    __tablename__ = "upload"

    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Member(Base):
    """One person's part in one project."""

    __tablename__ = "member"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    cursor: Mapped[int]
    """Every photo of a lower or the same turn was this person's, or full when they came by."""
    submitted: Mapped[int]
    skipped: Mapped[int]
    bad: Mapped[int]
    seconds: Mapped[float]
    """Spent on the photos that were submitted."""
    admitted: Mapped[bool]
    """False for somebody whom an owner took out of the project; their work stays."""


class Assignment(Base):
    """One person's work on one photo: handed out, drafted, then submitted or skipped."""

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("photo_id", "person_id"),
        UniqueConstraint("id", "photo_id"),  # what annotations refer to
        UniqueConstraint("project_id", "uid"),
        CheckConstraint("state IN ('open', 'lapsed', 'submitted', 'skipped')", name="state"),
        CheckConstraint("seconds BETWEEN 0 AND 1e9", name="seconds"),
        Index("ix_assignment_of_person", "person_id", "project_id", "state"),
        Index(
            "ix_assignment_leases",
            "project_id",
            "lease_until",
            sqlite_where=LEASED,
            postgresql_where=LEASED,
        ),
        Index("ix_assignment_finished", "project_id", "finished", "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str]
    """The identity that export and import keep."""
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    state: Mapped[str]
    version: Mapped[int]
    """The number of the last revision; 0 before the first save."""
    lease_until: Mapped[datetime | None]
    reason: Mapped[str]
    """Why it was skipped."""
    bad: Mapped[str]
    """Why its owner marked it as bad; "" where it counts."""
    returned: Mapped[str]
    """What has to be changed, where an owner gave it back; "" once it is submitted again."""
    approved: Mapped[bool]
    """An owner has looked at it and found it good."""
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    seconds: Mapped[float]


class Annotation(Base):
    """One region and its snippet; in a draft the snippet may be empty."""

    __tablename__ = "annotation"
    __table_args__ = (
        *inside(),
        CheckConstraint("provenance IN ('drawn', 'accepted', 'edited')", name="provenance"),
        CheckConstraint("seconds BETWEEN 0 AND 1e9", name="seconds"),
        UniqueConstraint("assignment_id", "place"),
        ForeignKeyConstraint(
            ["assignment_id", "photo_id"], ["assignment.id", "assignment.photo_id"]
        ),
        ForeignKeyConstraint(
            ["photo_id", "width", "height"], ["photo.id", "photo.width", "photo.height"]
        ),
    )

    assignment_id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(primary_key=True)
    photo_id: Mapped[int]
    place: Mapped[int]
    x0: Mapped[float]
    y0: Mapped[float]
    x1: Mapped[float]
    y1: Mapped[float]
    width: Mapped[int]
    height: Mapped[int]
    snippet: Mapped[str]
    provenance: Mapped[Provenance] = mapped_column(Text)
    seconds: Mapped[float]


class Revision(Base):
    """One change: who, when, what, and all that stood there before. Never changed, never deleted.

    It is the receipt too: a repeated client key finds the first one's revision.
    """

    __tablename__ = "revision"
    __table_args__ = (
        UniqueConstraint("assignment_id", "client_key"),
        CheckConstraint(
            "what IN ('saved', 'submitted', 'skipped', 'reopened', 'marked', 'unmarked')",
            name="what",
        ),
    )

    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    """None for the command line."""
    at: Mapped[datetime]
    what: Mapped[str]
    before: Mapped[dict[str, Any]]
    client_key: Mapped[str | None]


class Remark(Base):
    """What an owner or its author says about somebody's work. Never changed."""

    __tablename__ = "remark"

    id: Mapped[int] = mapped_column(primary_key=True)
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id"), index=True)
    region: Mapped[str]
    """The uid of the box that it is about; "" for all of the work."""
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    text: Mapped[str]


class Suggestion(Base):
    """A region and caption that a model proposes."""

    __tablename__ = "suggestion"
    __table_args__ = (
        *inside(),
        UniqueConstraint("photo_id", "model", "uid"),
        ForeignKeyConstraint(
            ["photo_id", "width", "height"], ["photo.id", "photo.width", "photo.height"]
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int]
    uid: Mapped[str]
    x0: Mapped[float]
    y0: Mapped[float]
    x1: Mapped[float]
    y1: Mapped[float]
    width: Mapped[int]
    height: Mapped[int]
    snippet: Mapped[str]
    score: Mapped[float]
    model: Mapped[str]


class Session(Base):
    """Somebody who signed in. The token itself is only in their browser's cookie."""

    __tablename__ = "session"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the token: whoever reads the table can sign in as nobody."""
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    by_password: Mapped[bool]
    """False where a name was enough: a server that asks for passwords does not take it."""
    created: Mapped[datetime] = mapped_column(index=True)


class Deed(Base):
    """One line of the audit: who did what, when. Never changed; what people did to photos stands in
    `Revision`, and `audit.py` lists both together. Names, because they are for people to read."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    who: Mapped[str]
    """"" for somebody who is not signed in."""
    what: Mapped[str]
    person: Mapped[str]
    """Whom it was done to."""
    project: Mapped[str]
    detail: Mapped[str]
    address: Mapped[str]


class Setting(Base):
    """What belongs to the database itself, by name."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
