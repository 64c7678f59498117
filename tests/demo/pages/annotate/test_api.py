"""Every address of the page, asked as nobody, as an annotator, as an owner; and forged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from PIL import Image
from starlette.testclient import TestClient

from annotate.people import OPERATOR
from core.formats import FORMATS
from core.formats.record import Photo
from demo.app import create as create_app
from demo.web.hosting import ServerSettings
from demo.web.pages import Services
from demo.web.sessions import Sessions
from tests.demo.pages.annotate.conftest import PASSWORD, Workspace
from tests.demo.visit import picture
from tests.serving import ROOT

OWN = "http://127.0.0.1:7860"
ANYBODY = {"/annotate/me", "/annotate/enter", "/annotate/leave", "/annotate/join"}
OWNERS = {
    "/annotate/projects/{project}/progress",
    "/annotate/projects/{project}/photos",
    "/annotate/projects/{project}/exports",
    "/annotate/projects/{project}/export/{form}",
    "/annotate/projects/{project}/agreement",
    "/annotate/tasks/{assignment}/history",
    "/annotate/tasks/{assignment}/bad",
    "/annotate/tasks/{assignment}/unmark",
    "/annotate/tasks/{assignment}/reopen",
    "/annotate/tasks/{assignment}/return",
    "/annotate/tasks/{assignment}/approve",
    "/annotate/tasks/{assignment}/correct",
    "/annotate/import/project",
    "/annotate/formats",
    "/annotate/import/suggestions/{project}",
    "/annotate/projects/{project}/rules",
    "/annotate/projects/{project}/copy",
    "/annotate/projects/{project}/archive",
    "/annotate/projects/{project}/delete",
    "/annotate/projects/{project}/members",
    "/annotate/upload/{project}",
    "/annotate/photos/{photo}/give",
    "/annotate/people",
    "/annotate/people/password",
    "/annotate/people/disabled",
    "/annotate/people/role",
    "/annotate/invitations",
    "/annotate/invitations/{invitation}/withdraw",
}
GIVEAWAYS = ("SELECT", "sqlite", "Traceback", "site-packages", "/usr/", "/tmp/", str(ROOT), ".py")


def made(workspace: Workspace, open: bool, folder: Path) -> FastAPI:
    async def create() -> FastAPI:  # where no loop runs, Gradio makes loops that it never closes
        return create_app(
            Services(sessions=Sessions(workspace.store, open)), ServerSettings(folder)
        )

    # In a thread: Playwright keeps a loop running in the main one while it has a browser.
    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(1) as thread:
        patched.setenv("GRADIO_TEMP_DIR", str(folder))
        return thread.submit(lambda: asyncio.run(create())).result()


@pytest.fixture(scope="module")
def app(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return made(workspace, True, tmp_path_factory.mktemp("open"))


@pytest.fixture(scope="module")
def closed(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """With a sign-in before everything."""
    return made(workspace, False, tmp_path_factory.mktemp("closed"))


@dataclass
class Browsers:
    """Clients of one app, each with cookies of its own."""

    app: FastAPI

    def __call__(self, name: str | None = None, password: str | None = None) -> TestClient:
        client = TestClient(self.app, base_url=OWN, raise_server_exceptions=False)
        if name is not None:
            answer = client.post("/annotate/enter", json={"name": name, "password": password})
            assert answer.status_code == 200, answer.text
        return client


@pytest.fixture
def visit(app: FastAPI) -> Callable[..., TestClient]:
    return Browsers(app)


def draft(base: int = 0, key: str = "k", **more: Any) -> dict[str, Any]:
    region = {
        "id": "r1",
        "box": [1, 2, 30.5, 40],
        "snippet": "a thing",
        "provenance": "drawn",
        "seconds": 1.5,
    }
    return {"annotations": [region | more], "seconds": 4.0, "base": base, "key": key}


def begun(client: TestClient, project: int) -> dict[str, Any]:
    return client.post("/annotate/next", json={"project": project}).json()["task"]


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of all that is served beside Gradio and plain files."""
    included = [r.original_router.routes for r in app.routes if hasattr(r, "original_router")]
    found = [route for routes in included for route in routes if isinstance(route, APIRoute)]
    return [(method, route.path) for route in found for method in route.methods]


def call(client: TestClient, method: str, path: str, task: dict[str, Any]) -> httpx.Response:
    photo = task["photo"]
    path = (
        path.replace("{project}", str(photo["project"]))
        .replace("{photo}", str(photo["id"]))
        .replace("{assignment}", str(task["assignment"]))
        .replace("{form}", "jsonl")
        .replace("{column}/{row}", "0/0")
        .replace("{invitation}", "1")
    )
    if "/import/project" in path:
        path += "?form=jsonl&name=x"
    if "/upload/" in path:
        path += "?path=x.jpg"
    if method == "GET":
        return client.get(path)
    if path.endswith(("/save", "/submit")):
        return client.post(path, json=draft(task["version"]))
    bodies = {
        "skip": {"reason": "no", "base": 0, "key": "s"},
        "bad": {"reason": "no"},
        "return": {"reason": "no"},
        "approve": {"approved": True},
        "correct": {"annotations": [], "base": 0},
        "remarks": {"text": "look here"},
        "next": {"project": photo["project"]},
        "password": {"old": "x", "new": "yyyyyyyyyy"},
        "enter": {"name": "Somebody"},
        "rules": {"name": ""},
        "members": {"name": "Nobody", "admitted": True},
        "disabled": {"name": "Nobody", "disabled": True},
        "role": {"name": "Nobody", "role": "owner"},
    }
    return client.post(path, json=bodies.get(path.rpartition("/")[2], {}))


def test_every_address_asks_who_calls(
    app: FastAPI, workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    """All addresses, found on the app itself, as each role."""
    project = workspace.project(blind=False, boxes_per_photo=1)
    holder, other, nobody = visit("Holder"), visit("Other"), visit()
    task = begun(holder, project)
    everything = routes(app)
    assert {path for _, path in everything} >= OWNERS | ANYBODY
    before = workspace.store.records(OPERATOR, project).submissions
    history = workspace.store.review.history(OPERATOR, task["assignment"])
    for method, path in everything:
        if path in ANYBODY:
            continue
        answer = call(nobody, method, path, task)
        assert (answer.status_code, answer.json()["kind"]) == (401, "nobody"), path
        answer = call(other, method, path, task)
        if path in OWNERS:
            assert (answer.status_code, answer.json()["kind"]) == (403, "refused"), path
        elif "{assignment}" in path:
            assert answer.status_code == 404, path  # another's work is not there
    assert workspace.store.records(OPERATOR, project).submissions == before
    assert workspace.store.review.history(OPERATOR, task["assignment"]) == history
    boss = visit("boss", PASSWORD)
    for method, path in everything:
        if path in OWNERS:
            assert call(boss, method, path, task).status_code not in (401, 403), path


def test_gradio_offers_nothing_to_call(visit: Callable[..., TestClient]) -> None:
    config = visit().get("/config").json()
    assert config["dependencies"] == []


def test_who_somebody_is_cannot_be_sent_along(
    workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    """A name is sent as a key, in an annotation, in the query, in headers, as a made-up cookie."""
    project = workspace.project(boxes_per_photo=1)
    anna, ben = visit("Anna"), visit("Ben")
    task = begun(anna, project)
    path = f"/annotate/tasks/{task['assignment']}/save"
    for forged in ({"annotator": "Ben"}, {"who": "Ben"}, {"person": 1}, {"name": "boss"}):
        answer = anna.post(path, json=draft() | forged)
        assert (answer.status_code, answer.json()["kind"]) == (400, "invalid")
        assert anna.post(path, json=draft(**forged)).status_code == 400
    assert ben.post(path, json=draft()).status_code == 404
    assert ben.post(path + "?name=Anna", json=draft()).status_code == 404
    asked = {"x-forwarded-user": "boss", "remote-user": "boss", "authorization": "Basic Ym9zczo="}
    assert anna.get("/annotate/me", headers=asked).json()["name"] == "Anna"
    [cookie] = anna.cookies.keys()
    for value in ("boss", "Anna", "", "null", "boss;Path=/", "0" * 43):
        stranger = visit()
        stranger.cookies.set(cookie, value)
        assert stranger.get("/annotate/me").json()["name"] is None
        assert stranger.post(path, json=draft()).status_code == 401
    assert anna.post(path, json=draft()).status_code == 200
    [work] = workspace.store.review.others(workspace.boss, task["photo"]["id"])
    assert work.annotator == "Anna"


def test_cookies_are_for_the_server_only(visit: Callable[..., TestClient]) -> None:
    answer = visit().post("/annotate/enter", json={"name": "Cook"})
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said


def test_leaving_ends_the_session(visit: Callable[..., TestClient]) -> None:
    client = visit("Leaver")
    kept = dict(client.cookies)
    client.post("/annotate/leave", json={})
    client.cookies.update(kept)
    assert client.get("/annotate/projects").status_code == 401


def test_a_person_who_is_disabled_is_out_at_once(
    workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    client = visit("Gone")
    workspace.store.people.set_disabled(workspace.boss, "Gone", True)
    assert client.get("/annotate/projects").status_code == 401


def test_photos_only_for_those_who_were_given_them(
    workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    project = workspace.project()
    anna, ben = visit("Photo A"), visit("Photo B")
    photo = begun(anna, project)["photo"]["id"]
    answer = anna.get(f"/annotate/photos/{photo}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert Image.open(BytesIO(answer.content)).size == (200, 120)
    assert ben.get(f"/annotate/photos/{photo}").status_code == 403
    assert ben.get(f"/annotate/photos/{photo + 999}").status_code == 404
    assert visit("boss", PASSWORD).get(f"/annotate/photos/{photo}").status_code == 200
    for path in ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "photo0.jpg", "0x1", "1e0", "-1"):
        assert anna.get(f"/annotate/photos/{path}").status_code in (400, 404)


def test_photos_are_upright_and_bare(
    workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    """What the decoder made of the file, without what a camera wrote beside it."""
    project = workspace.project()
    image = Image.open(BytesIO(picture(60, 40)))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "at home"  # turned by 90 degrees; a description
    file = BytesIO()
    image.save(file, "JPEG", exif=exif)
    (workspace.folder / "turned.jpg").write_bytes(file.getvalue())
    workspace.store.projects.add_photos(OPERATOR, project, [Photo("turned.jpg", 40, 60)])
    workspace.store.photos.add_folder(OPERATOR, project, workspace.folder)
    boss = visit("boss", PASSWORD)
    lines = boss.get(f"/annotate/projects/{project}/photos").json()
    [photo] = [line["photo"]["id"] for line in lines if line["photo"]["name"] == "turned.jpg"]
    answer = boss.get(f"/annotate/photos/{photo}")
    shown = Image.open(BytesIO(answer.content))
    assert shown.size == (40, 60)
    assert b"at home" not in answer.content


BAD_BODIES: list[Any] = [
    None, [], "x", 3, {}, {"annotations": None}, draft(base=10**30), draft(key="\0"),
    draft() | {"base": "0"}, draft() | {"annotations": "all"}, draft(box=[0, 0, 1]),
    draft(box=[5, 5, 5, 9]), draft(box=[0, 0, 9e9, 9]), draft(box=["a", 0, 1, 1]),
    draft(box=[None] * 4), draft(id=7), draft(snippet="x" * 1001), draft(snippet=None),
    draft(provenance="stolen"), draft(seconds=-1), draft() | {"seconds": "long"},
    {**draft(), "annotations": draft()["annotations"] * 2},
    {"project": "1"}, {"project": 10**30}, {"project": 10**9}, {"project": 1, "day": "yesterday"},
    {"reason": "", "base": 0, "key": "x"}, {"reason": 7}, {"name": "\u202e"}, {"name": "x" * 101},
]  # fmt: skip


def test_bad_bodies_get_one_sentence(
    app: FastAPI, workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    """What is wrong is said without a path, without SQL; nothing is kept of it."""
    project = workspace.project()
    boss = visit("boss", PASSWORD)
    task = begun(boss, project)
    paths = sorted({path for method, path in routes(app) if method == "POST"} - {"/annotate/leave"})
    for path in paths:
        filled = path.replace("{assignment}", str(task["assignment"])).replace("{project}", "1")
        for body in BAD_BODIES:
            answer = boss.post(filled, json=body)
            if answer.status_code == 200:
                continue  # for another address's bodies, this one may be good
            assert answer.status_code in (400, 403, 404, 409), (path, body, answer.text)
            said = answer.json()["message"]
            assert said.endswith("."), said
            assert not any(word in said for word in GIVEAWAYS), said
    for raw in (b"", b"{", b"\xff", b"[" * 100_000, b'{"annotations": NaN}', b'{"base": 1e999}'):
        for path in paths:
            if "/import/" in path or "/upload/" in path:
                continue  # files, not JSON
            filled = path.replace("{assignment}", str(task["assignment"]))
            headers = {"content-type": "application/json"}
            answer = boss.post(filled.replace("{project}", "1"), content=raw, headers=headers)
            assert answer.status_code in (400, 404, 411), (path, raw[:20], answer.text)
            assert not any(word in answer.text for word in GIVEAWAYS), answer.text
    assert boss.get(f"/annotate/tasks/{task['assignment']}").json()["version"] == 0


def test_a_foreign_page_changes_nothing(
    app: FastAPI, workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    """The page's own addresses, too, take no change from a foreign page."""
    project = workspace.project()
    boss = visit("boss", PASSWORD)
    task = begun(boss, project)
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9999"):
        boss.headers["origin"] = origin
        for method, path in routes(app):
            if method == "POST":
                assert call(boss, method, path, task).status_code == 403
    del boss.headers["origin"]
    assert boss.get(f"/annotate/tasks/{task['assignment']}").json()["version"] == 0


def test_twenty_parallel_submits_are_one(
    workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    """A submit that is sent twenty times at once is one submit, through HTTP, too."""
    project = workspace.project(boxes_per_photo=1)
    client = visit("Parallel")
    task = begun(client, project)
    path = f"/annotate/tasks/{task['assignment']}/submit"
    with ThreadPoolExecutor(20) as threads:
        answers = list(
            threads.map(lambda _: client.post(path, json=draft(0, "the key")), range(20))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(workspace.store.review.history(workspace.boss, task["assignment"])) == 1


def test_files_are_capped_and_refused_by_line(
    workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    project = workspace.project()
    boss = visit("boss", PASSWORD)
    path = "/annotate/import/project?form=jsonl&name=too-large"
    assert boss.post(path, content=b"x" * (24 * 2**20 + 1)).status_code == 413
    whole = FORMATS["jsonl"].write(workspace.store.records(OPERATOR, project))
    lines = whole.splitlines(keepends=True)
    answer = boss.post(path, content=b"".join([*lines[:2], b"{not json}\n", *lines[3:]]))
    assert answer.status_code == 400
    assert "line 3" in answer.json()["message"]
    assert boss.post(path.replace("jsonl", "pickle"), content=whole).status_code == 404
    assert "too-large" not in {one.name for one in workspace.store.projects.all(workspace.boss)}
    exported = boss.get(f"/annotate/projects/{project}/export/jsonl")
    assert exported.content == whole
    assert exported.headers["content-disposition"].startswith("attachment;")
    assert boss.get(f"/annotate/projects/{project}/export/pickle").status_code == 404


def test_gradios_sign_in_stands_before_everything(closed: FastAPI, workspace: Workspace) -> None:
    workspace.store.people.add(OPERATOR, "Carl", PASSWORD)
    client = TestClient(closed, base_url=OWN, raise_server_exceptions=False)
    assert client.get("/annotate/projects").status_code == 401
    assert client.get("/annotate/me").json() == {"name": None, "owner": False, "open": False}
    entered = client.post("/annotate/enter", json={"name": "Anna"})
    assert entered.status_code == 403  # a name is not enough here
    config = client.get("/config")
    assert config.status_code == 401

    def sign_in(name: str, password: str) -> httpx.Response:
        return client.post("/login", data={"username": name, "password": password})

    assert sign_in("Carl", "wrong").status_code == 400
    assert sign_in("nobody", PASSWORD).status_code == 400
    assert client.get("/annotate/projects").status_code == 401
    assert sign_in("Carl", PASSWORD).status_code == 200
    assert client.get("/annotate/me").json() == {"name": "Carl", "owner": False, "open": False}
    assert client.get("/annotate/projects").status_code == 200
    assert client.get("/config").json()["username"] == "Carl"
    for elsewhere in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
        assert client.get("/logout", headers=elsewhere).status_code == 403
    assert client.get("/annotate/projects").status_code == 200
    assert client.get("/logout").status_code == 200
    assert client.get("/annotate/projects").status_code == 401


def test_behind_the_sign_in_nothing_answers_nobody(closed: FastAPI, workspace: Workspace) -> None:
    """Also those addresses that Gradio leaves open; and a disabled person is nobody at once."""
    workspace.store.people.add(OPERATOR, "Dora", PASSWORD)
    client = TestClient(closed, base_url=OWN, raise_server_exceptions=False)
    body = {"session_hash": "x", "fn_index": 0, "event_id": "y", "data": []}
    writes = ["cancel", "reset", "queue/join", "run/x", "call/x", "upload"]
    reads = ["info", "app_id", "queue/status", "queue/data?session_hash=x", "heartbeat/x"]

    def answers() -> set[int]:
        found = {client.post(f"/gradio_api/{path}", json=body).status_code for path in writes}
        found |= {client.get(f"/gradio_api/{path}").status_code for path in reads}
        return found | {client.get("/config").status_code}

    assert answers() == {401}
    client.post("/login", data={"username": "Dora", "password": PASSWORD})
    assert client.get("/config").json()["username"] == "Dora"
    workspace.store.people.set_disabled(OPERATOR, "Dora", True)
    assert answers() == {401}
    assert "Dora" not in client.get("/").text
    workspace.store.people.set_disabled(OPERATOR, "Dora", False)
    assert answers() == {401}  # the session ended with the reason for it


def test_guessing_passwords_ends(closed: FastAPI, workspace: Workspace) -> None:
    workspace.store.people.add(OPERATOR, "Guessed", PASSWORD)
    client = TestClient(closed, base_url=OWN, raise_server_exceptions=False)
    for k in range(10):
        answer = client.post("/login", data={"username": "Guessed", "password": f"guess {k}"})
        assert answer.status_code == 400
    answer = client.post("/login", data={"username": "Guessed", "password": PASSWORD})
    assert answer.status_code == 429  # not that it is wrong: it was not looked at
    assert "Too many wrong passwords" in answer.json()["detail"]


def test_guessing_ones_own_password_ends(
    workspace: Workspace, visit: Callable[..., TestClient]
) -> None:
    workspace.store.people.add(OPERATOR, "Borrowed", PASSWORD)
    client = visit("Borrowed", PASSWORD)
    for k in range(10):
        wrong = client.post("/annotate/password", json={"old": f"guess {k}", "new": "x" * 9})
        assert wrong.status_code == 403
    right = {"old": PASSWORD, "new": "another password"}
    answer = client.post("/annotate/password", json=right)
    assert (answer.status_code, answer.json()["kind"]) == (429, "crowded")
    assert workspace.store.people.verify("Borrowed", PASSWORD) is not None


def test_ones_own_password(workspace: Workspace, closed: FastAPI) -> None:
    workspace.store.people.add(OPERATOR, "Changer", PASSWORD)
    client = TestClient(closed, base_url=OWN, raise_server_exceptions=False)
    client.post("/login", data={"username": "Changer", "password": PASSWORD})
    wrong = client.post("/annotate/password", json={"old": "no", "new": "another password"})
    assert wrong.status_code == 403
    right = client.post("/annotate/password", json={"old": PASSWORD, "new": "another password"})
    assert right.status_code == 200
    assert workspace.store.people.verify("Changer", "another password") is not None


def signed_in(app: FastAPI, name: str, password: str = PASSWORD) -> TestClient:
    client = TestClient(app, base_url=OWN, raise_server_exceptions=False)
    answer = client.post("/login", data={"username": name, "password": password})
    assert answer.status_code == 200, answer.text
    return client


def may_come(client: TestClient) -> bool:
    """Whether all that stands behind the door answers, or nothing of it."""
    paths = ("/config", "/gradio_api/info", "/annotate/projects")
    answers = {client.get(path).status_code for path in paths}
    assert answers in ({200}, {401}), answers
    return answers == {200}


def test_a_change_of_password_ends_every_other_session(
    closed: FastAPI, workspace: Workspace
) -> None:
    workspace.store.people.add(OPERATOR, "Rotator", PASSWORD)
    here, there = (signed_in(closed, "Rotator") for _ in range(2))
    before = dict(here.cookies)
    change = {"old": PASSWORD, "new": "another password"}
    assert here.post("/annotate/password", json=change).status_code == 200
    assert may_come(here)
    assert not may_come(there)
    kept = TestClient(closed, base_url=OWN, cookies=before)
    assert not may_come(kept)  # this browser's old cookie, too
    workspace.store.people.set_password(workspace.boss, "Rotator", PASSWORD)
    assert not may_come(here)


def test_signing_out_everywhere(closed: FastAPI, workspace: Workspace) -> None:
    workspace.store.people.add(OPERATOR, "Leaver2", PASSWORD)
    here, there, other = (signed_in(closed, "Leaver2") for _ in range(3))
    assert here.get("/logout", follow_redirects=False).status_code == 302
    assert [may_come(one) for one in (here, there, other)] == [False, True, True]
    assert there.post("/annotate/leave", json={"everywhere": True}).status_code == 200
    assert [may_come(one) for one in (there, other)] == [False, False]


def test_signing_in_ends_the_session_that_was_there(closed: FastAPI, workspace: Workspace) -> None:
    """A token that somebody planted in a browser is worth nothing once its owner signs in."""
    client = signed_in(closed, "boss")
    planted = dict(client.cookies)
    answer = client.post("/login", data={"username": "boss", "password": PASSWORD})
    assert answer.status_code == 200
    assert dict(client.cookies) != planted
    assert may_come(client)
    assert not may_come(TestClient(closed, base_url=OWN, cookies=planted))


def test_sessions_of_an_open_server_do_not_open_a_closed_one(
    closed: FastAPI, visit: Callable[..., TestClient]
) -> None:
    """Both servers have one store, and so one name of the cookie."""
    by_name, by_password = visit("Nameless"), visit("boss", PASSWORD)
    for client, comes in ((by_name, False), (by_password, True)):
        same = TestClient(closed, base_url=OWN, cookies=dict(client.cookies))
        assert may_come(same) == comes


def test_strangers_do_not_lock_an_owner_out(closed: FastAPI, workspace: Workspace) -> None:
    """Forty guesses at once, one of them right, from the address of the owner's own browser."""
    workspace.store.people.add(OPERATOR, "Target", PASSWORD)
    owner = signed_in(closed, "Target")
    owner.get("/logout")

    def guess(k: int) -> int:
        client = TestClient(closed, base_url=OWN)
        password = PASSWORD if k == 39 else f"guess {k}"
        return client.post("/login", data={"username": "Target", "password": password}).status_code

    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(guess, range(40)))
    assert answers.count(400) <= 10
    assert set(answers) <= {400, 429, 200}
    for k in range(12):
        guess(k)
    assert guess(39) == 429  # a stranger with the right password waits, too
    answer = owner.post("/login", data={"username": "Target", "password": PASSWORD})
    assert answer.status_code == 200
    assert may_come(owner)
    with workspace.store.audit.lines(OPERATOR) as lines:
        noted = [one.person for one in lines if one.what == "guessed passwords"]
    assert noted.count("Target") == 1


def test_cookies_behind_a_proxy_that_speaks_https(closed: FastAPI, workspace: Workspace) -> None:
    for scheme in ("http", "https"):
        client = TestClient(closed, base_url=f"{scheme}://127.0.0.1:7860")
        answer = client.post("/login", data={"username": "boss", "password": PASSWORD})
        for cookie in answer.headers.get_list("set-cookie"):
            parts = {one.strip().lower() for one in cookie.split(";")[1:]}
            assert {"httponly", "samesite=lax", "path=/"} <= parts
            assert ("secure" in parts) == (scheme == "https")


def test_new_names_are_few_in_a_moment(workspace: Workspace, tmp_path: Path) -> None:
    app = made(workspace, True, tmp_path)
    client = TestClient(app, base_url=OWN)
    answers = [
        client.post("/annotate/enter", json={"name": f"flood {k}"}).status_code for k in range(105)
    ]
    assert answers == [200] * 30 + [429] * 75
    again = client.post("/annotate/enter", json={"name": "flood 0"})
    assert again.status_code == 200  # whoever has a name keeps it


@pytest.mark.parametrize("secret", ["annotations.db", "demo/app.py", "etc/passwd", ".env"])
def test_no_path_reaches_a_file(
    visit: Callable[..., TestClient], workspace: Workspace, secret: str
) -> None:
    """By climbing out of every address of ours."""
    boss = visit("boss", PASSWORD)
    for start in (
        "/demo/pages/annotate/static/",
        "/annotate/photos/",
        "/annotate/projects/",
        "/demo/web/static/",
    ):
        for step in ("../", "..%2f", "%2e%2e/", "..%252f", "....//", "..\\", "/"):
            request = boss.build_request("GET", OWN)
            request.url = httpx.URL(OWN).copy_with(raw_path=f"{start}{step * 9}{secret}".encode())
            answer = boss.send(request, follow_redirects=True)
            assert answer.status_code in (400, 403, 404, 405), request.url
            assert len(answer.content) < 300, request.url


def test_drafts_do_not_fill_the_disk(workspace: Workspace, tmp_path: Path) -> None:
    """Thirty saves of 0.9 MB each, all of which would be kept."""
    project = workspace.project()
    client = TestClient(made(workspace, True, tmp_path), base_url=OWN)
    client.post("/annotate/enter", json={"name": "Filler"})
    task = begun(client, project)
    region = draft()["annotations"][0] | {"snippet": "x" * 990}
    large = [region | {"id": f"r{k}"} for k in range(800)]
    path, base, statuses = f"/annotate/tasks/{task['assignment']}/save", 0, []
    for k in range(30):
        answer = client.post(path, json=draft(base, f"key {k}") | {"annotations": large})
        statuses.append(answer.status_code)
        base = answer.json().get("version", base)
    assert statuses == [200] * 9 + [429] * 21
    assert answer.json()["kind"] == "crowded"
    assert "it is saved in " in answer.json()["message"]
    assert client.post(path, json=draft(base, "small")).status_code in (200, 429)
