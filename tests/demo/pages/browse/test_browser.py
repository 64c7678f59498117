"""Browse, Search and Errors as a person meets them: the shipped set in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from demo import examples
from tests.demo.visit import served

PHOTOS = len(examples.load())
Go = Callable[..., Page]


@pytest.fixture(scope="module")
def people() -> Iterator[dict[str, BrowserContext]]:
    """Whose browsers have been here before: what they keep is not fetched anew by each test."""
    contexts: dict[str, BrowserContext] = {}
    yield contexts
    for context in contexts.values():
        context.close()


@pytest.fixture
def go(browser: Browser, server: str, people: dict[str, BrowserContext]) -> Iterator[Go]:
    """Opens an address of the app in a window of its own; no script may have failed at the end."""
    pages: list[Page] = []
    errors: list[str] = []

    def open_page(query: str, width: int = 1400, height: int = 900, **settings: object) -> Page:
        key = f"{width} {height} {settings}"
        if key not in people:
            people[key] = browser.new_context(
                viewport={"width": width, "height": height}, accept_downloads=True, **settings
            )
            people[key].set_default_timeout(30_000)
        page = people[key].new_page()
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(f"dialog: {dialog.message}"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((server, "data:", f"blob:{server}"))
                else errors.append(f"asked {request.url}")
            ),
        )
        page.goto(f"{server}/{query}")
        return page

    expect.set_options(timeout=30_000)
    yield open_page
    expect.set_options(timeout=5_000)
    for page in pages:
        page.close()
    assert errors == []


def asked(page: Page) -> dict[str, str]:
    """The parts of the address."""
    return {key: value[0] for key, value in parse_qs(urlsplit(page.url).query).items()}


def opened(page: Page, photo: str, **view: str | float) -> dict[str, Any]:
    """What the server tells of a photo of the set; the pages show no more and nothing else."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    answer = page.request.get(f"{origin}/groundings/open", params={"photo": photo, **view})
    assert answer.ok
    told: dict[str, Any] = answer.json()
    return told


def used(told: dict[str, Any]) -> list[str]:
    """The colours that the listed sentences' known words must have.

    The palette has 19 colours; region 0, the whole photo, has one of its own, and region 20 has the
    colour of region 1 again.
    """
    words = [word for sentence in told["sentences"] for word in sentence["words"]]
    regions = [word["region"] for word in words if word["region"] is not None]
    return [f"var(--region-{r if r <= 19 else (r - 1) % 19 + 1})" for r in regions]


def names(page: Page) -> list[str]:
    return page.locator(".tiles button").evaluate_all("all => all.map((e) => e.title)")


def test_open_hover_and_slide(go: Go) -> None:
    page = go("")
    page.get_by_role("tab", name="Browse").click()
    tiles = page.locator(".grid .tiles button")
    expect(tiles).to_have_count(PHOTOS)
    expect(tiles.first.locator("img")).to_have_js_property("complete", True)
    assert tiles.first.locator("img").evaluate("e => e.naturalWidth") > 100
    photo = examples.load()[2].file
    tiles.nth(2).click()
    words = page.locator(".opened .viewer .word")
    expect(words.first).to_be_visible()
    assert asked(page)["photo"] == photo
    told = opened(page, photo)
    assert (
        page.locator(".opened .stage > img").evaluate("e => e.decode().then(() => e.naturalWidth)")
        > 300
    )
    words.nth(1).hover()
    lit = page.locator(".opened .stage .box.lit")
    expect(lit).to_have_count(1)
    region = told["view"]["alignment"]["words"][1]["region"]
    expect(lit).to_have_attribute("data-region", str(region))
    expect(page.locator(".truth")).to_contain_text(f"rank {told['card']['rank']} among")
    # Words of every listed sentence stand in the colours of their boxes.
    styles = page.locator(".lists .text span[style]").evaluate_all(
        "all => all.map((e) => e.style.color)"
    )
    assert len(styles) > 20
    assert styles == used(told)
    expect(page.locator(".lists ol").nth(1).locator("button")).to_have_count(5)
    # The photos that the sentence finds lead to the same sentence elsewhere.
    found = page.locator(".found button")
    expect(found).to_have_count(5)
    # Another sentence, another beta: the address follows.
    chosen = told["sentences"][1]
    page.locator(".lists ol button").nth(1).click()
    expect(words).to_have_text(chosen["text"].split())
    slider = page.locator(".opened").get_by_label("Beta", exact=True)
    slider.focus()
    page.keyboard.press("End")
    expect(page.locator(".opened .viewer .segments tbody tr")).to_have_count(1)
    page.wait_for_function("location.search.includes('beta=')")
    assert asked(page)["sentence"] == str(chosen["id"])
    beta = float(asked(page)["beta"])
    merged = opened(page, photo, sentence=chosen["id"], beta=beta)
    assert 0 < merged["view"]["alignment"]["beta"] <= beta
    assert len(merged["view"]["alignment"]["segments"]) == 1
    other = found.and_(page.locator("button:enabled")).first
    title = other.get_attribute("title")
    other.click()
    page.wait_for_function("(photo) => !location.search.includes(photo)", arg=photo)
    assert (asked(page)["photo"], asked(page)["sentence"]) == (title, str(chosen["id"]))
    expect(words).to_have_text(chosen["text"].split())


def test_an_address_opens_the_same_view(go: Go) -> None:
    page = go("?photo=horses.jpg&sentence=7&beta=0.03&order=rank-best")
    told = opened(page, "horses.jpg", sentence=7, beta=0.03)["view"]["alignment"]
    said = told["sentence"].split()
    words = ".opened .viewer .word"
    expect(page.locator(words)).to_have_text(said)
    expect(page.locator(".opened .viewer .segments tbody tr")).to_have_count(len(told["segments"]))
    there = page.locator(".opened .viewer .segments").inner_text()
    page.wait_for_function("location.search.includes('tab=browse')")
    again = go(f"?{urlsplit(page.url).query}")
    expect(again.locator(words)).to_have_text(said)
    assert again.locator(".opened .viewer .segments").inner_text() == there
    assert asked(again) == asked(page)
    assert asked(again)["order"] == "rank-best"
    # Back leads to what was there before.
    again.keyboard.press("r")
    again.wait_for_function("!location.search.includes('horses')")
    again.go_back()
    expect(again.locator(words)).to_have_text(said)
    assert asked(again) == asked(page)


def test_keys(go: Go) -> None:
    page = go("?tab=browse")
    expect(page.locator(".grid .tiles button")).to_have_count(PHOTOS)
    order = names(page)
    page.locator(".grid .tiles button").first.click()
    expect(page.locator(".place")).to_have_text(f"1 of {PHOTOS}")
    page.locator(".truth").click()  # focus away from the button
    page.keyboard.press("ArrowRight")
    expect(page.locator(".place")).to_have_text(f"2 of {PHOTOS}")
    assert asked(page)["photo"] == order[1]
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".place")).to_have_text(f"1 of {PHOTOS}")
    page.keyboard.press("ArrowLeft")  # there is none before the first
    page.keyboard.press("r")
    expect(page.locator(".place")).not_to_have_text(f"1 of {PHOTOS}")
    # In a sentence the arrows walk along its words, not along the photos.
    place = page.locator(".place").inner_text()
    page.locator(".opened .viewer .word").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".opened .viewer .word").nth(1)).to_be_focused()
    expect(page.locator(".place")).to_have_text(place)
    page.keyboard.press("/")
    expect(page.get_by_label("Words in a sentence")).to_be_focused()
    expect(page.locator(".grid")).to_be_visible()


def test_filter_and_sort(go: Go) -> None:
    page = go("?tab=browse")
    expect(page.locator(".grid .tiles button")).to_have_count(PHOTOS)
    page.get_by_label("Words in a sentence").fill("dog")
    expect(page.locator(".total")).to_have_text("2 photos")
    assert names(page) == ["german-shepherd.jpg", "two-dogs.jpg"]
    page.wait_for_function("location.search.includes('words=dog')")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".total")).to_have_text(f"{PHOTOS} photos")
    expect(page.get_by_label("Words in a sentence")).to_have_value("")
    page.get_by_label("Order", exact=True).select_option("iou-lowest")
    page.wait_for_function("location.search.includes('order=iou-lowest')")
    expect(page.locator(".waiting")).to_have_count(0)
    told = page.locator(".grid .told").all_inner_texts()
    overlaps = [float(text.split("IoU ")[1]) for text in told]
    assert overlaps == sorted(overlaps)
    page.get_by_label("Rank of the truth").select_option("11,")
    page.wait_for_function("location.search.includes('rank_from=11')")
    page.get_by_label("Words in a sentence").fill("zzyzx")
    expect(page.locator(".total")).to_have_text("No photo fits; ask for less.")


def test_true_phrases_are_shown_on_demand(go: Go) -> None:
    page = go("?photo=horses.jpg")
    chips = page.locator(".phrases .chips button")
    expect(chips).to_have_count(5)
    boxes = page.locator(".true-boxes g")
    expect(boxes).to_have_count(0)
    chips.first.click()  # three horses, three boxes, and the model's region beside them
    expect(boxes).to_have_count(3)
    expect(chips.first).to_contain_text(re.compile(r"IoU 0\.\d\d"))
    expect(page.locator(".opened .stage .box.lit")).to_have_count(1)
    chips.first.click()
    expect(boxes).to_have_count(0)
    page.get_by_label("show people’s boxes").check()
    expect(boxes).to_have_count(7)


def test_a_sentence_of_ones_own(go: Go) -> None:
    page = go("?photo=horses.jpg")
    field = page.get_by_label("A sentence of your own")
    field.fill("a zzyzx horse <img src=x onerror=alert(1)>")
    field.press("Enter")
    expect(page.locator(".opened .viewer .word.unknown").first).to_have_text("zzyzx")
    assert asked(page)["text"].startswith("a zzyzx horse")
    assert page.locator(".opened .viewer .sentence img").count() == 0
    field.fill("zzyzx")
    field.press("Enter")
    expect(page.locator(".browse > .message")).to_contain_text("knows none of these words")
    expect(page.locator(".opened .viewer .sentence")).to_contain_text(
        "horse"
    )  # what was there stays


def test_search_names_unknown_words_and_leads_to_browse(go: Go) -> None:
    page = go("")
    page.get_by_role("tab", name="Search").click()
    field = page.get_by_label("Words to search for")
    field.fill("a zzyzx <b>dog</b>")
    field.press("Enter")
    expect(page.locator(".regions button")).to_have_count(24)
    expect(page.locator(".said")).to_contain_text("left out: “zzyzx”")
    scores = [float(t.split()[1]) for t in page.locator(".regions .told").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    expect(page.locator(".search .tiles button")).to_have_count(PHOTOS)
    assert asked(page) == {"tab": "search", "words": "a zzyzx <b>dog</b>"}
    title = page.locator(".regions button").first.get_attribute("title")
    page.locator(".regions button").first.click()
    expect(page.get_by_role("tab", name="Browse")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".opened .viewer .word").first).to_be_visible()
    assert asked(page)["photo"] == title
    expect(page.locator(".opened .viewer .sentence")).to_contain_text("dog")
    # The region that was clicked is lit, wherever the pointer rests now; again, at a second time.
    lit = page.locator(".opened .stage .box.lit")
    expect(lit).to_have_count(1)
    expect(lit).to_have_attribute("data-region", asked(page)["region"])
    first = asked(page)
    page.go_back()
    expect(page.get_by_role("tab", name="Search")).to_have_attribute("aria-selected", "true")
    page.locator(".regions button").first.click()
    page.wait_for_function("location.search.includes('region=')")
    assert asked(page) == first
    expect(lit).to_have_attribute("data-region", first["region"])
    page.go_back()
    expect(page.get_by_role("tab", name="Search")).to_have_attribute("aria-selected", "true")
    field.fill("zzyzx")
    field.press("Enter")
    expect(page.locator(".search .message")).to_contain_text("knows none of these words")


def test_a_bar_leads_to_its_photos(go: Go) -> None:
    page = go("?tab=errors")
    ranks = page.locator('.picture[data-key="ranks"]')
    bar = ranks.locator(".points path").first
    expect(bar).to_be_visible()
    expect(page.locator(".picture .main-svg").first).to_be_visible()
    count = int(ranks.locator(".points text").first.text_content() or "")
    box = bar.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".grid .tiles button")).to_have_count(count)
    assert asked(page) == {
        "tab": "browse", "order": "rank-worst", "rank_from": "1", "rank_to": "1"
    }  # fmt: skip
    expect(page.get_by_label("Rank of the truth", exact=True)).to_have_value("1,1")


def test_the_set_and_the_view_can_be_taken_along(go: Go, tmp_path: Path) -> None:
    page = go("?tab=browse")
    page.get_by_text("Export the set").click()
    link = page.locator(".exports li", has_text="COCO").get_by_text("the model’s groundings")
    with page.expect_download() as waiting:
        link.click()
    told = json.loads(Path(waiting.value.path()).read_text("utf-8"))
    assert len(told["images"]) == PHOTOS
    page.goto(page.url.split("?")[0] + "?photo=horses.jpg")
    expect(page.locator(".opened .viewer .word").first).to_be_visible()
    said = page.locator(".opened .viewer .word").all_inner_texts()
    for kind in ("SVG", "PNG"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=f"Figure {kind}").click()
        assert waiting.value.suggested_filename == f"horses-alignment.{kind.lower()}"
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        if kind == "PNG":
            with Image.open(path) as image:
                assert image.width == 1920
                small = np.asarray(image.convert("RGB").resize((40, 40)))
                assert len(np.unique(small.reshape(-1, 3), axis=0)) > 100
        else:
            drawn = path.read_text("utf-8")
            assert "data:image/jpeg;base64," in drawn
            assert "var(" not in drawn
            for word in said:
                assert re.search(rf"<text[^>]*>{word}</text>", drawn)
            assert not re.search(r'href="(?!data:)', drawn)


@pytest.mark.parametrize(
    ("query", "shown", "scheme"),
    [
        ("?tab=browse", ".grid .tiles img", "light"),
        ("?photo=horses.jpg", ".opened .viewer .word", "dark"),
        ("?tab=search&words=dog", ".regions .cut", "light"),
        ("?tab=errors", ".picture .main-svg", "dark"),
    ],
)
def test_on_a_phone_nothing_sticks_out(go: Go, query: str, shown: str, scheme: str) -> None:
    page = go(query, 390, 844, color_scheme=scheme, has_touch=True)
    expect(page.locator(shown).first).to_be_visible()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_hostile_names_and_sentences_are_only_text(browser: Browser, tmp_path: Path) -> None:
    """What a set holds stays text: markup, LaTeX and bidi in names, sentences and phrases."""
    evil = "<img src=x onerror=alert(1)> $\\href{javascript:alert(2)}{x}$ \u202edog"
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (90, 60), "green").save(tmp_path / "photos" / "<b>x&y.png", "PNG")
    record = {
        "file": "<b>x&y.png",
        "width": 90,
        "height": 60,
        "sentences": [evil, "a dog " + "x" * 3000],
        "phrases": [{"phrase": evil, "boxes": [[1, 1, 50, 50]]}],
    }
    source, out = tmp_path / "evil.jsonl", tmp_path / "evil.sqlite"
    source.write_text(json.dumps(record) + "\n")
    from train.__main__ import parser

    arguments = parser().parse_args(
        f"ground --threads 1 --records {source} --phrases {source} --out {out}".split()
        + f"--images {tmp_path}/photos".split()
    )
    arguments.main(arguments)
    with served("--groundings", str(out), "--photos", f"{tmp_path}/photos") as address:
        context = browser.new_context(viewport={"width": 1000, "height": 900})
        context.set_default_timeout(30_000)
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.goto(f"{address}/?tab=errors")
        expect(page.locator(".picture .main-svg").first).to_be_visible(timeout=30_000)
        page.goto(f"{address}/?tab=browse")
        page.locator(".grid .tiles button").click()
        expect(page.locator(".opened .viewer .word").first).to_be_visible(timeout=30_000)
        page.locator(".phrases .chips button").click()
        inside = page.locator(".lists > :not(.found), .phrases, .sentence, figcaption")
        assert inside.locator("img, script, a, b, [onerror]").count() == 0
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", page.locator(".browse").inner_text())
        assert page.evaluate("document.documentElement.scrollWidth") <= 1000
        assert wrong == []
        context.close()
