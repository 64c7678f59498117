"""Guessing passwords: it ends, it starves nobody, and it shuts out nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from annotate.errors import CrowdedError
from demo.web.rate_limits import Guesses, GuessLimits, Rate, TooManyError
from demo.web.sessions import SessionLimits, Sessions
from demo.web.work_queue import QueueFullError, WorkQueue
from tests.demo.pages.annotate.conftest import Workspace
from tests.demo.pages.annotate.test_api import draft

LIMITS = GuessLimits(Rate(3, 30.0), Rate(6, 5.0), Rate(9, 1.5), remembered=50)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guesses(clock: Clock) -> Guesses:
    return Guesses(LIMITS, clock)


def wrong(guesses: Guesses, count: int, name: str, address: str = "10.0.0.1") -> None:
    for _ in range(count):
        guesses.begin(name, address)


def test_a_name_is_closed_for_who_guesses_and_for_nobody_else(
    guesses: Guesses, clock: Clock
) -> None:
    wrong(guesses, 3, "Anna")
    with pytest.raises(TooManyError, match="wait 30 seconds"):
        guesses.begin("Anna", "10.0.0.1")
    guesses.begin("Anna", "10.0.0.2")
    guesses.begin("Ben", "10.0.0.1")
    clock.now = 29
    with pytest.raises(TooManyError, match="wait 1 seconds"):
        guesses.begin("Anna", "10.0.0.1")
    clock.now = 30
    guesses.begin("Anna", "10.0.0.1")
    with pytest.raises(TooManyError, match="wait 30 seconds"):
        guesses.begin("Anna", "10.0.0.1")
    clock.now = 1000
    wrong(guesses, 3, "Anna")
    with pytest.raises(TooManyError):
        guesses.begin("Anna", "10.0.0.1")


def test_a_browser_that_was_signed_in_is_not_closed_by_strangers(guesses: Guesses) -> None:
    """Not even by those beside it, at the same address; and it may not guess more than they."""
    wrong(guesses, 3, "Anna")
    for _ in range(3):
        guesses.begin("Anna", "10.0.0.1", "her browser")
    with pytest.raises(TooManyError):
        guesses.begin("Anna", "10.0.0.1", "her browser")
    guesses.right("Anna", "10.0.0.1", "her browser")
    guesses.begin("Anna", "10.0.0.1", "her browser")


def test_being_closed_is_worth_a_line_once(guesses: Guesses, clock: Clock) -> None:
    def first() -> bool:
        with pytest.raises(TooManyError) as caught:
            guesses.begin("Anna", "10.0.0.1")
        return caught.value.first

    wrong(guesses, 3, "Anna")
    assert [first() for _ in range(3)] == [True, False, False]
    clock.now = 301
    wrong(guesses, 3, "Anna")
    assert first()


def test_new_names_do_not_help(guesses: Guesses) -> None:
    for k in range(6):
        guesses.begin(f"name {k}", "10.0.0.1")
    with pytest.raises(CrowdedError):
        guesses.begin("another", "10.0.0.1")
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"):  # one person's
        wrong(guesses, 2, address, address)
    with pytest.raises(CrowdedError):
        guesses.begin("another", "2001:db8::4")
    guesses.begin("another", "2001:db8:0:1::4")


def test_many_addresses_close_a_name_at_last(guesses: Guesses) -> None:
    for k in range(9):
        guesses.begin("Anna", f"10.0.0.{k}")
    with pytest.raises(CrowdedError):
        guesses.begin("Anna", "10.0.0.99")


def test_another_spelling_is_the_same_name(guesses: Guesses) -> None:
    wrong(guesses, 2, "Zo\u00eb")
    guesses.begin("Zoe\u0308", "10.0.0.1")
    with pytest.raises(CrowdedError):
        guesses.begin("Zo\u00eb", "10.0.0.1")


def test_the_right_password_opens_again(guesses: Guesses) -> None:
    for _ in range(20):
        wrong(guesses, 2, "Anna")
        guesses.begin("Anna", "10.0.0.1")
        guesses.right("Anna", "10.0.0.1")
        guesses.right("Ben", "10.0.0.1")  # whatever is told, no count falls below zero
        guesses.right("Ben", "10.0.0.1")
    assert len(guesses._tries._counted) <= 3


def test_what_is_remembered_is_bounded(guesses: Guesses) -> None:
    for k in range(500):
        guesses.begin(f"name {k}", f"10.0.{k // 200}.{k % 200}")
    assert len(guesses._tries._counted) == 50


def test_a_line_has_an_end_for_each_and_for_all() -> None:
    line, gate = WorkQueue("test", at_once=1, waiting=3, each=2), threading.Event()

    async def come() -> None:
        first = [asyncio.create_task(line.run("a", gate.wait, 60)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await line.run("a", gate.wait)
        second = [asyncio.create_task(line.run("b", gate.wait, 60)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await line.run("c", gate.wait)
        second[1].cancel()  # it hangs up before its turn: its place is free again
        await asyncio.sleep(0.1)
        third = asyncio.create_task(line.run("c", gate.wait, 60))
        await asyncio.sleep(0)
        gate.set()
        assert await asyncio.gather(*first, second[0], third) == [True] * 4
        assert await line.run("a", len, "abc") == 3

    asyncio.run(come())


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with unhurried(address) as client:
        yield client


def unhurried(address: str) -> httpx.Client:
    """A client for a slow machine: no connection is kept that the server may give up meanwhile."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=address, timeout=120, limits=limits)


def test_hashing_takes_no_thread_of_others(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While more people sign in than the server has threads, other work gets one at once."""
    gate = threading.Event()
    monkeypatch.setattr(workspace.store.people, "prove", lambda *_: gate.wait(60) and None)
    sessions = Sessions(workspace.store, open=False, limits=SessionLimits(pause=0))
    request = Request({"type": "http", "headers": []})

    async def come() -> None:
        guessing = [
            asyncio.create_task(sessions.verified(f"name {k}", "wrong", request)) for k in range(60)
        ]
        await asyncio.sleep(0)
        try:
            assert await asyncio.wait_for(run_in_threadpool(lambda: "saved"), 30) == "saved"
        finally:
            gate.set()
        answers = await asyncio.gather(*guessing, return_exceptions=True)
        told = [one for one in answers if isinstance(one, CrowdedError)]
        assert len(told) == 60 - sessions.limits.waiting_each

    asyncio.run(come())


def test_wrong_passwords_starve_nobody(
    workspace: Workspace, address: str, client: httpx.Client
) -> None:
    """Sixty connections guess with ever new names; somebody's saves go on as before."""
    project = workspace.project(boxes_per_photo=1)
    assert client.post("/annotate/enter", json={"name": "Worker"}).status_code == 200
    task = client.post("/annotate/next", json={"project": project}).json()["task"]
    path = f"/annotate/tasks/{task['assignment']}/save"
    over = threading.Event()

    def save(base: int) -> None:
        answer = client.post(path, json=draft(base, f"key {base}"))
        assert answer.status_code == 200, answer.text

    def guess(number: int) -> Counter[tuple[int, str]]:
        seen: Counter[tuple[int, str]] = Counter()
        with unhurried(address) as guesser:
            for k in range(10_000):
                if over.is_set():
                    break
                call = {"name": f"{number}-{k}", "password": "a wrong guess"}
                answer = guesser.post("/annotate/enter", json=call)
                seen[answer.status_code, answer.json()["message"]] += 1
        return seen

    with ThreadPoolExecutor(60) as threads:
        guessing = [threads.submit(guess, k) for k in range(60)]
        for base in range(8):
            save(base)
        over.set()
        seen = sum((one.result() for one in guessing), Counter())
    assert {status for status, _ in seen} == {403, 429}
    assert sum(count for (status, _), count in seen.items() if status == 403) <= 60
    said = {sentence for status, sentence in seen if status == 429}
    assert said
    for sentence in said:
        assert sentence.endswith(".")
