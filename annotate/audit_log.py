"""Writing down who did what: a line in the transaction of the deed, so that there is none without
the other. `audit.py` reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert

from annotate import schema
from core.formats.validation import NAME_LENGTH

What = Literal[
    "signed in",
    "signed out",
    "signed out everywhere",
    "guessed passwords",
    "changed their password",
    "set a password",
    "added a person",
    "disabled a person",
    "enabled a person",
    "made a project",
    "changed a project",
    "added photos",
    "added suggestions",
    "imported a project",
    "exported a project",
    "backed up",
    "restored a backup",
    "renamed a project",
    "copied a project",
    "archived a project",
    "brought a project back",
    "deleted a project",
    "put somebody into a project",
    "took somebody out of a project",
    "gave a photo to somebody",
    "changed a role",
    "invited somebody",
    "withdrew an invitation",
    "came by an invitation",
]


def note(
    connection: Connection,
    at: datetime,
    who: str,
    what: What,
    *,
    person: str = "",
    project: str = "",
    detail: str = "",
    address: str = "",
) -> None:
    """Write one line, in the transaction of the deed. who: "" for somebody who is not signed in."""
    connection.execute(
        insert(schema.Deed).values(
            at=at,
            who=who,
            what=what,
            person=_short(person),
            project=project,
            detail=detail,
            address=_short(address),
        )
    )


def _short(text: str) -> str:
    """What strangers sent, as far as a name may reach; no database holds NUL."""
    return text.replace("\0", "").encode(errors="replace").decode()[:NAME_LENGTH]
