"""Decoding and looking, a few at a time, whatever way a request comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.describer import Describer
from core.vision import images
from core.vision.images import DecodedPhoto
from demo.pages.align.page import AlignService, AlignState
from demo.web import pictures
from demo.web.heavy import AT_ONCE, slot
from demo.web.pictures import PictureCache


class Counter:
    """How many were inside of a job at once, at most."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, job: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **more: object) -> object:
            with self.lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
            try:
                time.sleep(0.05)
                return job(*args, **more)
            finally:
                with self.lock:
                    self.inside -= 1

        return counted


def test_twelve_at_once_are_two(
    describer: Describer, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Direct calls, events and pictures together."""
    counter, service, cache = Counter(), AlignService(describer), PictureCache()
    monkeypatch.setattr(images, "decode", counter(images.decode))

    def look(k: int) -> object:
        if k % 3 == 0:
            return service.api(jpeg, "a dog", 0.0)
        if k % 3 == 1:
            return service.take(jpeg, "a dog", AlignState())
        return cache.get(k, lambda: picture(images.decode(jpeg)))

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(look, range(12)))
    assert len(answers) == 12
    assert 1 <= counter.most <= AT_ONCE


def picture(photo: DecodedPhoto) -> bytes:
    return pictures.jpeg(photo.pixels)


def test_who_has_a_slot_takes_no_second() -> None:
    def deep() -> bool:
        with slot(), slot(), slot():
            return True

    with ThreadPoolExecutor(8) as threads:
        assert all(one.result(60) for one in [threads.submit(deep) for _ in range(8)])


def test_a_slot_is_given_back_after_an_error() -> None:
    for _ in range(AT_ONCE + 1):
        with pytest.raises(ZeroDivisionError), slot():
            raise ZeroDivisionError
    with slot():
        pass
