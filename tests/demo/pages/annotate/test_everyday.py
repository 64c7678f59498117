"""What goes wrong on an ordinary day: a photo that does not load, keys meant for something else,
odd shapes, a lost network, and a project chosen by mistake."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Route, expect

from annotate.people import OPERATOR
from core.formats.record import Photo
from tests.demo.pages.annotate.browser_user import BrowserUser
from tests.demo.pages.annotate.conftest import PASSWORD, Workspace

OpenPage = Callable[..., BrowserUser]


def in_hand(workspace: Workspace, project: int) -> int:
    return sum(one.open for one in workspace.store.progress.photos(OPERATOR, project))


def test_a_project_is_chosen_and_a_photo_taken_only_to_work_on_it(
    workspace: Workspace, open_page: OpenPage
) -> None:
    project = workspace.project(boxes_per_photo=1)
    name = workspace.store.projects.get(OPERATOR, project).name
    lone = workspace.store.projects.create(OPERATOR, "without its photos")
    workspace.store.projects.add_photos(OPERATOR, lone.id, [Photo("gone.jpg", 30, 20)])
    user = open_page("Chooser")
    page = user.page
    expect(page.get_by_role("heading", name="Which project?")).to_be_visible()
    absent = page.locator(".projects li").filter(has_text="without its photos")
    expect(absent).to_contain_text("The photos of this project are not here yet")
    expect(absent.get_by_role("button")).to_have_count(0)
    assert in_hand(workspace, project) == 0
    line = page.locator(".projects li").filter(has=page.get_by_text(name, exact=True))
    expect(line).to_contain_text("3 photos · 0 done by you · 3 left for you")
    line.get_by_role("button", name="Work on it").click()
    expect(page.locator(".photo-name")).to_have_text("photo0.jpg 200 × 120")
    assert in_hand(workspace, project) == 1
    user.draw((0.1, 0.1), (0.4, 0.4), "a thing")
    user.submit()
    expect(page.locator(".note.before")).to_have_text("Submitted: photo0.jpg")
    expect(page.locator(".photo-name")).to_contain_text("photo1.jpg")
    page.get_by_role("button", name="Sign out").click()  # nothing was drawn: it is given back
    expect(page.get_by_label("Your name")).to_be_visible()
    assert in_hand(workspace, project) == 0
    user.reopen()  # another tab knows which project it was, and takes nothing by itself
    user.enter("Chooser", begin=False)
    expect(user.page.get_by_role("heading", name=name)).to_be_visible()
    assert in_hand(workspace, project) == 0
    user.page.get_by_role("button", name="Start drawing").click()
    expect(user.page.locator(".photo-name")).to_contain_text("photo1.jpg")
    user.page.reload()  # a photo in hand is gone on with
    expect(user.page.locator(".photo-name")).to_contain_text("photo1.jpg")

    boss = open_page("boss", password=PASSWORD)
    expect(boss.page.get_by_role("heading", name="Which project?")).to_be_visible()


def test_a_photo_that_does_not_load_cannot_be_drawn_on(
    workspace: Workspace, open_page: OpenPage
) -> None:
    project = workspace.project(boxes_per_photo=1)
    user = open_page("Blind", project, begin=False)
    page = user.page
    page.route("**/annotate/photos/*", lambda route: route.abort())
    page.get_by_role("button", name="Start drawing").click()
    expect(page.locator(".failure")).to_contain_text("The server cannot be reached.")
    expect(page.locator(".missing")).to_contain_text("not shown")
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    user.press("n")
    expect(page.locator(".said")).to_contain_text("nothing can be drawn on it")
    place = user.canvas.bounding_box()
    assert place
    page.mouse.move(place["x"] + 9, place["y"] + 9)
    page.mouse.down()
    page.mouse.move(place["x"] + 99, place["y"] + 99)
    page.mouse.up()
    user.press("Control+Enter")
    expect(user.boxes).to_have_count(0)
    page.unroute("**/annotate/photos/*")
    (workspace.folder / "photo0.jpg").rename(workspace.folder / "away.jpg")
    try:
        page.get_by_role("button", name="Try again").click()
        expect(page.locator(".failure")).to_contain_text("The photo photo0.jpg cannot be read.")
    finally:
        (workspace.folder / "away.jpg").rename(workspace.folder / "photo0.jpg")
    page.get_by_role("button", name="Try again").click()
    user.draw((0.1, 0.1), (0.4, 0.4), "seen at last")
    user.submit()
    expect(page.locator(".far")).to_contain_text("1 done today")


def test_keys_meant_for_a_box_are_its_words(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project()
    user = open_page("Typist", project)
    page = user.page
    user.draw((0.1, 0.1), (0.4, 0.4), "a wall")
    user.press("n")  # a second box, selected, and no cursor in its line
    page.keyboard.type("small roof 2?")
    expect(user.words(1)).to_have_value("small roof 2?")
    user.press("Enter", "Escape", "Escape")
    # With nothing selected, s asks, and the rest skips nothing.
    page.keyboard.type("small roof")
    user.press("Enter", "s", "Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(user.boxes).to_have_count(2)
    user.press("Escape", "Escape", "s")
    dialog = page.get_by_role("dialog", name="Skip this photo")
    dialog.get_by_role("button", name="Skip it").click()  # no reason yet: nothing happens
    expect(dialog).to_be_visible()
    dialog.get_by_label("Too blurred or too dark").check()
    dialog.get_by_role("button", name="Skip it").click()
    expect(page.locator(".note.before")).to_have_text("Skipped: photo0.jpg")
    boss = open_page("boss", project, password=PASSWORD)
    boss.page.get_by_role("button", name="photo0.jpg").click()
    boss.page.get_by_role("button", name="Reopen: Typist").click()
    expect(boss.page.locator(".work li")).to_have_text(["a wall", "small roof 2?"])


def test_odd_shapes_have_all_of_the_stage(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project(sizes=((8000, 500), (400, 6000), (4000, 3000)), boxes_per_photo=1)
    user = open_page("Shaper", project)
    page = user.page
    heights = set()
    for k, (width, height) in enumerate(((8000, 500), (400, 6000), (4000, 3000))):
        expect(page.locator(".photo-name")).to_contain_text(f"{width} × {height}")
        user.shown()
        place = user.canvas.bounding_box()
        assert place
        heights.add((place["width"], place["height"]))
        page.mouse.move(*user.at(0.3, 0.5))
        with page.expect_response(re.compile(r"/tiles/\d+/\d+$")) as tile:  # a sharper part of it
            page.mouse.wheel(0, -1200)  # e ** 3 = 20 times
        assert tile.value.ok
        expect(page.locator(".zoom")).to_have_text(re.compile(r"^(2009|1600) %$"))
        middle = user.at(0.3, 0.5)
        _, _, wide, high = map(float, (user.canvas.get_attribute("viewBox") or "").split())
        assert wide <= width
        assert high <= height  # all of the stage is photo
        page.mouse.wheel(0, 3000)
        expect(page.locator(".zoom")).to_have_text("100 %")
        assert page.evaluate("scrollY") == 0
        page.mouse.move(*middle)
        user.drag((0.30, 0.40), (0.32, 0.60))
        # Its number stands beside the small box, not on it.
        chip, box = page.locator(".frame .label"), user.boxes.first.locator(".line")
        number, drawn = chip.bounding_box(), box.bounding_box()
        assert number
        assert drawn
        assert number["y"] + number["height"] <= drawn["y"] + 3 or number["y"] > drawn["y"], k
        page.keyboard.type("a thing")
        user.submit()
        expect(page.locator(".far")).to_contain_text(f"{k + 1} done today")
    assert len(heights) == 1  # the stage is where it was
    [made] = [
        s for s in workspace.store.records(OPERATOR, project).submissions if "8000" in s.photo
    ]
    x0, _, _, y1 = made.annotations[0].box
    assert abs(x0 - 2400) < 12
    assert abs(y1 - 300) < 12

    phone = open_page("Thumbs", project, size=(390, 844), has_touch=True, is_mobile=True)
    phone.drag((0.30, 0.40), (0.40, 0.60))
    for k in range(2):
        expect(phone.words(0)).to_be_focused()
        place = phone.canvas.bounding_box()
        assert place
        shown = min(844, place["y"] + place["height"]) - max(0, place["y"])
        assert shown >= 844 / 2, k
        field = phone.words(0).bounding_box()
        assert field
        assert place["y"] + place["height"] <= field["y"] <= 844
        phone.page.mouse.wheel(0, 400)
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_is_cut_and_what_was_sent_is_told(
    workspace: Workspace, open_page: OpenPage
) -> None:
    project = workspace.project(boxes_per_photo=1)
    user = open_page("Novelist", project)
    page = user.page
    user.drag((0.1, 0.1), (0.4, 0.4))
    user.words(0).fill("x" * 10_000)
    expect(page.locator(".slot .state")).to_have_text("10,000 letters; at most 1,000 are taken")
    expect(page.locator(".saved")).to_contain_text("A snippet has 10,000 characters")
    user.submit()
    expect(page.locator(".said")).to_contain_text("Not submitted yet. Missing: 1 text to shorten.")
    expect(user.words(0)).to_have_value("x" * 10_000)
    user.words(0).fill("y" * 1000)
    user.expect_saved()

    sent: list[str] = []

    def offline(route: Route) -> None:
        sent.append(route.request.url)
        route.abort() if len(sent) < 3 else route.continue_()

    page.route("**/submit", offline)
    user.submit()
    expect(page.locator(".said")).to_contain_text("It is sent again by itself")
    expect(page.locator(".note.before")).to_have_text("Submitted: photo0.jpg")
    expect(page.locator(".said")).to_be_empty()
    assert len(sent) == 3

    # Signed out while at work: a button to sign in, and the draft is there again.
    user.draw((0.2, 0.2), (0.5, 0.5), "before")
    user.expect_saved()
    user.context.clear_cookies()
    user.words(0).fill("and after")
    expect(page.locator(".saved")).to_contain_text("You are signed out")
    page.get_by_role("button", name="Sign in again").click()
    user.enter("Novelist")
    expect(user.words(0)).to_have_value("and after")
    user.expect_saved()
