"""Grounding sets: written row by row, read back, listed, searched and counted."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from core.alignment.scoring import Scoring
from core.groundings import reader, schema
from core.groundings.analysis import analyse
from core.groundings.export import Export
from core.groundings.listing import ORDERS, Listing
from core.groundings.reader import KEPT_ORDERS, GroundingSet
from core.groundings.schema import GroundingError, PhotoRow, arrays_of, engine_for
from core.groundings.writer import GroundingWriter
from core.results import align, locate
from tests.core.handmade import ABOUT, RANKS, handmade


@pytest.fixture(scope="module")
def groundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GroundingSet]:
    opened = GroundingSet(handmade(tmp_path_factory.mktemp("hand")))
    yield opened
    opened.close()


def listed(groundings: GroundingSet, **asked: Any) -> list[int]:
    return groundings.ordered(Listing(**asked)).tolist()


def test_photos_without_a_value_come_last_in_every_order(groundings: GroundingSet) -> None:
    assert listed(groundings) == [0, 1, 2, 3, 4]
    assert listed(groundings, order="rank-worst") == [2, 0, 1, 4, 3]
    assert listed(groundings, order="rank-best") == [1, 4, 0, 2, 3]
    assert listed(groundings, order="score-lowest") == [2, 0, 4, 1, 3]
    assert listed(groundings, order="score-highest") == [1, 4, 0, 2, 3]
    assert listed(groundings, order="iou-lowest") == [2, 0, 4, 1, 3]
    assert listed(groundings, order="iou-highest") == [4, 0, 2, 1, 3]


def test_filters(groundings: GroundingSet) -> None:
    assert listed(groundings, words="dog") == [0, 1, 4]
    assert listed(groundings, words="DOG, red!") == [0]
    assert listed(groundings, words="zzz") == [4]  # unknown to the model, yet in the sentence
    assert listed(groundings, words="cat") == []
    assert listed(groundings, rank_from=2) == [0, 2]
    assert listed(groundings, rank_from=1, rank_to=3) == [0, 1, 4]
    assert listed(groundings, kind="animals") == [0, 4]
    assert listed(groundings, iou_from=0.5) == [0, 4]
    assert listed(groundings, iou_to=0.5) == [2]
    assert listed(groundings, kind="animals", score_from=3) == [4]
    assert listed(groundings, area_from=0.3) == []
    with pytest.raises(GroundingError, match="kind is 'nonsense'; expected one of animals, "):
        listed(groundings, kind="nonsense")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"order": "x'; DROP TABLE photo"}, "order is 'x'; DROP TABLE photo'; expected one of"),
        ({"rank_from": 2**40}, "rank_from is 1099511627776; expected a rank"),
        ({"words": "a b c d e f g h i"}, "At most 8 words"),
        ({"words": "a" * 201}, "have 201 letters; expected at most 200"),
    ],
)
def test_a_bad_listing_is_told(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(GroundingError, match=said.replace("(", r"\(")):
        Listing(**asked)


def test_a_listing_says_what_differs() -> None:
    listing = Listing("rank-worst", words="dog", rank_to=5)
    assert listing.as_dict() == {"order": "rank-worst", "words": "dog", "rank_to": 5}
    assert Listing(**listing.as_dict()) == listing


def test_orders_are_kept_but_not_for_ever(groundings: GroundingSet) -> None:
    first = groundings.ordered(Listing())
    assert groundings.ordered(Listing()) is first
    for rank in range(1, KEPT_ORDERS + 2):
        groundings.ordered(Listing(rank_from=rank))
    assert groundings.ordered(Listing()) is not first
    assert set(ORDERS) >= {"set"}


def test_an_opened_photo(groundings: GroundingSet) -> None:
    opened = groundings.open(1)
    assert (opened.card.name, opened.card.rank) == ("p1.png", 1)
    assert opened.look.vectors.tolist() == [[1, 0], [1, 1]]
    assert opened.look.boxes.tolist() == [[0, 0, 1, 1], [0, 0, 0.5, 0.5]]
    assert [c.text for c in opened.own] == ["big dog ."]
    assert [(c.own, c.retrieved) for c in opened.retrieved] == [(True, True)]
    assert opened.phrases == ()
    [phrase] = groundings.open(2).phrases
    assert phrase.boxes.tolist() == [[0, 0, 20, 10]]  # of 40 x 20 pixels
    assert groundings.id_of("p3.png") == 3
    assert groundings.id_of("p3.PNG") is None
    assert groundings.found_photos(1) == [(1, 2.0)]
    with pytest.raises(GroundingError, match="no photo 99"):
        groundings.open(99)


def test_what_is_read_aligns_as_if_it_had_just_been_read(groundings: GroundingSet) -> None:
    reading, look = groundings.reading(3), groundings.look(4)
    assert [word.text for word in reading.words] == ["zzz", "dog"]
    assert reading.known.tolist() == [False, True]
    aligned = align(look, reading)
    assert aligned.scores.tolist() == [[0], [4]]  # (1, 1) . (4, 0)
    with pytest.raises(GroundingError, match="no sentence 4"):
        groundings.reading(4)


@pytest.mark.parametrize("beta", [0.0, 0.4, 5.0])
def test_places_are_those_of_align(groundings: GroundingSet, beta: float) -> None:
    look = groundings.look(3)
    for sentence in range(4):
        reading = groundings.reading(sentence)
        aligned = align(look, reading, beta)
        assert locate(look, reading, beta).regions.tolist() == aligned.regions.tolist()
        assert locate(look, reading, beta).segments == aligned.segments


def test_searches_are_exact(groundings: GroundingSet) -> None:
    words = np.array([[1, 0.25], [0, 0.25]])
    # sum_t v . s_t = x + y / 2 for v = (x, y)
    found, photos = groundings.search(words, 3, Scoring())
    places = groundings.place(found.rows)
    assert [(p.photo.id, p.region) for p in places] == [(4, 0), (3, 1), (3, 0)]
    assert found.scores.tolist() == [4.0, 3.5, 3.0]
    assert places[1].box == (0, 0, 20, 10)
    # each word takes its best region: photo 3 gives 3.25 and 0.25
    assert photos.rows.tolist() == [4, 3, 2]
    assert photos.scores.tolist() == [4.0, 3.5, 2.0]
    everything, all_photos = groundings.search(words, 100, Scoring())
    assert (len(everything), len(all_photos)) == (7, 5)


def test_counts(groundings: GroundingSet) -> None:
    found = analyse(groundings)
    assert (found.photos, found.sentences, found.phrases) == (5, 4, 3)
    assert found.recall == {"r1": 2 / 4, "r5": 3 / 4, "r10": 1.0, "phrases": 2 / 3}
    assert [bar.count for bar in found.ranks] == [2, 1, 1, 0, 0, 0, 0]
    assert {bar.name: bar.share for bar in found.kinds} == {"animals": 1.0, "other": 0.0}
    assert [bar.count for bar in found.sizes] == [0, 0, 0, 3, 0]
    assert {word.text: word.count for word in found.words} == {
        "dog": 3,
        "red": 2,
        "ball": 1,
        "big": 1,
    }
    assert sum(map(sum, found.cells)) == 3
    # Each bar's listing finds as many photos as the bar counts (here: one phrase a photo).
    for bar in (*found.ranks, *found.kinds, *found.sizes):
        assert len(groundings.ordered(Listing(**bar.listing))) == bar.count, bar


def test_names_that_lead_out_of_the_folder_lead_nowhere(tmp_path: Path) -> None:
    path = handmade(tmp_path)
    with engine_for(path, write=True).begin() as connection:
        connection.exec_driver_sql("UPDATE photo SET name = '../../etc/passwd' WHERE id = 0")
    groundings = GroundingSet(path)
    assert groundings.photo_path(0) is None
    assert groundings.photo_path(1) == groundings.folder / "p1.png"
    assert groundings.photo_path(99) is None
    groundings.close()


def test_what_is_no_set_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(GroundingError, match="is not there"):
        GroundingSet(tmp_path / "none.sqlite")
    (tmp_path / "text.sqlite").write_text("hello" * 1000)
    with pytest.raises(GroundingError, match="is no grounding set"):
        GroundingSet(tmp_path / "text.sqlite")
    with pytest.raises(GroundingError, match="is no grounding set"):
        GroundingWriter(tmp_path / "text.sqlite", ABOUT, 1, 1)
    with pytest.raises(GroundingError, match="is not finished"):
        GroundingSet(handmade(tmp_path, complete=False))


def test_arrays_that_are_missing_or_short_are_told(tmp_path: Path) -> None:
    path = handmade(tmp_path)
    regions, words = arrays_of(path)
    np.save(regions, np.load(regions)[:3])
    with pytest.raises(GroundingError, match="cut short"):
        GroundingSet(path)
    words.unlink()
    with pytest.raises(GroundingError, match="not there or broken"):
        GroundingSet(path)


def test_a_set_that_nobody_closes_leaves_no_connection(tmp_path: Path) -> None:
    groundings = GroundingSet(handmade(tmp_path))
    groundings.count(PhotoRow)
    engine = groundings.engine
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    del groundings
    gc.collect()
    assert engine.pool.checkedin() == 0  # type: ignore[attr-defined]


def test_a_set_that_is_refused_leaves_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def engine_for(path: Path) -> Engine:
        made.append(schema.engine_for(path))
        return made[0]

    monkeypatch.setattr(reader, "engine_for", engine_for)
    with pytest.raises(GroundingError, match="is not finished"):
        GroundingSet(handmade(tmp_path, complete=False))
    gc.collect()
    assert made[0].pool.checkedin() == 0


def test_a_set_says_how_it_is_shown_at_first(tmp_path: Path, groundings: GroundingSet) -> None:
    """Older sets do not, and get what checkpoints get that do not say either."""
    old = groundings.look(1)
    assert (old.merging_share, old.copies.tolist()) == (0.05, [0, 1])  # type: ignore[union-attr]
    for value, share in (("0.5", 0.5), ("2", None), ("much", None)):
        (tmp_path / value).mkdir()
        path = handmade(tmp_path / value)
        with engine_for(path, write=True).begin() as connection:
            connection.exec_driver_sql("INSERT INTO about VALUES ('merging_share', ?)", (value,))
        if share is None:
            with pytest.raises(GroundingError, match=r"merging_share is .*from 0 to 1"):
                GroundingSet(path)
        else:
            opened = GroundingSet(path)
            assert opened.look(1).merging_share == share
            opened.close()


def test_a_set_is_only_read(groundings: GroundingSet) -> None:
    from sqlalchemy.exc import OperationalError

    with (
        groundings.engine.connect() as connection,
        pytest.raises(OperationalError, match="readonly"),
    ):
        connection.exec_driver_sql("DELETE FROM photo")


def test_exports_tell_the_models_segments_or_peoples_boxes(groundings: GroundingSet) -> None:
    model = list(Export(groundings, beta=0.0))
    assert [record.name for record in model] == [f"p{k}.png" for k in range(5)]
    assert model[1].sentences == ("big dog .",)
    assert [(p.words, p.boxes) for p in model[1].phrases] == [
        ("big", ((0, 0, 40, 20),)),
        ("dog", ((0, 0, 20, 10),)),
    ]
    merged = list(Export(groundings, beta=9.0))[1]
    assert [p.words for p in merged.phrases] == ["big dog"]
    people = list(Export(groundings, boxes="people", first=2))
    assert [len(record.phrases) for record in people] == [1, 0, 1]
    assert people[0].phrases[0].boxes == ((0, 0, 20, 10),)
    assert len(RANKS) == len(groundings)
