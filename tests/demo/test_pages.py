"""The registry: adding a page is a folder and a line; annotation alone loads no model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.__main__ import parser
from demo.pages import PAGES
from tests.serving import ROOT

ONE_FILE = """
from fastapi import APIRouter

from demo.web.component import component, static
from demo.web.errors import RefusedError
from demo.web.pages import Parts, Services


def parts(services: Services) -> Parts:
    routes = APIRouter(prefix="/counter")

    @routes.get("/next")
    def following(number: int) -> dict[str, int]:
        if number > 9:
            raise RefusedError(404, "absent", "There is no number after nine.")
        return {"next": number + 1}

    return Parts(
        lay_out=lambda: component(__file__, "counter", events=("again",)),
        sheets=(f"{static(__file__)}/counter.css",),
        routers=(routes,),
    )
"""
SCRIPT = """
import { component } from "../../../web/static/component.js";

export const mount = component("counter", [], (root) => root.replaceChildren("0"));
"""
ONE_LINE = '    Page("counter", "Count", "/counter"),\n'
ASK = """
import asyncio, json, sys
from pathlib import Path
from starlette.testclient import TestClient
from annotate.store import open_store
from demo.app import create
from demo.web.hosting import ServerSettings
from demo.web.pages import Services
from demo.web.sessions import Sessions

folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{folder / 'store.db'}", make=True)
services = Services(sessions=Sessions(store, open=True))

async def made():
    return create(services, ServerSettings(folder / "uploads"))

client = TestClient(asyncio.run(made()), base_url="http://127.0.0.1:7860")
config = client.get("/config").json()
paths = ("/counter/next?number=4", "/counter/next?number=ten", "/counter/next?number=10",
         "/counter/else", "/demo/pages/counter/static/counter.js", "/demo/pages/counter/page.py")
print(json.dumps({
    "tabs": [[c["props"]["id"], c["props"]["label"]] for c in config["components"]
             if c["type"] == "tabitem"],
    "linked": "demo/pages/counter/static/counter.css" in client.get("/").text,
    "answers": [[a.status_code, a.text] for a in map(client.get, paths)],
    "posted": client.post("/counter/next", json={}).status_code,
    "torch": "torch" in sys.modules,
}))
store.close()
"""


def test_a_page_is_one_folder_and_one_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "demo", tmp_path / "demo")
    for folder in ("core", "annotate"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    folder = tmp_path / "demo/pages/counter"
    (folder / "static").mkdir(parents=True)
    (folder / "page.py").write_text(ONE_FILE)
    (folder / "static/counter.js").write_text(SCRIPT)
    (folder / "static/counter.css").write_text(".counter {}")
    registry = tmp_path / "demo/pages/__init__.py"
    text = registry.read_text()
    assert text.count("PAGES = (\n") == 1
    registry.write_text(text.replace("PAGES = (\n", "PAGES = (\n" + ONE_LINE))
    (tmp_path / "uploads").mkdir()
    run = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["tabs"] == [["counter", "Count"], ["annotate", "Annotate"]]
    assert told["linked"]
    counted, not_a_number, beyond, no_route, script, source = told["answers"]
    assert counted == [200, '{"next":5}']
    for (status, text), expected in (
        (not_a_number, (400, "number is 'ten'; expected a whole number.", "invalid")),
        (beyond, (404, "There is no number after nine.", "absent")),
        (no_route, (404, "Not found.", "absent")),
        (source, (404, "Not found.", "absent")),
    ):
        answer = json.loads(text)
        assert (status, answer["message"], answer["kind"]) == expected
        assert answer.keys() == {"message", "kind"}
    assert script[0] == 200
    assert told["posted"] == 404, "the page has no POST, so the guard lets none pass"
    assert told["torch"] is False, "annotation alone loads no model"


def test_every_page_has_a_folder_with_its_own_parts() -> None:
    for page in PAGES:
        folder = ROOT / "demo/pages" / page.id
        assert (folder / "page.py").is_file()
        assert (folder / "README.md").is_file()
        assert (folder / "static" / f"{page.id}.js").is_file() or page.id == "align"
    assert len({page.id for page in PAGES}) == len(PAGES)


def test_pages_are_chosen_by_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert parser().parse_args([]).pages == PAGES
    chosen = parser().parse_args(["--pages", "annotate,align"]).pages
    assert [page.id for page in chosen] == ["align", "annotate"]
    with pytest.raises(SystemExit):
        parser().parse_args(["--pages", "Annotate"])
    assert "there is no page 'Annotate'; expected all, or some of align," in capsys.readouterr().err
