"""Captioners end to end on drawn photos: snippets, caption, evaluate caption, evaluate mrnn."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.captioning import metrics
from core.captioning.recurrences import CaptionerConfig
from core.checkpoints import load_captioners, load_checkpoint
from core.describer import Describer
from core.errors import UserError
from core.language.vocabulary import tokenise
from core.vision.images import read
from train import __main__ as command
from train.captions import evaluation as captioning
from train.captions import training as trainer
from train.captions.data import Images, read_snippets
from train.features import FeatureStore
from train.snippets import whole_phrases


def run(*arguments: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train", *map(str, arguments)])
        command.main()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


SMALL = ("--word-dimension", 16, "--hidden-dimension", 24, "--multimodal-dimension", 24,
         "--least", 1, "--batch", 8, "--rate", 0.01, "--warm-up", 5, "--threads", 1)  # fmt: skip


@pytest.fixture(scope="module")
def material(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Features of train and dev, and the snippets of both."""
    folder = tmp_path_factory.mktemp("material")
    for split in ("train", "dev"):
        run("features", "--data", tiny_flickr, "--split", split, "--threads", 1,
            "--encoder", random_checkpoint, "--out", folder / split)  # fmt: skip
        run("snippets", "--data", tiny_flickr, "--split", split, "--features", folder / split,
            "--checkpoint", random_checkpoint, "--beta", 0.02, "--threads", 1,
            "--out", folder / f"{split}.jsonl")  # fmt: skip
    return folder


def learn(material: Path, data: Path, out: Path, *options: object) -> list[dict[str, Any]]:
    run("caption", "--data", data, "--features", material / "train",
        "--dev-features", material / "dev", "--out", out, *SMALL, *options)  # fmt: skip
    return lines(out / "log.jsonl")


def test_snippets_are_the_describers_segments(
    material: Path, tiny_flickr: Path, random_checkpoint: Path
) -> None:
    from core.results import align

    describer = Describer.load(random_checkpoint)
    found = lines(material / "train.jsonl")
    photo = "train0_red_ball.png"
    look = describer.look(read(tiny_flickr / "images" / photo))
    reading = describer.read("A red ball .")
    wanted = align(look, reading, 0.02).segments
    mine = [one for one in found if (one["photo"], one["sentence"]) == (photo, 0)]
    assert [(one["words"], one["region"]) for one in mine] == [
        (" ".join(tokenise(s.words)), s.region) for s in wanted
    ]
    assert [one["score"] for one in mine] == pytest.approx([s.score for s in wanted], abs=2e-3)
    np.testing.assert_allclose([one["box"] for one in mine], look.boxes[[s.region for s in wanted]],
                               atol=1e-4)  # fmt: skip


@pytest.mark.parametrize("kind", ["rnn", "rnn-every", "lstm", "mrnn", "lm"])
def test_captioners_learn(kind: str, material: Path, tiny_flickr: Path, tmp_path: Path) -> None:
    log = learn(material, tiny_flickr, tmp_path, "--level", "image", "--model", kind,
                "--dropout", 0, "--epochs", 12)  # fmt: skip
    assert log[-1]["loss"] < 0.7 * log[0]["loss"]
    assert log[-1]["perplexity"] < 0.75 * log[0]["perplexity"]
    [(level, captioner)] = load_captioners(tmp_path / "checkpoint").items()
    assert (level, captioner.model.config.kind) == ("image", kind)
    assert set(captioner.vocabulary.words) == {
        "a",
        "is",
        "the",
        "red",
        "green",
        "blue",
        "ball",
        "box",
    }


def test_a_killed_training_resumes_to_the_same_curve(
    material: Path, tiny_flickr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    options = ("--level", "image", "--model", "rnn", "--epochs", 3)
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    whole = learn(material, tiny_flickr, Path("run"), *options)
    monkeypatch.chdir(tmp_path / "killed")
    original, calls = trainer.assess, []

    def kill_in_the_second_epoch(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "assess", kill_in_the_second_epoch)
        with pytest.raises(Killed):
            learn(material, tiny_flickr, Path("run"), *options)
    assert learn(material, tiny_flickr, Path("run"), *options) == whole
    with pytest.raises(SystemExit, match="holds a run with other options"):
        learn(material, tiny_flickr, Path("run"), *options, "--seed", 2)


def test_a_loss_that_is_no_number_stops_the_training(
    material: Path, tiny_flickr: Path, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="the loss is nan; its parts: words nan"):
        learn(material, tiny_flickr, tmp_path, "--level", "image", "--rate", 1e30, "--epochs", 2)


def test_region_captioners_train_on_snippets_only(
    material: Path, tiny_flickr: Path, tmp_path: Path, random_checkpoint: Path
) -> None:
    learn(material, tiny_flickr, tmp_path / "region", "--level", "region", "--context", "whole",
          "--snippets", material / "train.jsonl", "--dev-snippets", material / "dev.jsonl",
          "--epochs", 2)  # fmt: skip
    learn(material, tiny_flickr, tmp_path / "image", "--level", "image", "--epochs", 2,
          "--context", "mean")  # fmt: skip
    run("export", random_checkpoint, "--captioner", tmp_path / "region/checkpoint",
        "--captioner", tmp_path / "image/checkpoint", "--out", tmp_path / "shipped")  # fmt: skip
    describer = Describer.load(tmp_path / "shipped")
    look = describer.look(read(tiny_flickr / "images" / "dev0_red_box.png"))
    found = list(describer.describe(look))
    assert [one.region for one in found] == list(range(len(look.boxes)))
    assert all(one.sentences[0].words for one in found)

    common = ("evaluate", "caption", "--checkpoint", tmp_path / "shipped", "--threads", 1,
              "--no-meteor", "--json", tmp_path / "out.json")  # fmt: skip
    regions = (*common, "--level", "region", "--data", tiny_flickr, "--snippets",
               material / "train.jsonl", "--phrases", tiny_flickr / "phrases.json")  # fmt: skip
    systems = {}
    for options in ((), ("--baseline", "whole-image"), ("--baseline", "ranking")):
        run(*regions, *options, "--examples", tmp_path / "examples.html")
        figures = json.loads((tmp_path / "out.json").read_text())
        systems[figures["system"]] = figures
        assert (figures["images"], figures["references"]) == (24, 24)
        assert 0 <= figures["bleu_1"] <= 100
        assert figures["meteor"] is None
    assert systems.keys() == {"captioner", "whole-image", "ranking"}
    page = (tmp_path / "examples.html").read_text(encoding="utf-8")
    assert page.count('class="box"') == 20
    with pytest.raises(SystemExit, match="no image has sentences of two people"):
        run(*regions, "--baseline", "human")

    table = ("table", "captioning", "--data", tiny_flickr, "--features", tmp_path / "test",
             "--train-features", material / "train", "--checkpoint", tmp_path / "shipped",
             "--captioner", tmp_path / "image/checkpoint", "--phrases",
             tiny_flickr / "phrases.json", "--snippets", material / "train.jsonl", "--threads", 1,
             "--language", "Same", tiny_flickr / "captions.token.txt",
             tmp_path / "image/checkpoint", "--results", tmp_path / "rows",
             "--out", tmp_path / "docs" / "captioning.md")  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        # METEOR's start takes seconds.
        patch.setattr(metrics.java.shutil, "which", lambda name: None)
        run(*table)
    text = (tmp_path / "docs" / "captioning.md").read_text(encoding="utf-8")
    assert "| Karpathy & Fei-Fei 2015 | 57.9 | 38.3 |" in text
    kept = json.loads((tmp_path / "rows" / "regions.json").read_text())
    assert f"| **shipped region captioner, beam 7** | {kept['bleu_1']} |" in text
    for path in (tmp_path / "rows").iterdir():
        assert path.stem in {"photos", "photos_image", "photos_nearest", "photos_human", "regions",
                             "regions_whole-image", "regions_ranking", "language_Same"}  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captioning, "evaluate_caption", None)  # rows that are there are not run again
        run(*table)
    assert (tmp_path / "docs" / "captioning.md").read_text(encoding="utf-8") == text


def test_evaluate_caption_keeps_its_contract(
    material: Path, tiny_flickr: Path, tmp_path: Path, random_checkpoint: Path
) -> None:
    learn(material, tiny_flickr, tmp_path, "--level", "image", "--dropout", 0, "--epochs", 12)
    common = ("evaluate", "caption", "--level", "image", "--data", tiny_flickr, "--split", "dev",
              "--checkpoint", random_checkpoint, "--captioner", tmp_path / "checkpoint",
              "--features", material / "dev", "--threads", 1,
              "--json", tmp_path / "out.json")  # fmt: skip
    run(*common, "--beam", 3, 1, "--no-meteor")
    two = json.loads((tmp_path / "out.json").read_text())
    assert [one["beam"] for one in two["by_beam"]] == [3, 1]
    run(*common, "--beam", 3)  # METEOR's program takes seconds to start, once for each beam
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["bleu_1"] == two["bleu_1"]
    assert (found["images"], found["references"]) == (6, 12)
    assert (found["level"], found["system"], found["tokenizer"]) == (
        "image",
        "captioner",
        "project",
    )
    assert found["bleu_1"] == found["by_beam"][0]["bleu_1"] > 30
    assert ("meteor_note" in found) == (not metrics.has_java())
    assert 0 < found["seen_in_training"] <= 100
    assert found["perplexity"] == pytest.approx(
        lines(tmp_path / "log.jsonl")[-1]["perplexity"], rel=0.2
    )
    assert found["decoding"] == {"beam": 3, "best": 1, "longest": 20, "length_power": 0.0}
    run(*common, "--baseline", "nearest", "--train-features", material / "train", "--no-meteor")
    assert json.loads((tmp_path / "out.json").read_text())["system"] == "nearest"
    run(*common, "--baseline", "human", "--no-meteor")
    human = json.loads((tmp_path / "out.json").read_text())
    # "a red ball" against "the ball is red" and the other way round: 2 of 3 and 2 of 4 words,
    # the first one word too short
    assert human["bleu_1"] == pytest.approx(100 * (2 / 3 * np.exp(1 - 4 / 3) + 2 / 4) / 2, abs=0.01)
    assert human["compared"] == 12
    with pytest.raises(SystemExit, match="baseline is 'ranking'; level image has nearest, human"):
        run(*common, "--baseline", "ranking")


def test_evaluate_mrnn_keeps_its_contract(
    material: Path, tiny_flickr: Path, tmp_path: Path, random_checkpoint: Path
) -> None:
    learn(material, tiny_flickr, tmp_path, "--level", "image", "--model", "mrnn", "--epochs", 12,
          "--dropout", 0)  # fmt: skip
    run("evaluate", "mrnn", "--data", tiny_flickr, "--split", "dev", "--sample", 12, "--threads", 1,
        "--checkpoint", random_checkpoint, "--captioner", tmp_path / "checkpoint",
        "--features", material / "dev", "--train-features", material / "train",
        "--json", tmp_path / "out.json")  # fmt: skip
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["model"], found["images"], found["sentences"]) == ("mrnn", 6, 12)
    assert found["annotation"].keys() == found["search"].keys() == {"r1", "r5", "r10", "medr"}
    assert found["search"]["r10"] == 100  # six photos
    assert found["perplexity"] > 1


def test_other_languages(
    material: Path, tiny_flickr: Path, tmp_path: Path, random_checkpoint: Path
) -> None:
    """Right to left, with a sentence that goes on in the next line and photos without one."""
    translated = {"red": "حمراء", "green": "خضراء", "blue": "زرقاء"}
    text = ""
    for name in sorted(p.name for p in (tiny_flickr / "images").iterdir())[:-1]:
        colour = name.split("_")[1]
        text += f"{name}#0\tكرة {translated[colour]}\n" if "ball" in name else f"{name}#0\tصندوق\n"
        text += f"{translated[colour]}\n" if "box" in name else ""
    (tmp_path / "arabic.txt").write_text(text, encoding="utf-8")
    options = ("--sentences", tmp_path / "arabic.txt")
    learn(material, tiny_flickr, tmp_path / "run", "--level", "image", "--epochs", 12,
          "--dropout", 0, *options)  # fmt: skip
    run("evaluate", "caption", "--level", "image", "--data", tiny_flickr, "--split", "dev",
        "--checkpoint", random_checkpoint, "--captioner", tmp_path / "run/checkpoint",
        "--features", material / "dev", "--threads", 1, "--no-meteor", *options,
        "--json", tmp_path / "out.json", "--examples", tmp_path / "page.html")  # fmt: skip
    assert json.loads((tmp_path / "out.json").read_text())["bleu_1"] > 40
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert any(word in page for word in translated.values())
    [captioner] = load_captioners(tmp_path / "run/checkpoint").values()
    assert {"كرة", "صندوق", *translated.values()} == set(captioner.vocabulary.words)


def test_snippets_of_other_features_are_refused(material: Path, tmp_path: Path) -> None:
    store = FeatureStore(material / "dev")
    one = lines(material / "dev.jsonl")[0]
    for change, message in (
        ({"photo": "x.png"}, "line 1: the features have no such photo or region"),
        ({"box": [0, 0, 0.1, 0.1]}, "line 1: region .* has another box in the features"),
        ({"region": "one"}, "line 1: ValueError"),
    ):
        (tmp_path / "s.jsonl").write_text(json.dumps({**one, **change}) + "\n")
        with pytest.raises(UserError, match=message):
            read_snippets(tmp_path / "s.jsonl", store)


def test_the_mean_leaves_padding_out(material: Path) -> None:
    store = FeatureStore(material / "dev")
    both = Images(store, "mean").of([(store.names[2], 0)])[0]
    features, present = store.rows(np.array([2]))
    np.testing.assert_allclose(
        both[608:], features[0][present[0]].mean(dim=0), rtol=1e-4, atol=1e-4
    )
    assert both[:608].equal(features[0, 0])


def test_what_the_checkpoint_says_is_what_training_measured(
    material: Path, tiny_flickr: Path, tmp_path: Path, random_checkpoint: Path
) -> None:
    log = learn(material, tiny_flickr, tmp_path, "--level", "image", "--epochs", 3)
    best = min(log, key=lambda line: line["perplexity"])
    [captioner] = load_captioners(tmp_path / "checkpoint").values()
    store = FeatureStore(material / "dev")
    words = 0
    said = [(name, s) for name in store.names for s in _sentences(name)]
    from train.captions.data import RegionTexts

    texts = RegionTexts(
        tuple(n for n, _ in said), np.zeros(len(said), dtype=int), tuple(s for _, s in said)
    )
    dev = trainer.CaptionData(texts, Images(store, "none"), captioner.vocabulary)
    found = trainer.log_probabilities(captioner.model, dev)
    words = sum(len(tokenise(s)) + 1 for _, s in said)
    assert len(found) == words
    assert metrics.perplexity(found) == pytest.approx(best["perplexity"], abs=1e-3)


def _sentences(name: str) -> tuple[str, str]:
    _, colour, shape = name.removesuffix(".png").split("_")
    return f"A {colour} {shape} .", f"the {shape} is {colour}"


def test_missing_options_are_named(
    material: Path, tiny_flickr: Path, tmp_path: Path, random_checkpoint: Path
) -> None:
    with pytest.raises(SystemExit, match="--snippets is missing; --level region expects it"):
        learn(material, tiny_flickr, tmp_path / "a", "--level", "region")
    with pytest.raises(SystemExit, match=r"the features lack dev0_red_ball\.png"):
        run("snippets", "--data", tiny_flickr, "--split", "dev", "--features", material / "train",
            "--checkpoint", random_checkpoint, "--out", tmp_path / "s.jsonl")  # fmt: skip
    with pytest.raises(SystemExit, match="has a captioner of level image; expected one made by"):
        run("evaluate", "caption", "--level", "image", "--data", tiny_flickr, "--split", "dev",
            "--features", material / "dev", "--checkpoint", tmp_checkpoint(tiny_flickr, tmp_path),
            "--json", tmp_path / "x")  # fmt: skip


def tmp_checkpoint(data: Path, folder: Path) -> Path:
    """A checkpoint folder of an encoder alone."""
    from core.checkpoints import save_checkpoint
    from tests.conftest import random_network

    save_checkpoint(folder / "alone", "alone", random_network())
    return folder / "alone"


def test_the_exported_captioner_is_small_and_the_same(
    material: Path, tiny_flickr: Path, tmp_path: Path, random_checkpoint: Path
) -> None:
    learn(material, tiny_flickr, tmp_path / "run", "--level", "image", "--epochs", 1)
    run("export", random_checkpoint, "--captioner", tmp_path / "run/checkpoint",
        "--out", tmp_path / "first")  # fmt: skip
    run("export", tmp_path / "first", "--out", tmp_path / "again")  # keeps what it has
    name = "captioner_image.safetensors"
    sizes = [(tmp_path / f / name).stat().st_size for f in ("run/checkpoint", "first", "again")]
    assert sizes[1] == sizes[2] < 0.6 * sizes[0]
    assert load_checkpoint(tmp_path / "again").captioners.keys() == {"image"}


def test_images_of_a_captioner_that_learnt_from_fewer_numbers(tmp_path: Path) -> None:
    store = SimpleNamespace(
        names=["a", "b"], dimension=5, features=np.arange(30, dtype=np.float16).reshape(2, 3, 5)
    )
    every = torch.ones(2, 3, dtype=torch.bool)
    store.rows = lambda rows: (torch.from_numpy(store.features[rows]).float(), every[rows])
    images = Images.of_captioner(store, CaptionerConfig(2, 4, context="mean"))  # type: ignore[arg-type]
    # Photo b's region 1 starts with 20, 21; the mean of its three regions with 20, 21 as well.
    assert images.of([("b", 1)]).tolist() == [[20, 21, 20, 21]]
    assert images.of([("a", 2)]).tolist() == [[10, 11, 5, 6]]


def test_snippets_as_whole_phrases() -> None:
    def one(words: str) -> dict[str, Any]:
        return {"photo": "p", "region": 1, "words": words, "score": 0.5}

    found = whole_phrases([one("a man is"), one("of the"), one("jumping over"), one("two dogs")])
    assert list(found) == [one("a man"), one("two dogs")]
