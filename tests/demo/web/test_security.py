"""Guarantees about files and HTTP, against the whole application, Gradio included."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from core.describer import Describer
from demo.app import create, limits_for
from demo.pages import PAGES
from demo.web.guard import WRITE, fetches, known_host
from demo.web.hosting import ServerSettings
from demo.web.pages import Services
from demo.web.uploads import UploadLimits
from tests.serving import ROOT

OWN = "http://127.0.0.1:7860"
LIMITS = UploadLimits(folder_bytes=100_000)


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def app(describer: Describer, uploads: Path) -> Iterator[FastAPI]:
    async def made() -> FastAPI:  # where no loop runs, Gradio makes loops that it never closes
        return create(
            Services(describer), ServerSettings(uploads, names=("demo.example",), limits=LIMITS)
        )

    # In a thread: Playwright keeps a loop running in the main one while it has a browser.
    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(1) as thread:
        patched.setenv("GRADIO_TEMP_DIR", str(uploads))
        # Kept while the app is used: Gradio asks for its folder at each call.
        yield thread.submit(lambda: asyncio.run(made())).result()


@pytest.fixture(scope="module")
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url=OWN, raise_server_exceptions=False) as client:
        yield client


def align_call(
    photo: Any, sentence: Any = "a dog", beta: Any = 0.0, grid: Any = 0
) -> dict[str, Any]:
    return {"data": [photo, sentence, beta, grid]}


def file_data(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}


def called(client: TestClient, call: dict[str, Any]) -> httpx.Response:
    """`/align`, as programs ask for it: a place in the queue, then the events of that place."""
    queued = client.post("/gradio_api/call/align", json=call)
    if queued.status_code != 200:
        return queued
    return client.get(f"/gradio_api/call/align/{queued.json()['event_id']}")


def queued(client: TestClient, index: int, data: list[Any]) -> httpx.Response:
    """Any event of the pages by its number, through the queue."""
    call = {"data": data, "fn_index": index, "session_hash": "s"}
    joined = client.post("/gradio_api/queue/join", json=call)
    if joined.status_code != 200:
        return joined
    return client.get("/gradio_api/queue/data", params={"session_hash": "s"})


def upload(client: TestClient, data: bytes, **headers: str) -> httpx.Response:
    files = [("files", ("photo.jpg", data))]
    return client.post("/gradio_api/upload", files=files, headers=headers)


def test_the_page_and_its_parts_are_served(client: TestClient, jpeg: bytes) -> None:
    for path in ("/", "/config", "/demo/viewer/static/viewer.js", "/demo/web/static/plotly.min.js"):
        assert client.get(path).status_code == 200, path
    [path] = upload(client, jpeg).json()
    answer = called(client, align_call(file_data(path)))
    complete, _, data = answer.text.partition("\ndata: ")
    assert complete == "event: complete"
    assert json.loads(data)[0]["photo"] == {"width": 200, "height": 120}


SECRETS = [
    ROOT / "core/checkpoints/bundled/config.json",
    ROOT / "core/checkpoints/bundled/alignment.safetensors",
    ROOT / "demo/app.py",
    ROOT / ".env",
    ROOT / "annotations.db",
    Path("/etc/passwd"),
]
UP = "../ ..%2f %2e%2e/ %2e%2e%2f ..%252f ....// ..\\ %c0%ae%c0%ae/ .//../"
STEPS = UP.split(" ")


@pytest.mark.parametrize("secret", SECRETS, ids=lambda path: path.name)
def test_no_path_reaches_a_file_that_is_not_public(client: TestClient, secret: Path) -> None:
    """By its full name, by climbing up, by other spellings."""
    below = str(secret).lstrip("/")
    starts = [
        "/",
        "/demo/web/static/",
        "/demo/viewer/static/",
        "/examples/",
        "/assets/",
        "/static/",
        "/gradio_api/file=",
    ]
    asked = [f"{start}{step * 9}{below}" for start in starts for step in STEPS]
    asked += [f"{start}/{below}" for start in starts]
    asked += [f"/gradio_api/file={secret}", f"/gradio_api/file/{secret}", f"/file={secret}"]
    asked += [f"/gradio_api/custom_component/1/client/x/{secret}", f"/svelte/{secret}"]
    for path in asked:
        # Raw: a client that tidies paths would test itself.
        request = client.build_request("GET", OWN)
        request.url = httpx.URL(OWN).copy_with(raw_path=path.encode())
        answer = client.send(request, follow_redirects=True)
        assert answer.status_code in (400, 403, 404, 405), path
        assert len(answer.content) < 200, path


def test_a_link_out_of_the_static_folder_is_not_followed(
    client: TestClient, tmp_path: Path
) -> None:
    link = ROOT / "demo/viewer/static/test-link.css"
    link.symlink_to("/etc/passwd")
    try:
        assert client.get("/demo/viewer/static/test-link.css").status_code == 404
    finally:
        link.unlink()


@pytest.mark.parametrize("secret", SECRETS, ids=lambda path: path.name)
def test_no_handler_takes_a_path_from_its_caller(client: TestClient, secret: Path) -> None:
    """A path is sent as a file, as a bare string, in every argument of every endpoint."""
    name = str(secret)
    for value in (file_data(name), {"path": name}, name, [file_data(name)]):
        for call in (align_call(value), align_call(None, value), align_call(None, "a dog", value)):
            _refused_without_a_word(client.post("/gradio_api/run/align", json=call), secret)
            _refused_without_a_word(called(client, call), secret)
    for index in range(len(client.get("/config").json()["dependencies"])):
        for value in (file_data(name), name):
            call = {"data": [value] * 3, "fn_index": index, "session_hash": "s"}
            _refused_without_a_word(client.post("/gradio_api/run/predict", json=call), secret)
            _refused_without_a_word(queued(client, index, [value] * 3), secret)


def _refused_without_a_word(answer: httpx.Response, secret: Path) -> None:
    said = answer.text
    if secret.is_file() and secret.suffix != ".safetensors":
        assert secret.read_text()[:40] not in said
    if answer.status_code >= 400:
        assert str(secret) not in said
        assert str(ROOT) not in said
        assert "Traceback" not in said


class _Canary(BaseHTTPRequestHandler):
    hits: list[str] = []  # noqa: RUF012  (one server, one list)

    def do_GET(self) -> None:
        self.hits.append(self.path)
        self.send_response(200)
        self.end_headers()


def test_nothing_is_fetched_for_anybody(client: TestClient) -> None:
    """A canary's address in every field gets no hit."""
    canary = HTTPServer(("127.0.0.1", 0), _Canary)
    thread = threading.Thread(target=canary.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{canary.server_port}/hit.jpg"
        for value in (file_data(url), file_data("x.jpg", url=url), {"url": url}, url):
            for call in (align_call(value), align_call(None, value), align_call(None, "", value)):
                client.post("/gradio_api/run/align", json=call)
                called(client, call)
            for index in range(len(client.get("/config").json()["dependencies"])):
                call = {"data": [value] * 3, "fn_index": index, "session_hash": "s"}
                client.post("/gradio_api/run/predict", json=call)
                queued(client, index, [value] * 3)
        for route in ("file=", "proxy=", "stream/"):
            client.get(f"/gradio_api/{route}{url}")
        client.get("/", params={"deep_link": url})
        client.get("/", headers={"x-forwarded-host": url, "referer": url})
    finally:
        canary.shutdown()
        thread.join()
        canary.server_close()
    assert _Canary.hits == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:7860.evil.example"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
    ],
    ids=str,
)
def test_a_foreign_page_changes_nothing(
    client: TestClient, uploads: Path, jpeg: bytes, headers: dict[str, str]
) -> None:
    """A request from a foreign page, or from none that can be named, changes nothing."""
    before = sorted(uploads.rglob("*"))
    assert upload(client, jpeg + b"foreign", **headers).status_code == 403
    for route in WRITE:
        answer = client.post(route.replace("*", "align"), json=align_call(None), headers=headers)
        assert answer.status_code == 403
    assert sorted(uploads.rglob("*")) == before


def test_our_own_page_may(client: TestClient, jpeg: bytes) -> None:
    assert upload(client, jpeg, origin=OWN, **{"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "a b"])
def test_an_unknown_host_gets_400(client: TestClient, name: str) -> None:
    """Names that this server does not answer to, however they are written."""
    assert client.get("/", headers={"host": name}).status_code == 400
    forwarded = {"x-forwarded-host": name or "?"}
    assert client.get("/", headers=forwarded).status_code == 400


def test_known_hosts() -> None:
    names = frozenset({"localhost", "::1", "demo.example"})
    for header in ("localhost", "LOCALHOST:7860", "[::1]:80", "demo.example"):
        assert known_host(header, names, any_address=False)
    assert not known_host("192.168.1.5:7860", names, any_address=False)
    assert known_host("192.168.1.5:7860", names, any_address=True)
    assert not known_host("evil.example", names, any_address=True)


def test_uploads_are_capped_in_total(client: TestClient, uploads: Path) -> None:
    """The total counts: 60 files of 0.9 MB, each of them small enough."""
    files = [("files", (f"{k}.jpg", bytes(900_000))) for k in range(60)]
    answer = client.post("/gradio_api/upload", files=files)
    assert answer.status_code == 413
    assert sum(file.stat().st_size for file in uploads.rglob("*")) < 1_000_000


def test_a_body_of_unknown_length_is_refused(client: TestClient) -> None:
    for route in ("/gradio_api/upload", "/gradio_api/run/align"):
        assert client.post(route, content=iter([b"x"] * 3)).status_code == 411
    assert client.post("/gradio_api/run/align", content=b"x" * 1_100_000).status_code == 413


def test_a_thousand_uploads_leave_little(client: TestClient, uploads: Path) -> None:
    """The folder of uploads stays bounded."""
    for k in range(1000):
        assert upload(client, b"%4d" % k * 500).status_code == 200
    assert sum(file.stat().st_size for file in uploads.rglob("*.jpg")) <= LIMITS.folder_bytes
    assert len(list(uploads.iterdir())) <= 51  # and no empty folders


def test_every_answer_is_marked(client: TestClient, describer: Describer) -> None:
    """Every answer says that its type is not to be guessed, also where the answer is no."""
    endless = ("queue", "heartbeat", "upload_progress", "call")  # these stay open and send events
    services = Services(describer)
    read = limits_for({PAGES[0]: PAGES[0].parts(services)}, services).read
    plain = [route for route in read if not any(word in route for word in endless)]
    asked = [client.get(route.replace("*", "viewer.js")) for route in plain]
    asked += [client.post("/gradio_api/run/align", json=align_call(None)), client.put("/")]
    asked += [client.get("/", headers={"host": "evil.example"}), client.get("/absent")]
    for answer in asked:
        assert answer.headers["x-content-type-options"] == "nosniff", answer.url
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers


CLOSED = """
/login /logout /monitoring /monitoring/summary /svelte/x /docs /redoc /openapi.json
/gradio_api/user /gradio_api/token /gradio_api/login_check /gradio_api/dev/reload
/gradio_api/runs /gradio_api/run-history/records /gradio_api/deep_link
/gradio_api/custom_component/1/client/component/index.js /gradio_api/proxy=http://x/y
/gradio_api/file=x /gradio_api/file/x /gradio_api/stream/x /gradio_api/stream/x/1/1/playlist-file
/gradio_api/api/align /gradio_api/component_server /gradio_api/process_recording
/gradio_api/vibe-edit
/gradio_api/vibe-code /gradio_api/profiling/traces /gradio_api/mcp/sse
"""


@pytest.mark.parametrize("path", CLOSED.split())
def test_routes_that_no_page_needs_are_closed(client: TestClient, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        assert client.request(method, path, json={}).status_code == 404
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.request(method, path).status_code == 405


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[" * 200_000, b'{"data": ' * 20_000, b"\xff\xfe", b"NaN", b"null"]
)
def test_bodies_that_are_no_requests(client: TestClient, body: bytes) -> None:
    """An error says what is wrong, and nothing about this machine."""
    for route in ("run/align", "call/align", "queue/join", "cancel", "reset", "upload"):
        answer = client.post(
            f"/gradio_api/{route}", content=body, headers={"content-type": "application/json"}
        )
        for word in (str(ROOT), "/usr/", "/tmp/", "Traceback", "SELECT", "site-packages"):
            assert word not in answer.text


@pytest.mark.parametrize("beta", ["x", None, [], {}, True, "1e999", -1, 1e308])
def test_betas_that_are_no_numbers(client: TestClient, jpeg: bytes, beta: Any) -> None:
    [path] = upload(client, jpeg).json()
    for call in ({"beta": beta}, {"grid": beta}):
        answer = called(client, align_call(file_data(path), "a dog", **call))
        assert answer.status_code == 200
        assert str(ROOT) not in answer.text
        assert "Traceback" not in answer.text


def test_no_header_moves_the_page(client: TestClient) -> None:
    """Nor opens it to other pages of this machine."""
    for path in ("/", "/config"):
        asked = {"x-gradio-server": "http://evil.example", "origin": "http://localhost:9999"}
        answer = client.get(path, headers=asked)
        assert answer.status_code == 200
        assert "evil.example" not in answer.text
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_page_tells_nothing_about_this_machine(client: TestClient, uploads: Path) -> None:
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/openapi.json"):
        said = client.get(path).text
        assert str(ROOT) not in said, path
        assert str(uploads) not in said, path


def test_addresses_are_found_wherever_they_hide() -> None:
    assert fetches({"data": [[{"a": {"path": "HTTP://x/y"}}]]})
    assert fetches([{"path": " file:///etc/passwd"}])
    assert not fetches({"data": [{"path": "/tmp/x/photo.jpg"}, "http://in a sentence"]})
    assert not fetches(json.loads("[[], {}, null, 1]"))
