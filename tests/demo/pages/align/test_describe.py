"""Describing: handlers without a browser, then a person who describes, stops, asks and aligns."""

from __future__ import annotations

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
        for best, said in ((9, "best is 9; expected 1 to beam, which is 7"), (1.5, "best is 1.5")):
            with pytest.raises(AppError, match=said):
                client.predict(handle_file(photo), best=best, api_name="/describe")
    assert answer["regions"][0]["box"] == [0, 0, 200, 120]
    for place, one in enumerate(answer["regions"]):
        assert one["region"] == place
        first, second = one["sentences"]
        assert first["text"] == " ".join(first["words"])
        assert first["log_probability"] >= second["log_probability"]


@pytest.fixture(scope="module")
def look(speaker: Describer) -> Look:
    return speaker.look(decode(picture(200, 120)))


def test_the_photo_comes_first_then_every_region(speaker: Describer, look: Look) -> None:
    steps = list(describe.describe(speaker, look))
    assert [len(said) for said, _ in steps] == [*range(len(look.boxes) + 1), len(look.boxes)]
    assert [view["running"] for _, view in steps] == [True] * (len(look.boxes) + 1) + [False]
    last = steps[-1][1]["descriptions"]
    assert [one["region"] for one in last] == list(range(len(look.boxes)))
    for one in last:
        [sentence] = one["sentences"]
        assert len(sentence["log_probabilities"]) == len(sentence["words"]) + 1
        assert sentence["log_probability"] == pytest.approx(sum(sentence["log_probabilities"]))


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


def test_further_sentences_of_one_region(speaker: Describer, look: Look) -> None:
    *_, (said, _) = describe.describe(speaker, look)
    after, view = describe.more(speaker, look, said, 1)
    assert [len(one.sentences) for one in after[:3]] == [1, describe.BEST, 1]
    assert after[1].sentences[0].words == said[1].sentences[0].words
    ranked = [one.log_probability for one in after[1].sentences]
    assert ranked == sorted(ranked, reverse=True)
    assert describe.sentence_of(after, 1, 3) == after[1].sentences[3].text
    assert len(view["descriptions"]) == len(look.boxes)


def test_what_a_forged_event_can_ask_for(speaker: Describer, look: Look) -> None:
    said, view = describe.more(speaker, look, (), 99)
    assert (said, view["message"]) == ((), "This region is not described.")
    assert describe.sentence_of((), 0, 0) == ""
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
    lines = page.locator(".descriptions li")
    expect(lines).to_have_count(len(look.boxes), timeout=60_000)
    expect(start).to_be_enabled(timeout=60_000)

    lines.nth(1).hover()
    expect(page.locator(".box.lit")).to_have_count(1)
    lines.nth(1).get_by_role("button", name="More").click()
    expect(lines.nth(1).locator("p")).to_have_count(describe.BEST, timeout=60_000)
    said = lines.nth(1).locator(".said").nth(2).inner_text().strip()
    assert float(lines.nth(1).locator(".likely").nth(2).inner_text()) < 0
    lines.nth(1).get_by_role("button", name="Align").nth(2).click()
    expect(page.get_by_label("Sentence", exact=True)).to_have_value(said, timeout=60_000)
    expect(page.locator(".viewer .word:visible, .viewer .message:visible").first).to_be_visible(
        timeout=60_000
    )

    here.upload("b.jpg", picture(120, 200))  # another photo: what was said of the first is gone
    expect(lines).to_have_count(0, timeout=60_000)
    assert page.locator(".descriptions img").count() == 0
    assert not here.errors
    context.close()
    assert load_checkpoint(speaking).captioners.keys() == {"image", "region"}
