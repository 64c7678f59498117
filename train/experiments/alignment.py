"""`python -m train table alignment`: the paper's models as recipes of one code, on one data set.

The published rows are those of the set that `--data` names (published.py). COCO's test split is
ranked in its two protocols: 1K, the mean over its folds of 1,000 photos, and 5K, all of it.

Trains each recipe of train/recipes.py on stored features (a run folder each, so that a stopped
table goes on), ranks the test split with its best dev checkpoint, and writes alignment.md: the
measured rows beside the published ones, and whether the paper's claims hold here.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.alignment.ranking import Recall
from core.checkpoints import load_checkpoint
from train import distributed, machine
from train.align import AlignOptions, align
from train.data import DataError, read_captions
from train.distributed import World
from train.experiments.published import Numbers, Published, placeholder, published_for
from train.features import FeatureStore
from train.loop import ALONE
from train.options import folder_for, read_into
from train.ranking import Sentences, StoredRegions, rank_folds
from train.recipes import RECIPES, AlignRecipe

DEFAULT = tuple(name for name in RECIPES if name not in ("shipped", "paper"))
"""Each changes one thing of "baseline". The shipped recipe changes several; the paper's own, SGD on
raw products, wants many more passes than the others."""
CLAIMS = (  # the better recipe by the paper, the worse one, what is claimed
    ("words", "defrag", "Eq. 8 beats Eq. 7 with multiple instances, both on single words"),
    ("baseline", "words", "context (BRNN) beats single words"),
    ("baseline", "bigrams", "the whole sentence (BRNN) beats bigrams"),
    ("baseline", "image", "regions beat the whole image"),
    ("weighted", "image-weighted", "regions beat the whole image, where words are weighted"),
)
COLUMNS = "| R@1 | R@5 | R@10 | med r | R@1 | R@5 | R@10 | med r |"


@dataclass(frozen=True)
class AlignmentTable:
    """What is compared: recipes by name, on features that were made once."""

    data: Path
    features: Path
    dev_features: Path
    test_features: Path
    images: Path | None = None
    encoder: str = "bundled"
    """What made the features."""
    recipes: tuple[str, ...] = DEFAULT
    epochs: int | None = None
    """Passes of each, instead of its recipe's."""
    batch: int | None = None
    """Photos in a step, instead of its recipe's."""
    runs: Path = Path("runs/table")
    out: Path = Path("runs/results")

    def __post_init__(self) -> None:
        unknown = [name for name in self.recipes if name not in RECIPES]
        if unknown:
            raise DataError(f"recipe is '{unknown[0]}'; expected some of {', '.join(RECIPES)}")

    @property
    def changes(self) -> dict[str, Any]:
        """What is other than in the recipes."""
        given = {"epochs": self.epochs, "batch": self.batch}
        return {name: value for name, value in given.items() if value}

    def command(self) -> str:
        """What makes this page again."""
        data, images = placeholder(self.data, self.images, published_for(self.data))
        options = {} if self.encoder == "bundled" else {"encoder": self.encoder}
        given = "".join(f" --{name} {value}" for name, value in (options | self.changes).items())
        return (
            f"python -m train table alignment --data {data}{images} --features FEATURES/train "
            f"--dev-features FEATURES/dev --test-features FEATURES/test{given}"
        )


def measure(name: str, options: AlignmentTable, world: World) -> dict[str, Any]:
    """Train one recipe (or go on, or do nothing where it is done) and rank the test split.

    -> {"annotation": Recall as a dictionary, "search": the same, "dev_sum": sum of dev recalls};
    where the set is also ranked in folds, "folds": {"annotation", "search"} of these
    """
    out = options.runs / name
    done = out / "test.json"
    if done.is_file():
        found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return found
    recipe = AlignRecipe(**dict(RECIPES[name].training) | options.changes)
    checkpoint = load_checkpoint(
        align(
            AlignOptions(
                data=options.data,
                images=options.images,
                out=out,
                encoder=options.encoder,
                features=(options.features,),
                dev_features=options.dev_features,
                recipe_name=name,
                recipe=recipe,
                model=RECIPES[name].model,
            ),
            world,
        )
    )
    captions = read_captions(options.data, "test", options.images, None)
    store = FeatureStore(options.test_features)
    captions, source = store.readable(captions), StoredRegions(store, recipe.regions == "image")
    if tuple(source.store.names) != captions.names:
        raise DataError(f"{options.test_features} holds other photos; expected the test split's")
    checkpoint.alignment.to(world.device)
    sentences = Sentences(captions, checkpoint.vocabulary)
    fold = published_for(options.data).fold
    ranked, *folds = rank_folds(
        checkpoint.alignment, source, sentences, (0, fold) if fold else (0,)
    )
    lines = (out / "log.jsonl").read_text(encoding="utf-8").splitlines()
    log = [json.loads(line) for line in lines]
    found = {side: asdict(one) for side, one in ranked.items()}
    if folds:
        found["folds"] = {side: asdict(one) for side, one in folds[0].items()}
    found |= {"dev_sum": max(line["sum"] for line in log), "epochs": len(log)}
    done.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


def alignment_table(options: AlignmentTable, world: World = ALONE) -> str:
    """Train and rank each recipe -> the Markdown page, which is written after each one."""
    first = FeatureStore(options.features)
    for folder in (options.dev_features, options.test_features):  # now, not after a training
        FeatureStore(folder).must_be_of(first.encoder, first.dimension, str(first.folder))
    captions = read_captions(options.data, "test", options.images, None)
    counts = (len(captions), sum(map(len, captions.sentences)))
    folder_for(options.out)
    published = published_for(options.data)
    measured: dict[str, dict[str, Any]] = {}
    page = ""
    for name in options.recipes:
        measured[name] = measure(name, options, world)
        page = table(measured, options.command(), first, published, counts)
        (options.out / "alignment.md").write_text(page, encoding="utf-8")
    return page


def cells(values: Numbers) -> str:
    return " | ".join("" if value is None else f"{value:.1f}" for value in values)


def sides(found: dict[str, Any]) -> tuple[float, ...]:
    return tuple(
        value
        for side in ("annotation", "search")
        for value in asdict(Recall(**found[side])).values()
    )


def verdict(better: dict[str, Any], worse: dict[str, Any]) -> str:
    """Whether a claim holds: the six recalls compared one by one, and their sums."""
    pairs = [(a, b) for a, b in zip(sides(better), sides(worse), strict=True)]
    recalls = pairs[0:3] + pairs[4:7]
    wins = sum(a > b for a, b in recalls)
    gap = sum(a for a, _ in recalls) - sum(b for _, b in recalls)
    held = "holds" if gap > 0 and wins >= 4 else "does not hold"
    return f"{held}: better in {wins} of 6 recalls, {gap:+.1f} points in their sum"


def table(
    measured: dict[str, dict[str, Any]],
    command: str,
    features: FeatureStore,
    published: Published,
    counts: tuple[int, int],
) -> str:
    """The Markdown page; features: any of the three folders, which are of one encoder; counts: the
    test split's photos and sentences."""
    lines = [
        f"# Alignment models on {published.title}'s test split",
        "",
        f"{counts[0]:,} photos, {counts[1]:,} sentences; recall in percent, median rank; first "
        "annotation",
        "(sentences for a photo), then search (photos for a sentence). All rows of ours share",
        "features, optimiser, passes and the best dev epoch; each changes one thing of `baseline`.",
        "The model card of the bundled checkpoint has its own figures: it learnt longer.",
        "",
        f"Features: up to {features.regions} regions of a photo, {features.dimension} numbers "
        f"each, of the encoder `{features.encoder}`.",
        "",
        "```sh",
        command,
        "```",
        "",
        f"| model {COLUMNS}",
        "| --- " * 9 + "|",
    ]
    for name, found in measured.items():
        text, whole = RECIPES[name].text, ""
        if "folds" in found:
            lines.append(f"| `{name}`: {text}, 1K | {cells(sides(found['folds']))} |")
            whole = ", 5K"
        lines.append(f"| `{name}`: {text}{whole} | {cells(sides(found))} |")
    lines += [f"| {name} | {cells(values)} |" for name, values in published.alignment]
    if published.fold:
        lines += [
            "",
            f"1K is the mean over the split's folds of {published.fold:,} photos, each ranked by "
            f"itself; 5K ranks all {counts[0]:,} photos at once.",
        ]
    lines += ["", "## The paper's claims, tested here", ""]
    for better, worse, claim in CLAIMS:
        if better in measured and worse in measured:
            lines.append(f"- {claim}: {verdict(measured[better], measured[worse])}.")
    if published.alignment:
        lines += [
            "",
            "The published rows are copied from the papers; they used an AlexNet-sized R-CNN, we a",
            "smaller and newer network, so compare the differences within each block.",
            "",
        ]
    else:
        lines += ["", f"The papers report nothing of {published.title}.", ""]
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, required=True,
        help="a data set with splits: a Flickr8k folder, Karpathy's dataset_*.json of any set, ...",
    )  # fmt: skip
    parser.add_argument("--images", type=Path, help="the photos' folder, where --data has none")
    parser.add_argument(
        "--encoder", default="bundled", help="what made the features (default: bundled)"
    )
    for name in ("features", "dev-features", "test-features"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="by `train features`")
    default = ",".join(DEFAULT)
    parser.add_argument("--recipes", default=default, help=f"comma-separated (default: {default})")
    parser.add_argument("--epochs", type=int, help="passes of each, instead of its recipe's")
    parser.add_argument("--batch", type=int, help="photos in a step, instead of its recipe's")
    parser.add_argument(
        "--runs", type=Path, default=AlignmentTable.runs,
        help=f"folder of the trainings (default: {AlignmentTable.runs})",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=AlignmentTable.out,
        help=f"folder for alignment.md (default: {AlignmentTable.out})",
    )  # fmt: skip
    machine.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    recipes = tuple(arguments.recipes.split(","))
    options = read_into(AlignmentTable, arguments, recipes=recipes)
    print(alignment_table(options, distributed.join(machine.prepare(arguments))))
