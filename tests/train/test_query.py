"""`train query` and `train table magnitudes` end to end, and their sums by hand."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.alignment.model import AlignmentModel, pack_sentences
from core.checkpoints import Checkpoint, learn_table, load_checkpoint
from core.describer import Describer
from core.language.vocabulary import Vocabulary
from core.language.word_table import quantised
from core.vision.images import read
from tests.train.test_commands import run
from train.data import read_captions
from train.embedded_regions import EmbeddedRegions, embed_all_regions
from train.experiments.magnitudes import word_lengths


def test_query_finds_the_regions_that_the_describer_finds(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "new" / "sheet.png"
    command = (
        "query", "Red zebra ball", "--data", tiny_flickr, "--split", "dev", "--threads", 1,
        "--checkpoint", random_checkpoint, "--out", out, "--best", 3,
    )  # fmt: skip
    run(monkeypatch, *command)
    printed = capsys.readouterr().out
    assert "does not know: zebra\n" in printed
    found = re.findall(r"^ *(\d)  +(-?[\d.]+)  (\S+\.png)  ", printed, re.MULTILINE)
    describer = Describer.load(random_checkpoint)
    reading = describer.read("Red zebra ball")
    best = {}
    for path in sorted((tiny_flickr / "images").glob("dev*")):
        # Eq. 6 reads the words with the unknown one among them, as training and ranking do.
        assert reading.contextual is not None
        words, regions = reading.contextual[reading.known], describer.look(read(path)).vectors
        best[path.name] = (words @ regions.T).sum(axis=0).max()
    wanted = sorted(best, key=lambda name: -best[name])[:3]
    assert [name for _, _, name in found] == wanted
    assert [float(score) for _, score, _ in found] == pytest.approx(
        [best[name] for name in wanted], abs=5e-3
    )
    with Image.open(out) as picture:
        assert picture.format == "PNG"
    run(monkeypatch, *command, "--per-photo", 2, "--features", tmp_path / "features")
    assert (tmp_path / "features" / "names.json").is_file()
    with pytest.raises(SystemExit, match="best is 0; expected 1 or more"):
        run(monkeypatch, *command[:-1], 0)
    with pytest.raises(SystemExit, match="knows none of these words"):
        run(monkeypatch, "query", "zebra", *command[2:])


def test_spread() -> None:
    nothing = np.zeros(0)
    regions = EmbeddedRegions((), np.array([0, 0, 0, 1, 2]), nothing, nothing, nothing)
    assert regions.spread(np.array([2, 0, 4, 1, 3]), 1) == [2, 4, 3]
    assert regions.spread(np.array([2, 0, 4, 1, 3]), 2) == [2, 0, 4, 3]


def test_a_region_sets_rows_are_the_photos_regions(
    tiny_flickr: Path, random_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.embedded_regions.PHOTOS", 4)  # six photos: two chunks
    describer = Describer.load(random_checkpoint)
    captions = read_captions(tiny_flickr, "dev", None, None)
    regions = embed_all_regions(describer.checkpoint, captions)
    for photo, path in enumerate(captions.paths):
        look = describer.look(read(path))
        own = regions.photo_of == photo
        np.testing.assert_allclose(regions.boxes[own], look.boxes, atol=1e-6)
        np.testing.assert_allclose(regions.vectors[own], look.vectors, atol=5e-3)
    assert (regions.lengths > 0).all()


def with_table(plain: Checkpoint) -> Checkpoint:
    """The same, with a word table that has "zebra" beside what the model learnt."""
    vectors = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    table = quantised(("a", "dog", "zebra"), vectors)
    vocabulary = Vocabulary(plain.vocabulary.words, plain.vocabulary.counts, table)
    config = replace(plain.alignment.config, table_words=1, table_dimension=4, metric_dimension=2)
    model = AlignmentModel(config).eval()
    learn_table(model, vocabulary)
    return replace(plain, alignment=model, vocabulary=vocabulary)


@pytest.mark.parametrize("table", [False, True])
def test_word_lengths_by_hand(table: bool, random_checkpoint: Path) -> None:
    checkpoint = load_checkpoint(random_checkpoint)
    if table:  # whose words are read, but have no vector of their own to tell the length of
        checkpoint = with_table(checkpoint)
        assert checkpoint.vocabulary.ids(["zebra"]) == [len(checkpoint.vocabulary)]
    sentences = ["a dog runs", "zebra", "a red dog", "!", "a ball", "zebra"]
    words = word_lengths(checkpoint, sentences, least=2)
    lengths: dict[str, list[float]] = {}
    for sentence in sentences:
        ids = checkpoint.vocabulary.ids(sentence.split())
        packed, count, _, _ = pack_sentences([ids])
        with torch.inference_mode():
            vectors = checkpoint.alignment.sentences(packed, count)
        for word, vector in zip(sentence.split(), vectors, strict=True):
            lengths.setdefault(word, []).append(float(vector.square().sum().sqrt()))
    assert {one.word: one.count for one in words} == {"a": 3, "dog": 2}
    for one in words:
        assert one.length == pytest.approx(np.mean(lengths[one.word]), rel=1e-5)
    assert words[0].length >= words[1].length


def test_table_magnitudes(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = (
        "table", "magnitudes", "--data", tiny_flickr, "--split", "dev", "--threads", 1,
        "--checkpoint", random_checkpoint, "--out", tmp_path / "results", "--sheet",
        tmp_path / "set.jpg", "--free-photos", tmp_path / "free",
    )  # fmt: skip
    with pytest.raises(SystemExit, match=r"free has no .jpg photos"):
        run(monkeypatch, *command)
    (tmp_path / "free").mkdir()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "free" / "x.jpg")
    run(monkeypatch, *command)
    text = (tmp_path / "results" / "magnitudes.md").read_text()
    # "A red ball .", "the ball is red" and so on, of three colours: of the words that the
    # checkpoint knows, "a" comes 6 times, "ball" 3 x 2, "red" 2 x 2 times, which is too few
    assert f"python -m train table magnitudes --data {tiny_flickr}" in text
    assert re.search(r"^\| (a|ball) \| [\d.]+ \| 6 \| (a|ball) \| [\d.]+ \| 6 \|$", text, re.M)
    assert "1 of the 2 words are stop words" in text
    for path in (tmp_path / "results" / "magnitudes.jpg", tmp_path / "set.jpg"):
        with Image.open(path) as picture:
            assert picture.format == "JPEG"
