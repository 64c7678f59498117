"""The owner's page: a project from nothing, photos by upload, people by invitation, and its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from annotate.people import OPERATOR
from core.formats import FORMATS
from tests.demo.pages.annotate.browser_user import BrowserUser
from tests.demo.pages.annotate.conftest import PASSWORD, BrowserUsers, Workspace
from tests.demo.visit import picture
from tests.serving import running

OpenPage = Callable[..., BrowserUser]


def sign_in(user: BrowserUser, name: str, password: str) -> None:
    user.page.get_by_label("Your name").fill(name)
    user.page.get_by_label("Password").fill(password)
    user.page.get_by_role("button", name="Sign in").click()
    expect(user.page.locator(".who")).to_have_text(name)


def uploaded(page: Page, label: str, *files: Path) -> None:
    page.get_by_label(label).set_input_files([str(file) for file in files])


def test_from_nothing_to_a_project_with_photos_and_people(
    workspace: Workspace, browser: Browser, tmp_path: Path
) -> None:
    workspace.project()
    folder = tmp_path / "batch"
    (folder / "deep").mkdir(parents=True)
    for name, size in (("a.jpg", (200, 120)), ("deep/a.jpg", (160, 120)), ("b.jpg", (90, 60))):
        (folder / name).write_bytes(picture(*size))
    (folder / "broken.jpg").write_bytes(picture(90, 60)[:200])
    (folder / "notes.txt").write_text("no photo")
    more = tmp_path / "later.png"
    more.write_bytes(picture(60, 60, "PNG"))
    with running("demo", "--pages", "annotate", "--url", workspace.url) as address:
        users = BrowserUsers(browser, address)
        boss = users(None)
        sign_in(boss, "boss", PASSWORD)
        page = boss.page
        page.get_by_role("tab", name="Projects").click()
        page.get_by_role("button", name="All projects").click()
        page.get_by_text("New project").click()
        form = page.locator("form.rules")
        form.get_by_label("Name").fill("streets <b>")
        form.get_by_label("Boxes per photo").fill("1")
        form.get_by_label("People per photo").fill("2")
        form.get_by_label("Guidelines").fill("One box each.")
        form.get_by_label("Only people who were put into").check()
        page.get_by_role("button", name="Make the project").click()
        expect(page.get_by_role("heading", name="streets <b>")).to_be_visible()
        uploaded(page, "Choose a folder", folder)
        status = page.locator(".uploads [role=status]")
        expect(page.get_by_text("3 photos", exact=True)).to_be_visible()
        made = workspace.store.projects.named(OPERATOR, "streets <b>")
        assert (made.settings.boxes_per_photo, made.settings.members_only) == (1, True)
        names = sorted(one.photo.name for one in workspace.store.progress.photos(OPERATOR, made.id))
        assert names == ["a.jpg", "b.jpg", "batch_deep_a.jpg"]
        uploaded(page, "Choose photos", more, folder / "broken.jpg", folder / "b.jpg")
        expect(page.get_by_text("4 photos", exact=True)).to_be_visible()
        uploaded(page, "Choose photos", folder / "broken.jpg", folder / "b.jpg")
        expect(status).to_have_text("2 of 2 photos · 0 added · 1 there already · 1 not taken:")
        expect(page.locator(".refused li")).to_contain_text("broken.jpg: The JPEG file is")

        page.get_by_role("tab", name="People").click()
        page.get_by_label("For whom").fill("Nell from the lab")
        page.get_by_label("Project of the invited").select_option(label="streets <b>")
        page.get_by_role("button", name="Make a link").click()
        link = page.get_by_label("The invitation's link").input_value()
        expect(page.get_by_role("table", name="Invitations")).to_contain_text("Nell from the lab")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1200

        guest = users(None)
        guest.page.goto(link)
        guest.page.get_by_label("Your name").fill("Nell")
        guest.page.get_by_label("Password").fill("a long password")
        guest.page.get_by_role("button", name="Join").click()
        expect(guest.page.locator(".who")).to_have_text("Nell")
        line = guest.page.locator(".projects li").filter(has_text="streets <b>")
        line.get_by_role("button", name="Work on it").click()
        guest.draw((0.1, 0.1), (0.6, 0.6), "a wall")
        guest.submit()
        expect(guest.page.locator(".far")).to_contain_text("1 done today")
        late = users(None)
        late.page.goto(link)  # once only
        late.page.get_by_label("Your name").fill("Other")
        late.page.get_by_label("Password").fill("a long password")
        late.page.get_by_role("button", name="Join").click()
        expect(late.page.locator(".said")).to_contain_text("This invitation was used")

        page.get_by_role("tab", name="Projects").click()
        page.get_by_role("tab", name="People").click()
        nell = page.get_by_role("row").filter(has_text="Nell")
        expect(nell.locator("td").nth(2)).not_to_have_text("–")  # when she was last active
        nell.get_by_role("button", name="Disable").click()
        expect(nell).to_contain_text("annotator, disabled")
        guest.page.reload()
        expect(guest.page.get_by_label("Password")).to_be_visible()  # at the door again
        page.get_by_role("button", name="New password: Nell").click()
        told = page.locator(".told code").inner_text()
        page.get_by_role("button", name="Let in again: Nell").click()
        expect(nell).not_to_contain_text("disabled")
        sign_in(guest, "Nell", told)

        page.get_by_role("tab", name="Projects").click()
        page.get_by_role("button", name="Copy …").click()
        dialog = page.get_by_role("dialog", name="Copy the project")
        dialog.get_by_label("Name of the copy").fill("streets again")
        dialog.get_by_role("button", name="Copy the project").click()
        expect(page.get_by_role("heading", name="streets again")).to_be_visible()
        expect(page.get_by_text("4 photos", exact=True)).to_be_visible()
        page.get_by_role("button", name="Archive").click()
        expect(page.get_by_text("4 photos · archived")).to_be_visible()
        page.get_by_role("button", name="Delete …").click()
        dialog = page.get_by_role("dialog", name="Delete this project")
        dialog.get_by_label("Type the project's name").fill("streets again")
        dialog.get_by_role("button", name="Delete it").click()  # not before the file is taken
        expect(dialog).to_be_visible()
        with page.expect_download() as waiting:
            dialog.get_by_role("link", name="Download everything").click()
        kept = FORMATS["jsonl"].read(Path(waiting.value.path()).read_bytes())
        assert len(kept.photos) == 4
        dialog.get_by_role("button", name="Delete it").click()
        expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
        assert "streets again" not in {one.name for one in workspace.store.projects.all(OPERATOR)}
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_role("button", name="streets <b>").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for user in users.opened:
            user.context.close()
        assert [error for user in users.opened for error in user.errors] == []
