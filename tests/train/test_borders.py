"""Segments against phrases: every count by hand, and the command on drawn photos."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from core.language.vocabulary import words_of
from core.results import Look, Reading
from train import __main__ as command
from train.borders import (
    WAYS,
    BorderCounts,
    MarkedSentence,
    count_borders,
    evaluate_borders,
    phrases_in,
    plot,
    telling_sentence,
)
from train.data import DataError


def test_phrases_stand_where_no_longer_one_does() -> None:
    words = ["a", "man", "and", "a", "man", "in", "a", "red", "hat"]
    phrases = [["a", "man"], ["a", "red", "hat"], ["a", "man"], ["red"], ["a", "dog"], []]
    assert phrases_in(words, phrases) == [(0, 2, 0), (3, 5, 2), (6, 9, 1)]


def test_the_sentence_with_most_phrases_is_taken() -> None:
    sentences = ("A dog runs", "The dog chases a ball .", "a ball and the dog")
    assert telling_sentence(sentences, ["the dog", "a ball"]) == (
        "The dog chases a ball .", [(0, 2, 0), (3, 5, 1)],
    )  # fmt: skip
    assert telling_sentence(sentences, ["a cat"]) is None


@pytest.mark.parametrize(
    ("regions", "counts"),
    [
        # the dog | chases a ball: one border, at the end of the first phrase
        ([1, 1, 2, 2, 2, 2], (1, 1, 1)),
        # ... at the beginning of the second is as good, and both together are one too many
        ([1, 1, 1, 2, 2, 2], (1, 1, 1)),
        ([1, 1, 3, 2, 2, 2], (2, 1, 1)),
        # inside a phrase is wrong; after the last phrase is not counted
        ([1, 2, 2, 2, 2, 4], (1, 1, 0)),
        ([1, 1, 1, 1, 1, 1], (0, 1, 0)),
    ],
)
def test_borders_by_hand(regions: list[int], counts: tuple[int, int, int]) -> None:
    # the dog chases a ball there
    assert count_borders(np.array(regions), [(0, 2), (3, 5)]) == BorderCounts(*counts)


def marked() -> MarkedSentence:
    """ "the dog chases a ball": region 1 is the dog, 2 the ball, 3 a near copy of 2."""
    boxes = np.array([[0, 0, 1, 1], [0, 0, 0.4, 1], [0.5, 0, 1, 1], [0.5, 0, 0.9, 1]])
    look = Look(10, 10, boxes, np.ones(4), np.eye(4), copies=np.array([0, 1, 2, 2]))
    scores = {
        "the": [0.9, 0.1, 0.0, 0.0],
        "dog": [0.1, 0.8, 0.1, 0.0],
        "chases": [0.0, 0.5, 0.1, 0.0],
        "a": [0.0, 0.0, 0.1, 0.2],
        "ball": [0.1, 0.0, 0.4, 0.6],
    }
    sentence = "The dog chases a ball"
    vectors = np.array(list(scores.values()))
    reading = Reading(sentence, tuple(words_of(sentence)), np.ones(5, dtype=bool), vectors)
    suits = (np.array([0, 1, 0, 0], dtype=bool), np.array([0, 0, 1, 0], dtype=bool))
    return MarkedSentence(look, reading, ((0, 2), (3, 5)), suits)


def test_the_ways_by_hand() -> None:
    found = evaluate_borders([marked()], 0.0, (0.0, 1.0))
    rows = {way: found["ways"][way][0] for way in WAYS}
    # the | dog chases | a ball: of two borders one is between the phrases, and "the dog" is cut;
    # its words tie between regions 0 and 1, of which the first counts, and is wrong. "a ball" gets
    # the near copy, which does not suit.
    assert rows[WAYS[0]] == {
        "share": 0.0, "precision": 50.0, "recall": 100.0, "f1": 66.67, "whole": 50.0,
        "right": 0.0, "segments": 3.0,
    }  # fmt: skip
    whole = {"share": 0.0, "precision": 100.0, "recall": 100.0, "f1": 100.0, "whole": 100.0}
    assert rows[WAYS[1]] == {**whole, "right": 50.0, "segments": 2.0}
    assert rows[WAYS[2]] == {**whole, "right": 100.0, "segments": 2.0} == found["default"]
    # At the merging beta all words have one region: no border, none of them wrong.
    merged = found["ways"][WAYS[2]][1]
    assert (merged["precision"], merged["recall"], merged["segments"]) == (100.0, 0.0, 1.0)


def test_no_sentence_is_said() -> None:
    with pytest.raises(DataError, match="no phrase stands in a sentence"):
        evaluate_borders([], 0.05)


def test_the_plot_is_an_svg_of_all_curves() -> None:
    drawn = ElementTree.fromstring(plot(evaluate_borders([marked()], 0.05)))
    lines = [one for one in drawn.iter() if one.tag.endswith("polyline")]
    assert len(lines) == 3 * len(WAYS)
    texts = {one.text for one in drawn.iter() if one.tag.endswith("text")}
    assert set(WAYS) <= texts


def test_the_command(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = [
        "train", "evaluate", "borders", "--images", tiny_flickr / "images", "--phrases",
        tiny_flickr / "phrases.json", "--data", tiny_flickr, "--checkpoint", random_checkpoint,
        "--threads", 1, "--merging-share", 0.1, "--plot", tmp_path / "curves.svg",
        "--json", tmp_path / "borders.json",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", [str(one) for one in given])
    command.main()
    figures = json.loads((tmp_path / "borders.json").read_text())
    assert (figures["sentences"], figures["phrases"]) == (6, 6)  # of dev
    assert figures["default"]["share"] == 0.1
    assert (tmp_path / "curves.svg").read_text().startswith("<svg")
    monkeypatch.setattr(sys, "argv", [str(one).replace(".svg", ".gif") for one in given])
    with pytest.raises(SystemExit):
        command.main()
