"""What the tests of the pages share: pictures, servers, and visits to a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from tests.serving import running


def picture(width: int, height: int, kind: str = "JPEG") -> bytes:
    y, x = np.mgrid[:height, :width]
    pixels = np.stack((x * 255 // width, y * 255 // height, (x ^ y) % 256), axis=2)
    file = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, kind)
    return file.getvalue()


@contextmanager
def served(*arguments: str) -> Iterator[str]:
    """`python -m demo` on a free port -> its address. Checks that it leaves nothing behind."""
    with TemporaryDirectory() as scratch:
        with running("demo", *arguments, TMPDIR=scratch, XDG_DATA_HOME=scratch) as address:
            yield address
        assert list(Path(scratch).glob("demo-uploads-*")) == []


class Visit:
    """A page of the app, and what went wrong in it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.errors: list[str] = []
        self.requested: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))
        page.goto(address)
        page.locator(".photo-input input").wait_for(state="attached")

    def upload(self, name: str, data: bytes) -> None:
        self.page.locator(".photo-input input").set_input_files(
            {"name": name, "mimeType": "image/jpeg", "buffer": data}
        )

    def say(self, sentence: str) -> None:
        field = self.page.get_by_label("Sentence", exact=True)
        field.fill(sentence)
        field.press("Enter")
