"""The door of servers that ask for a password: in a browser, over a restart, behind a proxy."""

from __future__ import annotations

import argparse

import httpx
import pytest
from playwright.sync_api import Browser, expect

from annotate.people import OPERATOR
from demo.web.server import add_arguments
from tests.demo.pages.annotate.conftest import PASSWORD, Workspace
from tests.serving import running


def sign_in(address: str, password: str, **headers: str) -> httpx.Response:
    form = {"username": "Prox", "password": password}
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return httpx.post(f"{address}/login", data=form, headers=named, timeout=60)


def test_two_servers_a_restart_and_a_proxy(workspace: Workspace) -> None:
    """One store, two servers: one behind a proxy whose word counts, one that believes nobody."""
    workspace.store.people.add(OPERATOR, "Prox", PASSWORD)
    command = ("demo", "--pages", "annotate", "--url", workspace.url)
    with running(*command) as plain, running(*command, "--proxy", "127.0.0.1") as behind:
        for address, secure in ((plain, False), (behind, True)):
            answer = sign_in(address, PASSWORD, x_forwarded_proto="https")
            assert answer.status_code == 200
            cookies = answer.headers.get_list("set-cookie")
            assert [("; Secure" in one) for one in cookies] == [secure] * 2
        mine = dict(answer.cookies)
        assert httpx.get(f"{plain}/config", cookies=mine).json()["username"] == "Prox"
        # Ten wrong ones for each address that the proxy tells; whoever is not believed is one.
        for address, others in ((plain, 429), (behind, 200)):
            for _ in range(10):
                assert sign_in(address, "wrong", x_forwarded_for="10.0.0.1").status_code == 400
            assert sign_in(address, PASSWORD, x_forwarded_for="10.0.0.1").status_code == 429
            forged = "10.0.0.2"
            assert sign_in(address, PASSWORD, x_forwarded_for=forged).status_code == others
            spoofed = "10.0.0.3, 10.0.0.1"  # the proxy adds who it was that said so
            assert sign_in(address, PASSWORD, x_forwarded_for=spoofed).status_code == 429
    with running(*command) as restarted:
        assert httpx.get(f"{restarted}/config", cookies=mine).json()["username"] == "Prox"


def test_the_form_tells_what_is_wrong(workspace: Workspace, browser: Browser) -> None:
    """Also that too many passwords were tried, where Gradio's own form says nothing."""
    workspace.store.people.add(OPERATOR, "Dory", PASSWORD)
    command = ("demo", "--pages", "annotate", "--url", workspace.url)
    with running(*command) as address:
        context = browser.new_context()
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/?tab=annotate")
        said = page.get_by_role("alert")

        def enter(password: str) -> None:
            page.get_by_label("Your name").fill("Dory")
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Sign in").click()

        enter("wrong")
        expect(said).to_have_text("The name and the password do not belong together.")
        enter(PASSWORD)
        page.locator(".annotate .bar").wait_for()
        page.get_by_role("button", name="Password").click()
        page.get_by_role("button", name="Sign out everywhere").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        context.clear_cookies()  # another browser, at an address from which somebody guesses
        for k in range(10):
            form = {"username": "Dory", "password": f"guess {k}"}
            assert httpx.post(f"{address}/login", data=form, timeout=60).status_code == 400
        enter(PASSWORD)
        expect(said).to_contain_text("Too many wrong passwords were tried; wait ")
        assert errors == []
        context.close()


def test_a_proxy_that_is_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    options = argparse.ArgumentParser()
    add_arguments(options)
    assert options.parse_args(["--proxy", "10.0.0.0/8", "--proxy", "::1"]).proxy == [
        "10.0.0.0/8",
        "::1/128",
    ]
    for wrong in ("*", "10.0.0.1/8", "proxy.example", ""):
        with pytest.raises(SystemExit):
            options.parse_args(["--proxy", wrong])
        assert f"'{wrong}' is no address" in capsys.readouterr().err
