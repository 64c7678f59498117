"""The shipped checkpoint does its job: on the example photos here, on Flickr8k where it is."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.checkpoints import BUNDLED, load_checkpoint
from core.describer import Describer
from core.results import align
from core.vision.images import read
from train import evaluate
from train.data import read_captions, read_phrases

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "demo" / "examples"
FLICKR8K = ROOT.parent / "shared" / "data" / "flickr8k"
EVERYDAY = ROOT.parent / "shared" / "data" / "everyday"

shared = [
    pytest.mark.shared,
    pytest.mark.skipif(not FLICKR8K.is_dir(), reason="../shared is not here"),
]


@pytest.fixture(scope="module")
def describer() -> Describer:
    return Describer.load()


def test_it_is_small() -> None:
    size = {path.stem: path.stat().st_size for path in BUNDLED.iterdir() if path.suffix != ".md"}
    assert sum(size.values()) <= 60e6
    table = sum(path.stat().st_size for path in BUNDLED.iterdir() if path.stem == "word_table")
    assert 0 < table <= 5e6
    assert {"captioner_image", "captioner_region"} <= size.keys()


def test_any_word_is_read(describer: Describer) -> None:
    """Words that training never saw say through which known ones they are read; a word of no table
    stays unknown."""
    vocabulary = describer.checkpoint.vocabulary
    assert len(vocabulary.words) + len(vocabulary.others) >= 40_000
    reading = describer.read("a walrus beside an armadillo xqzzy")
    by_word = dict(zip([word.text for word in reading.words], reading.read_as, strict=True))
    assert by_word["beside"] == ()
    assert reading.known.tolist() == [True, True, True, True, True, False]
    for word in ("walrus", "armadillo"):
        assert len(by_word[word]) == 3
        assert set(by_word[word]) <= set(vocabulary.words)
    # plurals, other spellings and digits that no training sentence held are in the table
    assert describer.read("giraffes and colourful tomatoes").known.all()


def test_examples_find_their_own_sentences(describer: Describer) -> None:
    """Each example's sentences against all photos: the own one first far more often than chance."""
    examples = json.loads((EXAMPLES / "examples.json").read_text("utf-8"))
    looks = [describer.look(read(EXAMPLES / example["file"])) for example in examples]
    found = []
    for own, example in enumerate(examples):
        for sentence in example["sentences"]:
            reading = describer.read(sentence)
            totals = [
                align(look, reading).scores[reading.known].max(axis=1).mean() for look in looks
            ]
            found.append(int(np.argmax(totals)) == own)
    assert len(found) >= 18
    assert np.mean(found) >= 0.6  # chance is 1 in 9


def test_beta_goes_from_words_to_one_segment(describer: Describer) -> None:
    look = describer.look(read(EXAMPLES / "astronaut.jpg"))
    alignment = align(
        look, describer.read("a woman with short hair sits in front of an american flag")
    )
    counts = [
        len(alignment.at(share * alignment.merging_beta).segments) for share in (0, 0.3, 0.6, 1)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] >= 2
    assert counts[-1] == 1


class TestFlickr8k:
    """The figures of the model card, on parts of the data (the whole takes minutes)."""

    pytestmark = shared

    def test_ranking_stays_above_the_paper(self, tmp_path: Path) -> None:
        names = (FLICKR8K / "splits" / "test.txt").read_text().split()[:200]
        lines = (FLICKR8K / "captions.token.txt").read_text("utf-8").splitlines()
        kept = {name: n for n, name in enumerate(names)}
        annotations = [
            {"image_id": kept[key.partition("#")[0]], "caption": sentence}
            for key, _, sentence in (line.partition("\t") for line in lines)
            if key.partition("#")[0] in kept
        ]
        photos = [{"id": n, "file_name": name} for name, n in kept.items()]
        captions = tmp_path / "part.json"
        captions.write_text(json.dumps({"images": photos, "annotations": annotations}))
        said = read_captions(None, "test", FLICKR8K / "images", captions)
        figures = evaluate.evaluate_rank(load_checkpoint(), said)
        assert (figures["images"], figures["sentences"]) == (200, 1000)
        # Among 200 photos, not 1,000, the paper's model would stand near 80 and 75.
        assert figures["annotation"]["r10"] >= 85
        assert figures["search"]["r10"] >= 80

    def test_grounding_on_dev_phrases(self) -> None:
        photos = read_phrases(FLICKR8K / "entities_dev.json", "exact")
        checkpoint = load_checkpoint()
        regions = list(evaluate.phrase_regions(checkpoint, FLICKR8K / "images", photos))
        figures = evaluate.evaluate_ground(checkpoint, regions)
        assert figures["recall_at_1"] >= 38
        assert figures[f"recall_at_{checkpoint.encoder.regions}_any_box"] >= 75
        assert figures["pointing"] >= 60


@pytest.mark.shared
@pytest.mark.skipif(not EVERYDAY.is_dir(), reason="../shared is not here")
def test_everyday_things_are_found_by_name() -> None:
    figures = evaluate.named_objects(
        load_checkpoint(), EVERYDAY / "images", EVERYDAY / "instances.json"
    )
    assert figures["names_known"] == 100
    assert figures["any_region"] >= 70
    assert figures["recall_at_1"] >= 44
    assert figures["large"]["centre"] >= 82
