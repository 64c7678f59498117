"""Photos whose labels are known: what is said of them, and how an old model goes on with it."""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from core.alignment.model import AlignmentModel, pack_sentences
from core.checkpoints import (
    CheckpointError,
    learn_table,
    load_checkpoint,
    load_network,
    save_checkpoint,
)
from core.language.vocabulary import Vocabulary
from core.language.word_table import WordTable, quantised
from core.vision.encoders.class_detector import ClassDetector
from tests.conftest import random_network
from tests.core.small_alignment import model as small_model
from train import __main__ as command
from train.classes import with_classes
from train.data import DataError
from train.everyday import EverydayRecipe, EverydayTask, boost, grown, pair_loss, step_scores
from train.labelled import (
    Categories,
    also_true,
    borrowed,
    label_sentence,
    read_labelled,
    words_of_labels,
)
from train.word_table import read_word_table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labels = {"b.jpg": ["dog", "couch"], "a.jpg": ["person", "cell phone"]}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    (tmp_path / "person_boxes.json").write_text(json.dumps({"a.jpg": [[0, 0, 0.5, 1]]}))
    (tmp_path / "captions.token.txt").write_text("a.jpg#0\tA man calls.\na.jpg#1\tA phone.\n")
    return tmp_path


def test_a_folder_is_read(folder: Path) -> None:
    photos = read_labelled(folder)
    assert photos.names == ("a.jpg", "b.jpg")
    assert photos.paths[0] == folder / "images" / "a.jpg"
    assert photos.labels == (frozenset({"person", "cell phone"}), frozenset({"dog", "couch"}))
    assert photos.sentences == {"a.jpg": ["A man calls.", "A phone."]}
    assert photos.people["a.jpg"].tolist() == [[0, 0, 0.5, 1]]
    assert words_of_labels(photos) == {"person": 1, "cell": 1, "phone": 1, "dog": 1, "couch": 1}
    (folder / "labels.json").write_text("[]")
    with pytest.raises(DataError, match="lists of categories"):
        read_labelled(folder)


def test_categories_that_a_sentence_names() -> None:
    categories = Categories(("person", "hot dog", "dog", "couch"))
    assert categories.named("Two women eat a hot dog.") == {"person", "hot dog"}
    assert categories.named("A dog on the sofa") == {"dog", "couch"}
    assert categories.named("A pizza") == frozenset()  # no photo has it


def test_sentences_are_borrowed_from_photos_that_show_the_same(folder: Path) -> None:
    texts = ["A dog on a sofa.", "A man and a dog.", "A dog.", "A woman on her phone.", "Grass."]
    found = borrowed(read_labelled(folder), texts)
    # b shows a dog and a couch: one sentence names both; "A dog." names too little beside it.
    assert found["b.jpg"] == [("A dog on a sofa.", frozenset({"dog", "couch"}))]
    assert found["a.jpg"] == [("A woman on her phone.", frozenset({"person", "cell phone"}))]


def test_sentences_of_labels_name_what_they_say_they_name() -> None:
    generator = np.random.default_rng(0)
    labels = frozenset({"dog", "orange", "cell phone"})
    categories = Categories(sorted(labels))
    lengths = set()
    for _ in range(200):
        text, named = label_sentence(labels, generator)
        assert named <= labels
        assert categories.named(text) == named
        lengths.add(len(named))
        assert "a orange" not in text
    assert lengths == {1, 2, 3}


def test_what_is_true_of_other_photos_is_no_rival() -> None:
    labels = [frozenset({"dog", "cat"}), frozenset({"dog"})]
    also = also_true([frozenset({"dog"}), None], labels)
    assert also.tolist() == [[True, False], [True, False]]
    scores = torch.tensor([[0.2, 0.1], [0.3, 0.2]])
    # At temperature 0.1 the second photo may not win sentence 0. Photo 0: 2 to 1; photo 1: alone.
    # Sentence 0: alone; sentence 1: 2 to 1. softplus(-1) is what 2 to 1 costs.
    cost = math.log(1 + math.exp(-1))
    found = pair_loss(scores, torch.from_numpy(also), 0.1)
    torch.testing.assert_close(found, torch.tensor((cost / 2 + cost / 2) / 2))
    without = pair_loss(scores, torch.zeros(2, 2, dtype=torch.bool), 0.1)
    assert without > found


def table() -> WordTable:
    words = ("a", "dog", "runs", "cat", "yak")
    return quantised(words, np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32))


def test_a_grown_model_says_of_old_things_what_it_said(tmp_path: Path) -> None:
    old = small_model(similarity="weighted", vocabulary_size=4)
    vocabulary = Vocabulary(("a", "dog", "runs"), (90, 50, 30))
    recipe = EverydayRecipe(metric_steps=3)
    new, known = grown(old, vocabulary, 8, {"dog": 3, "giraffe": 7}, table(), recipe)
    assert known.words == ("a", "dog", "runs", "giraffe")
    assert known.counts == (90, 50, 30, 7)
    assert known.others == ("cat", "yak")
    new.eval()
    features = torch.randn(2, 3, 5)
    wider = torch.cat((features, torch.randn(2, 3, 3)), dim=2)  # new numbers say nothing yet
    torch.testing.assert_close(new.embed_regions(wider), old.embed_regions(features))
    ids, lengths, _, _ = pack_sentences([[1, 2, 3], [2, 0]])
    torch.testing.assert_close(new.embed_words(ids, lengths), old.embed_words(ids, lengths))
    before = new.embed_regions(wider)
    boost(new, slice(5, 8), 3.0)
    torch.testing.assert_close(new.embed_regions(wider), before)
    # A word of the table alone, there and back through a checkpoint.
    cat = known.ids(["cat"])
    assert cat == [5]
    network = random_network()
    save_checkpoint(tmp_path, "new", network, new, known, half=False)
    again = AlignmentModel(new.config)
    again.load_state_dict(new.state_dict())
    learn_table(again, known)
    ids = torch.tensor([cat])
    torch.testing.assert_close(
        again.eval().embed_words(ids, torch.tensor([1])), new.embed_words(ids, torch.tensor([1]))
    )


def test_scores_of_a_step_are_the_models(tmp_path: Path) -> None:
    model = small_model(similarity="weighted")
    torch.manual_seed(1)
    features, present = torch.randn(3, 4, 5), torch.ones(3, 4, dtype=torch.bool)
    present[1, 2:] = False
    sentences = [[1, 2], [3], [4, 0, 5]]
    found = step_scores(model, features, present, sentences, hidden_share=0.0)
    packed = pack_sentences(sentences)
    wanted = model.config.scoring.photo_sentence_scores(
        model.embed_regions(features), present, model.embed_words(*packed[:2]), *packed[2:], 3
    )
    torch.testing.assert_close(found, wanted, rtol=0.02, atol=0.01)  # bfloat16


def test_word_tables_from_published_vectors(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_text("the 0 1 0 0\nt-shirt 1 0 0 0\ntshirt 0 0 0 1\n")
    found = read_word_table(path)
    assert found.words == ("the", "tshirt")  # the commoner of two that are written alike
    # Less the mean (0.5, 0.5, 0, 0), at length 10: (-, +) and (+, -) of 7.07.
    np.testing.assert_allclose(
        found.vectors(), np.array([[-1, 1, 0, 0], [1, -1, 0, 0]]) * 50**0.5, rtol=1e-3
    )
    path.write_text("the 0 1\nof x y\n")
    with pytest.raises(DataError, match="word vectors"):
        read_word_table(path)


def test_a_checkpoint_keeps_its_table(random_checkpoint: Path, tmp_path: Path) -> None:
    plain = load_checkpoint(random_checkpoint)
    words = ("a", "dog", "zebra")
    vectors = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    known = Vocabulary(plain.vocabulary.words, plain.vocabulary.counts, quantised(words, vectors))
    config = replace(plain.alignment.config, table_words=1, table_dimension=4, metric_dimension=2)
    model = AlignmentModel(config).eval()
    learn_table(model, known)
    network = plain.encoder.network  # type: ignore[attr-defined]
    save_checkpoint(tmp_path / "new", "new", network, model, known, half=False)
    again = load_checkpoint(tmp_path / "new")
    assert again.vocabulary.others == ("zebra",)
    ids = torch.tensor([again.vocabulary.ids(["zebra"])])
    length = torch.tensor([1])
    torch.testing.assert_close(
        again.alignment.embed_words(ids, length), model.embed_words(ids, length)
    )
    (tmp_path / "new" / "word_table.txt").write_text("other\n")
    with pytest.raises(CheckpointError, match=r"word_table\.txt has sha256"):
        load_checkpoint(tmp_path / "new")


def test_the_stage_learns_and_goes_on(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """From a checkpoint without classes and table to one with both, stopped and gone on with."""
    torch.manual_seed(0)
    begun = load_checkpoint(random_checkpoint)
    network = with_classes(load_network(random_checkpoint), ClassDetector(3), 6)
    save_checkpoint(tmp_path / "network", "network", network, half=False)
    labelled = tmp_path / "labelled"
    labelled.mkdir()
    (labelled / "images").symlink_to(tiny_flickr / "images")
    names = (tiny_flickr / "splits" / "train.txt").read_text().split()
    labels = {name: name.rpartition(".")[0].split("_")[1:] for name in names}
    (labelled / "labels.json").write_text(json.dumps(labels))
    words = ("a", "red", "ball", "box", "zebra", "green")
    vectors = np.random.default_rng(1).normal(size=(len(words), 8))
    lines = [f"{w} {' '.join(f'{x:.4f}' for x in v)}" for w, v in zip(words, vectors, strict=True)]
    (tmp_path / "glove.txt").write_text("\n".join(lines) + "\n")

    def run(*options: str) -> None:
        monkeypatch.setattr(sys, "argv", ["train", *options, "--threads", "1"])
        command.main()

    encoder = ("--encoder", str(tmp_path / "network"))
    data = ("--data", str(tiny_flickr))
    for split in ("train", "dev"):
        run("features", *data, "--split", split, *encoder, "--out", str(tmp_path / split))
    run("features", "--labelled", str(labelled), *encoder, "--out", str(tmp_path / "of_labels"))
    stage = (
        "everyday", *data, "--labelled", str(labelled), "--word-table", str(tmp_path / "glove.txt"),
        "--features", str(tmp_path / "train"), "--labelled-features", str(tmp_path / "of_labels"),
        "--dev-features", str(tmp_path / "dev"), *encoder, "--start", str(random_checkpoint),
        "--steps", "5", "--batch", "6", "--labelled-every", "2", "--report", "2", "--warm-up", "1",
        "--whole-hidden", "0.5", "--metric-steps", "3", "--out", str(tmp_path / "run"),
    )  # fmt: skip
    run(*stage)
    found = load_checkpoint(tmp_path / "run" / "checkpoint")
    assert found.alignment.config.region_dimension == 608 + 3 + 2 * 96
    assert {"green", "blue", "box"} <= set(found.vocabulary.words)  # labels, seen or not
    assert "zebra" in found.vocabulary.others
    assert set(begun.vocabulary.words) <= set(found.vocabulary.words)
    log = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == [2, 4, 5]
    assert {"spoken", "labelled", "sum"} <= json.loads(log[1]).keys()
    run(*stage)  # nothing is left to do
    assert (tmp_path / "run" / "log.jsonl").read_text().splitlines() == log
    # One that is killed after its second report goes on to the same.
    killed = (*stage[:-1], str(tmp_path / "killed"))
    with monkeypatch.context() as patch:
        patch.setattr(EverydayTask, "save", Mock(side_effect=[None, SystemError]))
        with pytest.raises(SystemError):
            run(*killed)
    run(*killed)
    assert (tmp_path / "killed" / "log.jsonl").read_text().splitlines() == log
    # Features of another network are refused before anything is written.
    other = [str(random_checkpoint) if one == encoder[1] else one for one in stage]
    with pytest.raises(SystemExit):
        run(*other[:-1], str(tmp_path / "refused"))
    assert (
        "(803 numbers a region); --encoder has bundled (608), expected" in capsys.readouterr().err
    )
    assert not (tmp_path / "refused").exists()
