"""Recipes, several processes, early stopping, views: what `train align` offers beside learning."""

import json
import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
import torch

from core.alignment.model import AlignmentConfig, AlignmentModel
from core.checkpoints import learn_table
from core.language.vocabulary import Vocabulary
from core.language.word_table import quantised
from train import align as trainer
from train import alignment_task
from train.alignment_task import AlignmentStep, AlignmentTask
from train.data import DataError
from train.distributed import World
from train.features import FeatureStore
from train.loop import Schedule, learn
from train.ranking import Sentences, StoredRegions, StoredViews
from train.recipes import RECIPES, AlignRecipe
from train.runs import Run

ROOT = Path(__file__).parents[2]


def chosen(*options: str) -> tuple[AlignRecipe, dict[str, object]]:
    parser = ArgumentParser()
    trainer.add_recipe_arguments(parser)
    return trainer.recipe_of(parser.parse_args(options))


@pytest.mark.parametrize("name", RECIPES)
def test_every_named_recipe_is_valid(name: str) -> None:
    recipe, model = chosen("--recipe", name)
    AlignmentModel(AlignmentConfig(4, 5, **model))  # type: ignore[arg-type]
    for key, value in RECIPES[name].training.items():
        assert getattr(recipe, key) == value


def test_the_papers_recipe_is_the_papers() -> None:
    recipe, model = chosen("--recipe", "paper")
    assert (recipe.optimiser, recipe.batch, recipe.loss, recipe.margin) == ("sgd", 100, "margin", 1)
    assert model["similarity"] == "product"
    assert 1000 <= model["common_dimension"] <= 1600  # type: ignore[operator]
    assert 300 <= model["hidden_dimension"] <= 600  # type: ignore[operator]


def test_options_come_before_the_recipe() -> None:
    recipe, model = chosen("--recipe", "paper", "--rate", "0.5", "--similarity", "cosine")
    assert (recipe.rate, recipe.batch, model["similarity"]) == (0.5, 100, "cosine")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--loss", "l2"], "loss is 'l2'; expected one of softmax, margin, hard"),
        (["--loss", "hard", "--sentences", "5"], "sentences is 5; the hard loss"),
        (["--regions", "some"], "regions is 'some'"),
        (["--optimiser", "lbfgs"], "optimiser is 'lbfgs'"),
    ],
)
def test_bad_options_are_one_sentence(options: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        chosen(*options)


def store_of(features: np.ndarray, folder: Path) -> FeatureStore:
    """(n, R, D) features as a feature folder."""
    folder.mkdir()
    n, r, d = features.shape
    np.save(folder / "features.npy", features.astype(np.float16))
    np.save(folder / "boxes.npy", np.zeros((n, r, 4), np.float32))
    np.save(folder / "objectness.npy", np.zeros((n, r), np.float32))
    np.save(folder / "count.npy", np.full(n, r, np.int32))
    names = [f"{i}.jpg" for i in range(n)]
    (folder / "names.json").write_text(
        json.dumps({"encoder": "bundled", "dimension": d, "names": names})
    )
    return FeatureStore(folder)


def test_views_give_one_of_each_photo(tmp_path: Path) -> None:
    first = np.zeros((6, 20, 3)) + np.arange(6)[:, None, None]
    views = [
        StoredRegions(store_of(first, tmp_path / "a")),
        StoredRegions(store_of(first + 10, tmp_path / "b")),
    ]
    source = StoredViews(views, seed=0)
    rows = np.array([4, 1, 2])
    seen = np.stack([source.batch(rows)[0][:, 0, 0].numpy() for _ in range(40)])
    assert (seen % 10 == rows).all(), "each photo keeps its place"
    assert {0, 10} == set(np.unique(seen - seen % 10)), "both views come"
    assert len({tuple(row) for row in seen}) > 4, "each photo draws for itself"
    with pytest.raises(DataError, match="other photos or encoders"):
        StoredViews([views[0], StoredRegions(store_of(first[:5], tmp_path / "c"))], 0)


def test_image_only_gives_the_whole_image(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(3, 20, 4))
    found, present, _ = StoredRegions(store_of(features, tmp_path / "a"), image_only=True).batch(
        np.arange(3)
    )
    np.testing.assert_allclose(found[:, 0], features[:, 0], atol=1e-2)
    assert found.shape == (3, 1, 4)
    assert present.all()


def test_what_training_goes_on_from_reads_words_through_its_table() -> None:
    """The table is no part of the model's state: without it, its words would be no numbers."""
    words = ("a", "dog", "zebra")
    vectors = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    vocabulary = Vocabulary(("a", "dog"), (9, 3), quantised(words, vectors))
    sizes = {"table_words": 1, "table_dimension": 4, "metric_dimension": 2}
    model = AlignmentModel(AlignmentConfig(4, 3, 4, 4, 4, **sizes)).eval()  # type: ignore[arg-type]
    learn_table(model, vocabulary)
    again = trainer.restarted(model, vocabulary, {"similarity": "weighted"}).eval()
    assert again.config.similarity == "weighted"
    ids, length = torch.tensor([vocabulary.ids(["zebra", "dog"])]), torch.tensor([2])
    found = again.sentences(ids, length)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found, model.sentences(ids, length))


def test_training_stops_early(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    source = StoredRegions(store_of(rng.normal(size=(8, 20, 4)), tmp_path / "f"))
    vocabulary = Vocabulary.from_sentences(["a b c"] * 9)
    sentences = Sentences.__new__(Sentences)
    sentences.ids = [[[1, 2]] for _ in range(8)]
    recipe = AlignRecipe(epochs=20, batch=4, warm_up=1, patience=2)
    sums = iter([10.0, 30.0, 20.0, 30.0, 99.0])
    saved = []
    run = Run(tmp_path / "run", recipe)
    model = AlignmentModel(AlignmentConfig(4, len(vocabulary) + 3, 4, 4, 4))
    task = AlignmentTask(
        model, source, sentences, recipe, lambda: {"sum": next(sums)}, lambda: saved.append(1)
    )
    schedule = Schedule(recipe.epochs, recipe.warm_up, recipe.patience)
    assert learn(task, schedule, run) == 30.0
    assert len(saved) == 2
    assert len((run.folder / "log.jsonl").read_text().splitlines()) == 4
    # named again it stays stopped
    learn(task, schedule, run)
    assert next(sums) == 99.0


@pytest.mark.parametrize("loss", ["softmax", "margin"])
def test_two_processes_give_the_loss_of_one(
    loss: str, tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "features"
    rng = np.random.default_rng(0)
    for split, n in (("train", 12), ("dev", 6)):
        names = (tiny_flickr / "splits" / f"{split}.txt").read_text().split()
        store_of(rng.normal(size=(n, 20, 608)), tmp_path / split)
        described = json.loads((tmp_path / split / "names.json").read_text()) | {"names": names}
        (tmp_path / split / "names.json").write_text(json.dumps(described))
    curves = []
    for processes in (1, 2):
        launch = (
            ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
            if processes > 1
            else []
        )
        subprocess.run(
            [sys.executable, *launch, "-m", "train", "align", "--data", tiny_flickr,
             "--encoder", random_checkpoint, "--features", tmp_path / "train",
             "--dev-features", tmp_path / "dev", "--out", folder, "--epochs", "3", "--batch", "6",
             "--warm-up", "2", "--optimiser", "sgd", "--rate", "0.3",
             "--recipe", "baseline", "--dropout", "0",
             "--threads", "1", "--loss", loss, "--margin", "0.2", "--word-dimension", "8",
             "--hidden-dimension", "8", "--common-dimension", "8"],
            check=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300,
        )  # fmt: skip
        curves.append(
            [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        )
        shutil.rmtree(folder)
    one, two = curves
    assert [line["alignment"] for line in two] == pytest.approx(
        [line["alignment"] for line in one], rel=1e-4
    )
    assert one[-1]["alignment"] < one[0]["alignment"]


def test_region_dropout_hides_regions_but_never_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = alignment_task.word_region_products

    def watched(regions: torch.Tensor, present: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        seen.append(present.clone())
        return original(regions, present, words)

    monkeypatch.setattr(alignment_task, "word_region_products", watched)
    features = np.random.default_rng(0).normal(size=(8, 20, 4))
    source = StoredRegions(store_of(features, tmp_path / "f"))
    model = AlignmentModel(AlignmentConfig(4, 9, 4, 4, 4))
    world = World(0, 1, torch.device("cpu"))
    step = AlignmentStep(model, source, AlignRecipe(region_dropout=0.5), world)
    for _ in range(20):
        step(np.arange(8), [[1, 2]] * 8, torch.arange(8), False)
    share = torch.stack(seen).float().mean()
    assert 0.4 < float(share) < 0.6
    recipe = AlignRecipe(region_dropout=1.0)
    AlignmentStep(model, source, recipe, world)(np.arange(8), [[1, 2]] * 8, torch.arange(8), False)
    assert seen[-1].all(), "where none is left, all stay"
