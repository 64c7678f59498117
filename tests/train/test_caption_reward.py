"""Self-critical training: the reward is pycocoevalcap's CIDEr, and it rises."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocoevalcap.cider.cider import Cider

from train import __main__ as command
from train.captions.reward import CiderReward, advantages, grams
from train.data import DataError

SENTENCES = st.lists(st.integers(1, 6), min_size=1, max_size=9)
GROUPS = st.lists(st.lists(SENTENCES, min_size=1, max_size=3), min_size=2, max_size=4)


def test_grams_of_a_sentence() -> None:
    assert grams([7, 8, 7]) == {(7,): 2, (8,): 1, (7, 8): 1, (8, 7): 1, (7, 8, 7): 1}


def test_a_reward_by_hand() -> None:
    """Two images: "1 2" of the first, "3" of the second. Every n-gram is of one image only, so that
    each weighs log 2. "1 4" shares one of its two words: cosine 1/2 for words, 0 for pairs, and
    there are no longer n-grams; the lengths agree."""
    reward = CiderReward({0: [[1, 2]], 1: [[3]]})
    assert reward(0, [1, 4]) == pytest.approx(10 * (1 / 2) / 4)
    assert reward(0, [1, 2]) == pytest.approx(10 * 2 / 4)
    # One word less: cosine 1/sqrt(2) of the words, and the Gaussian of one word.
    assert reward(0, [1]) == pytest.approx(10 * math.exp(-1 / 72) / math.sqrt(2) / 4)
    assert reward(1, [1, 2]) == 0


@given(GROUPS, SENTENCES)
def test_the_reward_is_pycocoevalcaps_cider(groups: list[list[list[int]]], said: list[int]) -> None:
    def text(words: list[int]) -> str:
        return " ".join(map(str, words))

    references = {image: [text(words) for words in group] for image, group in enumerate(groups)}
    _, each = Cider().compute_score(references, {image: [text(said)] for image in references})
    reward = CiderReward(dict(enumerate(groups)))
    assert [reward(image, said) for image in references] == pytest.approx(list(each))


def test_one_image_has_no_rarity() -> None:
    with pytest.raises(DataError, match="there are 1 images; a CIDEr reward expects 2 or more"):
        CiderReward({0: [[1]]})


def test_advantages_are_over_the_other_sentences() -> None:
    found = advantages(np.array([[3.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))
    np.testing.assert_allclose(found, [[3.0, -1.5, -1.5], [0.0, 0.0, 0.0]])


SMALL = ("--level", "image", "--least", 1, "--batch", 8, "--warm-up", 5, "--threads", 1)
SIZES = ("--word-dimension", 16, "--hidden-dimension", 24)


def run(*arguments: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train", *map(str, arguments)])
        command.main()


def test_drawn_sentences_get_better(
    tiny_flickr: Path,
    random_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for split in ("train", "dev"):
        run("features", "--data", tiny_flickr, "--split", split, "--threads", 1,
            "--encoder", random_checkpoint, "--out", tmp_path / split)  # fmt: skip
    features = ("--features", tmp_path / "train", "--dev-features", tmp_path / "dev")
    of = ("--data", tiny_flickr, *features, *SMALL)
    with pytest.raises(SystemExit):
        run("caption", *of, "--out", tmp_path / "refused", "--reward", "cider")
    assert "--reward cider improves on sentences that a captioner says" in capsys.readouterr().err
    assert not (tmp_path / "refused").exists()
    run("caption", *of, "--out", tmp_path / "words", *SIZES, "--epochs", 3, "--rate", 0.01)
    run("caption", *of, "--out", tmp_path / "reward", "--start", tmp_path / "words" / "checkpoint",
        "--reward", "cider", "--samples", 8, "--epochs", 40, "--rate", 0.01, "--keep", "cider",
        "--dropout", 0)  # fmt: skip
    log = (tmp_path / "reward" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    rewards = [json.loads(line)["reward"] for line in log]
    assert np.mean(rewards[-10:]) > 1.5 * np.mean(rewards[:5]), rewards
