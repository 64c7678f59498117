"""Describing: handlers without a browser, then a person who describes, stops, asks and aligns."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Browser, expect

from core.captioning.captioner import Captioner, TrainedCaptioner
from core.captioning.recurrences import CaptionerConfig
from core.checkpoints import load_checkpoint, save_captioner
from core.describer import Describer
from core.language.vocabulary import Vocabulary
from core.results import Look
from core.vision.images import decode
from demo.pages.align import describe
from tests.demo.visit import Visit, picture, served

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def speaking(small_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small checkpoint with captioners that learnt nothing, one word of them hostile."""
    torch.manual_seed(2)
    folder = shutil.copytree(small_checkpoint, tmp_path_factory.mktemp("speaking") / "checkpoint")
    words = ("dog", "grass", HOSTILE, "كلب")
    for level, context in (("image", "mean"), ("region", "whole")):
        config = CaptionerConfig(608, len(words) + 1, context=context, word_dimension=8,
                                 hidden_dimension=8)  # type: ignore[arg-type]  # fmt: skip
        captioner = TrainedCaptioner(Captioner(config).eval(), Vocabulary(words, [5] * 4))
        captioner.model.output_bias.data[-1] = 2.0  # sentences end soon, as those of trained ones
        save_captioner(folder, level, captioner)
    return folder


@pytest.fixture(scope="module")
def speaker(speaking: Path) -> Describer:
    return Describer.load(speaking)


def test_the_endpoint(speaking: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(picture(200, 120))
    with served("--checkpoint", str(speaking)) as address:
        client = Client(address, verbose=False)
        answer = client.predict(handle_file(photo), best=2, api_name="/describe")
        begun = client.predict(handle_file(photo), beginning="grass", api_name="/describe")
        with pytest.raises(AppError, match="does not speak “zebra”"):
            client.predict(handle_file(photo), beginning="zebra", api_name="/describe")
        for best, said in ((9, "best is 9; expected 1 to beam, which is 7"), (1.5, "best is 1.5")):
            with pytest.raises(AppError, match=said):
                client.predict(handle_file(photo), best=best, api_name="/describe")
    assert answer["regions"][0]["box"] == [0, 0, 200, 120]
    for place, one in enumerate(answer["regions"]):
        assert one["region"] == place
        first, second = one["sentences"]
        assert first["text"] == " ".join(first["words"])
        assert first["log_probability"] >= second["log_probability"]
    for caption in answer["captions"]:
        assert len(caption["boxes"]) == len(caption["regions"])
        assert 0 < caption["confidence"] <= 1
    assert all(one["sentences"][0]["words"][0] == "grass" for one in begun["regions"])


@pytest.fixture(scope="module")
def look(speaker: Describer) -> Look:
    return speaker.look(decode(picture(200, 120)))


def test_the_photo_comes_first_then_every_region(speaker: Describer, look: Look) -> None:
    steps = list(describe.describe(speaker, look))
    count = len(look.boxes)
    assert [len(said.descriptions) for said, _ in steps] == [*range(count + 1), count]
    assert [view["running"] for _, view in steps] == [True] * (count + 1) + [False]
    whole, *lines = steps[-1][1]["descriptions"]
    assert whole["regions"] == [0]
    sure = [line["sentences"][0]["confidence"] for line in lines]
    assert sure == sorted(sure, reverse=True)
    for one in (whole, *lines):
        [sentence] = one["sentences"]
        each = sentence["log_probabilities"]
        assert len(each) == len(sentence["words"]) + 1
        assert sentence["log_probability"] == pytest.approx(sum(each))
        assert sentence["confidence"] == pytest.approx(math.exp(sum(each) / len(each)))
    texts = [tuple(line["sentences"][0]["words"]) for line in lines]
    assert len(set(texts)) == len(texts), "what is said of two regions is one line"


def test_a_beginning_is_continued(speaker: Describer, look: Look) -> None:
    *_, (said, view) = describe.describe(speaker, look, "Grass")
    for line in view["descriptions"]:
        assert line["sentences"][0]["words"][0] == "grass"
    # One that cannot be continued is one sentence; what was said stays.
    *_, (after, view) = describe.describe(speaker, look, "a zebra", said)
    assert after is said
    assert view["message"] == (
        "The captioner of whole photos does not speak “a”, “zebra”; begin with other words."
    )
    assert not view["running"]
    assert view["descriptions"]


def test_nobody_works_after_a_stop(
    speaker: Describer, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core import describer as module

    searched = []
    search = module.search
    monkeypatch.setattr(module, "search", lambda *a: searched.append(len(a[1])) or search(*a))
    coming = describe.describe(speaker, look)
    next(coming), next(coming)
    coming.close()
    assert searched == [1], "only the whole photo was described"


def test_further_sentences_of_one_line(
    speaker: Describer, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, (said, view) = describe.describe(speaker, look)
    assert len(view["descriptions"]) >= 2
    place = [line["more"] for line in view["descriptions"]].index(True)
    region = view["descriptions"][place]["region"]
    monkeypatch.setattr(speaker, "describe", lambda *_: pytest.fail("they were found already"))
    after, view = describe.more(look, said, region)
    line = view["descriptions"].pop(place)
    assert 1 < len(line["sentences"]) <= describe.MORE
    assert not line["more"]
    assert {len(one["sentences"]) for one in view["descriptions"]} == {1}
    sure = [one["confidence"] for one in line["sentences"]]
    assert sure == sorted(sure, reverse=True)
    words = line["sentences"][1]["words"]
    assert describe.sentence_of(after, look, region, 1) == " ".join(words)


def test_what_a_forged_event_can_ask_for(speaker: Describer, look: Look) -> None:
    nothing = describe.Said()
    said, view = describe.more(look, nothing, 99)
    assert (said, view["message"]) == (nothing, "This region is not described.")
    assert describe.sentence_of(nothing, look, 0, 0) == ""
    assert describe.sentence_of(nothing, None, 0, 0) == ""
    [(_, view)] = describe.describe(speaker, None)
    assert view["message"] == "There is no photo yet."
    with pytest.raises(ValueError, match="region is 99; there are captioners for"):
        list(speaker.describe(look, regions=[99]))
    assert speaker.describable(replace(look, features=None)) == []


def test_without_captioners_there_is_nothing_to_describe(describer: Describer, look: Look) -> None:
    assert describer.describable(look) == []
    assert list(describer.describe(look)) == []


@pytest.fixture(scope="module")
def address(speaking: Path) -> Iterator[str]:
    with served("--checkpoint", str(speaking)) as found:
        yield found


def test_a_person_describes_a_photo(
    browser: Browser, address: str, speaking: Path, look: Look
) -> None:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(60_000)
    here = Visit(context.new_page(), address)
    page = here.page
    start = page.get_by_role("button", name="Describe")
    expect(start).to_be_hidden()  # nothing to describe yet
    here.upload("a.jpg", picture(200, 120))
    expect(start).to_be_visible(timeout=60_000)
    start.click()
    lines = page.locator(".descriptions .line")
    expect(page.locator(".descriptions .whole .line")).to_have_count(1, timeout=60_000)
    expect(start).to_be_enabled(timeout=60_000)
    assert 2 <= lines.count() <= len(look.boxes)

    # On the photo, at their boxes; both light together.
    captions = page.locator(".viewer .caption.roomy")
    expect(captions.first).to_be_visible()
    assert captions.count() <= 8
    region = captions.first.get_attribute("data-region")
    captions.first.hover()
    expect(page.locator(f".box[data-region='{region}']")).to_have_class(re.compile(r"\blit\b"))
    expect(page.locator(".descriptions .line.lit")).to_have_count(1)
    line = lines.nth(1)
    line.locator(".said").hover()
    expect(page.locator(".box.lit")).to_have_count(1)
    expect(page.locator(".viewer .caption.lit").first).to_be_visible()
    expect(line.get_by_role("meter")).to_have_attribute("aria-label", re.compile(r"\d+ %"))
    page.get_by_label("captions on the photo").uncheck()
    expect(page.locator(".viewer .caption")).to_have_count(0)
    page.get_by_label("captions on the photo").check()
    expect(captions.first).to_be_visible()

    further = page.get_by_role("button", name=re.compile("^More sentences")).first
    place = lines.evaluate_all("all => all.findIndex((one) => one.innerText.includes('more'))")
    line = lines.nth(place)
    further.click()
    expect(line.locator("p").nth(1)).to_be_visible(timeout=60_000)
    said = line.locator(".said").nth(1).inner_text().strip()
    line.get_by_role("button", name="Align").nth(1).click()
    expect(page.get_by_label("Sentence", exact=True)).to_have_value(said, timeout=60_000)
    expect(page.locator(".viewer .word:visible, .viewer .message:visible").first).to_be_visible(
        timeout=60_000
    )

    beginning = page.get_by_label("Words that the descriptions begin with")
    beginning.fill("zebra")
    beginning.press("Enter")
    expect(page.locator(".descriptions .note")).to_contain_text("does not speak “zebra”")
    beginning.fill("grass")
    beginning.press("Enter")
    first = page.locator(".descriptions .whole .said").first
    expect(first).to_have_text(re.compile(r"^\s*grass"), timeout=60_000)
    expect(start).to_be_enabled(timeout=60_000)

    here.upload("b.jpg", picture(120, 200))  # another photo: what was said of the first is gone
    expect(lines).to_have_count(0, timeout=60_000)
    assert page.locator(".descriptions img").count() == 0
    assert not here.errors
    context.close()
    assert load_checkpoint(speaking).captioners.keys() == {"image", "region"}
