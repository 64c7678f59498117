"""Agreement on cases worked by hand, and against a search over all matchings."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.agreement import measure
from core.captioning.metrics import has_java
from core.formats.record import Annotation, Box, Photo, Project, Submission
from core.vision.boxes import iou
from core.vision.matching import match


def work(person: str, *regions: tuple[Box, str], photo: str = "a.jpg", bad: str = "") -> Submission:
    annotations = tuple(
        Annotation(str(order), box, snippet, order) for order, (box, snippet) in enumerate(regions)
    )
    return Submission(f"{person} on {photo}", photo, person, "submitted", annotations, bad=bad)


def project(*submissions: Submission) -> Project:
    return Project("p", photos=(Photo("a.jpg", 100, 100), Photo("b.jpg", 100, 100)),
                   annotators=("Ada", "Ben", "Cyn"), submissions=submissions)  # fmt: skip


LEFT: Box = (0, 0, 10, 10)
WIDER: Box = (0, 0, 20, 10)  # with LEFT: 100 / 200
SHIFTED: Box = (5, 0, 15, 10)  # with LEFT: 50 / 150; with WIDER: 100 / 200
FAR: Box = (50, 50, 60, 60)


def test_two_people_by_hand() -> None:
    result = measure(
        project(work("Ada", (LEFT, "a cat"), (FAR, "sky")), work("Ben", (WIDER, "cat")))
    )
    assert result.overall.matched == 1
    assert result.overall.mean_iou == pytest.approx(100 / 200)
    assert result.overall.share_agreed == pytest.approx(2 * 1 / 3)  # 2 of 3 boxes have a partner
    assert result.pairs.keys() == {("Ada", "Ben")}
    assert result.photos.keys() == {"a.jpg"}
    assert result.references == {("Ben on a.jpg", "0"): ["a cat"], ("Ada on a.jpg", "0"): ["cat"]}


def test_a_match_under_the_threshold_counts_for_the_mean_only() -> None:
    result = measure(project(work("Ada", (LEFT, "a")), work("Ben", (SHIFTED, "b"))))
    assert result.overall.mean_iou == pytest.approx(50 / 150)
    assert result.overall.share_agreed == 0
    assert result.references == {}
    assert result.snippets() == {}


def test_the_sum_is_what_is_made_highest() -> None:
    """The best pair of all (LEFT-LEFT, 1) is in the best matching; the first pair found is not."""
    first, second = np.array([LEFT, WIDER]), np.array([SHIFTED, LEFT])
    # LEFT-LEFT 1 + WIDER-SHIFTED 1/2 = 3/2, over LEFT-SHIFTED 1/3 + WIDER-LEFT 1/2 = 5/6
    assert match(first, second) == [(0, 1, 1.0), (1, 0, 0.5)]


def test_three_people_leave_one_out_and_pooled() -> None:
    three = project(
        work("Cyn", (LEFT, "the cat")), work("Ada", (LEFT, "a cat")), work("Ben", (LEFT, "cat"))
    )
    result = measure(three)
    assert result.references["Ada on a.jpg", "0"] == ["the cat", "cat"]
    assert (result.overall.pairs, result.people["Ada"].pairs) == (3, 2)
    assert result.pairs.keys() == {("Ada", "Ben"), ("Ada", "Cyn"), ("Ben", "Cyn")}


def test_photos_are_kept_apart_and_pooled_over_boxes() -> None:
    result = measure(
        project(
            work("Ada", (LEFT, "a"), (FAR, "b")),
            work("Ben", (LEFT, "a"), (FAR, "b")),
            work("Ada", (LEFT, "c"), photo="b.jpg"),
            work("Ben", (SHIFTED, "c"), photo="b.jpg"),
        )
    )
    assert result.photos["a.jpg"].share_agreed == 1
    assert result.photos["b.jpg"].share_agreed == 0
    assert result.overall.share_agreed == pytest.approx(4 / 6)
    assert result.overall.mean_iou == pytest.approx((1 + 1 + 50 / 150) / 3)


def test_what_does_not_count() -> None:
    skipped = Submission("s", "a.jpg", "Cyn", "skipped", reason="dark")
    result = measure(project(work("Ada", (LEFT, "a")), work("Ben", (LEFT, "a"), bad="?"), skipped))
    assert result.overall.pairs == 0
    assert result.overall.mean_iou is None
    assert result.overall.share_agreed is None
    assert len(result.candidates) == 1


def test_nobody_drew_anything() -> None:
    assert measure(project(work("Ada"), work("Ben"))).overall.share_agreed is None
    assert measure(project()).as_json({})["overall"]["pairs"] == 0


def test_snippets_without_words_take_no_part() -> None:
    result = measure(project(work("Ada", (LEFT, "!")), work("Ben", (LEFT, "a cat"))))
    assert result.references == {}
    assert result.as_json({})["snippets"] == {"compared": 0, "without_partner": 1}


SAME = ("a cat sleeps on grass", "the red boat is small", "two men in blue shirts")
SPOTS: tuple[Box, ...] = (LEFT, FAR, (20, 20, 40, 40))


def test_scores_of_the_same_words_and_of_others() -> None:
    alike = [zip(SPOTS, SAME, strict=True) for _ in range(2)]
    result = measure(project(work("Ada", *alike[0]), work("Ben", *alike[1])))
    scores = result.snippets(meteor=False)
    assert scores.keys() == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider"}
    assert scores["bleu_4"] == pytest.approx(100, abs=1e-4)
    assert scores["cider"] == pytest.approx(1000)
    others = zip(SPOTS, ("stone", "water", "cloud"), strict=True)
    result = measure(project(work("Ada", *zip(SPOTS, SAME, strict=True)), work("Ben", *others)))
    assert result.snippets(meteor=False)["bleu_1"] == pytest.approx(0, abs=1e-4)


@pytest.mark.skipif(not has_java(), reason="METEOR is a Java program")
def test_meteor() -> None:
    alike = [zip(SPOTS, SAME, strict=True) for _ in range(2)]
    result = measure(project(work("Ada", *alike[0]), work("Ben", *alike[1])))
    assert result.snippets()["meteor"] > 90


EDGES = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 9), st.integers(1, 9))
BOXES = st.lists(EDGES, max_size=4).map(
    lambda many: np.array([(x, y, x + w, y + h) for x, y, w, h in many], float).reshape(-1, 4)
)


@settings(max_examples=60, deadline=None)
@given(first=BOXES, second=BOXES)
def test_against_all_matchings(first: np.ndarray, second: np.ndarray) -> None:
    found = match(first, second)
    assert len({i for i, _, _ in found}) == len({j for _, j, _ in found}) == len(found)
    ious = iou(first, second)
    assert [value for _, _, value in found] == [ious[i, j] for i, j, _ in found]
    short, long = sorted((ious, ious.T), key=len)
    tried = (
        sum(short[i, j] for i, j in enumerate(p))
        for p in permutations(range(len(long)), len(short))
    )
    assert sum(value for _, _, value in found) == pytest.approx(max(tried))
