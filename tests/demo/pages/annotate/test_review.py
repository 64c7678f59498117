"""The owner's page: progress, files, agreement, everybody's boxes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from annotate.people import OPERATOR
from core.formats import FORMATS, READERS, ReadOptions
from tests.demo.pages.annotate.browser_user import BrowserUser
from tests.demo.pages.annotate.conftest import PASSWORD, PLOTLY, Workspace, drawn_by_two

OpenPage = Callable[..., BrowserUser]


def test_progress_files_and_agreement(workspace: Workspace, open_page: OpenPage) -> None:
    project = drawn_by_two(workspace, open_page)
    boss = open_page("boss", project, password=PASSWORD)
    page = boss.page
    page.get_by_role("tab", name="Review").click()
    expect(page.locator(".tile").first).to_contain_text("0 / 3")
    expect(page.get_by_role("table", name="People")).to_contain_text("Wim")
    expect(page.get_by_role("table", name="Photos")).to_contain_text("2 / 3")

    name, data = boss.export("JSON lines")
    assert name.endswith(".jsonl")
    read = FORMATS["jsonl"].read(data, ReadOptions())
    assert read == workspace.store.records(OPERATOR, project)
    said = {s.annotator: [a.snippet for a in s.annotations] for s in read.submissions}
    assert said == {
        "Wim": ["a red wall", "a dark corner"],
        "Xia": ["the red wall", "a dark corner"],
    }
    names = set()
    for one in FORMATS.values():
        name, data = boss.export(one.title)
        again = one.read(data)
        assert len(again.submissions) == 2, one.name
        names.add(name)
    assert len(names) == len(FORMATS)  # none overwrites another in a folder of downloads
    offered = page.get_by_label("Format of the file").locator("option").all_text_contents()
    assert offered == ["told by what is in it", *(one.title for one in READERS.values())]

    page.get_by_role("button", name="Compare now").click()
    numbers = page.locator(".numbers")
    expect(numbers).to_contain_text("Boxes with a partner at IoU 0.5100 %")
    expect(page.locator(".plot .main-svg").nth(2)).to_be_visible(timeout=PLOTLY)
    expect(page.get_by_role("img", name="Who agrees with whom")).to_contain_text("Wim")


def test_everybodys_boxes_light_and_bad_work_is_kept(
    workspace: Workspace, open_page: OpenPage
) -> None:
    project = drawn_by_two(workspace, open_page)
    boss = open_page("boss", project, password=PASSWORD)
    page = boss.page
    page.get_by_role("tab", name="Review").click()
    page.get_by_role("button", name="photo0.jpg").click()
    expect(page.locator(".stage .box")).to_have_count(4)
    colours = page.locator(".work").evaluate_all("all => all.map((e) => e.style.cssText)")
    assert len(set(colours)) == 2
    page.get_by_text("the red wall").hover()
    expect(page.locator(".stage .box.lit")).to_have_count(1)
    page.locator(".work[data-who='Wim'] input[type=checkbox]").uncheck()
    expect(page.locator(".stage .box:visible")).to_have_count(2)

    page.get_by_role("button", name="Mark as bad: Xia").click()
    dialog = page.get_by_role("dialog", name="Mark as bad")
    dialog.get_by_label("Why").fill("<i>copied</i>")
    dialog.get_by_role("button", name="Mark as bad").click()
    xia = page.locator(".work[data-who='Xia']")
    expect(xia).to_contain_text("bad: <i>copied</i>")
    made = {s.annotator: s.bad for s in workspace.store.records(OPERATOR, project).submissions}
    assert made == {"Wim": "", "Xia": "<i>copied</i>"}
    page.get_by_role("button", name="History: Xia").click()
    expect(xia.locator(".history li").last).to_contain_text("marked by boss")
    page.get_by_role("button", name="It is good: Xia").click()
    expect(xia).not_to_contain_text("bad:")
    page.get_by_role("button", name="All photos").click()
    expect(page.get_by_role("table", name="Photos")).to_contain_text("2 / 3")


def test_import_of_a_project_and_of_suggestions(
    workspace: Workspace, open_page: OpenPage, tmp_path: Path
) -> None:
    project = drawn_by_two(workspace, open_page)
    found = workspace.store.records(OPERATOR, project)
    boss = open_page("boss", project, password=PASSWORD)
    page = boss.page
    page.get_by_role("tab", name="Review").click()
    files = page.locator(".files")

    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(FORMATS["jsonl"].write(found)[:-40])
    files.get_by_label("Name of the new project").fill("brought in")
    files.get_by_label("Import a project: the file").set_input_files(broken)
    files.get_by_role("button", name="Import a project", exact=True).click()
    expect(files.get_by_role("status")).to_contain_text("The file was not taken. line 6:")
    names = {one.name for one in workspace.store.projects.all(workspace.boss)}
    assert "brought in" not in names

    lines = [
        {
            "photo": "photo0.jpg",
            "box": [1, 2, 30, 40],
            "caption": "a hill",
            "score": 2.5,
            "model": "m",
        },
        {
            "photo": "photo2.jpg",
            "box": [5, 5, 50, 60],
            "caption": "a tree",
            "score": 1.5,
            "model": "m",
        },
    ]
    proposed = tmp_path / "regions.jsonl"
    proposed.write_text("".join(json.dumps({**line, "model": "m"}) + "\n" for line in lines))
    files.get_by_label("Import suggestions: the file").set_input_files(proposed)
    files.get_by_role("button", name="Import suggestions", exact=True).click()
    expect(files.get_by_role("status")).to_contain_text("2 suggestions are in.")
    assert [
        s.snippet for s in workspace.store.records(OPERATOR, project).photos[0].suggestions
    ] == ["a hill"]

    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(FORMATS["jsonl"].write(found))
    files.get_by_label("Import a project: the file").set_input_files(whole)
    files.get_by_role("button", name="Import a project", exact=True).click()
    expect(page.get_by_label("Project", exact=True).locator("option")).to_contain_text(
        ["brought in"]
    )
    made = workspace.store.projects.named(workspace.boss, "brought in")
    assert workspace.store.records(OPERATOR, made.id).submissions == found.submissions


def test_a_phone_in_the_dark(workspace: Workspace, open_page: OpenPage) -> None:
    project = drawn_by_two(workspace, open_page)
    boss = open_page("boss", project, password=PASSWORD, size=(390, 844), color_scheme="dark")
    page = boss.page
    page.get_by_role("tab", name="Review").click()
    page.get_by_role("button", name="Compare now").click()
    expect(page.locator(".plot .main-svg").first).to_be_visible(timeout=PLOTLY)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="photo0.jpg").click()
    expect(page.locator(".stage .box")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_way_back(workspace: Workspace, open_page: OpenPage) -> None:
    """Needs changes, with a reason and a remark; submitted again; corrected; approved; and its
    author looks at it all."""
    project = workspace.project(boxes_per_photo=1)
    user = open_page("Wanda", project)
    user.draw((0.1, 0.1), (0.5, 0.5), "a wall")
    user.submit()
    expect(user.page.locator(".far")).to_contain_text("1 done today")
    boss = open_page("boss", project, password=PASSWORD)
    page = boss.page
    page.get_by_role("button", name="photo0.jpg").click()
    wanda = page.locator(".work[data-who='Wanda']")
    wanda.get_by_text("Remarks").click()
    wanda.get_by_label("What the remark is about").select_option(label="box 1")
    wanda.get_by_label("A remark").fill("<b>too</b> wide")
    wanda.get_by_role("button", name="Say it").click()
    expect(wanda.locator(".said-of-it")).to_contain_text("boss on box 1: <b>too</b> wide")
    page.get_by_role("button", name="Needs changes: Wanda").click()
    dialog = page.get_by_role("dialog", name="Needs changes")
    dialog.get_by_label("What has to be changed").fill("tighter, please")
    dialog.get_by_role("button", name="Needs changes").click()
    expect(wanda).to_contain_text("needs changes: tighter, please")

    user.page.reload()  # it is the first that she gets, boxes and all
    expect(user.page.locator(".returned")).to_have_text("Needs changes: tighter, please")
    expect(user.page.locator(".said-of-it")).to_contain_text("boss on box 1: <b>too</b> wide")
    expect(user.words(0)).to_have_value("a wall")
    user.words(0).fill("a red wall")
    user.submit()
    expect(user.page.locator(".note.before")).to_have_text("Submitted: photo0.jpg")

    page.get_by_role("button", name="All photos").click()
    page.get_by_role("button", name="photo0.jpg").click()
    page.get_by_role("button", name="Correct: Wanda").click()
    boss.words(0).fill("a dark red wall")
    boss.drag((0.6, 0.6), (0.9, 0.9))
    expect(page.locator(".said")).to_contain_text("All 1 box are drawn")
    boss.submit()
    expect(wanda.locator("li bdi").first).to_have_text("a dark red wall")
    page.get_by_role("button", name="Approve: Wanda").click()
    expect(wanda).to_contain_text("approved")
    page.get_by_role("button", name="The next photo").click()
    expect(page.get_by_role("heading", name="photo1.jpg")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("heading", name="photo0.jpg")).to_be_visible()
    [made] = workspace.store.records(OPERATOR, project).submissions
    assert [one.snippet for one in made.annotations] == ["a dark red wall"]

    user.page.get_by_role("tab", name="My photos").click()
    expect(user.page.get_by_role("table", name="My photos")).to_contain_text("photo0.jpgapproved1")
    user.page.get_by_role("button", name="photo0.jpg").click()
    expect(user.page.locator(".lines")).to_contain_text("a dark red wall")
    expect(user.page.locator(".stage .box")).to_have_count(1)
    user.page.set_viewport_size({"width": 390, "height": 844})
    assert user.page.evaluate("document.documentElement.scrollWidth") <= 390
