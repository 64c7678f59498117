"""What the training loop needs of the alignment model: an epoch's order, a step's loss, figures.

A step takes some photos and sentences of theirs; all others of the step are the negatives (Eq. 9).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from core.alignment.losses import fragment_loss, max_margin_loss, softmax_loss
from core.alignment.model import AlignmentModel, pack_sentences
from core.alignment.scoring import word_region_products
from core.language.vocabulary import UNKNOWN
from train.data import DataError
from train.distributed import World
from train.loop import ALONE, Losses
from train.ranking import RegionSource, Sentences
from train.recipes import AlignRecipe

CLIP = 5.0  # each gradient's elements are held within this, as in the paper


class AlignmentStep(nn.Module):
    """What one step computes: photos and sentences -> the parts of the loss, by name.

    A module of its own, around the model and the region network where that learns too, because
    gradients are averaged over processes by DistributedDataParallel, which wraps one module.
    """

    def __init__(
        self,
        model: AlignmentModel,
        source: RegionSource,
        recipe: AlignRecipe,
        world: World,
        network: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.model, self.network = model, network  # registered: their parameters learn
        self.source, self.recipe, self.world = source, recipe, world

    def forward(
        self, rows: np.ndarray, drawn: list[list[int]], photo_of: Tensor, hardest: bool
    ) -> dict[str, Tensor]:
        """rows (K,) this process's photos, drawn L sentences of theirs as ids, photo_of (L,) the
        place in `rows` of each; hardest: see max_margin_loss. The loss is of all processes'."""
        model, recipe, world = self.model, self.recipe, self.world
        features, present, parts = self.source.batch(rows)
        packed = pack_sentences(drawn)
        ids, lengths, known, _ = (t.to(world.device) for t in packed)
        if recipe.word_dropout:
            dropped = torch.rand(ids.shape, device=ids.device) < recipe.word_dropout
            ids = ids.masked_fill(dropped, UNKNOWN)
        regions = world.gather(model.embed_regions(features.to(world.device)))
        if recipe.region_dropout:
            kept = present & (torch.rand(present.shape) >= recipe.region_dropout)
            present = torch.where(kept.any(dim=1, keepdim=True), kept, present)
        present = world.gather(present.to(world.device))
        words = world.gather(model.embed_words(ids, lengths))
        known, lengths = world.gather(known), world.gather(lengths)
        photo_of = world.gather(photo_of.to(world.device) + world.rank * len(rows))
        count = len(lengths)
        sentence_of = torch.repeat_interleave(torch.arange(count, device=ids.device), lengths)
        products = word_region_products(regions, present, words)
        matrix = model.config.scoring.sentence_scores(products, present, known, sentence_of, count)
        if recipe.loss == "softmax":
            alignment = softmax_loss(matrix, photo_of, recipe.temperature)
        else:
            alignment = max_margin_loss(matrix, recipe.margin, hardest) / len(matrix)
        parts = {"alignment": alignment, **parts}
        if recipe.fragments:
            loss = fragment_loss(products, present, known, photo_of[sentence_of])
            parts["fragments"] = recipe.fragments * loss
        return parts


def optimiser_of(
    recipe: AlignRecipe, model: AlignmentModel, network: nn.Module | None
) -> Optimizer:
    groups = [{"params": list(model.parameters()), "lr": recipe.rate}]
    if network is not None:
        for tensor in network.parameters():
            size = tensor.detach().square().mean().sqrt().clamp_min(1e-2).item()
            groups.append({"params": [tensor], "lr": recipe.encoder_rate * size})
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, weight_decay=recipe.weight_decay)
    if recipe.optimiser == "rmsprop":
        return torch.optim.RMSprop(groups, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)


class AlignmentTask:
    """`train.loop.Task` of `train align`. An epoch brings every sentence: its photo comes as often
    as that takes, in another order each time, and no batch holds a photo twice."""

    def __init__(
        self,
        model: AlignmentModel,
        source: RegionSource,
        sentences: Sentences,
        recipe: AlignRecipe,
        measure: Callable[[], dict[str, float]],
        export: Callable[[], None],
        network: nn.Module | None = None,
        world: World = ALONE,
    ) -> None:
        """measure: figures on dev, with the sum of recalls as "sum"; export: write the checkpoint;
        network: the region network, where it learns too."""
        self.model, self.source, self.sentences = model, source, sentences
        self.recipe, self.measure, self.export, self.world = recipe, measure, export, world
        self.generator = np.random.default_rng(recipe.seed)
        photos, self.rounds = len(sentences.ids), sentences.rounds(recipe.sentences)
        self.whole = photos // recipe.batch * recipe.batch  # so that no batch holds a photo twice
        if not self.whole:
            raise DataError(
                f"batch is {recipe.batch}; expected at most the {photos} photos there are"
            )
        if recipe.batch % world.size:
            raise DataError(
                f"batch is {recipe.batch}; expected a multiple of the {world.size} processes"
            )
        self.models = {"model": model} | ({"network": network} if network is not None else {})
        self.optimiser = optimiser_of(recipe, model, network)
        self.generators = (self.generator, *source.generators)
        self.steps = self.rounds * self.whole // recipe.batch
        self.step: nn.Module = AlignmentStep(model, source, recipe, world, network)
        if world.size > 1:
            self.step = DistributedDataParallel(self.step)

    def epoch(self, number: int) -> Iterator[Losses]:
        recipe, world = self.recipe, self.world
        share = recipe.batch // world.size
        # Each process drops other things, and a resumed run the same as an unbroken one.
        torch.manual_seed((recipe.seed * 1000 + number) * world.size + world.rank)
        self.model.train()
        photos = len(self.sentences.ids)
        order = np.concatenate(
            [self.generator.permutation(photos)[: self.whole] for _ in range(self.rounds)]
        )
        hardest = recipe.loss == "hard" and number >= recipe.hard_after
        for step in range(self.steps):
            rows = order[step * recipe.batch : (step + 1) * recipe.batch]
            drawn, photo_of = self.sentences.draw(rows, recipe.sentences, self.generator)
            # Every process draws the whole batch, so that all agree on it, and takes its share.
            mine = np.flatnonzero(photo_of // share == world.rank)
            parts = self.step(
                rows[world.rank * share : (world.rank + 1) * share],
                [drawn[i] for i in mine],
                torch.from_numpy(photo_of[mine] - world.rank * share),
                hardest,
            )
            yield Losses(parts)

    def clip(self) -> None:
        learnt = [p for group in self.optimiser.param_groups for p in group["params"]]
        nn.utils.clip_grad_value_(learnt, CLIP)

    def assess(self) -> dict[str, float]:
        return self.measure()

    def columns(self, means: Mapping[str, float]) -> dict[str, float]:
        return dict(means)

    def worth(self, figures: Mapping[str, float]) -> float:
        """The sum of recalls on dev."""
        return figures["sum"]

    def save(self) -> None:
        self.export()
