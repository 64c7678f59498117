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

from train.captions import evaluation, mrnn
from train.data import DataError
from train.runs import set_threads

SCORES = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider", "perplexity")
NAMES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr", "perplexity")
Published = tuple[str, tuple[float | None, ...]]
KARPATHY = "Karpathy & Fei-Fei 2015"
IMAGE_ROWS: tuple[Published, ...] = (
    (KARPATHY, (57.9, 38.3, 24.5, 16.0, 16.7, None, 31.8, None)),
    ("Mao et al. 2014, perplexity", (None,) * 7 + (24.39,)),
)
REGION_ROWS: tuple[Published, ...] = (
    (f"{KARPATHY}, region model, their regions", (35.2, 23.0, 16.1, 14.8) + (None,) * 4),
    (f"{KARPATHY}, full-frame model", (14.2, 6.0, 2.2, 0.0) + (None,) * 4),
    (f"{KARPATHY}, nearest neighbour", (22.9, 10.5, 0.0, 0.0) + (None,) * 4),
    (f"{KARPATHY}, human agreement", (61.5, 45.2, 30.1, 22.0) + (None,) * 4),
)
RETRIEVAL = ("R@1", "R@5", "R@10", "median rank")
RETRIEVAL_ROWS: tuple[Published, ...] = (
    ("Mao et al. 2014, sentences for a photo", (14.5, 37.2, 48.5, 11.0)),
    ("Mao et al. 2014, photos for a sentence", (11.5, 31.0, 42.4, 15.0)),
)


@dataclass(frozen=True)
class Results:
    """Evaluations, kept as JSON files of a folder."""

    folder: Path
    options: tuple[str, ...]
    """Of every evaluation: the checkpoint."""

    def get(
        self,
        name: str,
        module: Any,
        evaluate: Callable[[argparse.Namespace], dict[str, Any]],
        *options: object,
    ) -> dict[str, Any]:
        """The figures of one evaluation, by its name: read, or computed and kept."""
        path = self.folder / f"{name}.json"
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        parser.add_argument("--checkpoint")
        parser.add_argument("--encoder-weights", type=Path)
        print(f"{name} ...", flush=True)
        figures = evaluate(parser.parse_args([*self.options, *map(str, options)]))
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        return figures

    def caption(self, name: str, *options: object) -> dict[str, Any]:
        return self.get(name, evaluation, evaluation.evaluate_caption, *options)

    def mrnn(self, name: str, *options: object) -> dict[str, Any]:
        return self.get(name, mrnn, mrnn.evaluate_mrnn, *options)


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


def photos_section(results: Results, arguments: argparse.Namespace) -> str:
    """Whole photos: systems, beams, the share of sentences that are not new."""
    data = ("--level", "image", "--data", arguments.data, "--split", arguments.split,
            "--features", arguments.features)  # fmt: skip
    shipped = results.caption("photos", *data, "--beam", 7, 3, 1)
    rows: list[tuple[str, Sequence[Any]]] = [("**shipped captioner, beam 7**", scores(shipped))]
    for folder in arguments.captioner:
        name = folder.parent.name if folder.name == "checkpoint" else folder.name
        figures = results.caption(f"photos_{name}", *data, "--captioner", folder)
        rows.append((f"{name}, {passes(folder)}beam 7", scores(figures)))
    nearest = (*data, "--baseline", "nearest", "--train-features", arguments.train_features)
    rows.append(("nearest training photo", scores(results.caption("photos_nearest", *nearest))))
    human = results.caption("photos_human", *data, "--baseline", "human")
    rows.append(("a person against the others", scores(human)))
    beams = [
        (f"beam {one['beam']}",
         (one["seen_in_training"], one["words"], one["bleu_4"], one["cider"]))
        for one in shipped["by_beam"]
    ]  # fmt: skip
    beams += [
        (f"{KARPATHY}, beam 7", (60, None, 16.0, 31.8)),
        (f"{KARPATHY}, beam 1", (25, None, None, None)),
    ]
    decoding = shipped["decoding"]
    return (
        f"## Whole photos\n\nFlickr8k {arguments.split}, {shipped['images']:,} photos, "
        f'{shipped["references"]:,} sentences; words by the tokenizer "{shipped["tokenizer"]}"; '
        f"at most {decoding['longest']} words, length power {decoding['length_power']}.\n\n"
        + table(NAMES, [*rows, *IMAGE_ROWS])
        + "\nSentences that stand in the training set, in percent, by beam:\n\n"
        + table(("seen in training", "words", "BLEU-4", "CIDEr"), beams)
    )


def regions_section(results: Results, arguments: argparse.Namespace) -> str:
    """Regions: the region captioner beside the baselines."""
    data = ("--level", "region", "--images", arguments.data / "images",
            "--phrases", arguments.phrases, "--snippets", arguments.snippets)  # fmt: skip
    systems = (
        ("**shipped region captioner, beam 7**", ()),
        ("whole-image captioner on regions", ("--baseline", "whole-image")),
        ("training snippets, ranked", ("--baseline", "ranking")),
    )
    rows, shipped = [], None
    for name, options in systems:
        key = f"regions_{options[-1]}" if options else "regions"
        figures = results.caption(key, *data, *options)
        shipped = shipped or figures
        rows.append((name, scores(figures)))
    assert shipped is not None
    return (
        f"## Regions\n\n{shipped['images']:,} boxes of {arguments.phrases.name}, "
        f"{shipped['references']:,} phrases; features pooled from the boxes people drew. The "
        "captioner was trained on snippets that the alignment model inferred, never on boxes of "
        "people. The paper's regions are other ones: only the order compares.\n\n"
        + table(NAMES, [*rows, *REGION_ROWS])
    )


def mrnn_section(results: Results, arguments: argparse.Namespace) -> str:
    """Retrieval by probability."""
    figures = results.mrnn(
        "mrnn", "--data", arguments.data, "--split", arguments.split, "--features",
        arguments.features, "--train-features", arguments.train_features,
        "--captioner", arguments.mrnn,
    )  # fmt: skip
    rows = [
        (name, list(figures[side].values()))
        for name, side in (
            ("**m-RNN, sentences for a photo**", "annotation"),
            ("**m-RNN, photos for a sentence**", "search"),
        )
    ]
    return (
        f"## Retrieval by an m-RNN's probabilities\n\n{figures['images']:,} photos and "
        f"{figures['sentences']:,} sentences in {figures['seconds']:,} s on {arguments.threads} "
        f"thread(s), P(w) over {figures['prior_sample']} training photos; perplexity "
        f"{figures['perplexity']} (Mao et al.: 24.39).\n\n"
        + table(RETRIEVAL, [*rows, *RETRIEVAL_ROWS])
    )


def languages_section(results: Results, arguments: argparse.Namespace) -> str:
    """The same commands in other languages."""
    rows = []
    for name, sentences, folder in arguments.language:
        figures = results.caption(
            f"language_{name}", "--level", "image", "--data", arguments.data, "--split",
            arguments.split, "--features", arguments.features, "--sentences", sentences,
            "--captioner", folder, "--no-meteor",
        )  # fmt: skip
        label = f"{name}, {figures['references'] / figures['images']:.0f} sentence(s) a photo"
        rows.append((label, scores(figures)))
    return "## Other languages\n\nMETEOR knows English only.\n\n" + table(NAMES, rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="a Flickr8k folder")
    parser.add_argument("--split", default="test")
    parser.add_argument("--features", type=Path, required=True, help="of the split; made if new")
    parser.add_argument("--train-features", type=Path, required=True)
    parser.add_argument("--checkpoint", default="bundled", help="with the shipped captioners")
    parser.add_argument("--phrases", type=Path, help="the regions to describe")
    parser.add_argument("--snippets", type=Path, help="what the region captioner learnt to say")
    parser.add_argument("--mrnn", type=Path, metavar="DIR", help="an m-RNN's checkpoint folder")
    parser.add_argument(
        "--captioner", type=Path, action="append", default=[], metavar="DIR", help="further rows"
    )
    parser.add_argument(
        "--language", nargs=3, action="append", default=[], metavar=("NAME", "SENTENCES", "DIR")
    )
    parser.add_argument("--results", type=Path, required=True, help="folder of the rows' JSON")
    parser.add_argument("--out", type=Path, default=Path("docs/results/captioning.md"))
    parser.add_argument("--threads", type=int, default=2)


def command(arguments: argparse.Namespace) -> str:
    """What makes this page again: the user's own folder of Flickr8k is called FLICKR8K."""
    words = ["python -m train table captioning"]
    for name in ("data", "features", "train_features", "phrases", "snippets", "mrnn", "results"):
        value = getattr(arguments, name)
        words += [f"--{name.replace('_', '-')} {value}"] if value is not None else []
    words += [f"--captioner {folder}" for folder in arguments.captioner]
    words += [f"--language {' '.join(one)}" for one in arguments.language]
    return " ".join(words).replace(str(arguments.data), "FLICKR8K")


def main(arguments: argparse.Namespace) -> None:
    set_threads(arguments.threads)
    if (arguments.phrases is None) != (arguments.snippets is None):
        raise DataError("--phrases and --snippets belong together; expected both or neither")
    results = Results(arguments.results, ("--checkpoint", str(arguments.checkpoint)))
    parts = [photos_section(results, arguments)]
    if arguments.phrases is not None:
        parts.append(regions_section(results, arguments))
    if arguments.mrnn is not None:
        parts.append(mrnn_section(results, arguments))
    if arguments.language:
        parts.append(languages_section(results, arguments))
    text = (
        "# Captioning\n\nScores are times 100. Every row is one evaluation; docs/training.md\n"
        "has the commands that trained the captioners. All of it:\n\n"
        f"```sh\n{command(arguments)}\n```\n\n" + "\n".join(parts)
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    print(text)
