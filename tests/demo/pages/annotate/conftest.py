"""A store with photos, the page served from it in a process of its own, people in browsers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from annotate.people import OPERATOR, Person
from annotate.projects import ProjectSettings
from annotate.store import Store
from core.formats.record import Photo, Suggestion
from tests.demo.pages.annotate.browser_user import BrowserUser
from tests.demo.visit import picture
from tests.serving import running

WIDTH, HEIGHT = 200, 120
PASSWORD = "a long password"
SIZES = ((WIDTH, HEIGHT), (WIDTH, HEIGHT + 1), (WIDTH, HEIGHT + 2))
NUMBER = count(1)

PLOTLY = 120_000
"""Milliseconds to wait for the first plot: its script has 4 MB."""

expect.set_options(timeout=90_000)  # a server, a browser and the tests share two cores, or less


@dataclass
class Workspace:
    """A store in a file, a folder of photos, an owner called boss."""

    url: str
    folder: Path
    store: Store
    boss: Person

    def project(
        self,
        proposed: tuple[Suggestion, ...] = (),
        sizes: tuple[tuple[int, int], ...] = SIZES,
        **rules: object,
    ) -> int:
        """A new project with three photos, or of these sizes -> its id."""
        rules = {"boxes_per_photo": 2, "annotators_per_photo": 3} | rules
        number = next(NUMBER)
        made = self.store.projects.create(OPERATOR, f"project {number}", ProjectSettings(**rules))
        photos = []
        for k, (width, height) in enumerate(sizes):
            data = picture(width, height)
            name = f"photo{k}.jpg" if sizes == SIZES else f"{width} x {height}.jpg"
            (self.folder / name).write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            photos.append(Photo(name, width, height, digest, proposed))
        self.store.projects.add_photos(OPERATOR, made.id, photos)
        self.store.photos.add_folder(OPERATOR, made.id, self.folder)
        return made.id


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("photos")
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'annotations.db'}"
    store = Store(url)
    store.migrate()
    boss = store.people.add(OPERATOR, "boss", PASSWORD, "owner")
    yield Workspace(url, folder, store, boss)
    store.close()


@pytest.fixture(scope="module")
def address(workspace: Workspace) -> Iterator[str]:
    """An open server: a name is enough."""
    with running("demo", "--pages", "annotate", "--url", workspace.url, "--open") as address:
        yield address


@dataclass
class BrowserUsers:
    """Opens the page for people, each in a browser context of their own, to be closed."""

    browser: Browser
    address: str
    opened: list[BrowserUser] = field(default_factory=list)

    def __call__(
        self,
        name: str | None,
        project: int | None = None,
        password: str | None = None,
        size: tuple[int, int] = (1200, 900),
        begin: bool = True,
        **settings: object,
    ) -> BrowserUser:
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, accept_downloads=True, **settings
        )
        context.set_default_timeout(90_000)
        user = BrowserUser(context, self.address, project)
        self.opened.append(user)
        if name is not None:
            user.enter(name, password, begin)
        return user


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., BrowserUser]]:
    """Opens the page for a person; closed after the test, which fails if the page had errors."""
    users = BrowserUsers(browser, address)
    yield users
    for user in users.opened:
        user.context.close()
    assert [error for user in users.opened for error in user.errors] == []


def drawn_by_two(workspace: Workspace, open_page: Callable[..., BrowserUser]) -> int:
    """A project in which two people drew and described nearly the same two boxes on one photo."""
    project = workspace.project()
    for name, off, words in (("Wim", 0.0, "a red wall"), ("Xia", 0.02, "the red wall")):
        user = open_page(name, project)
        user.draw((0.1 + off, 0.1), (0.5, 0.5 + off), words)
        user.draw((0.6, 0.6), (0.9, 0.9), "a dark corner")
        user.submit()
        expect(user.page.locator(".far")).to_contain_text("1 done today")
    return project
