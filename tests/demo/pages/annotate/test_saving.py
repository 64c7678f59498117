"""Nothing is lost: refresh, another machine, a failing network, a stale form, two people."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Error, Route, expect

from annotate.people import OPERATOR
from tests.demo.pages.annotate.browser_user import BrowserUser
from tests.demo.pages.annotate.conftest import PASSWORD, BrowserUsers, Workspace
from tests.serving import running

OpenPage = Callable[..., BrowserUser]


def test_two_people_at_once_on_the_same_photo(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project(annotators_per_photo=2)
    one, other = open_page("Nora", project), open_page("Omar", project)
    one.draw((0.1, 0.1), (0.4, 0.4), "nora one")
    other.draw((0.5, 0.5), (0.9, 0.9), "omar one")
    one.draw((0.2, 0.5), (0.4, 0.9), "nora two")
    expect(other.boxes).to_have_count(1)  # blind
    other.draw((0.1, 0.5), (0.3, 0.9), "omar two")
    one.submit()
    other.submit()
    for user in (one, other):
        expect(user.page.locator(".far")).to_contain_text("2 left to do · 1 done today")
    # A third person does not get the photo that has its two.
    third = open_page("Pia", project)
    expect(third.page.locator(".far")).to_contain_text("1 left to do")  # the second has two leases
    made = workspace.store.records(OPERATOR, project).submissions
    said = {one.annotator: [a.snippet for a in one.annotations] for one in made}
    assert said == {"Nora": ["nora one", "nora two"], "Omar": ["omar one", "omar two"]}


def test_others_are_seen_where_the_project_is_not_blind(
    workspace: Workspace, open_page: OpenPage
) -> None:
    project = workspace.project(blind=False, boxes_per_photo=1)
    one = open_page("Yara", project)
    one.draw((0.1, 0.1), (0.4, 0.4), "seen <b>by all</b>")
    one.submit()
    expect(one.page.locator(".far")).to_contain_text("1 done today")
    other = open_page("Zeno", project)
    other.page.get_by_text("What others drew").click()
    line = other.page.locator(".others li")
    expect(line).to_have_text("Yara: seen <b>by all</b>")
    line.hover()
    expect(other.page.locator(".box.preview")).to_be_visible()
    expect(other.boxes).to_have_count(0)


def test_back_after_refresh_and_on_another_machine(
    workspace: Workspace, open_page: OpenPage
) -> None:
    project = workspace.project()
    user = open_page("Rita", project)
    user.draw((0.1, 0.2), (0.5, 0.7), "half done")
    user.drag((0.6, 0.2), (0.8, 0.4))
    box = user.box(0)
    user.expect_saved()
    user.page.reload()
    expect(user.words(0)).to_have_value("half done")
    expect(user.boxes).to_have_count(2)
    assert user.box(0) == box
    elsewhere = open_page("Rita", project)
    expect(elsewhere.words(0)).to_have_value("half done")
    assert elsewhere.box(0) == box
    elsewhere.words(1).fill("done there")
    elsewhere.submit()
    expect(elsewhere.page.locator(".far")).to_contain_text("1 done today")
    [made] = workspace.store.records(OPERATOR, project).submissions
    assert [one.snippet for one in made.annotations] == ["half done", "done there"]


def test_a_submit_that_is_sent_twice_is_one(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project(boxes_per_photo=1)
    user = open_page("Twice", project)
    sent: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        sent.append(str(route.request.post_data_json["key"]))
        if len(sent) == 1:
            route.fetch()  # it arrives
            route.abort()  # and its answer does not
        else:
            route.continue_()

    user.page.route("**/submit", lose_the_first_answer)
    user.draw((0.1, 0.1), (0.6, 0.6), "once")
    user.expect_saved()
    user.submit()
    expect(user.page.locator(".far")).to_contain_text("2 left to do · 1 done today · 1 in all")
    assert len(sent) == 2
    assert len(set(sent)) == 1
    assert len(workspace.store.records(OPERATOR, project).submissions) == 1


def test_a_stale_form_is_told_who_and_when_and_may_choose(
    workspace: Workspace, open_page: OpenPage
) -> None:
    project = workspace.project()
    old, new = open_page("Sam", project), open_page("Sam", project)
    new.draw((0.1, 0.1), (0.4, 0.4), "from the new page")
    new.expect_saved()
    old.draw((0.5, 0.5), (0.9, 0.9), "from the old page")
    dialog = old.page.get_by_role("dialog", name="This photo was changed elsewhere")
    expect(dialog).to_contain_text(re.compile(r"You saved it on .*\d\d:\d\d.*after this page"))
    expect(old.page.locator(".saved")).to_contain_text("Not saved")
    dialog.get_by_role("button", name="Show what is stored").click()
    expect(old.words(0)).to_have_value("from the new page")
    old.press("Control+z")  # and what was here is not lost either
    expect(old.words(0)).to_have_value("from the old page")
    old.expect_saved()
    # Now the other page is the stale one, and keeps its own.
    new.words(0).fill("from the new page, again")
    dialog = new.page.get_by_role("dialog", name="This photo was changed elsewhere")
    dialog.get_by_role("button", name="Keep what is here").click()
    new.expect_saved()
    old.page.reload()
    expect(old.words(0)).to_have_value("from the new page, again")


def test_a_failing_network_is_said_and_made_good(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project()
    user = open_page("Tess", project)
    saved = user.page.locator(".saved")
    user.page.route("**/save", lambda route: route.abort())
    user.draw((0.1, 0.1), (0.4, 0.4), "kept here")
    expect(saved).to_contain_text("Not saved: The server cannot be reached.")
    expect(saved).to_have_class(re.compile("waiting"))
    user.page.unroute("**/save")
    user.expect_saved()  # tried again by itself
    again = open_page("Tess", project)
    expect(again.words(0)).to_have_value("kept here")


def test_what_a_crashed_browser_could_not_save_is_back(
    workspace: Workspace, open_page: OpenPage
) -> None:
    project = workspace.project()
    user = open_page("Theo", project)
    user.page.route("**/save", lambda route: route.abort())
    user.draw((0.1, 0.1), (0.4, 0.4), "kept in the browser")
    expect(user.page.locator(".saved")).to_contain_text("Not saved")
    with pytest.raises(Error):
        user.page.goto("chrome://crash")
    user.reopen()
    expect(user.words(0)).to_have_value("kept in the browser")
    expect(user.page.locator(".said")).to_contain_text("is here again")
    user.expect_saved()
    elsewhere = open_page("Theo", project)
    expect(elsewhere.words(0)).to_have_value("kept in the browser")
    assert user.page.evaluate("Object.keys(localStorage).filter((k) => k.includes('draft'))") == []


def test_final_until_the_owner_reopens_it(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project(boxes_per_photo=1)
    late, user = open_page("Uma", project), open_page("Uma", project)
    user.draw((0.1, 0.1), (0.6, 0.6), "a thing")
    user.submit()
    expect(user.page.locator(".far")).to_contain_text("1 done today")
    late.drag((0.2, 0.2), (0.5, 0.5))  # its page still shows the submitted photo
    dialog = late.page.get_by_role("dialog")
    expect(dialog).to_contain_text("You submitted it on")
    dialog.get_by_role("button", name="Show what is stored").click()
    expect(late.page.locator(".far")).to_contain_text("1 done today")  # the next photo
    expect(late.boxes).to_have_count(0)

    boss = open_page("boss", project, password=PASSWORD)
    boss.page.get_by_role("tab", name="Review").click()
    boss.page.get_by_role("button", name="photo0.jpg").click()
    boss.page.get_by_role("button", name="Reopen: Uma").click()
    expect(boss.page.locator(".work").filter(has_text="Uma")).to_contain_text("open")
    user.page.reload()
    expect(user.words(0)).to_have_value("a thing")
    user.words(0).fill("a better word")
    user.submit()
    expect(user.boxes).to_have_count(0)
    [made] = workspace.store.records(OPERATOR, project).submissions
    assert made.annotations[0].snippet == "a better word"


def test_signing_in_by_name_or_password(workspace: Workspace, open_page: OpenPage) -> None:
    user = open_page(None, workspace.project())
    page = user.page
    page.get_by_label("Your name").fill("boss")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".said")).to_have_text(
        "boss signs in with a password; choose another name."
    )
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".said")).to_contain_text("do not belong together")
    page.get_by_label("Your name").fill("  ")
    page.get_by_label("Password", exact=True).fill("")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".said")).to_contain_text("Your name is blank")
    user.page.get_by_label("Your name").fill("Vera")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".who")).to_have_text("Vera")
    expect(page.get_by_role("tab", name="Review")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your name")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Your name")).to_be_visible()


def test_with_passwords_a_form_stands_before_the_page(
    workspace: Workspace, browser: Browser
) -> None:
    project = workspace.project(boxes_per_photo=1)
    workspace.store.people.add(OPERATOR, "Willa", PASSWORD)
    with running("demo", "--pages", "annotate", "--url", workspace.url) as closed:
        users = BrowserUsers(browser, closed)
        user = users(None, project)
        page = user.page
        page.get_by_label("Your name").fill("Willa")
        page.get_by_label("Password").fill(PASSWORD)
        remembered = ["annotate project: Willa", str(project)]
        page.evaluate("(item) => localStorage.setItem(...item)", remembered)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".who")).to_have_text("Willa")
        user.begin()
        user.draw((0.1, 0.1), (0.6, 0.6), "behind a door")
        user.submit()
        expect(page.locator(".far")).to_contain_text("1 done today")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        user.context.close()
    [made] = workspace.store.records(OPERATOR, project).submissions
    assert (made.annotator, made.annotations[0].snippet) == ("Willa", "behind a door")
