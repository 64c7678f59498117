"""`python -m train everyday`: an alignment model that knows everyday photos, and any word.

It goes on from a checkpoint that learnt from sentences (`train align`), on stored features of a
network with a class-aware detector. Three things are new to it:

  regions   the detector's evidence and maps, for which its projection gets columns of zeros
  words     those of the labels and of borrowed sentences, and a word table for all others
  photos    whose labels alone are known (`train.labelled`): every n-th batch is of them, with short
            sentences made of the labels, sentences borrowed from other photos that show the same,
            and people's where there are some

A sentence of labels is true of other photos of its batch as well: those are no rivals. The whole
image, whose evidence names all that a photo shows, is often hidden there, or words would never
need to look for a thing. No box ever says which words belong to it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.alignment.model import AlignmentModel, pack_sentences
from core.alignment.scoring import word_region_products
from core.alignment.words import ReadWords
from core.checkpoints import learn_table, load_checkpoint, load_network, save_checkpoint
from core.language.vocabulary import Vocabulary, tokenise
from core.language.word_table import WordTable
from train import machine
from train.data import DataError, read_captions
from train.features import FeatureStore
from train.labelled import (
    LabelledPhotos,
    also_true,
    borrowed,
    label_sentence,
    read_labelled,
    words_of_labels,
)
from train.loop import Losses, Schedule, learn
from train.options import add_fields, check_numbers, fields_of, read_into
from train.ranking import Sentences, StoredRegions, rank, summary
from train.runs import Run
from train.word_table import read_word_table


@dataclass(frozen=True)
class EverydayRecipe:
    """How the alignment model goes on."""

    steps: int = 420
    """Batches in all."""
    batch: int = 256
    """Photos of a step, with a sentence each."""
    rate: float = 7e-4
    """Adam's, falling to zero along half a cosine."""
    warm_up: int = 40
    """Steps over which it rises."""
    labelled_every: int = 3
    """Each n-th batch is of labelled photos."""
    evidence_boost: float = 1.0
    """By how much class evidence counts more from the start of this run on; what the model says at
    first stays the same."""
    whole_hidden: float = 0.0
    """Share of labelled photos whose whole image is hidden in a step."""
    region_dropout: float = 0.3
    """Share of all regions that a step hides."""
    word_hidden: float = 0.15
    """Share of the known words that a step reads through others."""
    people_said: float = 0.7
    """Share of people's sentences where a labelled photo has some."""
    borrowed_said: float = 0.4
    """Share of borrowed ones where it has those; the rest are made of labels."""
    least: int = 25
    """Times that a word must stand in the new sentences to get a vector of its own."""
    temperature: float = 0.05
    """Of the softmax over the batch."""
    metric_steps: int = 200
    """Of the metric by which words are read through others, before all else."""
    report: int = 140
    """Steps between two reports and kept states."""
    seed: int = 1
    """Of everything that is drawn."""

    def __post_init__(self) -> None:
        check_numbers(self)


def grown(
    old: AlignmentModel,
    vocabulary: Vocabulary,
    dimension: int,
    counts: Mapping[str, int],
    table: WordTable,
    recipe: EverydayRecipe,
) -> tuple[AlignmentModel, Vocabulary]:
    """A model that says of old words and old features what `old` says, with room for more.

    dimension: D of the new features, whose first numbers are the old ones; counts: words that are
    to have vectors of their own and how often each was seen; new ones start as read through the
    old.
    """
    fresh = sorted(word for word in counts if word not in vocabulary)
    known = Vocabulary(
        (*vocabulary.words, *fresh),
        (*vocabulary.counts, *(counts[word] for word in fresh)),
        table,
    )
    model = AlignmentModel(
        replace(
            old.config,
            region_dimension=dimension,
            vocabulary_size=len(known),
            table_words=len(known.others),
            table_dimension=table.dimension,
        )
    )
    state = old.state_dict()
    grown_state = model.state_dict()
    for name in ("feature_mean", "feature_scale", "region_projection.weight"):
        first = grown_state[name]
        first.zero_() if "weight" in name or "mean" in name else first.fill_(1.0)
        first[..., : state[name].shape[-1]] = state[name]
        state[name] = first
    name = "sentences.word_vectors.weight"
    mine = grown_state[name]
    mine[: len(vocabulary)] = state[name]
    state[name] = mine
    model.load_state_dict(grown_state | state)
    learn_table(model, known)
    vectors = model.sentences.word_vectors
    assert isinstance(vectors, ReadWords)
    new = torch.arange(len(known)) >= len(vocabulary)
    old_counts = torch.tensor([1.0, *vocabulary.counts, *(0.0 for _ in fresh)])
    vectors.count(old_counts)
    fit_metric(old, vectors, np.array(vocabulary.counts), recipe)
    with torch.no_grad():
        ids = torch.nonzero(new & vectors.table[: len(known)].any(dim=1))[:, 0]
        if len(ids):
            vectors.weight[ids] = vectors.through(ids, new)
    vectors.count(torch.tensor([1.0, *known.counts]))
    return model, known


def fit_metric(
    old: AlignmentModel, vectors: ReadWords, counts: np.ndarray, recipe: EverydayRecipe
) -> None:
    """Teach M, P and c: read through others, a word should say alone what its own vector says."""
    generator = np.random.default_rng(recipe.seed)
    n = len(counts) + 1
    fresh = torch.arange(vectors.num_embeddings) >= n
    pool = np.flatnonzero(vectors.table[1:n].any(dim=1).numpy() & (counts >= 8)) + 1
    if len(pool) < 2:
        return
    share = np.sqrt(counts[pool - 1])
    said = old.sentences.eval()

    def alone(x: Tensor) -> Tensor:
        e = F.relu(said.input(x[:, None]))
        lengths = torch.ones(len(x), dtype=torch.int64)
        return F.relu(said.output(said.in_context(e, lengths)[:, 0]))

    with torch.no_grad():
        wanted = alone(vectors.weight[:n])
        mean = wanted[1:].mean(dim=0)
    optimiser = torch.optim.AdamW(
        [
            {"params": [vectors.metric.weight, vectors.log_scale], "lr": 3e-3, "weight_decay": 0.0},
            {"params": [vectors.projection.weight], "lr": 1e-3, "weight_decay": 0.3},
        ]
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, recipe.metric_steps))
    for _ in range(recipe.metric_steps):
        some = generator.choice(pool, min(192, len(pool)), replace=False, p=share / share.sum())
        ids = torch.from_numpy(some)
        found, true = alone(vectors.through(ids, fresh)), wanted[ids]
        apart = 1 - F.cosine_similarity(found - mean, true - mean).mean()
        size = (found - true).square().sum(dim=1).mean() / true.square().sum(dim=1).mean()
        optimiser.zero_grad()
        (apart + 0.3 * size).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


class LabelledSentences:
    """What is said of labelled photos, drawn anew for each step."""

    def __init__(
        self, photos: LabelledPhotos, texts: Sequence[str], vocabulary: Vocabulary | None,
        recipe: EverydayRecipe,
    ) -> None:  # fmt: skip
        self.photos, self.recipe, self.vocabulary = photos, recipe, vocabulary
        self.borrowed = borrowed(photos, texts) if texts else {}

    def counts(self) -> dict[str, int]:
        """Words that deserve a vector: of labels all, of sentences the frequent ones."""
        said = [text for group in self.borrowed.values() for text, _ in group]
        said += [text for group in self.photos.sentences.values() for text in group]
        seen = Counter(word for text in said for word in tokenise(text))
        labels = words_of_labels(self.photos)
        frequent = {word: n for word, n in seen.items() if n >= self.recipe.least}
        return frequent | {word: seen[word] + n for word, n in labels.items()}

    def draw(
        self, rows: np.ndarray, generator: np.random.Generator
    ) -> tuple[list[list[int]], np.ndarray]:
        """(K,) photos -> a sentence of each as ids, and (K, K) bool `also_true`."""
        assert self.vocabulary is not None
        said, named = [], []
        for row in rows:
            text, categories = self._one(int(row), generator)
            ids = self.vocabulary.ids(tokenise(text))
            said.append(ids if any(ids) else self.vocabulary.ids(["photo"]))
            named.append(categories)
        return said, also_true(named, [self.photos.labels[row] for row in rows])

    def _one(self, row: int, generator: np.random.Generator) -> tuple[str, frozenset[str] | None]:
        name, turn = self.photos.names[row], generator.random()
        own, others = self.photos.sentences.get(name), self.borrowed.get(name)
        if own and turn < self.recipe.people_said:
            return own[generator.integers(len(own))], None
        if others and turn < self.recipe.borrowed_said:
            return others[generator.integers(len(others))]
        return label_sentence(self.photos.labels[row], generator)


def pair_loss(scores: Tensor, also: Tensor, temperature: float) -> Tensor:
    """Symmetric cross-entropy of (K, K) scores whose diagonal holds the pairs; where `also` (K, K)
    says that a sentence is true of another photo too, the two are no rivals."""
    same = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    logits = (scores / temperature).masked_fill(also & ~same, float("-inf"))
    target = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def step_scores(
    model: AlignmentModel,
    features: Tensor,
    present: Tensor,
    sentences: list[list[int]],
    hidden_share: float,
) -> Tensor:
    """(K, R, D) features of photos and a sentence of each -> (K, K) scores by Eq. 8, a share of the
    regions hidden. What is given may lie elsewhere than the model: the scores lie where it does."""
    kept = present & (torch.rand(present.shape) >= hidden_share)
    present = torch.where(kept.any(dim=1, keepdim=True), kept, present)
    device = model.feature_mean.device
    features, present = features.to(device), present.to(device)
    ids, lengths, known, sentence_of = (t.to(device) for t in pack_sentences(sentences))
    regions, words = model.embed_regions(features), model.embed_words(ids, lengths)
    with torch.autocast(device.type, torch.bfloat16):  # the one large product; sums stay float32
        products = word_region_products(regions, present, words)
    best = products.amax(dim=2).float()[:, :, None]
    one = torch.ones(len(features), 1, dtype=torch.bool, device=device)
    scoring = model.config.scoring
    return scoring.sentence_scores(best, one, known, sentence_of, len(sentences))


def _drawer(count: int, batch: int, generator: np.random.Generator) -> list[np.ndarray]:
    """One pass over `count` photos in batches, the last part batch left out."""
    order = generator.permutation(count)
    return [np.sort(order[i : i + batch]) for i in range(0, count - batch + 1, batch)]


class EverydayTask:
    """`train.loop.Task` of `train everyday`: an epoch is the steps between two reports, and the
    checkpoint is always the last."""

    def __init__(
        self,
        model: AlignmentModel,
        spoken: tuple[StoredRegions, Sentences],
        labelled: tuple[StoredRegions, LabelledSentences],
        recipe: EverydayRecipe,
        schedule: Schedule,
        measure: Callable[[], dict[str, float]],
        export: Callable[[], None],
    ) -> None:
        """measure: figures on dev; export: write the checkpoint."""
        self.counts = (len(spoken[1].ids), len(labelled[1].photos))
        if min(self.counts) < recipe.batch:
            raise DataError(
                f"batch is {recipe.batch}; expected at most the {min(self.counts)} photos"
            )
        self.model, self.spoken, self.labelled = model, spoken, labelled
        self.recipe, self.schedule = recipe, schedule
        self.measure, self.export = measure, export
        self.models = {"model": model}
        self.optimiser = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=1e-4)
        self.generator = np.random.default_rng(recipe.seed)
        self.generators = (self.generator,)
        self.steps = recipe.report
        self.done = 0

    def epoch(self, number: int) -> Iterator[Losses]:
        recipe, first = self.recipe, number * self.steps
        # A resumed run draws anew from here, so an unbroken one does, too.
        left: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        self.model.train()
        for step in range(first, first + self.schedule.steps_of(number, self.steps)):
            torch.manual_seed(recipe.seed * 100_000 + step)
            of_labels = step % recipe.labelled_every == recipe.labelled_every - 1
            queue = left[of_labels]
            if not queue:
                queue.extend(_drawer(self.counts[of_labels], recipe.batch, self.generator))
            name = "labelled" if of_labels else "spoken"
            features, present, sentences, also = self._batch(queue.pop(), of_labels)
            scores = step_scores(self.model, features, present, sentences, recipe.region_dropout)
            loss = pair_loss(scores, also.to(scores.device), recipe.temperature)
            self.done = step + 1
            yield Losses({name: loss})

    def _batch(
        self, rows: np.ndarray, of_labels: bool
    ) -> tuple[Tensor, Tensor, list[list[int]], Tensor]:
        """(K,) photos -> features, present, a sentence of each, and (K, K) `also_true`."""
        if not of_labels:
            features, present, _ = self.spoken[0].batch(rows)
            sentences, _ = self.spoken[1].draw(rows, 1, self.generator)
            return features, present, sentences, torch.zeros(len(rows), len(rows), dtype=torch.bool)
        features, present, _ = self.labelled[0].batch(rows)
        sentences, also = self.labelled[1].draw(rows, self.generator)
        hidden = torch.rand(len(rows)) < self.recipe.whole_hidden
        present[:, 0] &= ~(hidden & present[:, 1:].any(dim=1))
        return features, present, sentences, torch.from_numpy(also)

    def clip(self) -> None:
        nn.utils.clip_grad_value_(list(self.model.parameters()), 5.0)

    def assess(self) -> dict[str, float]:
        return {"step": self.done, **self.measure()}

    def columns(self, means: Mapping[str, float]) -> dict[str, float]:
        return dict(means)

    def worth(self, figures: Mapping[str, float]) -> float:
        """The last is the best: the rates fall to zero with it."""
        return figures["step"]

    def save(self) -> None:
        self.export()


def fit_new_features(model: AlignmentModel, first: int, stores: Sequence[StoredRegions]) -> None:
    """Standardise the features from number `first` on by a sample of all photos."""
    sample = []
    for stored in stores:
        rows = np.linspace(0, len(stored.store.names) - 1, 300).astype(int)
        features, present, _ = stored.batch(np.unique(rows))
        sample.append(features[present][:, first:])
    together = torch.cat(sample)
    model.feature_mean[first:] = together.mean(dim=0)
    model.feature_scale[first:] = together.std(dim=0).clamp_min(1e-3)


@torch.no_grad()
def boost(model: AlignmentModel, columns: slice, by: float) -> None:
    """Let some features count more in training: larger inputs, smaller weights, the same output."""
    model.feature_scale[columns] /= by
    model.region_projection.weight[:, columns] /= by


@dataclass(frozen=True)
class EverydayOptions:
    """What goes on, on what, and where it goes."""

    data: Path
    """A Flickr8k folder."""
    labelled: Path
    """Photos with labels (`train.labelled`)."""
    word_table: Path
    """Published word vectors (`train.word_table`)."""
    features: Path
    """Of the training photos, by `train features`."""
    labelled_features: Path
    dev_features: Path
    encoder: str
    """The region network's checkpoint, which made all of them."""
    start: str
    """The checkpoint to go on from."""
    out: Path
    """The run's folder; the checkpoint lies in its `checkpoint`."""
    borrow: tuple[Path, ...] = ()
    """Files with a photo's id, a tab and a sentence a line."""
    recipe: EverydayRecipe = EverydayRecipe()

    def described(self) -> dict[str, Any]:
        """Everything a resumed run must agree on, for config.json."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "recipe"}
        return told | asdict(self.recipe)


def everyday(options: EverydayOptions, device: torch.device = torch.device("cpu")) -> Path:
    """Train as the options say -> the checkpoint's folder. Nothing is written before all options
    and files are known to be good."""
    recipe = options.recipe
    schedule = Schedule.of_steps(recipe.steps, recipe.report, recipe.warm_up, recipe.seed)
    captions = FeatureStore(options.features).readable(
        read_captions(options.data, "train", None, None)
    )
    dev = FeatureStore(options.dev_features).readable(
        read_captions(options.data, "dev", None, None)
    )
    photos = read_labelled(options.labelled)
    texts = [
        line.partition("\t")[2]
        for path in options.borrow
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    said = LabelledSentences(photos, texts, None, recipe)
    network = load_network(options.encoder)
    dimension = network.config.feature_dimension
    stores = []
    for folder, names in (
        (options.features, captions.names),
        (options.labelled_features, photos.names),
        (options.dev_features, dev.names),
    ):
        store = FeatureStore(folder)
        store.must_be_of(network.name, dimension, "--encoder")
        if tuple(store.names) != names:
            raise DataError(f"{folder} holds other photos; expected those of its data, in order")
        stores.append(StoredRegions(store))
    begun = load_checkpoint(options.start)
    torch.manual_seed(recipe.seed)
    model, vocabulary = begun.alignment, begun.vocabulary
    first = model.config.region_dimension
    if first > dimension:
        raise DataError(
            f"--start reads {first} numbers a region; the features have {dimension}, expected as "
            "many or more"
        )
    if first < dimension:
        table = read_word_table(options.word_table)
        model, vocabulary = grown(model, vocabulary, dimension, said.counts(), table, recipe)
        fit_new_features(model, first, stores[:2])
    trunk = network.config.trunk_dimension
    boost(model, slice(trunk, trunk + network.config.classes), recipe.evidence_boost)
    vectors = model.sentences.word_vectors
    if isinstance(vectors, ReadWords):
        vectors.hidden_share = recipe.word_hidden
    said.vocabulary = vocabulary
    model.to(device)
    folder = options.out / "checkpoint"
    dev_sentences = Sentences(dev, vocabulary)
    task = EverydayTask(
        model,
        (stores[0], Sentences(captions, vocabulary)),
        (stores[1], said),
        recipe,
        schedule,
        lambda: summary(rank(model, stores[2], dev_sentences)),
        lambda: save_checkpoint(
            folder, options.out.name, network, model, vocabulary, False, begun.grounding
        ),
    )
    learn(task, schedule, Run(options.out, options.described()))
    return folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="a Flickr8k folder")
    parser.add_argument("--labelled", type=Path, required=True, help="photos with labels")
    parser.add_argument("--borrow", type=Path, nargs="*", default=[], help="id<TAB>sentence files")
    parser.add_argument(
        "--word-table", type=Path, required=True, help="GloVe (train/word_table.py)"
    )
    parser.add_argument("--features", type=Path, required=True, help="of the training photos")
    parser.add_argument(
        "--labelled-features", type=Path, required=True, help="of the labelled photos"
    )
    parser.add_argument("--dev-features", type=Path, required=True, help="of the dev photos")
    parser.add_argument("--encoder", required=True, help="checkpoint of the region network")
    parser.add_argument("--start", required=True, help="checkpoint to go on from")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    machine.add_arguments(parser)
    add_fields(parser, EverydayRecipe)


def main(arguments: argparse.Namespace) -> None:
    recipe = EverydayRecipe(**fields_of(EverydayRecipe, arguments))
    options = read_into(EverydayOptions, arguments, recipe=recipe)
    everyday(options, machine.prepare(arguments))
