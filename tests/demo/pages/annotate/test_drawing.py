"""Drawing and typing as a person does it: mouse, keys, fingers, undo, zoom, drafts."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from annotate.people import OPERATOR
from core.formats.record import Suggestion
from tests.demo.pages.annotate.browser_user import BrowserUser
from tests.demo.pages.annotate.conftest import HEIGHT, PLOTLY, WIDTH, Workspace

OpenPage = Callable[..., BrowserUser]
LIT = re.compile(r"\blit\b")


def near(box: list[float], expected: list[float], pixels: float = 2.0) -> bool:
    return all(abs(a - b) <= pixels for a, b in zip(box, expected, strict=True))


def test_draw_type_enter_submit_and_the_next_photo(
    workspace: Workspace, open_page: OpenPage
) -> None:
    project = workspace.project()
    user = open_page("Ada", project)
    page = user.page
    expect(page.locator(".missing")).to_have_text("Missing: 2 boxes to draw")
    expect(page.locator(".far")).to_contain_text("3 left to do · 0 done today")
    user.drag((0.1, 0.2), (0.5, 0.7))
    expect(user.words(0)).to_be_focused()  # draw and type at once
    page.keyboard.type("a red wall", delay=30)  # as a person: the time spent counts in tenths
    expect(page.locator(".missing")).to_have_text("Missing: 1 box to draw")
    user.press("Enter")
    expect(user.canvas).to_be_focused()  # Enter for the next
    user.draw((0.6, 0.1), (0.9, 0.5), "a green corner")
    expect(page.get_by_role("button", name="Submit")).to_be_focused()
    assert near(user.box(0), [0.1 * WIDTH, 0.2 * HEIGHT, 0.5 * WIDTH, 0.7 * HEIGHT])
    user.expect_saved()
    user.press("Enter")
    expect(page.locator(".far")).to_contain_text("2 left to do · 1 done today · 1 in all")
    expect(page.locator(".missing")).to_have_text("Missing: 2 boxes to draw")

    [made] = workspace.store.records(OPERATOR, project).submissions
    assert (made.annotator, made.state) == ("Ada", "submitted")
    assert [one.snippet for one in made.annotations] == ["a red wall", "a green corner"]
    assert [one.provenance for one in made.annotations] == ["drawn", "drawn"]
    assert near(list(made.annotations[1].box), [120, 12, 180, 60])
    assert 0 < made.annotations[0].seconds <= made.seconds < 120


def test_keys_alone(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project()
    user = open_page("Keys", project)
    expect(user.canvas).to_be_focused()
    scale = user.canvas.evaluate("svg => svg.getScreenCTM().a")
    user.press("n")
    assert near(user.box(0), [75, 45, 125, 75], 0.1)
    user.press("ArrowRight", "ArrowRight", "ArrowDown")
    step = 8 / scale
    assert near(user.box(0), [75 + 2 * step, 45 + step, 125 + 2 * step, 75 + step], 0.1)
    user.press("Shift+ArrowLeft")
    assert near(user.box(0), [75 + 2 * step, 45 + step, 125 + step, 75 + step], 0.1)
    user.press("Alt+ArrowUp", "Control+ArrowUp")
    fine = 1 / scale
    assert near(user.box(0), [75 + 2 * step, 45 - fine, 125 + step, 75 + step - fine], 0.1)
    user.press("Enter")
    user.page.keyboard.type("a thing")
    user.press("Escape")
    expect(user.boxes.nth(0)).to_be_focused()
    user.press("Escape")
    expect(user.canvas).to_be_focused()
    user.press("n", "Enter")
    user.page.keyboard.type("another")
    user.press("Escape", "Escape", "1")
    expect(user.boxes.nth(0)).to_be_focused()
    user.press("Tab")
    expect(user.boxes.nth(1)).to_have_class(LIT)
    expect(user.boxes.nth(1)).to_have_attribute("aria-label", re.compile("^Box 2: another; 50 by"))
    user.press("Delete")
    expect(user.boxes).to_have_count(1)
    expect(user.page.locator(".said")).to_contain_text("Box 2 deleted")
    user.press("Control+z")
    expect(user.boxes).to_have_count(2)
    user.press("?")
    expect(user.page.get_by_role("dialog", name="Keys")).to_be_visible()
    user.press("Escape")
    user.press("Control+Enter")
    expect(user.page.locator(".far")).to_contain_text("1 done today")
    [made] = workspace.store.records(OPERATOR, project).submissions
    assert [one.snippet for one in made.annotations] == ["a thing", "another"]


def test_undo_and_redo_of_every_change(workspace: Workspace, open_page: OpenPage) -> None:
    user = open_page("Undo", workspace.project())
    user.draw((0.1, 0.1), (0.4, 0.4), "a cat")
    drawn = user.box(0)
    user.boxes.nth(0).focus()
    user.drag((0.2, 0.2), (0.5, 0.4))  # moves the chosen one
    moved = user.box(0)
    assert near(moved, [0.4 * WIDTH, 0.3 * HEIGHT, 0.7 * WIDTH, 0.6 * HEIGHT], 2)
    user.drag((0.7, 0.6), (0.9, 0.9))  # its corner
    assert near(user.box(0), [0.4 * WIDTH, 0.3 * HEIGHT, 0.9 * WIDTH, 0.9 * HEIGHT], 2)
    user.press("Control+z")
    assert near(user.box(0), moved, 0.01)
    user.press("Control+z")
    assert near(user.box(0), drawn, 0.01)
    user.press("Control+z")  # the words, all at once
    expect(user.words(0)).to_have_value("")
    user.press("Control+z")
    expect(user.boxes).to_have_count(0)
    user.press("Control+y", "Control+y")
    expect(user.words(0)).to_have_value("a cat")
    user.press("Control+Shift+z")
    assert near(user.box(0), moved, 0.01)
    user.expect_saved()


def test_what_is_missing_is_said(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project()
    user = open_page("Missing", project)
    user.drag((0.1, 0.1), (0.4, 0.4))
    user.press("Enter")
    expect(user.page.locator(".said")).to_contain_text("Type what this box shows")
    user.submit()
    expect(user.page.locator(".said")).to_have_text(
        "Not submitted yet. Missing: 1 box to draw, 1 text to type."
    )
    expect(user.words(0)).to_be_focused()
    expect(user.words(0)).to_have_attribute("aria-invalid", "true")
    user.page.keyboard.type("...")
    expect(user.page.locator(".said")).to_be_empty()
    user.press("Enter")
    user.draw((0.5, 0.5), (0.8, 0.8), "x")
    user.press("Escape")
    user.drag((0.05, 0.6), (0.3, 0.9))
    expect(user.page.locator(".said")).to_contain_text("All 2 boxes are drawn")
    expect(user.boxes).to_have_count(2)
    assert workspace.store.records(OPERATOR, project).submissions == ()


def test_zoom_keeps_boxes_in_the_photos_pixels(workspace: Workspace, open_page: OpenPage) -> None:
    user = open_page("Zoom", workspace.project())
    user.page.mouse.move(*user.at(0.25, 0.25))
    user.page.mouse.wheel(0, -400 * 1.3863)  # four times
    expect(user.page.locator(".zoom")).to_have_text("400 %")
    user.drag((0.2, 0.22), (0.3, 0.33))
    assert near(user.box(0), [0.2 * WIDTH, 0.22 * HEIGHT, 0.3 * WIDTH, 0.33 * HEIGHT], 1)
    user.press("Escape", "Escape")
    before = user.canvas.get_attribute("viewBox")
    user.press("ArrowRight")
    assert user.canvas.get_attribute("viewBox") != before  # pans
    user.press("0")
    expect(user.page.locator(".zoom")).to_have_text("100 %")
    user.press("+", "+", "-")
    expect(user.page.locator(".zoom")).to_have_text("140 %")
    user.page.get_by_role("button", name="All of the photo").click()
    expect(user.page.locator(".zoom")).to_have_text("100 %")


def finger(user: BrowserUser, kind: str, *points: tuple[float, float]) -> None:
    user.fingers.send(
        "Input.dispatchTouchEvent",
        {
            "type": kind,
            "touchPoints": [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)],
        },
    )


def test_fingers_on_a_phone(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project()
    user = open_page("Touch", project, size=(390, 844), has_touch=True, is_mobile=True)
    user.canvas.scroll_into_view_if_needed()
    finger(user, "touchStart", user.at(0.2, 0.2))
    finger(user, "touchMove", user.at(0.4, 0.4))
    finger(user, "touchMove", user.at(0.6, 0.7))
    finger(user, "touchEnd")
    expect(user.boxes).to_have_count(1)
    assert near(user.box(0), [0.2 * WIDTH, 0.2 * HEIGHT, 0.6 * WIDTH, 0.7 * HEIGHT], 3)
    user.page.keyboard.type("a wide thing")
    user.press("Enter")
    assert user.page.evaluate("document.documentElement.scrollWidth") <= 390
    # Two fingers zoom, and draw nothing.
    middle = user.at(0.5, 0.5)
    for apart in (20, 40, 80):
        points = [(middle[0] - apart, middle[1]), (middle[0] + apart, middle[1])]
        finger(user, "touchStart" if apart == 20 else "touchMove", *points)
    finger(user, "touchEnd")
    _, _, wide, _ = (float(x) for x in (user.canvas.get_attribute("viewBox") or "").split())
    assert 40 <= wide <= 60  # four times
    expect(user.boxes).to_have_count(1)
    user.expect_saved()


def test_skip_with_a_reason(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project()
    user = open_page("Skipper", project)
    expect(user.canvas).to_be_focused()
    user.press("s")
    dialog = user.page.get_by_role("dialog", name="Skip this photo")
    dialog.get_by_label("Another reason", exact=True).fill("it is upside down")
    dialog.get_by_role("button", name="Skip it").click()
    expect(user.page.locator(".far")).to_contain_text("2 left to do")
    expect(user.canvas).to_be_focused()
    [made] = workspace.store.records(OPERATOR, project).submissions
    assert (made.state, made.reason) == ("skipped", "it is upside down")
    user.press("s", "Escape")
    expect(dialog).to_have_count(0)
    assert len(workspace.store.records(OPERATOR, project).submissions) == 1


SUGGESTED = (
    Suggestion("s1", (20, 20, 80, 90), "a model's thing", 2.0, "toy"),
    Suggestion("s2", (100, 30, 150, 100), "a second thing", 1.0, "toy"),
    Suggestion("s3", (10, 10, 30, 30), "a third thing", 0.5, "toy"),
)


def test_suggestions_are_marked_in_the_data(workspace: Workspace, open_page: OpenPage) -> None:
    project = workspace.project(SUGGESTED, suggestions=True, boxes_per_photo=3)
    user = open_page("Taker", project)
    expect(user.page.locator(".box.offer")).to_have_count(3)
    user.page.get_by_role("button", name="a model's thing", exact=True).click()
    expect(user.page.locator(".slot .state").first).to_have_text("suggested")
    user.page.locator(".box.offer").first.focus()
    user.press("Enter")
    expect(user.boxes).to_have_count(2)
    expect(user.words(1)).to_be_focused()
    user.page.keyboard.type(", changed")
    expect(user.page.locator(".slot .state").nth(1)).to_have_text("suggested, then changed")
    user.press("Escape", "Escape")
    user.draw((0.8, 0.8), (0.95, 0.95), "mine")
    user.submit()
    expect(user.page.locator(".far")).to_contain_text("1 done today")
    [made] = workspace.store.records(OPERATOR, project).submissions
    assert [(one.snippet, one.provenance) for one in made.annotations] == [
        ("a model's thing", "accepted"),
        ("a second thing, changed", "edited"),
        ("mine", "drawn"),
    ]


def test_no_suggestions_where_the_project_has_none(
    workspace: Workspace, open_page: OpenPage
) -> None:
    user = open_page("Purist", workspace.project(SUGGESTED, suggestions=False))
    expect(user.canvas).to_be_visible()
    expect(user.page.locator(".box.offer")).to_have_count(0)
    expect(user.page.locator(".offers")).to_be_hidden()


HOSTILE = [
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "$\\href{javascript:alert(1)}{x}$ {{x}} `${alert(1)}`",
    "abc \u202ekcalb\u202c \u2066x\u2069",
    "y" * 1000,
]


NAMES = ("<b>A</b><img src=x onerror=alert(1)>", "$\\href{javascript:alert(1)}{x}$" + "y" * 60)


def test_words_are_only_words(workspace: Workspace, open_page: OpenPage) -> None:
    """Words stay text on the annotator's page, in the owner's tables, overlay and plots."""
    project = workspace.project(guidelines="\n".join(HOSTILE), boxes_per_photo=len(HOSTILE))
    for name in NAMES:
        user = open_page(name, project)
        expect(user.page.locator(".guidelines p")).to_be_visible()  # for the first photo
        for k, words in enumerate(HOSTILE):
            user.drag((0.02 + k / 4, 0.1), (0.2 + k / 4, 0.6))
            expect(user.words(k)).to_be_focused()
            user.words(k).fill(words)
        assert user.page.locator(".annotate").locator("img, script, a, [onerror]").count() == 0
        assert user.page.evaluate("document.documentElement.scrollWidth") <= 1200
        user.submit()
        expect(user.page.locator(".far")).to_contain_text("1 done today")
    boss = open_page("boss", project, password="a long password")
    page = boss.page
    page.get_by_role("button", name="Compare now").click()
    plots = page.locator(".plot")
    expect(plots.locator(".main-svg").first).to_be_visible(timeout=PLOTLY)
    assert plots.locator("img, script, a, b, [onerror]").count() == 0
    expect(page.get_by_role("table", name="People")).to_contain_text(NAMES[0])
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200
    page.get_by_role("button", name="photo0.jpg").click()
    lines = page.locator(".work li bdi")
    expect(lines).to_have_count(2 * len(HOSTILE))
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", "".join(lines.all_inner_texts()))
    assert page.locator(".works").locator("img, script, a, [onerror]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200
