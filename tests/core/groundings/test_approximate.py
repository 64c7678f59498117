"""faiss behind the same call: what it finds, how much of the exact answers, and doing without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.alignment.scoring import Scoring
from core.groundings.approximate import ApproximateOptions, ApproximateSearch, build, index_path
from core.groundings.reader import GroundingSet
from core.groundings.schema import GroundingError, PhotoRow, SentenceRow, WordRow
from core.groundings.writer import GroundingWriter
from tests.core.handmade import ABOUT

PHOTOS, REGIONS, DIMENSION = 200, 10, 8
OPTIONS = ApproximateOptions(candidates=100)
EQ8 = Scoring("max")


@pytest.fixture(scope="module")
def groundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GroundingSet]:
    """2,000 random regions, and a sentence of two random words for each photo."""
    generator = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("near") / "near.sqlite"
    about = {**ABOUT, "dimension": str(DIMENSION)}
    writer = GroundingWriter(path, about, PHOTOS * REGIONS, PHOTOS * 2)
    writer.regions[:] = generator.normal(size=writer.regions.shape)
    writer.words[:] = generator.normal(size=writer.words.shape)
    box = np.tile(np.array([0, 0, 1, 1], np.float32), (REGIONS, 1)).tobytes()
    ones = np.zeros(REGIONS, np.float32).tobytes()
    photos = [
        {"id": k, "name": f"{k}.png", "width": 9, "height": 9, "note": "", "regions": REGIONS}
        | {"first_region": k * REGIONS, "boxes": box, "objectness": ones, "prior": ones}
        for k in range(PHOTOS)
    ]
    sentences = [
        {"id": k, "photo_id": k, "text": "two words", "first_word": 2 * k, "words": 2}
        for k in range(PHOTOS)
    ]
    words = [
        {"sentence_id": k, "place": place, "text": text, "region": 0, "score": 0.0, "magnitude": 1}
        for k in range(PHOTOS)
        for place, text in enumerate(("two", "words"))
    ]
    writer.flush()
    writer.commit([(PhotoRow, photos), (SentenceRow, sentences), (WordRow, words)])
    writer.close()
    writer.complete()
    opened = GroundingSet(path)
    yield opened
    opened.close()


@pytest.mark.parametrize("scoring", [EQ8, Scoring("sum"), Scoring("sum", means=True)])
def test_looking_everywhere_is_the_exact_search(groundings: GroundingSet, scoring: Scoring) -> None:
    assert build(groundings, scoring, replace(OPTIONS, share=1.0, candidates=2000)) == {
        "regions": 1.0,
        "photos": 1.0,
    }
    words = np.array(groundings.words[:2], dtype=np.float32)
    exact = groundings.search(words, 7, scoring)
    near = ApproximateSearch(groundings).search(words, 7, scoring)
    for wanted, found in zip(exact, near, strict=True):
        assert found.rows.tolist() == wanted.rows.tolist()
        np.testing.assert_allclose(found.scores, wanted.scores, rtol=2e-3)


def test_its_recall_is_what_it_says(groundings: GroundingSet) -> None:
    said = build(groundings, EQ8, replace(OPTIONS, share=0.25, queries=20))
    search = ApproximateSearch(groundings)
    assert search.recall == said
    shares = []
    for photo in np.linspace(0, PHOTOS - 1, 20).astype(int):
        words = groundings.reading(int(photo)).vectors
        wanted, found = groundings.search(words, 24, EQ8)[0], search.search(words, 24, EQ8)[0]
        shares.append(len(set(wanted.rows) & set(found.rows)) / 24)
    assert said["regions"] == pytest.approx(np.mean(shares), abs=1e-4)
    assert 0.3 < said["regions"] < 1.0


def test_an_index_of_another_set_is_refused(groundings: GroundingSet) -> None:
    build(groundings, EQ8, OPTIONS)
    note = index_path(groundings.path).with_suffix(".faiss.json")
    kept = note.read_text()
    note.write_text(kept.replace(groundings.name, "0" * 16))
    with pytest.raises(GroundingError, match="belongs to another set"):
        ApproximateSearch(groundings)
    index_path(groundings.path).write_bytes(b"nothing")
    with pytest.raises(GroundingError, match="is no index"):
        ApproximateSearch(groundings)


def test_without_faiss_it_says_how_to_get_it(
    groundings: GroundingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(GroundingError, match="pip install faiss-cpu"):
        build(groundings, EQ8, OPTIONS)


def test_the_path_of_an_index() -> None:
    assert index_path(Path("a/b.sqlite")) == Path("a/b.faiss")
