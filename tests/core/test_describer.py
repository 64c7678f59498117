"""look, read, align: the one path of data, on a tiny random model."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.alignment import chain
from core.captioning.beam import Decoding, search
from core.captioning.captioner import Captioner, TrainedCaptioner
from core.captioning.recurrences import CaptionerConfig
from core.checkpoints import load_checkpoint
from core.describer import Describer, SentenceError
from core.language.vocabulary import Vocabulary, Word, words_of
from core.results import NO_REGION, Look, Reading, align, maps_of, word_scores
from core.vision.images import DecodedPhoto


@pytest.fixture(scope="module")
def describer(random_checkpoint: Path) -> Describer:
    return Describer.load(random_checkpoint)


@pytest.fixture
def look(describer: Describer, photo_pixels: np.ndarray) -> Look:
    return describer.look(DecodedPhoto(photo_pixels))


def by_hand() -> tuple[Look, Reading]:
    """Three words, the middle one unknown; region 1 is the left half of a 200 x 100 photo."""
    look = Look(
        200, 100, np.array([[0, 0, 1, 1], [0, 0, 0.5, 1]], dtype=np.float32),
        np.array([1, 0.5], dtype=np.float32), np.array([[1.0, 0.0], [0.0, 1.0]]),
    )  # fmt: skip
    words = (Word("dog", 0, 3), Word("xyzzy", 4, 9), Word("grass", 10, 15))
    vectors = np.array([[0.2, 0.9], [5.0, 5.0], [0.5, 0.3]])
    return look, Reading("dog xyzzy grass", words, np.array([True, False, True]), vectors)


def test_maps_of_words(describer: Describer, photo_pixels: np.ndarray, look: Look) -> None:
    """Of the pass that was made; an unknown word has none; without the pass, the regions' half."""
    windows = describer.windows(look, 4, 5)
    assert windows is not None
    assert windows.vectors.shape == (20, look.vectors.shape[1])
    reading = describer.read(f"zzyzx {describer.checkpoint.vocabulary.words[0]}")
    maps = maps_of(look, reading, windows)
    assert maps.shape == (2, 4, 5)
    assert (maps[0] == 0).all()
    regions = word_scores(look, reading)[1]
    assert (
        maps[1].max() <= (regions.max() + (windows.vectors @ reading.vectors[1]).max()) / 2 + 1e-6
    )
    forgotten = replace(look, seen=None)
    assert describer.windows(forgotten) is None
    assert set(maps_of(forgotten, reading)[1].ravel()) <= set(regions.astype(np.float32))


def test_alignment_by_hand() -> None:
    look, reading = by_hand()
    alone = align(look, reading)
    assert alone.regions.tolist() == [1, NO_REGION, 0]
    assert [(s.first, s.last, s.words, s.region) for s in alone.segments] == [
        (0, 0, "dog", 1), (2, 2, "grass", 0),
    ]  # fmt: skip
    # one region for both: 0.9 + 0.3 = 1.2 beats 0.2 + 0.5; apart they score 0.9 + 0.5 = 1.4,
    # so a bonus of 0.2 merges them, over the unknown word
    assert alone.merging_beta == pytest.approx(0.2, rel=2e-3)
    merged = alone.at(0.21)
    [segment] = merged.segments
    assert (segment.first, segment.last, segment.words) == (0, 2, "dog xyzzy grass")
    assert segment.score == pytest.approx(1.2)
    assert merged.boxes[segment.region].tolist() == [0, 0, 100, 100]
    assert merged.scores is alone.scores, "another beta must not score again"


def test_function_words_follow_and_found_no_segment() -> None:
    """The first word scores best with region 0, and goes with the dog; the last two go back."""
    look, _ = by_hand()
    sentence = "The dog's grass on it"
    words = tuple(words_of(sentence))
    scores = {"the": [0.9, 0.1], "dogs": [0.2, 0.9], "grass": [0.5, 0.3], "on": [0.1, 0.4],
              "it": [0.0, 0.6]}  # fmt: skip
    vectors = np.array([scores[word.text] for word in words])
    reading = Reading(sentence, words, np.ones(5, dtype=bool), vectors)
    found = align(look, reading, 0.0)
    assert found.regions.tolist() == [1, 1, 0, 0, 0]
    assert found.scores.tolist() == vectors.tolist(), "they keep their rows of scores"
    # A segment's score has its function words' too: 0.1 + 0.9 and 0.5 + 0.1 + 0.0.
    assert [(s.words, s.score) for s in found.segments] == [
        ("The dog's", pytest.approx(1.0)), ("grass on it", pytest.approx(0.6)),
    ]  # fmt: skip
    # Only the words that choose say when one region takes all: 0.9 + 0.3 against 0.9 + 0.5.
    assert found.merging_beta == pytest.approx(0.2, rel=2e-3)


def test_words_choose_among_regions_that_are_shown() -> None:
    """Region 2 is a near copy of region 1: "dog" likes it best, and gets what is shown for it."""
    look = Look(
        200, 100,
        np.array([[0, 0, 1, 1], [0, 0, 0.5, 1], [0, 0, 0.6, 1]], dtype=np.float32),
        np.array([1, 0.9, 0.5], dtype=np.float32), np.eye(3), copies=np.array([0, 1, 1]),
    )  # fmt: skip
    reading = Reading("dog", (Word("dog", 0, 3),), np.array([True]), np.array([[0.1, 0.5, 0.8]]))
    found = align(look, reading)
    assert found.regions.tolist() == [1]
    assert found.shown.tolist() == [0, 1]
    assert found.scores.tolist() == [[0.1, 0.5, 0.8]], "all regions keep their scores"
    assert [region["copy_of"] for region in found.as_dict()["regions"]] == [None, None, 1]
    assert align(replace(look, copies=None), reading).regions.tolist() == [2]


def test_json_has_pixels_and_no_guess_for_unknown_words() -> None:
    alignment = align(*by_hand())
    data = json.loads(json.dumps(alignment.as_dict(), allow_nan=False))
    assert data["words"][1] == {
        "word": "xyzzy", "start": 4, "end": 9, "known": False, "region": None, "score": None,
        "read_as": [], "confidence": None, "seen": None,
    }  # fmt: skip
    assert data["scores"][1] is None
    # 0.05 of the beta that merges both words, 0.2 (see above)
    assert data["default_beta"] == data["beta"] == pytest.approx(0.01, rel=2e-3)
    assert [region["copy_of"] for region in data["regions"]] == [None, None]
    assert data["segments"][0]["box"] == [0, 0, 100, 100]
    assert data["photo"] == {"width": 200, "height": 100}


def test_the_whole_path(describer: Describer, look: Look) -> None:
    alignment = align(look, describer.read("A dog runs, on grass!"), beta=0.0)
    assert alignment.scores.shape == (5, len(look.boxes))
    assert np.abs(alignment.scores).max() <= 1 + 1e-5  # cosines
    # "dog", "runs" and "grass" choose among the regions that are shown; "A" and "on" follow.
    best = alignment.shown[alignment.scores[:, alignment.shown].argmax(axis=1)]
    assert alignment.regions.tolist() == best[[1, 1, 2, 4, 4]].tolist()
    assert (alignment.boxes <= [90, 60, 90, 60]).all()
    assert alignment.boxes[0].tolist() == [0, 0, 90, 60]
    end = alignment.at(alignment.merging_beta)
    assert len(end.segments) == 1
    votes = alignment.scores[np.ix_([1, 2, 4], alignment.shown)]
    assert end.merging_beta == chain.merging_beta(votes)
    assert end.regions.tolist() == [alignment.shown[votes.sum(axis=0).argmax()]] * 5
    begun = align(look, describer.read("A dog runs, on grass!"))
    assert begun.beta == begun.default_beta == 0.05 * begun.merging_beta
    assert alignment.at(None).segments == begun.segments


def test_words_keep_their_case_and_place(describer: Describer) -> None:
    reading = describer.read("  A DOG, zebra")
    assert [word.text for word in reading.words] == ["a", "dog", "zebra"]
    assert reading.sentence[reading.words[1].start : reading.words[1].end] == "DOG"
    assert reading.known.tolist() == [True, True, False]


def test_reading_alone_equals_reading_again(describer: Describer) -> None:
    first, second = describer.read("a man on grass"), describer.read("a man on grass")
    assert first.vectors.tolist() == second.vectors.tolist()


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("", "has no words"),
        (" .,! ", "has no words"),
        ("zebra xyzzy", "knows none of these words: “zebra”, “xyzzy”; it learnt 8 words"),
        ("dog " * 2000, "8,000 characters"),
        ("a " * 2000, r"2,000 words; at most 100"),
        ("z" * 3999, "knows none of these words: “z{30}”"),
    ],
)
def test_bad_sentences_get_one_sentence(describer: Describer, sentence: str, message: str) -> None:
    with pytest.raises(SentenceError, match=message) as caught:
        describer.read(sentence)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_describing_is_the_captioners_search(
    random_checkpoint: Path, photo_pixels: np.ndarray
) -> None:
    torch.manual_seed(4)
    words = ("dog", "كلب", "कुत्ता")
    captioners = {}
    for level, context in (("image", "mean"), ("region", "whole")):
        config = CaptionerConfig(608, 4, context=context, word_dimension=5, hidden_dimension=6)  # type: ignore[arg-type]
        captioners[level] = TrainedCaptioner(Captioner(config).eval(), Vocabulary(words))
    checkpoint = replace(load_checkpoint(random_checkpoint), captioners=captioners)
    describer = Describer(checkpoint)
    look = describer.look(DecodedPhoto(photo_pixels))
    count = len(look.boxes)
    assert describer.describable(look) == list(range(count))
    found = list(describer.describe(look, Decoding(beam=3, best=2), at_once=4))
    assert [one.region for one in found] == list(range(count))
    assert look.features is not None
    features = torch.from_numpy(look.features)
    whole = torch.cat((features[:1], features.mean(dim=0, keepdim=True)), dim=1)
    rest = torch.cat((features[1:], features[:1].expand(count - 1, -1)), dim=1)
    decoding = Decoding(beam=3, best=2)
    wanted = search(captioners["image"].model, whole, decoding)
    wanted += search(captioners["region"].model, rest, decoding)
    for one, captions in zip(found, wanted, strict=True):
        for spoken, caption in zip(one.sentences, captions, strict=True):
            assert spoken.text == " ".join(words[word - 1] for word in caption.words)
            assert spoken.log_probability == pytest.approx(caption.log_probability, abs=1e-3)
    [alone] = describer.describe(look, decoding, regions=[2])
    assert (alone.region, alone.sentences[0].words) == (2, found[2].sentences[0].words)
    for one in describer.describe(look, decoding, beginning="Dog, كلب"):
        assert all(spoken.words[:2] == ("dog", "كلب") for spoken in one.sentences)
    for beginning, message in (
        ("dog zebra zebra", "The captioner of whole photos does not speak “zebra”; begin with"),
        ("dog " * 21, "The beginning has 21 words; a description has at most 20."),
    ):
        with pytest.raises(SentenceError, match=message):
            list(describer.describe(look, decoding, beginning=beginning))


def test_a_look_without_features_or_captioners_cannot_be_described(
    describer: Describer, look: Look
) -> None:
    assert describer.describable(look) == []
    with pytest.raises(ValueError, match=r"region is 0; there are captioners for \[\]"):
        list(describer.describe(look, regions=[0]))


def test_a_word_is_read_through_its_other_form(describer: Describer) -> None:
    """The model knows "dog" and "ball", and neither "dogs" nor "balls"."""
    reading = describer.read("dogs and a ball")
    plain = describer.read("dog and a ball")
    assert reading.read_as[0] == ("dog",)
    assert plain.read_as[0] == ()
    assert reading.known.tolist() == plain.known.tolist()
    assert reading.vectors.tolist() == plain.vectors.tolist()


def test_a_word_read_through_others_names_them() -> None:
    look, reading = by_hand()
    through = replace(reading, read_as=((), (), ("lawn", "field")))
    words = align(look, through).as_dict()["words"]
    assert [word["read_as"] for word in words] == [[], [], ["lawn", "field"]]
    assert align(look, through).at(0.5).read_as == through.read_as
