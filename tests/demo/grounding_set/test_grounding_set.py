"""The pages of a grounding set without a browser: their jobs, addresses, pictures and endpoints."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI, Request
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from sqlalchemy import event
from starlette.testclient import TestClient

from core.checkpoints import BUNDLED, load_checkpoint
from core.describer import Describer
from core.formats import FORMATS, ReadOptions, named
from core.groundings.listing import Listing
from core.groundings.reader import GroundingSet
from core.groundings.schema import GroundingError, fingerprint
from demo import examples
from demo.__main__ import EXAMPLES
from demo.app import create
from demo.grounding_set.pictures import SetPictures
from demo.grounding_set.service import GroundingService
from demo.pages import PAGES
from demo.pages.errors.figures import pictures
from demo.web import errors
from demo.web.hosting import ServerSettings
from demo.web.pages import Services
from demo.web.pictures import PictureCache, PictureLimits
from tests.core.handmade import handmade
from tests.serving import ROOT

OWN = "http://127.0.0.1:7860"
bundled = pytest.mark.skipif(not (BUNDLED / "config.json").is_file(), reason="nothing is bundled")


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GroundingSet]:
    """Five photos made by hand; the file of the fourth is not there."""
    folder = tmp_path_factory.mktemp("hand")
    path = handmade(folder)
    (folder / "photos").mkdir()
    for k in (0, 1, 2, 4):
        pixels = np.full((20, 40, 3), 50 * k, dtype=np.uint8)
        pixels[:10, :20] = (255, 0, 0)
        Image.fromarray(pixels).save(folder / "photos" / f"p{k}.png")
    opened = GroundingSet(path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def jobs(hand: GroundingSet, describer: Describer) -> GroundingService:
    return GroundingService(hand, describer)


def application(services: Services) -> FastAPI:
    """The routes of the three pages, without a guard."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    errors.install(app)
    for page in PAGES:
        if page.routes == "/groundings":
            for router in page.parts(services).routers:
                app.include_router(router)
    return app


@pytest.fixture(scope="module")
def client(jobs: GroundingService) -> Iterator[TestClient]:
    with TestClient(
        application(Services(groundings=jobs)), base_url=OWN, raise_server_exceptions=False
    ) as client:
        yield client


def get(client: TestClient, name: str, **asked: object) -> dict[str, object]:
    answer = client.get(f"/groundings/{name}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestTheShippedSet:
    """`make demo` shows the example photos; a new checkpoint needs a new set of them."""

    def test_it_belongs_to_the_bundled_checkpoint(self) -> None:
        if not (BUNDLED / "config.json").is_file():
            pytest.skip("nothing is bundled")
        groundings = GroundingSet(EXAMPLES)
        assert groundings.about["fingerprint"] == fingerprint(load_checkpoint()), (
            "demo/groundings is stale: run the command of demo/groundings/README.md again"
        )
        groundings.close()

    def test_it_is_small_and_whole(self) -> None:
        files = list(EXAMPLES.parent.glob("examples.*"))
        assert len(files) == 3
        assert sum(path.stat().st_size for path in files) < 1_000_000
        groundings = GroundingSet(EXAMPLES)
        offered = examples.load()
        assert len(groundings) == len(offered)
        for k, example in enumerate(offered):
            opened = groundings.open(k)
            assert opened.card.name == example.file
            assert tuple(c.text for c in opened.own) == example.sentences
            assert 3 <= len(opened.own) <= 5
            assert opened.phrases
            path = groundings.photo_path(k)
            assert path is not None
            assert path.is_file()
        groundings.close()


def test_a_page_of_the_grid(client: TestClient) -> None:
    page = get(client, "list", order="rank-worst", offset=1, count=2)
    assert page["total"] == 5
    assert [card["name"] for card in page["photos"]] == ["p0.png", "p1.png"]
    assert get(client, "list", words="ball")["total"] == 1
    assert get(client, "list", offset=99)["photos"] == []


def test_an_opened_photo_and_its_neighbours(client: TestClient) -> None:
    opened = get(client, "open", photo="p0.png", order="rank-worst")
    assert (opened["place"], opened["previous"], opened["next"]) == (1, "p2.png", "p1.png")
    assert opened["sentence"] == 0
    aligned = opened["view"]["alignment"]
    assert [word["word"] for word in aligned["words"]] == ["red", "dog"]
    assert opened["sentences"][0]["words"] == [
        {"start": 0, "end": 3, "region": 0},
        {"start": 4, "end": 7, "region": 0},
    ]
    [phrase] = opened["phrases"]
    assert (phrase["boxes"], phrase["iou"]) == ([[0, 0, 20, 10]], 0.5)
    # A photo that the filters leave out still opens, among all.
    other = get(client, "open", photo="p0.png", words="ball")
    assert (other["place"], other["total"], other["previous"]) == (0, 5, None)


def test_beta_and_another_sentence(client: TestClient) -> None:
    apart = get(client, "align", photo="p1.png", sentence=1, beta=0)
    assert [s["region"] for s in apart["view"]["alignment"]["segments"]] == [0, 1]
    assert [(card["name"], card["query_score"]) for card in apart["found"]] == [("p1.png", 2.0)]
    # Left out, beta is the sentence's default: a tie parts these words, and any bonus merges them.
    usual = get(client, "align", photo="p1.png", sentence=1)["view"]["alignment"]
    assert (len(usual["segments"]), usual["beta"]) == (1, usual["default_beta"])
    merged = get(client, "align", photo="p1.png", sentence=1, beta=50)
    assert len(merged["view"]["alignment"]["segments"]) == 1
    assert {word["region"] for word in merged["sentences"][0]["words"]} == {1}
    # A photo without sentences shows its regions.
    assert get(client, "open", photo="p3.png")["view"]["alignment"] is None


def test_maps_of_stored_regions_by_hand(client: TestClient) -> None:
    """Region 0 scores 1 for the second word, region 1, the quarter above on the left, 2."""
    maps = get(client, "align", photo="p1.png", sentence=1)["maps"]
    assert (maps["rows"], maps["columns"], maps["windows"]) == (16, 16, False)
    word = maps["words"][1]
    assert (word["low"], word["high"]) == (1.0, 2.0)
    levels = np.frombuffer(base64.b64decode(word["levels"]), np.uint8).reshape(16, 16)
    assert (levels[:8, :8] == 255).all()
    assert levels.sum() == 255 * 8 * 8
    assert get(client, "open", photo="p1.png", sentence=1)["maps"] == maps
    # Another checkpoint's set: nothing that this model sees could be compared with it.
    assert get(client, "maps", photo="p1.png", sentence=1) == {"maps": None}


def test_random_stays_within_the_listing(client: TestClient) -> None:
    assert get(client, "random", words="ball")["photo"] == "p2.png"
    for _ in range(5):
        assert get(client, "random", words="red", photo="p0.png")["photo"] == "p2.png"


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("list", {"order": "best"}, "order is 'best'"),
        ("list", {"count": "5000"}, "expected 0 or more and 1 to 240"),
        ("list", {"offset": "-1"}, "expected 0 or more"),
        ("list", {"offset": "1e9"}, "offset is '1e9'; expected a whole number"),
        ("list", {"rank_from": "nan"}, "rank_from is 'nan'"),
        ("list", {"offset": "--5"}, "offset is '--5'; expected a whole number"),
        ("list", {"rank_from": "one"}, "rank_from is 'one'; expected a whole number"),
        ("list", {"rank_to": "1e999"}, "rank_to is '1e999'; expected a whole number"),
        ("list", {"iou_from": "half"}, "iou_from is 'half'; expected a number"),
        ("list", {"rank_to": str(10**30)}, "expected a rank"),
        ("list", {"words": "a b c d e f g h i"}, "At most 8 words"),
        ("open", {"photo": "p0.png", "beta": "x" * 500}, "expected a number"),
        ("align", {"photo": "p0.png", "sentence": str(10**30)}, "no sentence"),
        ("open", {}, "no photo named"),
        ("open", {"photo": "../../etc/passwd"}, "no photo named"),
        ("open", {"photo": "p0.png", "sentence": "99"}, "no sentence 99"),
        ("open", {"photo": "p0.png", "beta": "-1"}, "Beta must be"),
        ("open", {"photo": "p0.png", "beta": "nan"}, "Beta must be"),
        ("align", {"photo": "p0.png"}, "no sentence; name one"),
        ("align", {"photo": "p0.png", "sentence": "0", "beta": "inf"}, "Beta must be"),
        ("align", {"photo": "p0.png", "text": "a dog"}, "another checkpoint"),
        ("maps", {"photo": "p0.png"}, "no sentence; name one"),
        ("maps", {"photo": "../p0.png", "sentence": "0"}, "no photo named"),
        ("search", {"words": "dog"}, "another checkpoint"),
        ("search", {"words": "dog", "count": "0"}, "count is 0"),
        ("random", {"words": "cat"}, "No photo of the set fits"),
        ("export", {"format": "xml"}, "format is 'xml'"),
        ("export", {"boxes": "mine"}, "boxes is 'mine'"),
        ("export", {"beta": "-1"}, "Beta must be"),
    ],
)
def test_a_bad_question_gets_one_sentence(
    client: TestClient, name: str, asked: dict[str, str], said: str
) -> None:
    answer = client.get(f"/groundings/{name}", params=asked)
    assert answer.status_code == 400
    assert answer.json().keys() == {"message", "kind"}
    assert answer.json()["kind"] == "invalid"
    assert said in answer.json()["message"]
    assert len(answer.json()["message"]) < 200
    assert str(ROOT) not in answer.text


class TestPictures:
    def test_thumbnails_regions_and_wholes(self, client: TestClient, hand: GroundingSet) -> None:
        for path, size in (
            ("thumb/1", (40, 20)),
            ("whole/1", (40, 20)),
            ("tile/1/0", (40, 20)),
            ("tile/1/1", (20, 10)),
        ):
            answer = client.get(f"/groundings/{hand.name}/{path}.jpg")
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "image/jpeg"
            assert "immutable" in answer.headers["cache-control"]
            picture = Image.open(BytesIO(answer.content))
            assert picture.size == size
        assert np.asarray(picture)[:, :, 0].min() > 230  # the red quarter alone

    @pytest.mark.parametrize(
        "path",
        ["thumb/3", "thumb/99", "thumb/-1", "thumb/x", "tile/1/7", "thumb/99999999999999999999"],
    )
    def test_what_is_not_there(self, client: TestClient, hand: GroundingSet, path: str) -> None:
        answer = client.get(f"/groundings/{hand.name}/{path}.jpg")
        assert answer.status_code == 404
        assert answer.json()["kind"] == "absent"
        assert str(ROOT) not in answer.text
        assert str(hand.folder) not in answer.text

    def test_another_sets_name(self, client: TestClient) -> None:
        assert client.get("/groundings/0123456789abcdef/thumb/1.jpg").status_code == 404

    def test_they_are_made_once_and_kept_within_the_limit(
        self, hand: GroundingSet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pictures = SetPictures(hand, PictureCache())
        first = pictures.thumb(1)
        assert first is not None
        with monkeypatch.context() as patched:
            patched.setattr("core.vision.images.read", lambda _: pytest.fail("decoded again"))
            assert pictures.thumb(1) is first
        small = PictureCache(PictureLimits(bytes=2 * len(first)))
        for photo in (0, 1, 2, 4, 0, 1, 2, 4):
            SetPictures(hand, small).thumb(photo)
            assert small.size <= 2 * len(first)
            assert small.size == sum(map(len, small._kept.values()))


@pytest.mark.parametrize("kind", [*FORMATS, "vg"])
def test_the_export_is_an_attachment(client: TestClient, kind: str) -> None:
    answer = client.get("/groundings/export", params={"format": kind, "boxes": "people"})
    assert answer.status_code == 200
    name = f"groundings{named(kind).ending}"
    assert f'filename="{name}"' in answer.headers["content-disposition"]
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "p4.png" in answer.text
    read = named(kind).read(answer.content, ReadOptions(storable=False))
    assert [photo.name for photo in read.photos] == [f"p{number}.png" for number in range(5)]
    assert sum(len(photo.phrases) for photo in read.photos) == 3


def test_formats_that_are_only_read_are_not_offered(client: TestClient) -> None:
    offered = [one["name"] for one in client.get("/groundings/about").json()["formats"]]
    assert offered == list(FORMATS)
    answer = client.get("/groundings/export", params={"format": "labelme"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("The format is 'labelme', which is only read;")


def test_nobody_sees_anything_before_signing_in(jobs: GroundingService) -> None:
    class OnlyAnn:
        open = False

        def person(self, request: Request) -> str | None:
            return request.headers.get("x-me")

    services = Services(groundings=jobs, sessions=OnlyAnn())
    client = TestClient(application(services))
    names = ("about", "list", "open", "align", "maps", "random", "search", "analysis", "export")
    paths = [*names, *(f"{jobs.set.name}/{p}.jpg" for p in ("thumb/1", "whole/1", "tile/1/0"))]
    pages = [page.parts(services) for page in PAGES if page.routes == "/groundings"]
    assert {r.path for parts in pages for router in parts.routers for r in router.routes} == {
        *(f"/groundings/{name}" for name in names),
        "/groundings/{name}/thumb/{photo}.jpg",
        "/groundings/{name}/whole/{photo}.jpg",
        "/groundings/{name}/tile/{photo}/{region}.jpg",
    }
    for path in paths:
        answer = client.get(f"/groundings/{path}")
        refused = {"message": "Sign in first.", "kind": "nobody"}
        assert (answer.status_code, answer.json()) == (401, refused)
        answer = client.get(f"/groundings/{path}", headers={"x-me": "ann"})
        assert answer.status_code != 401


def test_what_the_grid_offers_is_what_a_listing_takes(jobs: GroundingService) -> None:
    """The page's script knows no choice of its own: it sends back what it was told."""
    about = jobs.about()
    for kind, name in (("rank", "ranks"), ("iou", "overlaps")):
        assert about[name][0]["name"] == ","  # all photos
        for choice in about[name]:
            least, most = (float(end) if end else None for end in choice["name"].split(","))
            listing = Listing(**{f"{kind}_from": least, f"{kind}_to": most})
            assert jobs.page(listing)["total"] <= len(jobs.set)
    assert [one["name"] for one in about["ranks"]] == [",", "1,1", "1,5", "1,10", "11,"]
    assert [one["name"] for one in about["overlaps"]] == [",", "0.5,", ",0.5"]
    # Of five photos by hand one has rank 7, two have rank 1, one 3, and one no sentence.
    first = Listing(rank_from=1, rank_to=5)
    assert jobs.page(first)["total"] == 3
    assert jobs.page(Listing(words="x" * about["listed_letters"]))["total"] == 0
    assert len(jobs.page(Listing(), count=about["photos_on_a_page"])["photos"]) == 5


def test_an_opened_photo_costs_one_session(jobs: GroundingService) -> None:
    """However many sentences are listed beside it."""
    asked, statements = [], []
    engine = jobs.set.engine
    event.listen(engine, "checkout", lambda *_: asked.append(1))
    event.listen(engine, "before_cursor_execute", lambda _c, _r, text, *_: statements.append(text))
    jobs.set.ordered(Listing())  # kept from now on
    for photo in ("p0.png", "p1.png", "p2.png"):
        asked.clear()
        opened = jobs.open(photo)
        assert [s for s in opened["sentences"] if s["words"]]
        assert len(asked) == 1
        asked.clear()
        jobs.align(photo, opened["sentence"], beta=0.5)
        assert len(asked) == 1
    for sentences in ([0], [0, 1, 2]):
        statements.clear()
        assert list(jobs.set.readings(sentences)) == sentences
        assert len(statements) == 2


def test_figures_are_inert_and_lead_somewhere(jobs: GroundingService, client: TestClient) -> None:
    told = pictures(jobs.analysis())
    assert [p["key"] for p in told["pictures"]] == ["ranks", "kinds", "sizes", "cells", "words"]
    import plotly.graph_objects as go

    for picture in told["pictures"]:
        go.Figure(picture["figure"])  # plotly's own check of every name and value
        text = json.dumps(picture["figure"]["data"])
        assert not re.search(r"<(?!extra></extra>|/extra>|br>)", text)
        flat = np.ravel(np.array(picture["figure"]["data"][0]["customdata"], dtype=object))
        for values in flat:
            assert get(client, "list", **values)["total"] <= 5


def test_a_set_of_another_checkpoint_is_browsed_but_not_searched(jobs: GroundingService) -> None:
    assert jobs.about()["readable"] is False
    with pytest.raises(GroundingError, match="another checkpoint"):
        jobs.search("dog")


@pytest.fixture(scope="module")
def shipped() -> Iterator[GroundingService]:
    groundings = GroundingSet(EXAMPLES)
    yield GroundingService(groundings, Describer.load())
    groundings.close()


@bundled
@bundled
def test_maps_from_the_photo_itself(
    shipped: GroundingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = examples.load()[0].file
    [own] = [shipped.maps(name, text="a dog")["maps"]]
    assert own["windows"]
    monkeypatch.setattr(shipped.describer, "look", lambda _: pytest.fail("looked again"))
    again = shipped.maps(name, text="a brown dog")["maps"]
    assert len(again["words"]) == 3
    assert shipped.maps(name, text="a dog")["maps"] == own


def test_a_search_is_the_models_own_score(shipped: GroundingService) -> None:
    found = shipped.search("a zzyzx dog", 5)
    assert [(w["word"], w["known"]) for w in found["words"]] == [
        ("a", True),
        ("zzyzx", False),
        ("dog", True),
    ]
    reading = shipped.describer.read("a zzyzx dog")
    assert reading.contextual is not None
    words = reading.contextual[reading.known]
    regions = np.asarray(shipped.set.regions, dtype=np.float32)
    scores = np.sort((regions @ words.T).sum(axis=1))[::-1]
    assert [r["score"] for r in found["regions"]] == pytest.approx(scores[:5].tolist(), abs=1e-4)
    by_photo = (regions @ words.T).reshape(len(shipped.set), -1, len(words)).max(axis=1).sum(axis=1)
    assert [p["query_score"] for p in found["photos"]] == pytest.approx(
        np.sort(by_photo)[::-1][:5].tolist(), abs=1e-4
    )
    best = shipped.set.cards([int(by_photo.argmax())])[0]
    assert found["photos"][0]["name"] == best.name


@pytest.fixture(scope="module")
def whole_app(
    tmp_path_factory: pytest.TempPathFactory, describer: Describer, hand: GroundingSet
) -> Iterator[TestClient]:
    """The application with its guard, as it is served."""
    uploads = tmp_path_factory.mktemp("uploads")

    async def made() -> FastAPI:
        services = Services(describer, GroundingService(hand, describer))
        return create(services, ServerSettings(uploads))

    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(1) as thread:
        patched.setenv("GRADIO_TEMP_DIR", os.fspath(uploads))
        app = thread.submit(lambda: asyncio.run(made())).result()
        with TestClient(app, base_url=OWN, raise_server_exceptions=False) as client:
            yield client


def test_guarantees_hold_for_the_new_addresses(whole_app: TestClient, hand: GroundingSet) -> None:
    """No path, no unknown host, marked answers, no word about the machine."""
    climbs = ("../", "..%2f", "%2e%2e/", "..%252f", "....//", "..\\", ".//../")
    secrets = ("etc/passwd", str(hand.path).lstrip("/"), str(ROOT / "demo/app.py").lstrip("/"))
    for start in ("", f"{hand.name}/", f"{hand.name}/thumb/", f"{hand.name}/tile/1/"):
        for climb in climbs:
            for secret in secrets:
                answer = whole_app.get(f"/groundings/{start}{climb * 9}{secret}")
                assert answer.status_code in (400, 404, 405), answer.url
                assert str(ROOT) not in answer.text
    for path in ("about", "list", "open?photo=p0.png", "absent", f"{hand.name}/thumb/1.jpg"):
        answer = whole_app.get(f"/groundings/{path}")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert str(hand.folder) not in answer.text
        foreign = whole_app.get(f"/groundings/{path}", headers={"host": "evil.example"})
        assert foreign.status_code == 400
        assert whole_app.post(f"/groundings/{path}", json={}).status_code in (404, 405)


def test_a_set_is_named_on_the_command_line_only(whole_app: TestClient, tmp_path: Path) -> None:
    other = str(handmade(tmp_path))
    for name in ("groundings", "set", "path", "file"):
        answer = whole_app.get("/groundings/about", params={name: other})
        assert other not in answer.text
    names = whole_app.get("/gradio_api/info").json()["named_endpoints"]
    arguments = {p["parameter_name"] for e in names.values() for p in e["parameters"]}
    assert not arguments & {"groundings", "set", "path", "file"}


NEW = ("/browse", "/open_photo", "/export_set", "/search", "/analysis")


def test_every_job_is_a_named_endpoint(server: str) -> None:
    client = Client(server, verbose=False)
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name in NEW:
        assert endpoints[name]["description"]
        for parameter in endpoints[name]["parameters"]:
            kinds = set(parameter["python_type"]["type"].split(" | ")) - {"None"}
            assert kinds in ({"str"}, {"int"}, {"float"}), (name, parameter)
            assert parameter["parameter_has_default"] or kinds == {"str"}
            assert parameter["label"] == parameter["parameter_name"]
    page = client.predict(order="rank-worst", count=3, api_name="/browse")
    assert len(page["photos"]) == 3
    name = page["photos"][0]["name"]
    opened = client.predict(photo=name, beta=0.01, api_name="/open_photo")
    assert opened["card"]["name"] == name
    merging = opened["alignment"]["merging_beta"]
    assert opened["alignment"]["beta"] == pytest.approx(min(0.01, merging))
    text = client.predict(format="entities", boxes="people", count=2, api_name="/export_set")
    assert [entry["image"] for entry in json.loads(text)] == [
        example.file for example in examples.load()[:2]
    ]
    told = client.predict(api_name="/analysis")
    assert told["photos"] == len(examples.load())
    for bar in (*told["ranks"], *told["kinds"], *told["sizes"]):  # phrases may share a photo
        shown = client.predict(**bar["listing"], api_name="/browse")["total"]
        assert min(bar["count"], 1) <= shown <= bar["count"], bar
    for call, said in (
        ({"photo": "/etc/passwd", "api_name": "/open_photo"}, "no photo named"),
        ({"order": "x", "api_name": "/browse"}, "expected one of"),
        ({"kind": "nonsense", "api_name": "/browse"}, "kind is 'nonsense'; expected one of"),
        ({"format": "x", "api_name": "/export_set"}, "expected one of"),
        ({"count": 5000, "api_name": "/export_set"}, "1 to 1000"),
        ({"words": "", "api_name": "/search"}, "no words"),
        ({"words": 5, "api_name": "/search"}, "words: Input should be a valid string"),
        ({"count": "many", "api_name": "/browse"}, "count: Input should be a valid integer"),
        ({"rank_to": 10**30, "api_name": "/browse"}, "expected a rank"),
        ({"photo": name, "sentence": 10**30, "api_name": "/open_photo"}, "no sentence"),
    ):
        with pytest.raises(AppError) as refused:
            client.predict(**call)
        assert said in str(refused.value)
        assert "Traceback" not in str(refused.value)
    client.close()
