"""The store of annotation projects: SQLite by default, PostgreSQL by URL.

A page opens one `Store` and keeps it; its methods may be called from any thread, and any number of
processes may open the same database. Every call is one short transaction: when it returns, what it
says is durable; when it raises, nothing changed. Every error is a `StoreError` (errors.py) whose
message is one sentence that may be shown.

Who acts is always the first argument, a `Person` that the server got from its session
(`people.verify` or `people.enter` at sign-in, `sign_ins.person` for a session's token afterwards),
never from what a browser sent. Every call looks up rights and "disabled" again.

    store = Store("sqlite:///annotations.db")
    store.migrate()                                   # on every start
    first = store.people.first_administrator()        # None but on the very first start
    person = store.people.verify(name, password)      # None: wrong, unknown or disabled
    person = store.people.enter(name)                 # --open mode: a name is enough

    task = store.work.next_photo(person, project_id)  # the open one again, or a new one, or None
    receipt = store.work.save(person, task.assignment, content, task.version, key)
    receipt = store.work.submit(person, task.assignment, content, receipt.version, key)

A page keeps the `version` that a Task or Receipt gave it last and passes it back; where another tab
or machine saved since, the call raises StaleError (who, when, what) and the page may load
`work.task(person, assignment)`. `key` is a fresh random string for each thing that the person
wanted: sent again after a lost answer it gives the first answer, and changes nothing.

The parts, each documented where it is defined:

- `people` (people.py): first_administrator, verify, enter, named, all, add, change_password,
  set_password, set_disabled.
- `sign_ins` (sign_ins.py): begin, person, end, end_all, identity.
- `audit` (audit.py): note, lines.
- `projects` (projects.py): create, all, get, named, change, add_photos, photo,
  add_suggestions, suggestions.
- `photos` (photos.py): the photos' files: add_found, add_folder, upload, bytes.
- `administration` (administration.py): rename, copy, archive, delete, members, admit, give.
- `invitations` (invitations.py): invite, open, withdraw, accept.
- `work` (work.py): next_photo, in_hand, put_back, task, finished, save,
  submit, skip.
- `review` (review.py): others, reopen, send_back, correct, approve, mark_bad, unmark, history,
  remark, remarks.
- `progress` (progress.py): mine, overview, project, people, photos, contents.
- `records`, `load` (exchange.py): a whole project as core.formats.record, out and in.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL

from annotate.administration import Administration
from annotate.audit import Audit
from annotate.database import Database, sqlite_url
from annotate.errors import NotFoundError, StoreError
from annotate.exchange import Exchange
from annotate.invitations import Invitations
from annotate.people import People, Person
from annotate.photos import Photos
from annotate.progress import Progress
from annotate.projects import ProjectInfo, Projects
from annotate.review import Review
from annotate.sign_ins import SignIns
from annotate.work import Work
from core.formats.record import Project


def default_url() -> URL:
    """The store of whoever started the program: a file in their data folder, as XDG names it.

    The app and all commands look there, wherever they are started. Raises StoreError where the
    person has no home folder.
    """
    try:
        home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    except RuntimeError:
        raise StoreError(
            "You have no home folder to keep annotations in; name a store, such as "
            "--url sqlite:///annotations.db."
        ) from None
    return sqlite_url(home / "words-and-regions" / "annotations.db")


def open_store(url: str | None = None, make: bool = False) -> Store:
    """The store at `url` (`default_url()` where it is None) with today's schema; to be closed.

    make: where there is no file, make one. What only uses a store must not: a mistyped name would
    leave an empty store behind. Raises NotFoundError, which names the file, or another StoreError.
    """
    store = Store(url or default_url())
    try:
        file = store.database.file
        if file is not None and not make and not file.is_file():
            raise NotFoundError(
                f"There is no store {file}; name one with --url, or make one with "
                "`python -m annotate project create`."
            )
        if file is not None and not url:
            file.parent.mkdir(parents=True, exist_ok=True)
        store.migrate()
    except OSError as error:
        store.close()
        raise StoreError(
            f"The folder of the store {file} cannot be made: {error.strerror}."
        ) from error
    except BaseException:
        store.close()
        raise
    return store


class Store:
    """All of one database. `clock` gives aware datetimes; tests turn it."""

    def __init__(
        self, url: str | URL, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.database = Database(url)
        self.clock = clock
        self.people = People(self.database, clock)
        self.sign_ins = SignIns(self.database, clock)
        self.audit = Audit(self.database, clock)
        self.projects = Projects(self.database, clock)
        self.photos = Photos(self.database, clock)
        self.administration = Administration(self.database, clock)
        self.invitations = Invitations(self.database, clock, self.people)
        self.work = Work(self.database, clock)
        self.review = Review(self.database, clock)
        self.progress = Progress(self.database, clock)
        self._exchange = Exchange(self.database, clock)

    def migrate(self) -> None:
        """Bring the schema up to date; done already, it does nothing.

        SchemaError, and no change, where a newer program wrote it.
        """
        self.database.migrate()

    def records(self, by: Person, project: int) -> Project:
        """All of a project but drafts and revisions. Only for owners."""
        return self._exchange.records(by, project)

    def load(self, by: Person, project: Project, name: str | None = None) -> ProjectInfo:
        """Store a whole project, or nothing of it; `name` gives it another name than its own.

        InvalidError where the name is taken, or for the first value that cannot be stored. People
        who are not known yet are added without a password. Only for owners.
        """
        return self._exchange.load(by, project, name)

    def close(self) -> None:
        """Let go of all connections."""
        self.database.close()
