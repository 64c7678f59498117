"""Nothing is lost: refresh, another machine, a failing network, a stale form, two people."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Error, Route, expect

from annotate.people import OPERATOR
from tests.demo.pages.annotate.conftest import PASSWORD, Bureau, Seats
from tests.demo.pages.annotate.seat import Seat
from tests.serving import running

Sit = Callable[..., Seat]


def test_two_people_at_once_on_the_same_photo(bureau: Bureau, sit: Sit) -> None:
    project = bureau.project(annotators_per_photo=2)
    one, other = sit("Nora", project), sit("Omar", project)
    one.draw((0.1, 0.1), (0.4, 0.4), "nora one")
    other.draw((0.5, 0.5), (0.9, 0.9), "omar one")
    one.draw((0.2, 0.5), (0.4, 0.9), "nora two")
    expect(other.boxes).to_have_count(1)  # blind
    other.draw((0.1, 0.5), (0.3, 0.9), "omar two")
    one.submit()
    other.submit()
    for seat in (one, other):
        expect(seat.page.locator(".far")).to_contain_text("2 left to do · 1 done today")
    # A third person does not get the photo that has its two.
    third = sit("Pia", project)
    expect(third.page.locator(".far")).to_contain_text("1 left to do")  # the second has two leases
    made = bureau.store.records(OPERATOR, project).submissions
    said = {one.annotator: [a.snippet for a in one.annotations] for one in made}
    assert said == {"Nora": ["nora one", "nora two"], "Omar": ["omar one", "omar two"]}


def test_others_are_seen_where_the_project_is_not_blind(bureau: Bureau, sit: Sit) -> None:
    project = bureau.project(blind=False, boxes_per_photo=1)
    one = sit("Yara", project)
    one.draw((0.1, 0.1), (0.4, 0.4), "seen <b>by all</b>")
    one.submit()
    expect(one.page.locator(".far")).to_contain_text("1 done today")
    other = sit("Zeno", project)
    other.page.get_by_text("What others drew").click()
    line = other.page.locator(".others li")
    expect(line).to_have_text("Yara: seen <b>by all</b>")
    line.hover()
    expect(other.page.locator(".box.preview")).to_be_visible()
    expect(other.boxes).to_have_count(0)


def test_back_after_refresh_and_on_another_machine(bureau: Bureau, sit: Sit) -> None:
    project = bureau.project()
    seat = sit("Rita", project)
    seat.draw((0.1, 0.2), (0.5, 0.7), "half done")
    seat.drag((0.6, 0.2), (0.8, 0.4))
    box = seat.box(0)
    seat.expect_saved()
    seat.page.reload()
    expect(seat.words(0)).to_have_value("half done")
    expect(seat.boxes).to_have_count(2)
    assert seat.box(0) == box
    elsewhere = sit("Rita", project)
    expect(elsewhere.words(0)).to_have_value("half done")
    assert elsewhere.box(0) == box
    elsewhere.words(1).fill("done there")
    elsewhere.submit()
    expect(elsewhere.page.locator(".far")).to_contain_text("1 done today")
    [made] = bureau.store.records(OPERATOR, project).submissions
    assert [one.snippet for one in made.annotations] == ["half done", "done there"]


def test_a_submit_that_is_sent_twice_is_one(bureau: Bureau, sit: Sit) -> None:
    project = bureau.project(boxes_per_photo=1)
    seat = sit("Twice", project)
    sent: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        sent.append(str(route.request.post_data_json["key"]))
        if len(sent) == 1:
            route.fetch()  # it arrives
            route.abort()  # and its answer does not
        else:
            route.continue_()

    seat.page.route("**/submit", lose_the_first_answer)
    seat.draw((0.1, 0.1), (0.6, 0.6), "once")
    seat.expect_saved()
    seat.submit()
    expect(seat.page.locator(".far")).to_contain_text("2 left to do · 1 done today · 1 in all")
    assert len(sent) == 2
    assert len(set(sent)) == 1
    assert len(bureau.store.records(OPERATOR, project).submissions) == 1


def test_a_stale_form_is_told_who_and_when_and_may_choose(bureau: Bureau, sit: Sit) -> None:
    project = bureau.project()
    old, new = sit("Sam", project), sit("Sam", project)
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


def test_a_failing_network_is_said_and_made_good(bureau: Bureau, sit: Sit) -> None:
    project = bureau.project()
    seat = sit("Tess", project)
    saved = seat.page.locator(".saved")
    seat.page.route("**/save", lambda route: route.abort())
    seat.draw((0.1, 0.1), (0.4, 0.4), "kept here")
    expect(saved).to_contain_text("Not saved: The server cannot be reached.")
    expect(saved).to_have_class(re.compile("waiting"))
    seat.page.unroute("**/save")
    seat.expect_saved()  # tried again by itself
    again = sit("Tess", project)
    expect(again.words(0)).to_have_value("kept here")


def test_what_a_crashed_browser_could_not_save_is_back(bureau: Bureau, sit: Sit) -> None:
    project = bureau.project()
    seat = sit("Theo", project)
    seat.page.route("**/save", lambda route: route.abort())
    seat.draw((0.1, 0.1), (0.4, 0.4), "kept in the browser")
    expect(seat.page.locator(".saved")).to_contain_text("Not saved")
    with pytest.raises(Error):
        seat.page.goto("chrome://crash")
    seat.reopen()
    expect(seat.words(0)).to_have_value("kept in the browser")
    expect(seat.page.locator(".said")).to_contain_text("is here again")
    seat.expect_saved()
    elsewhere = sit("Theo", project)
    expect(elsewhere.words(0)).to_have_value("kept in the browser")
    assert seat.page.evaluate("Object.keys(localStorage).filter((k) => k.includes('draft'))") == []


def test_final_until_the_owner_reopens_it(bureau: Bureau, sit: Sit) -> None:
    project = bureau.project(boxes_per_photo=1)
    late, seat = sit("Uma", project), sit("Uma", project)
    seat.draw((0.1, 0.1), (0.6, 0.6), "a thing")
    seat.submit()
    expect(seat.page.locator(".far")).to_contain_text("1 done today")
    late.drag((0.2, 0.2), (0.5, 0.5))  # its page still shows the submitted photo
    dialog = late.page.get_by_role("dialog")
    expect(dialog).to_contain_text("You submitted it on")
    dialog.get_by_role("button", name="Show what is stored").click()
    expect(late.page.locator(".far")).to_contain_text("1 done today")  # the next photo
    expect(late.boxes).to_have_count(0)

    boss = sit("boss", project, password=PASSWORD)
    boss.page.get_by_role("tab", name="Review").click()
    boss.page.get_by_role("button", name="photo0.jpg").click()
    boss.page.get_by_role("button", name="Reopen: Uma").click()
    expect(boss.page.locator(".work").filter(has_text="Uma")).to_contain_text("open")
    seat.page.reload()
    expect(seat.words(0)).to_have_value("a thing")
    seat.words(0).fill("a better word")
    seat.submit()
    expect(seat.boxes).to_have_count(0)
    [made] = bureau.store.records(OPERATOR, project).submissions
    assert made.annotations[0].snippet == "a better word"


def test_signing_in_by_name_or_password(bureau: Bureau, sit: Sit) -> None:
    seat = sit(None, bureau.project())
    page = seat.page
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
    seat.page.get_by_label("Your name").fill("Vera")
    page.get_by_role("button", name="Begin").click()
    expect(page.locator(".who")).to_have_text("Vera")
    expect(page.get_by_role("tab", name="Review")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your name")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Your name")).to_be_visible()


def test_with_passwords_gradio_asks_before_the_page(bureau: Bureau, browser: Browser) -> None:
    project = bureau.project(boxes_per_photo=1)
    bureau.store.people.add(OPERATOR, "Willa", PASSWORD)
    with running("demo", "--pages", "annotate", "--url", bureau.url) as closed:
        seats = Seats(browser, closed)
        seat = seats(None, project)
        page = seat.page
        page.get_by_label("username").fill("Willa")
        page.get_by_label("password").fill(PASSWORD)
        remembered = ["annotate project: Willa", str(project)]
        page.evaluate("(item) => localStorage.setItem(...item)", remembered)
        page.get_by_role("button", name="Login").click()
        expect(page.locator(".who")).to_have_text("Willa")
        seat.begin()
        seat.draw((0.1, 0.1), (0.6, 0.6), "behind a door")
        seat.submit()
        expect(page.locator(".far")).to_contain_text("1 done today")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("username")).to_be_visible()
        seat.context.close()
    [made] = bureau.store.records(OPERATOR, project).submissions
    assert (made.annotator, made.annotations[0].snippet) == ("Willa", "behind a door")
