"""A person at the Annotate page, in a browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Dialog, Locator, expect


class BrowserUser:
    """One browser context with the page open in it, and what went wrong there."""

    def __init__(self, context: BrowserContext, address: str, project: int | None) -> None:
        self.context = context
        self.address = address
        self.errors: list[str] = []
        self.project = project
        self.reopen()

    def reopen(self) -> None:
        """The page in a new tab of the same browser."""
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self.asked)
        self.fingers = self.context.new_cdp_session(self.page)
        """Chromium's own way to touch; Playwright knows a tap only."""
        self.page.goto(self.address)

    def asked(self, dialog: Dialog) -> None:
        """The browser's own question before unsaved work is left; there is no other."""
        if dialog.type == "beforeunload":
            dialog.accept()
        else:
            self.errors.append(f"{dialog.type}: {dialog.message}")
            dialog.dismiss()

    def enter(self, name: str, password: str | None = None, begin: bool = True) -> None:
        """Sign in; where a project was named, it is the one chosen before, and work begins."""
        if self.project is not None:
            remembered = [f"annotate project: {name}", str(self.project)]
            self.page.evaluate("(item) => localStorage.setItem(...item)", remembered)
        self.page.get_by_label("Your name").fill(name)
        if password is not None:
            self.page.get_by_text("My name has a password").click()
            self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Begin").click()
        self.page.locator(".annotate .bar").wait_for()
        if self.project is not None and password is None and begin:
            self.begin()

    def begin(self) -> None:
        """Past the door: a photo is taken, if none is in hand, and seen."""
        start = self.page.get_by_role("button", name="Start drawing")
        start.or_(self.canvas).or_(self.page.locator(".end")).first.wait_for()
        if start.is_visible():
            start.click()
            self.canvas.or_(self.page.locator(".end")).first.wait_for()
        if self.canvas.is_visible():
            self.shown()

    def shown(self) -> None:
        """Waits for the photo: before, nothing can be drawn."""
        self.page.locator('.frame[data-photo="shown"]').wait_for()

    @property
    def canvas(self) -> Locator:
        return self.page.locator("svg.canvas")

    @property
    def boxes(self) -> Locator:
        return self.page.locator("svg.canvas .box[data-region]")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point of the photo, as shares of its sides -> of the window."""
        self.shown()
        found = self.canvas.evaluate(
            """(svg, [x, y]) => {
              const { width, height } = svg.querySelector("image").getBBox();
              const at = new DOMPoint(x * width, y * height).matrixTransform(svg.getScreenCTM());
              return [at.x, at.y];
            }""",
            [x, y],
        )
        return found[0], found[1]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """From one share of the photo to another, as a hand does."""
        self.canvas.scroll_into_view_if_needed()
        mouse = self.page.mouse
        (x0, y0), (x1, y1) = self.at(*start), self.at(*end)
        mouse.move(x0, y0)
        mouse.down()
        mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
        mouse.move(x1, y1)
        mouse.up()

    def draw(self, start: tuple[float, float], end: tuple[float, float], words: str) -> None:
        """A box and its words; Enter."""
        before = self.boxes.count()
        self.drag(start, end)
        expect(self.boxes).to_have_count(before + 1)
        self.page.keyboard.type(words)
        self.page.keyboard.press("Enter")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def box(self, k: int) -> list[float]:
        """x1, y1, x2, y2 of the k-th box, in the photo's pixels."""
        line = self.boxes.nth(k).locator(".line")
        x, y, width, height = (
            float(line.get_attribute(name) or "nan") for name in ("x", "y", "width", "height")
        )
        return [x, y, x + width, y + height]

    def words(self, k: int) -> Locator:
        return self.page.get_by_label(f"What box {k + 1} shows")

    def expect_saved(self) -> None:
        expect(self.page.locator(".saved")).to_have_text("Saved")

    def submit(self) -> None:
        self.page.get_by_role("button", name="Submit").click()

    def export(self, label: str) -> tuple[str, bytes]:
        """What an owner downloads under Review: the file's name and its bytes."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name=label).click()
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()
