"""The Annotate tab of the demo: a name is asked there and nowhere else; a project is ready."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from annotate.people import OPERATOR
from demo import examples
from demo.pages.annotate import example_project
from demo.pages.annotate.welcome import welcome
from tests.demo.visit import Visit


def test_a_name_is_asked_in_the_tab_only(visit: Callable[..., Visit]) -> None:
    here = visit()
    page = here.page
    expect(page.get_by_label("Sentence", exact=True)).to_be_visible()
    assert page.get_by_label("Your name").count() == 0
    page.get_by_role("tab", name="Annotate").click()
    page.get_by_label("Your name").fill("Visitor")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("button", name="Start drawing").click()  # the only project there is
    canvas = page.locator("svg.canvas")
    expect(canvas).to_be_focused(timeout=30_000)
    expect(page.locator(".far")).to_contain_text(f"{len(examples.load())} left to do")
    page.locator('.frame[data-photo="shown"]').wait_for()
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    page.keyboard.type("something")
    expect(page.locator(".saved")).to_have_text("Saved", timeout=30_000)
    assert not here.errors


def test_the_ready_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    store = example_project.ready()
    assert Path(tmp_path / "data" / "words-and-regions" / "annotations.db").is_file()
    [project] = store.projects.all(OPERATOR)
    photos = store.records(OPERATOR, project.id).photos
    assert [photo.name for photo in photos] == [example.file for example in examples.load()]
    [first, *_] = store.progress.photos(OPERATOR, project.id)
    assert store.photos.bytes(OPERATOR, first.photo.id)
    note = welcome(store)
    password = note.split("password ")[1].split()[0]
    assert store.people.verify("owner", password) is not None
    assert welcome(store) == ""
    store.close()
    again = example_project.ready()  # a second start adds nothing
    assert len(again.projects.all(OPERATOR)) == 1
    again.close()
