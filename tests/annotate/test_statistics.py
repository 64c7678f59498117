"""Statistics of a project small enough to count by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from annotate.statistics import describe
from core.formats.record import Annotation, Photo, Project, Submission

PROJECT = Project(
    "p",
    photos=(Photo("a.jpg", 100, 50), Photo("b.jpg", 10, 10), Photo("c.jpg", 10, 10)),
    annotators=("Ada", "Ben", "Cyn"),
    submissions=(
        Submission(
            "1",
            "a.jpg",
            "Ada",
            "submitted",
            (
                Annotation("0", (0, 0, 50, 50), "Red boat", 0, "drawn", 4.0),
                Annotation("1", (0, 0, 100, 50), "the sea!", 1, "accepted"),
            ),
            seconds=30.0,
        ),
        Submission(
            "2",
            "b.jpg",
            "Ben",
            "submitted",
            (Annotation("0", (0, 0, 5, 2), "red boat", 0, "edited", 8.0),),
            seconds=10.0,
        ),
        Submission("3", "a.jpg", "Ben", "skipped", reason="dark", seconds=99.0),
        Submission(
            "4",
            "a.jpg",
            "Cyn",
            "submitted",
            (Annotation("0", (0, 0, 1, 1), "spam spam spam", 0),),
            bad="spam",
        ),
    ),
)


def test_by_hand() -> None:
    found = describe(PROJECT)
    assert (found.photos, found.photos_with_boxes, found.people) == (3, 2, 2)
    assert (found.submissions, found.skipped, found.bad) == (2, 1, 1)
    assert (found.snippets, found.different_snippets, found.different_words) == (3, 2, 4)
    assert found.words is not None
    assert found.words.mean == 2
    assert found.commonest == (("red boat", 2), ("the sea", 1))
    assert found.area_share is not None
    assert found.area_share.mean == pytest.approx((0.5 + 1 + 0.1) / 3)
    assert found.area_share.quantiles[0.5] == pytest.approx(0.5)
    assert found.box_seconds is not None
    assert found.box_seconds.mean == pytest.approx((4 + 8) / 2)  # the third took no time: unknown
    assert found.photo_seconds is not None
    assert found.photo_seconds.mean == pytest.approx((30 + 10) / 2)
    assert found.provenance == {"drawn": 1, "accepted": 1, "edited": 1}


def test_only_the_commonest_are_named() -> None:
    assert describe(PROJECT, common=1).commonest == (("red boat", 2),)


def test_nothing_collected() -> None:
    found = describe(replace(PROJECT, submissions=()))
    assert (found.snippets, found.words, found.area_share) == (0, None, None)
    json.dumps(found.as_json(), allow_nan=False)
