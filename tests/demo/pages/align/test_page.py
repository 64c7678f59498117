"""The Align page's handlers, without a browser, and its endpoint, through Gradio's own client."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from core.alignment.score_maps import GRID
from core.describer import Describer
from core.results import Look, align
from core.vision.images import decode
from demo.pages.align import page as align_page
from demo.pages.align.page import AlignService, AlignState
from demo.viewer.viewer import maps_view, slider_scale
from tests.demo.visit import picture


@pytest.fixture(scope="module")
def jobs(describer: Describer) -> AlignService:
    return AlignService(describer)


@pytest.fixture(scope="module")
def state(jobs: AlignService) -> AlignState:
    """A photo with a region made for each word, so that words disagree about regions."""
    sentence = "a dog runs on the brown grass"
    words = jobs.describer.read(sentence).vectors
    ones = np.ones(len(words), dtype=np.float32)
    boxes = np.outer(1 / (1 + np.arange(len(words))), [0, 0, 1, 1]).astype(np.float32)
    state, _ = jobs.align(
        sentence, AlignState(Look(200, 120, boxes, ones, words - words.mean(axis=0)))
    )
    assert state.alignment is not None
    assert len(state.alignment.segments) > 1
    return state


def test_a_photo_alone_shows_its_regions(jobs: AlignService, jpeg: bytes) -> None:
    state, update = jobs.take(jpeg, "  ", AlignState())
    assert state.look is not None
    assert state.alignment is None
    photo = update["photo"]
    assert (photo["width"], photo["height"]) == (200, 120)
    assert photo["boxes"][0] == [0, 0, 200, 120]
    assert photo["src"].startswith("data:image/jpeg;base64,")
    assert update["value"] == {"alignment": None, "message": ""}


def test_a_photo_meets_the_sentence_that_is_there(jobs: AlignService, jpeg: bytes) -> None:
    state, update = jobs.take(jpeg, "a dog runs", AlignState())
    assert state.alignment is not None
    assert update["value"]["alignment"] == state.alignment.as_dict()


def test_a_new_sentence_does_not_look_again(
    jobs: AlignService, state: AlignState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.describer, "look", lambda photo: pytest.fail("looked again"))
    after, view = jobs.align("a cat in the grass", state)
    assert after.look is state.look
    assert view["alignment"]["sentence"] == "a cat in the grass"


def test_a_new_beta_runs_no_network(
    jobs: AlignService, state: AlignState, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert state.alignment is not None
    with monkeypatch.context() as patched:
        for network in ("look", "read"):
            patched.setattr(jobs.describer, network, lambda _: pytest.fail("ran a network"))
        right_end = slider_scale(state.alignment.merging_beta)["max"]
        after, view = jobs.slide(right_end, state)
    assert len(view["alignment"]["segments"]) == 1
    assert view["alignment"]["beta"] == right_end
    # It stays for the next sentence, up to that one's right end.
    after, view = jobs.align("a dog on red grass", after)
    assert after.beta == right_end
    assert 0 < view["alignment"]["beta"] <= view["slider"]["max"]
    # The default is each sentence's own, and stays so until another beta is asked for.
    after, view = jobs.slide(None, after)
    assert after.beta is None
    assert view["alignment"]["beta"] == view["alignment"]["default_beta"] > 0
    for sentence in ("a dog on red grass runs", "a man on grass"):
        after, view = jobs.align(sentence, after)
        assert view["alignment"]["beta"] == view["alignment"]["default_beta"]
    after, view = jobs.slide(0.0, after)
    assert (after.beta, view["alignment"]["beta"]) == (0.0, 0.0)


def test_what_was_there_stays_when_something_is_wrong(
    jobs: AlignService, state: AlignState, jpeg: bytes
) -> None:
    kept, update = jobs.take(jpeg[:900], "a dog", state)
    assert kept is state
    assert "photo" not in update
    assert "damaged" in update["value"]["message"]
    kept, view = jobs.align("zzyzx", state)
    assert kept is state
    assert state.alignment is not None
    assert view["alignment"] == state.alignment.as_dict()
    assert "none of these words" in view["message"]


def test_each_bad_input_has_its_sentence(jobs: AlignService, jpeg: bytes) -> None:
    assert jobs.align("a dog", AlignState())[1]["message"] == align_page.NO_PHOTO
    assert jobs.take(None, "a dog", AlignState())[1]["value"]["message"] == align_page.NO_PHOTO
    assert jobs.slide(0.5, AlignState())[1]["message"] == align_page.NO_PHOTO
    for photo, sentence, beta, said in (
        (None, "a dog", 0.0, "no photo"),
        (b"", "a dog", 0.0, "is empty"),
        (jpeg, "", 0.0, "no words"),
        (jpeg, None, 0.0, "no words"),
        (jpeg, "a dog", -1.0, "from 0 upwards"),
        (jpeg, "a dog", float("nan"), "from 0 upwards"),
        (jpeg, "a dog", float("inf"), "from 0 upwards"),
    ):
        with pytest.raises(gr.Error, match=said):
            jobs.api(photo, sentence, beta)


def test_maps_come_with_the_sentence_from_the_one_look(
    jobs: AlignService, jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, update = jobs.take(jpeg, "", AlignState())
    assert update["maps"] is None
    assert state.look is not None
    assert state.look.seen is not None
    monkeypatch.setattr(jobs.describer, "look", lambda photo: pytest.fail("looked again"))
    state, _ = jobs.align("a zzyzx dog", state)
    assert state.look is not None
    assert state.look.seen is None, "megabytes of maps stay with a visitor"
    assert state.maps is not None
    assert (state.maps["rows"], state.maps["columns"]) == (GRID, GRID)
    assert [word is None for word in state.maps["words"]] == [False, True, False]
    monkeypatch.setattr(jobs.describer, "windows", lambda *_: pytest.fail("asked again"))
    after, _ = jobs.align("a dog", state)
    assert after.maps is not None
    assert len(after.maps["words"]) == 2


def test_a_byte_for_each_point() -> None:
    maps = np.array([[[0.0, 0.51], [0.2, 0.1]], [[3.0, 3.0], [3.0, 3.0]], [[9, 9], [9, 9]]])
    view = maps_view(maps, np.array([True, True, False]), windows=False)
    assert (view["rows"], view["columns"], view["windows"]) == (2, 2, False)
    first, flat, unknown = view["words"]
    assert (first["low"], first["high"]) == (0.0, 0.51)
    # 255 steps of 0.002: 0, 255, 100, 50
    assert base64.b64decode(first["levels"]) == bytes([0, 255, 100, 50])
    assert base64.b64decode(flat["levels"]) == bytes(4)
    assert unknown is None


def test_a_grid_of_scores_for_programs(jobs: AlignService, jpeg: bytes) -> None:
    answer = jobs.api(jpeg, "a zzyzx dog", 0.0, 3)
    first, unknown, last = answer["maps"]
    assert unknown is None
    assert np.shape(first) == np.shape(last) == (3, 3)
    assert "maps" not in jobs.api(jpeg, "a dog", 0.0, 0)
    for grid in (-1, 2.5, 33, float("nan")):
        with pytest.raises(gr.Error, match="expected a whole number from 0 to 32"):
            jobs.api(jpeg, "a dog", 0.0, grid)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_the_smallest_photos(jobs: AlignService, size: tuple[int, int]) -> None:
    answer = jobs.api(picture(*size, "PNG"), "a dog runs", None)
    assert answer["photo"] == {"width": size[0], "height": size[1]}


@pytest.mark.parametrize("merging", [1e-6, 0.00123, 0.0999, 0.31, 0.9999, 1.0, 9.995, 57.3, 1234.5])
def test_the_sliders_right_end_merges(merging: float) -> None:
    scale = slider_scale(merging)
    assert merging <= scale["max"] <= merging * 1.02
    steps = scale["max"] / scale["step"]
    assert 99 <= steps <= 1001
    assert steps == pytest.approx(round(steps))


def test_one_word_leaves_nothing_to_slide() -> None:
    assert slider_scale(0.0) == {"max": 0.0, "step": 0.0}


def test_the_endpoint(server: str, describer: Describer, jpeg: bytes, tmp_path: Path) -> None:
    client = Client(server, verbose=False)
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert "/align" in endpoints
    parameters = endpoints["/align"]["parameters"]
    assert [p["parameter_name"] for p in parameters] == ["photo", "sentence", "beta", "grid"]
    assert "regions of a photo" in endpoints["/align"]["description"]

    photo = tmp_path / "photo.jpg"
    photo.write_bytes(jpeg)
    sentence = "a dog runs on the grass"
    alone = client.predict(handle_file(photo), sentence, 0.0, api_name="/align")
    assert alone["beta"] == 0
    answer = client.predict(handle_file(photo), sentence, None, api_name="/align")
    again = client.predict(photo=handle_file(photo), sentence=sentence, api_name="/align")
    assert answer == again  # beta may be left out: then the sentence's default counts
    assert answer["beta"] == answer["default_beta"] == alone["default_beta"]
    assert answer["photo"] == {"width": 200, "height": 120}
    assert [word["word"] for word in answer["words"]] == sentence.split()
    shape = align(describer.look(decode(jpeg)), describer.read(sentence)).as_dict()
    assert answer.keys() == shape.keys()

    (tmp_path / "broken.jpg").write_bytes(jpeg[:500])
    for file, text, said in (
        (handle_file(photo), "", "The sentence has no words"),
        (handle_file(photo), "zzyzx", "knows none of these words"),
        (handle_file(photo), "a dog " * 1000, "characters; at most"),
        (handle_file(tmp_path / "broken.jpg"), "a dog", "damaged or cut short"),
        (None, "a dog", "There is no photo"),
    ):
        with pytest.raises(AppError) as refused:
            client.predict(file, text, 0.0, api_name="/align")
        assert said in str(refused.value)
        assert "Traceback" not in json.dumps(str(refused.value))
    client.close()
