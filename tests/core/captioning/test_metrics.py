"""Metrics: equal to pycocoevalcap's numbers, worked by hand where they are small."""

import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor import meteor as meteor_module
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge

from core.captioning import java as java_programs
from core.captioning import metrics
from core.captioning.metrics import MetricError, cider_of_each, perplexity, score, share_seen
from train.captions.evaluation import CaptionEvaluation, scored

CANDIDATES = {
    1: "A man in a red shirt climbs a rock.",
    2: "two dogs run on the grass",
    3: "a child plays",
    4: "a boat on water",
}
REFERENCES = {
    1: ["A man climbs a rock wall .", "a climber in a red shirt is on a rock"],
    2: ["Two dogs are running through grass.", "dogs play in a field", "two dogs run"],
    3: ["A little girl plays in the sand !"],
    4: ["a boat sails on the water", "..."],
    5: ["nobody asked about this one"],
}
METEOR = Path(meteor_module.__file__).parent
java = pytest.mark.skipif(not metrics.has_java(), reason="no Java here")


def by_the_library(meteor: bool) -> dict[str, float]:
    """pycocoevalcap called directly, on sentences tokenised by hand."""
    given = {
        1: ["a man in a red shirt climbs a rock"],
        2: ["two dogs run on the grass"],
        3: ["a child plays"],
        4: ["a boat on water"],
    }
    wanted = {
        1: ["a man climbs a rock wall", "a climber in a red shirt is on a rock"],
        2: ["two dogs are running through grass", "dogs play in a field", "two dogs run"],
        3: ["a little girl plays in the sand"],
        4: ["a boat sails on the water"],
    }
    found = {
        f"bleu_{n}": v for n, v in enumerate(Bleu(4).compute_score(wanted, given, verbose=0)[0], 1)
    }
    found["rouge_l"] = Rouge().compute_score(wanted, given)[0]
    found["cider"] = Cider().compute_score(wanted, given)[0]
    if meteor:
        scorer = Meteor()
        found["meteor"] = scorer.compute_score(wanted, given)[0]
        for pipe in (scorer.meteor_p.stdin, scorer.meteor_p.stdout, scorer.meteor_p.stderr):
            pipe.close()
    return found


def test_equal_to_the_library_without_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.java.shutil, "which", lambda name: None)
    found = score(CANDIDATES, REFERENCES)
    assert "meteor" not in found
    assert found == pytest.approx(by_the_library(meteor=False))
    with pytest.raises(MetricError, match=r"METEOR 1\.5 needs Java"):
        score(CANDIDATES, REFERENCES, meteor=True)
    with pytest.raises(MetricError, match="the PTB tokenizer needs Java"):
        score(CANDIDATES, REFERENCES, tokenizer="ptb")


@java
def test_equal_to_the_library_with_java() -> None:
    wanted = by_the_library(meteor=True)
    assert score(CANDIDATES, REFERENCES) == pytest.approx(wanted)
    assert score(CANDIDATES, REFERENCES, tokenizer="ptb") == pytest.approx(wanted)
    assert "meteor" not in score(CANDIDATES, REFERENCES, meteor=False)


@java
def test_meteor_below_a_folder_with_a_blank(tmp_path: Path) -> None:
    """Java finds its paraphrases there, and what it says is told where it does not."""
    there = tmp_path / "My Projects" / "meteor"
    (there / "data").mkdir(parents=True)
    for name in ("meteor-1.5.jar", "data/paraphrase-en.gz"):
        try:
            os.link(METEOR / name, there / name)
        except OSError:  # another disk
            shutil.copy(METEOR / name, there / name)
    said, one = {1: ["a dog runs"], 2: ["two men talk"]}, {1: ["a dog walks"], 2: ["two men talk"]}
    # What pycocoevalcap says of the same sentences below a folder without a blank.
    assert java_programs.meteor(said, one, there) == pytest.approx(0.44403244426622923)
    (there / "data" / "paraphrase-en.gz").unlink()
    with pytest.raises(MetricError, match=r"METEOR 1.5 gave no figures; Java said: .*not found"):
        java_programs.meteor(said, one, there)
    with pytest.raises(MetricError, match="The PTB tokenizer gave no figures; Java said: "):
        java_programs.penn_treebank(["A dog ."], tmp_path)


def test_bleu_by_hand() -> None:
    found = score({1: "a dog runs fast"}, {1: ["a dog runs on grass"]}, meteor=False)
    # 3 of 4 words match; 4 words against 5: brevity penalty e^(1 - 5/4)
    assert found["bleu_1"] == pytest.approx(3 / 4 * math.exp(-1 / 4), rel=1e-6)
    # 2 of 3 pairs: a dog, dog runs
    assert found["bleu_2"] == pytest.approx(math.sqrt(3 / 4 * 2 / 3) * math.exp(-1 / 4), rel=1e-6)


def test_any_script() -> None:
    same = {1: "رجل يتسلق", 2: "काला कुत्ता दौड़ता है"}
    found = score(same, {key: [sentence + " ।"] for key, sentence in same.items()}, meteor=False)
    assert found["bleu_1"] == pytest.approx(1)
    assert found["rouge_l"] == pytest.approx(1)


def test_the_better_sentence_has_the_higher_cider() -> None:
    each = cider_of_each({1: "two dogs run on the grass", 2: "two dogs"}, {
        1: ["two dogs run on grass"], 2: ["a man climbs a rock"]})  # fmt: skip
    assert each[1] > each[2] == 0


def test_cider_of_one_image_is_zero_by_its_definition() -> None:
    same = {1: "two dogs run on grass"}
    assert score(same, {1: ["two dogs run on grass"]}, meteor=False)["cider"] == 0
    found = scored(same, {1: ["two dogs run on grass"]}, CaptionEvaluation(meteor=False))
    assert (found["cider"], found["cider_note"]) == (0, metrics.CIDER_OF_ONE)
    two = {1: "two dogs run on grass", 2: "a man talks"}
    told = scored(two, {key: [text] for key, text in two.items()}, CaptionEvaluation(meteor=False))
    assert told["cider"] > 0
    assert "cider_note" not in told


def test_an_empty_candidate_scores_nothing() -> None:
    found = score({1: "", 2: "a dog"}, {1: ["a dog"], 2: ["a dog"]}, meteor=False)
    assert 0 < found["rouge_l"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("candidates", "references", "message"),
    [
        ({}, {}, "there are no candidates"),
        ({7: "a"}, {}, "the candidate of '7' has no references"),
        ({7: "a"}, {7: ["...", ""]}, "the references of '7' have no words"),
    ],
)
def test_what_cannot_be_scored(
    candidates: dict[int, str], references: dict[int, list[str]], message: str
) -> None:
    with pytest.raises(MetricError, match=message):
        score(candidates, references)


def test_perplexity_by_hand() -> None:
    # "dog END" with p = 1/4 and 1/16: 2 and 4 bits, 3 bits a word
    assert perplexity(np.log([1 / 4, 1 / 16])) == pytest.approx(2**3)


def test_share_seen() -> None:
    assert share_seen(["A dog runs .", "a cat"], ["a dog runs", "a cat sits"]) == 0.5
    with pytest.raises(MetricError, match="no generated sentences"):
        share_seen([], ["a dog"])
