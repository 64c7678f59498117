"""What can go wrong in the store: each message is one sentence for the person at the page.

No message holds a path or SQL; the cause is chained for the log.
"""

from __future__ import annotations

from datetime import datetime

from core.errors import InvalidError as InvalidError  # it is said of values, here as elsewhere
from core.errors import UserError


class StoreError(UserError):
    """Nothing of the change was saved; what was saved before is as it was."""


class NotAllowedError(StoreError):
    """This person may not do this."""


class NotFoundError(StoreError):
    """There is no such project, photo, person or piece of work."""


class FinalError(StoreError):
    """The work was submitted or skipped, and is final until its project's owner reopens it."""


class LapsedError(StoreError):
    """The lease ran out and others took the photo; the draft that was saved last is kept."""


class FullError(StoreError):
    """The disk (or the file's allowed size) is full."""


class BusyError(StoreError):
    """The database did not answer in time."""


class CrowdedError(StoreError):
    """Too many ask this at once, or too often; later it may be answered."""


class SchemaError(StoreError):
    """The database was written by a newer program, or is not one of ours."""


class StaleError(StoreError):
    """A form older than what is stored: who changed what, and when; whether what is stored is
    final, so that nothing of the form can be kept."""

    def __init__(self, who: str, when: datetime, what: str, version: int, final: bool) -> None:
        self.who, self.when, self.what, self.version, self.final = who, when, what, version, final
        super().__init__(
            f"{who} {what} this on {when:%Y-%m-%d} at {when:%H:%M:%S} UTC, after your page was "
            f"loaded; load it again to see that."
        )
