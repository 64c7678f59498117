"""`python -m train table captioning`: docs/results/captioning.md, every row from one evaluation.

Each row is one `python -m train evaluate caption` or `evaluate mrnn`, whose JSON is kept in
--results: a row whose file is there is not computed again, so a stopped table goes on. Rows that
need what was not named (--phrases, --snippets, --mrnn, ...) are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from train import machine
from train.captions import evaluation, mrnn
from train.captions.evaluation import CaptionEvaluation
from train.data import DataError
from train.experiments.published import KARPATHY, Published, Row, placeholder, published_for
from train.interrupts import on_interrupt
from train.options import read_into, written

SCORES = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider", "perplexity")
NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr", "perplexity")
REGION_ROWS: tuple[Row, ...] = (
    (f"{KARPATHY}, region model, their regions", (35.2, 23.0, 16.1, 14.8) + (None,) * 4),
    (f"{KARPATHY}, full-frame model", (14.2, 6.0, 2.2, 0.0) + (None,) * 4),
    (f"{KARPATHY}, nearest neighbour", (22.9, 10.5, 0.0, 0.0) + (None,) * 4),
    (f"{KARPATHY}, human agreement", (61.5, 45.2, 30.1, 22.0) + (None,) * 4),
)
RETRIEVAL = ("R@1", "R@5", "R@10", "median rank")


@dataclass(frozen=True)
class CaptioningTable:
    """What is compared, and where the rows are kept."""

    data: Path
    features: Path
    """Of the split's photos; made if new."""
    train_features: Path
    results: Path
    """A folder of the rows' JSON: a row that is there is not computed again."""
    split: str = "test"
    images: Path | None = None
    """The photos' folder, where `data` has none."""
    checkpoint: str = "bundled"
    phrases: Path | None = None
    """The regions to describe."""
    snippets: Path | None = None
    """What the region captioner learnt to say."""
    mrnn: Path | None = None
    captioner: tuple[Path, ...] = ()
    """Further rows."""
    language: tuple[tuple[str, str, str], ...] = ()
    """(name, sentences file, captioner's folder) of each."""
    out: Path = Path("runs/results/captioning.md")

    def __post_init__(self) -> None:
        if (self.phrases is None) != (self.snippets is None):
            raise DataError("--phrases and --snippets belong together; expected both or neither")

    @property
    def published(self) -> Published:
        """What the papers report of the set."""
        return published_for(self.data)

    def command(self) -> str:
        """What makes this page again: the user's own folder of Flickr8k is called FLICKR8K."""
        called, images = placeholder(self.data, self.images, self.published)
        words = ["python -m train table captioning"]
        words += [f"--checkpoint {self.checkpoint}"] if self.checkpoint != "bundled" else []
        for name in (
            "data", "features", "train_features", "phrases", "snippets", "mrnn", "results"
        ):  # fmt: skip
            value = getattr(self, name)
            words += [f"--{name.replace('_', '-')} {value}"] if value is not None else []
        words += [f"--captioner {folder}" for folder in self.captioner]
        words += [f"--language {' '.join(one)}" for one in self.language]
        return " ".join(words).replace(str(self.data), called) + images

    def photos(self, **others: Any) -> CaptionEvaluation:
        """An evaluation on the split's whole photos."""
        return CaptionEvaluation(
            checkpoint=self.checkpoint, level="image", data=self.data, split=self.split,
            images=self.images, features=self.features, **others,
        )  # fmt: skip


@dataclass(frozen=True)
class Results:
    """Evaluations, kept as JSON files of a folder."""

    folder: Path
    device: torch.device

    def get(self, name: str, evaluate: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The figures of one evaluation, by its name: read, or computed and kept."""
        path = self.folder / f"{name}.json"
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
        print(f"{name} ...", flush=True)
        figures = evaluate()
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        return figures

    def caption(self, name: str, options: CaptionEvaluation) -> dict[str, Any]:
        return self.get(name, lambda: evaluation.evaluate_caption(options, self.device))

    def mrnn(self, name: str, options: mrnn.MrnnEvaluation) -> dict[str, Any]:
        return self.get(name, lambda: mrnn.evaluate_mrnn(options, self.device))


def table(head: Sequence[str], rows: Sequence[tuple[str, Sequence[Any]]]) -> str:
    """A Markdown table; None is an empty cell."""
    shown = [["", *head], ["---"] * (len(head) + 1)]
    shown += [[name, *("" if v is None else str(v) for v in values)] for name, values in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in shown) + "\n"


def scores(figures: dict[str, Any]) -> list[Any]:
    return [figures.get(name) for name in SCORES]


def passes(folder: Path) -> str:
    """How long a checkpoint of a run folder learnt; nothing of one that lies elsewhere."""
    config = folder.parent / "config.json"
    if not config.is_file():
        return ""
    return f"{json.loads(config.read_text(encoding='utf-8'))['epochs']} passes, "


def photos_section(results: Results, options: CaptioningTable) -> str:
    """Whole photos: systems, beams, the share of sentences that are not new."""
    shipped = results.caption("photos", options.photos(beam=(7, 3, 1)))
    rows: list[tuple[str, Sequence[Any]]] = [("**shipped captioner, beam 7**", scores(shipped))]
    for folder in options.captioner:
        name = folder.parent.name if folder.name == "checkpoint" else folder.name
        figures = results.caption(f"photos_{name}", options.photos(captioner=(folder,)))
        rows.append((f"{name}, {passes(folder)}beam 7", scores(figures)))
    nearest = options.photos(baseline="nearest", train_features=options.train_features)
    rows.append(("nearest training photo", scores(results.caption("photos_nearest", nearest))))
    human = results.caption("photos_human", options.photos(baseline="human"))
    rows.append(("a person against the others", scores(human)))
    beams: list[tuple[str, Sequence[Any]]] = [
        (f"beam {one['beam']}",
         (one["seen_in_training"], one["words"], one["bleu_4"], one["cider"]))
        for one in shipped["by_beam"]
    ]  # fmt: skip
    beams += options.published.beams
    decoding = shipped["decoding"]
    return (
        f"## Whole photos\n\n{options.published.title} {options.split}, "
        f"{shipped['images']:,} photos, "
        f'{shipped["references"]:,} sentences; words by the tokenizer "{shipped["tokenizer"]}"; '
        f"at most {decoding['longest']} words, length power {decoding['length_power']}.\n\n"
        + table(NAMES, [*rows, *options.published.images])
        + "\nSentences that stand in the training set, in percent, by beam:\n\n"
        + table(("seen in training", "words", "BLEU-4", "CIDEr"), beams)
    )


def regions_section(results: Results, options: CaptioningTable, phrases: Path) -> str:
    """Regions: the region captioner beside the baselines."""
    systems = (
        ("**shipped region captioner, beam 7**", None),
        ("whole-image captioner on regions", "whole-image"),
        ("training snippets, ranked", "ranking"),
    )
    rows, shipped = [], None
    for name, baseline in systems:
        wanted = CaptionEvaluation(
            checkpoint=options.checkpoint, level="region",
            images=options.images or options.data / "images",
            phrases=phrases, snippets=options.snippets, baseline=baseline,
        )  # fmt: skip
        key = f"regions_{baseline}" if baseline else "regions"
        figures = results.caption(key, wanted)
        shipped = shipped or figures
        rows.append((name, scores(figures)))
    assert shipped is not None
    return (
        f"## Regions\n\n{shipped['images']:,} boxes of {phrases.name}, "
        f"{shipped['references']:,} phrases; features pooled from the boxes people drew. The "
        "captioner was trained on snippets that the alignment model inferred, never on boxes of "
        "people. The paper's regions are other ones: only the order compares.\n\n"
        + table(NAMES, [*rows, *REGION_ROWS])
    )


def mrnn_section(results: Results, options: CaptioningTable, folder: Path) -> str:
    """Retrieval by probability."""
    wanted = mrnn.MrnnEvaluation(
        checkpoint=options.checkpoint, data=options.data, split=options.split,
        images=options.images,
        features=options.features, train_features=options.train_features, captioner=(folder,),
    )  # fmt: skip
    figures = results.mrnn("mrnn", wanted)
    theirs = [row[-1] for name, row in options.published.images if "perplexity" in name]
    told = f" (Mao et al.: {theirs[0]})" if theirs else ""
    rows = [
        (name, list(figures[side].values()))
        for name, side in (
            ("**m-RNN, sentences for a photo**", "annotation"),
            ("**m-RNN, photos for a sentence**", "search"),
        )
    ]
    return (
        f"## Retrieval by an m-RNN's probabilities\n\n{figures['images']:,} photos and "
        f"{figures['sentences']:,} sentences in {figures['seconds']:,} s on "
        f"{torch.get_num_threads()} thread(s), P(w) over {figures['prior_sample']} training "
        f"photos; perplexity {figures['perplexity']}{told}.\n\n"
        + table(RETRIEVAL, [*rows, *options.published.mrnn])
    )


def languages_section(results: Results, options: CaptioningTable) -> str:
    """The same commands in other languages."""
    rows = []
    for name, sentences, folder in options.language:
        wanted = options.photos(sentences=Path(sentences), captioner=(Path(folder),), meteor=False)
        figures = results.caption(f"language_{name}", wanted)
        label = f"{name}, {figures['references'] / figures['images']:.0f} sentence(s) a photo"
        rows.append((label, scores(figures)))
    return "## Other languages\n\nMETEOR knows English only.\n\n" + table(NAMES, rows)


def captioning_table(options: CaptioningTable, device: torch.device = torch.device("cpu")) -> str:
    """Compute the rows that are not there yet -> the Markdown page, which is written too."""
    results = Results(options.results, device)
    parts = [photos_section(results, options)]
    if options.phrases is not None:
        parts.append(regions_section(results, options, options.phrases))
    if options.mrnn is not None:
        parts.append(mrnn_section(results, options, options.mrnn))
    if options.language:
        parts.append(languages_section(results, options))
    text = (
        "# Captioning\n\nScores are times 100. Every row is one evaluation; docs/training.md\n"
        "has the commands that trained the captioners. All of it:\n\n"
        f"```sh\n{options.command()}\n```\n\n" + "\n".join(parts)
    )
    options.out.write_text(text, encoding="utf-8")
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, required=True,
        help="a data set with splits: a Flickr8k folder, Karpathy's dataset_*.json of any set, ...",
    )  # fmt: skip
    parser.add_argument("--images", type=Path, help="the photos' folder, where --data has none")
    parser.add_argument("--split", default="test", help="which part of it (default: test)")
    parser.add_argument("--features", type=Path, required=True, help="of the split; made if new")
    parser.add_argument("--train-features", type=Path, required=True, help="of the training photos")
    parser.add_argument(
        "--checkpoint", default="bundled", help="with the shipped captioners (default: bundled)"
    )
    parser.add_argument("--phrases", type=Path, help="the regions to describe")
    parser.add_argument("--snippets", type=Path, help="what the region captioner learnt to say")
    parser.add_argument("--mrnn", type=Path, metavar="DIR", help="an m-RNN's checkpoint folder")
    parser.add_argument(
        "--captioner", type=Path, action="append", default=[], metavar="DIR", help="further rows"
    )
    parser.add_argument(
        "--language", nargs=3, action="append", default=[], metavar=("NAME", "SENTENCES", "DIR"),
        help="a row of another language: its name, its sentences, its captioner's folder",
    )  # fmt: skip
    parser.add_argument("--results", type=Path, required=True, help="folder of the rows' JSON")
    parser.add_argument(
        "--out", type=Path, default=CaptioningTable.out,
        help=f"the page to write (default: {CaptioningTable.out})",
    )  # fmt: skip
    machine.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    language = tuple(tuple(one) for one in arguments.language)
    options = read_into(CaptioningTable, arguments, language=language)
    device = machine.prepare(arguments)
    written(options.out)
    with on_interrupt(
        lambda: f"stopped; {options.results} keeps the rows that are done, the same command goes on"
    ):
        print(captioning_table(options, device))
