"""The Align page as a person meets it: a real browser, a real server, real clicks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Page, expect

from demo import examples
from tests.demo.visit import Visit, picture

Open = Callable[..., Visit]
SENTENCE = "a brown dog runs on the grass and a zzyzx cat"


@pytest.fixture
def dog() -> bytes:
    offered = examples.load()
    return (examples.FOLDER / offered[0].file).read_bytes() if offered else picture(320, 240)


def aligned(visit: Visit, photo: bytes, sentence: str = SENTENCE) -> Page:
    visit.upload("dog.jpg", photo)
    expect(visit.page.locator(".stage img")).to_be_visible()
    visit.say(sentence)
    expect(visit.page.locator(".viewer .word").first).to_be_visible()
    return visit.page


def set_slider(page: Page, label: str, share: float) -> None:
    """Drag a slider to a share of its range, through several values as a hand does."""
    page.get_by_label(label, exact=True).evaluate(
        """(input, share) => {
          const [low, high] = [Number(input.min), Number(input.max)];
          for (const part of [0.2, 0.5, 0.8, 1]) {
            input.value = low + (high - low) * share * part;
            input.dispatchEvent(new Event("input"));
          }
        }""",
        share,
    )


def test_from_upload_to_json(visit: Open, dog: bytes, server: str, tmp_path: Path) -> None:
    here = visit()
    page = aligned(here, dog)

    words = page.locator(".viewer .word")
    assert words.all_inner_texts() == SENTENCE.split()
    known = page.locator(".viewer .word:not(.unknown)")
    assert known.count() == len(SENTENCE.split()) - 1
    plain = page.locator(".viewer").evaluate("e => getComputedStyle(e).color")
    colours = known.evaluate_all("all => all.map((e) => getComputedStyle(e).color)")
    assert plain not in colours
    unknown = page.locator(".viewer .word.unknown")
    expect(unknown).to_have_attribute("title", "not in the model's vocabulary")
    assert "dotted" in unknown.evaluate("e => getComputedStyle(e).textDecoration")
    assert unknown.evaluate("e => e.style.getPropertyValue('--c')") == ""

    expect(page.locator(".plot .main-svg").first).to_be_visible()
    words.nth(2).hover()
    lit_box = page.locator(".box.lit")
    expect(lit_box).to_have_count(1)
    expect(page.locator(".plot .shapelayer path")).to_have_count(2)  # a row and a column
    expect(words.nth(2)).to_have_class(re.compile(r"\blit\b"))

    # It begins at the default, which is marked; every word alone is one click away, and back.
    beta = page.get_by_label("Beta", exact=True)
    phrases = page.get_by_role("button", name="phrases")
    expect(phrases).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".slider .mark").first).to_be_visible()
    usual = beta.input_value()
    alone = page.get_by_role("button", name="every word alone")
    alone.click()
    expect(alone).to_have_attribute("aria-pressed", "true")
    expect(beta).to_have_value("0")
    phrases.click()
    expect(phrases).to_have_attribute("aria-pressed", "true")
    expect(beta).to_have_value(usual)
    # Near copies are not among the matrix's columns; "all regions" draws them.
    columns = page.locator(".plot .xtick").count()
    every = page.get_by_role("checkbox", name="all regions")
    every.check()
    assert page.locator(".box.spare, .box.used").count() > columns
    every.uncheck()

    set_slider(page, "Beta", 1.0)
    expect(page.locator(".segments tbody tr")).to_have_count(1)
    expect(page.locator(".viewer .segment")).to_have_count(1)
    expect(page.locator(".box.used")).to_have_count(1)

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download JSON").click()
    downloaded = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))
    assert waiting.value.suggested_filename == "dog-alignment.json"
    assert len(downloaded["segments"]) == 1

    photo = tmp_path / "dog.jpg"
    photo.write_bytes(dog)
    client = Client(server, verbose=False)
    answer = client.predict(handle_file(photo), SENTENCE, downloaded["beta"], api_name="/align")
    assert answer == downloaded
    assert not here.errors


def test_nothing_comes_from_outside(visit: Open, dog: bytes) -> None:
    """The page asks nobody but its own server for anything."""
    here = visit()
    aligned(here, dog)
    expect(here.page.locator(".plot .main-svg").first).to_be_visible()
    own = (here.address, "data:", f"blob:{here.address}")
    assert [url for url in here.requested if not url.startswith(own)] == []


def test_everything_lights_everything(visit: Open, dog: bytes) -> None:
    page = aligned(visit(), dog, "a dog and a dog on the grass")
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    # The same word twice: only the one under the pointer, and its own row.
    words = page.locator(".viewer .word")
    words.nth(4).hover()
    expect(page.locator(".viewer .word.lit")).to_have_count(1)
    expect(words.nth(4)).to_have_class(re.compile(r"\blit\b"))
    # A box lights all of its words.
    segment = page.locator(".segments tbody tr").first
    region = segment.locator(".chip").inner_text()
    number = 0 if region == "photo" else int(region)
    page.mouse.move(1, 1)  # a lit label says more than its number
    page.locator(".label.used", has_text=re.compile(f"^{region}$")).hover()
    expect(page.locator(f".box[data-region='{number}']")).to_have_class(re.compile(r"\blit\b"))
    style = f"var(--region-{number})"
    looking = words.evaluate_all(
        "(all, c) => all.filter((e) => e.style.getPropertyValue('--c') === c).length", style
    )
    expect(page.locator(".viewer .word.lit")).to_have_count(looking)
    # A cell of the heatmap lights its word and its box.
    page.mouse.move(1, 1)
    expect(page.locator(".viewer .word.lit")).to_have_count(0)
    plot = page.locator(".plot .nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.move(box["x"] + 5, box["y"] + 5)  # first word, whole photo
    expect(words.nth(0)).to_have_class(re.compile(r"\blit\b"))
    expect(page.locator(".box[data-region='0']")).to_have_class(re.compile(r"\blit\b"))
    # A word that was clicked stays lit, with the region that beta gives it.
    words.nth(4).click()
    page.mouse.move(1, 1)
    set_slider(page, "Beta", 1.0)
    rows = page.locator(".segments tbody tr")
    expect(rows).to_have_count(1)
    expect(words.nth(4)).to_have_class(re.compile(r"\blit\b"))
    region = rows.locator(".chip").inner_text()
    expect(page.locator(".box.lit")).to_have_attribute(
        "data-region", "0" if region == "photo" else region
    )


def test_a_word_lies_on_the_photo(visit: Open, dog: bytes) -> None:
    """Its scores as a heat map, with a scale, an opacity, and a way by the keys alone."""
    here = visit()
    page = aligned(here, dog, "a dog and a zzyzx on the grass")
    map_, said = page.locator(".stage canvas"), page.locator(".legend .spot")
    expect(map_).to_be_hidden()
    words = page.locator(".viewer .word")
    words.nth(1).focus()
    expect(map_).to_be_visible()
    expect(said).to_contain_text("“dog” most")
    dogs = map_.evaluate("e => e.toDataURL()")
    # It covers the photo, no more and no less.
    sizes = [page.locator(f".stage {tag}").bounding_box() for tag in ("img", "canvas")]
    assert all(abs(sizes[0][k] - sizes[1][k]) < 1 for k in sizes[0])  # type: ignore[index,literal-required]
    # Hot: the place that its words name has the colour of the scale's end.
    brightest = map_.evaluate(
        "e => Math.max(...e.getContext('2d').getImageData(0, 0, e.width, e.height).data"
        ".filter((_, k) => k % 4 === 1))"
    )
    assert brightest > 200
    page.keyboard.press("End")
    expect(said).to_contain_text("“grass” most")
    assert map_.evaluate("e => e.toDataURL()") != dogs
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(words.nth(4)).to_be_focused()  # the unknown word has no map
    expect(map_).to_be_hidden()
    words.nth(1).click()
    page.get_by_label("Opacity of the heat map").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert float(map_.evaluate("e => e.style.opacity")) == pytest.approx(0.65)
    page.get_by_label("heat map of the word").focus()
    page.keyboard.press("Space")
    expect(map_).to_be_hidden()
    page.keyboard.press("Space")
    # A segment's is that of its words together; another sentence's replace them.
    page.locator(".segments tbody tr").first.focus()
    expect(map_).to_be_visible()
    here.say("a man")
    expect(words).to_have_count(2)
    words.nth(1).focus()
    expect(said).to_contain_text("“man” most")
    assert not here.errors


def test_keyboard_alone(visit: Open, dog: bytes) -> None:
    page = aligned(visit(), dog, "a dog on the grass")
    words = page.locator(".viewer .word")
    words.nth(0).focus()
    page.keyboard.press("ArrowRight")
    expect(words.nth(1)).to_be_focused()
    expect(page.locator(".box.lit")).to_have_count(1)
    page.keyboard.press("End")
    expect(words.nth(4)).to_be_focused()
    page.get_by_label("Beta", exact=True).focus()
    page.keyboard.press("End")
    expect(page.locator(".segments tbody tr")).to_have_count(1)
    page.keyboard.press("Home")
    expect(page.get_by_label("Beta", exact=True)).to_have_value("0")


def test_threshold_makes_words_pale(visit: Open, dog: bytes) -> None:
    page = aligned(visit(), dog)
    set_slider(page, "Pale below", 0.0)
    expect(page.locator(".viewer .word.pale")).to_have_count(0)
    set_slider(page, "Pale below", 1.0)
    pale, known = page.locator(".word.pale").count(), page.locator(".word:not(.unknown)").count()
    assert known - 2 <= pale  # the best of all scores is not below itself
    expect(page.locator(".word.unknown.pale")).to_have_count(0)


def test_an_example_is_two_clicks_away(visit: Open) -> None:
    if not examples.load():
        pytest.skip("demo/examples has no photos yet")
    here = visit()
    page, example = here.page, examples.load()[1]
    page.get_by_role("button", name=example.title).click()
    expect(page.get_by_label("Sentence", exact=True)).to_have_value(example.sentences[0])
    expect(page.locator("figcaption")).to_contain_text(example.licence)
    page.get_by_role("button", name=example.sentences[1]).click()
    expect(page.locator(".viewer .sentence")).to_contain_text(example.sentences[1].split()[-1])
    expect(page.get_by_label("Sentence", exact=True)).to_have_value(example.sentences[1])
    assert not here.errors


def test_an_address_and_a_figure_of_an_example(visit: Open, tmp_path: Path) -> None:
    """An example has an address, tabs are steps, and what is shown can be taken along."""
    here = visit(permissions=["clipboard-read", "clipboard-write"])
    page = here.page
    name, sentence = "photographer.jpg", "a man with a camera"
    words = page.locator(".viewer .word")
    page.goto(f"{here.address}/?example={name}&text=a+man+with+a+camera&beta=0.001")
    expect(words).to_have_count(5)
    expect(page.get_by_label("Sentence", exact=True)).to_have_value(sentence)
    page.wait_for_function("location.search.includes('tab=align')")
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["example"], asked["text"]) == ([name], [sentence])
    here.say("a man on the grass")
    page.wait_for_function("location.search.includes('grass')")

    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".copied")).to_contain_text("link is in the clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.get_by_label("Width of the PNG figure").select_option("960")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Figure PNG").click()
    assert waiting.value.suggested_filename == "photographer-alignment.png"
    waiting.value.save_as(tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width == 960
        edges = np.asarray(image.convert("L"))[: image.height // 2, [3, -4]].astype(int)
    assert (edges < 250).mean(axis=0).min() > 0.5, "a white strip beside the photo"
    page.get_by_role("button", name="Copy figure").click()
    expect(page.locator(".copied")).to_contain_text("figure is in the clipboard", timeout=20_000)
    assert page.evaluate(
        "navigator.clipboard.read().then(([item]) => item.types.includes('image/png'))"
    )

    first = page.url
    page.get_by_role("tab", name="Annotate").click()
    page.wait_for_function("location.search === '?tab=annotate'")
    page.go_back()
    expect(page.get_by_role("tab", name="Align")).to_have_attribute("aria-selected", "true")
    assert page.url == first
    expect(words).to_have_count(5)
    page.reload()
    expect(page.get_by_label("Sentence", exact=True)).to_have_value("a man on the grass")

    # What is not there is said, and an own photo has no address.
    page.goto(f"{here.address}/?tab=align&example=nope.jpg")
    expect(page.locator(".examples .status")).to_contain_text("no example photo named “nope.jpg”")
    page.goto(f"{here.address}/?tab=nonsense")
    expect(page.locator("header [role=status]")).to_contain_text(
        "no page “nonsense” here; this is Align"
    )
    page.goto(f"{here.address}/?tab=annotate")
    expect(page.get_by_role("tab", name="Annotate")).to_have_attribute("aria-selected", "true")
    page.goto(f"{here.address}/?tab=browse&photo=nope.jpg")
    said = page.locator(".groundings .message").first
    expect(said).to_contain_text("no photo named “nope.jpg”")
    expect(page.locator(".grid .tiles img").first).to_be_visible()
    expect(said).to_be_visible()
    assert not here.errors


def test_several_photos_wait_and_earlier_ones_come_back(visit: Open, dog: bytes) -> None:
    here = visit()
    page = here.page
    files = [
        {"name": f"{k}.jpg", "mimeType": "image/jpeg", "buffer": data}
        for k, data in enumerate((dog, picture(320, 240), b"no photo"))
    ]
    page.locator(".photo-input input").set_input_files(files)  # type: ignore[arg-type]
    following = page.locator(".queue button").first
    expect(following).to_have_text("Next photo (2 wait)")
    photo = page.locator(".stage img")
    expect(photo).to_be_visible()
    first = photo.get_attribute("src")
    here.say("a dog on the grass")
    expect(page.locator(".viewer .word")).to_have_count(5)
    strip = page.locator(".visit button")
    expect(page.locator(".visit")).to_be_hidden()  # nothing earlier to go back to
    here.say("a man")
    expect(strip).to_have_count(2)
    following.click()
    expect(strip).to_have_count(3)  # the next photo met the sentence that was there
    expect(following).to_have_text("Next photo (1 waits)")
    assert photo.get_attribute("src") != first
    following.click()  # each passes the same guard
    expect(page.locator(".viewer .message")).to_contain_text("is not a known picture")
    expect(following).to_be_hidden()

    strip.filter(has_text="a dog on the grass").click()
    expect(page.get_by_label("Sentence", exact=True)).to_have_value("a dog on the grass")
    expect(page.locator(".viewer .word")).to_have_count(5)
    assert photo.get_attribute("src") == first
    expect(strip.first).to_contain_text("a dog on the grass")
    expect(strip.first).to_have_attribute("aria-pressed", "true")
    strip.nth(2).click()  # of the same photo: only the sentence is aligned again
    expect(page.locator(".viewer .word")).to_have_count(2)
    assert photo.get_attribute("src") == first
    expect(strip).to_have_count(3)
    assert not here.errors


def test_a_pasted_photo(visit: Open, dog: bytes) -> None:
    here = visit()
    here.page.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "pasted.jpg", { type: "image/jpeg" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        }""",
        list(dog),
    )
    expect(here.page.locator(".stage img")).to_be_visible()
    expect(here.page.locator(".viewer")).to_contain_text("regions found")


def test_bad_input_gets_one_sentence_and_the_page_goes_on(visit: Open, dog: bytes) -> None:
    here = visit()
    page, message = here.page, here.page.locator(".viewer .message")
    here.say("a dog")
    expect(message).to_have_text("There is no photo yet: choose one, paste one or pick an example.")
    here.upload("broken.jpg", dog[: len(dog) // 2])
    expect(message).to_contain_text("damaged or cut short")
    here.upload("page.png", b"<html>hello</html>")
    expect(message).to_contain_text("a web page")
    here.upload("dog.jpg", dog)
    expect(page.locator(".stage img")).to_be_visible()
    for sentence, said in (
        ("  ... ", "has no words"),
        ("zzyzx qwrtp", "knows none of these words"),
        ("dog " * 2000, "characters"),
        ("a b " * 200, "400 words"),
    ):
        here.say(sentence)
        expect(message).to_contain_text(said)
    here.say("a dog on the grass")
    expect(page.locator(".viewer .word")).to_have_count(5)
    expect(message).to_be_hidden()
    here.say("zzyzx")
    expect(message).to_be_visible()
    expect(page.locator(".viewer .word")).to_have_count(5)  # what was there stays
    here.upload("dot.png", picture(1, 1, "PNG"))
    expect(page.locator("figcaption")).to_contain_text("1 × 1 pixels")
    here.say("a dog on the grass")
    expect(page.locator(".viewer .word")).to_have_count(5)
    assert not here.errors


@pytest.mark.parametrize(
    "sentence",
    [
        "a dog <img src=x onerror=alert(1)> <script>alert(2)</script>",
        "a dog $\\href{javascript:alert(1)}{click}$ on the grass",
        "a dog \u202ekcalb\u202c and \u2066a cat\u2069 on the grass",
        "a dog " + "x" * 3900,
        '"><svg onload=alert(1)> dog `${alert(1)}` {{dog}}',
    ],
    ids=["markup", "latex", "bidi", "long", "template"],
)
def test_a_sentence_is_only_text(visit: Open, dog: bytes, sentence: str) -> None:
    """Nothing a person types becomes more than text, in the plot neither."""
    here = visit(1000)
    page = aligned(here, dog, sentence)
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    page.locator(".viewer .word").first.hover()
    page.wait_for_timeout(200)
    inside = page.locator(".sentence, .segments, .labels, .plot")
    assert inside.locator("img, script, a, [onerror], [onload]").count() == 0
    shown = page.locator(".viewer .sentence").inner_text()
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", shown)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1000
    assert not here.errors


def test_ten_thousand_letters_are_refused_kindly(visit: Open, dog: bytes) -> None:
    here = visit()
    here.upload("dog.jpg", dog)
    expect(here.page.locator(".stage img")).to_be_visible()
    here.say("dog " + "x" * 10_000)
    expect(here.page.locator(".viewer .message")).to_contain_text("at most 4,000 are read")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(visit: Open, dog: bytes, scheme: str) -> None:
    here = visit(390, 844, color_scheme=scheme, has_touch=True)
    page = here.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    aligned(here, dog)
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".viewer .word").nth(2).tap()
    expect(page.locator(".box.lit")).to_have_count(1)
    assert not here.errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_legible(visit: Open, dog: bytes, scheme: str) -> None:
    """Each region's colour on its own tint, and the labels' ink on it: WCAG's 4.5 or more."""
    page = aligned(visit(color_scheme=scheme), dog)
    contrasts = page.evaluate(
        """() => {
          const viewer = document.querySelector(".viewer");
          const paint = document.createElement("canvas").getContext("2d");
          const body = getComputedStyle(document.body).getPropertyValue("--body-background-fill");
          const probe = viewer.appendChild(document.createElement("i"));
          const read = (colour) => {
            probe.style.color = colour;
            paint.fillStyle = getComputedStyle(probe).color;
            paint.fillRect(0, 0, 1, 1);
            return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          const light = (rgb) => rgb
            .map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
          const contrast = (a, b) => {
            const [x, y] = [light(read(a)), light(read(b))].sort((p, q) => q - p);
            return (x + 0.05) / (y + 0.05);
          };
          const found = [contrast("var(--quiet)", body), contrast("var(--ink)", body)];
          for (let k = 0; k < 20; k += 1) {
            const c = `var(--region-${k})`;
            found.push(contrast(c, `color-mix(in srgb, ${c} 9%, ${body})`));
            found.push(contrast(c, "var(--on-region)"));
          }
          return found;
        }"""
    )
    assert min(contrasts) >= 4.5
