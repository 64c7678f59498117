"""What was counted, as a Markdown report and as a page with plotly's pictures, which needs nothing
from outside."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly

from train.sentence_statistics.counting import Counted, Statistics

COVERAGE = (10, 100, 1_000, 10_000, 100_000)
_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


@dataclass(frozen=True)
class Compared:
    """One side or two: telling[k], words that tell side k from the other with their z-scores;
    perplexity[a, b]: of a's language model on b's sentences."""

    sides: Sequence[Statistics]
    telling: Sequence[Sequence[tuple[str, float]]]
    perplexity: dict[tuple[int, int], float]
    command: str

    def figures(self) -> dict[str, Any]:
        """JSON-ready."""
        names = [side.name for side in self.sides]
        return {
            "sides": [_figures(side) for side in self.sides],
            "telling": {n: list(map(list, t)) for n, t in zip(names, self.telling, strict=False)},
            "perplexity": {
                f"{names[a]} on {names[b]}": round(v, 2) for (a, b), v in self.perplexity.items()
            },
        }


def _figures(side: Statistics) -> dict[str, Any]:
    exponent = side.exponent()
    return {
        "name": side.name,
        "sentences": side.sentences,
        "words": side.words.total,
        "words_a_sentence": round(side.mean_length, 3),
        "median_length": side.length_at(0.5),
        "95_percent_length": side.length_at(0.95),
        "vocabulary": side.kinds,
        "growth": side.growth,
        "exponent": None if exponent is None else round(exponent, 3),
        "unique_share": round(side.share_unique, 4),
        "unique_exact": side.distinct.exact,
        "ngrams": {
            str(n): {
                "entropy": round(one.entropy(), 3),
                "coverage": {str(k): round(v, 4) for k, v in one.coverage(COVERAGE).items()},
                "let_go": round(one.dropped / one.total, 4) if one.total else 0.0,
            }
            for n, one in enumerate(_grams(side), 1)
        },
    }


def _grams(side: Statistics) -> tuple[Counted, Counted, Counted]:
    return side.words, side.pairs, side.triples


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def report(found: Compared) -> str:
    """Markdown."""
    sides, head = found.sides, ["", *(side.name for side in found.sides)]
    rows = [
        ("sentences", [f"{s.sentences:,}" for s in sides]),
        ("words", [f"{s.words.total:,}" for s in sides]),
        ("words a sentence, mean", [f"{s.mean_length:.2f}" for s in sides]),
        ("median", [str(s.length_at(0.5)) for s in sides]),
        ("95 in 100 have at most", [str(s.length_at(0.95)) for s in sides]),
        ("vocabulary", [f"{s.kinds:,}" for s in sides]),
        ("its growth: words to the power of",
         ["" if s.exponent() is None else f"{s.exponent():.3f}" for s in sides]),
        ("unique sentences, in 100",
         [f"{'' if s.distinct.exact else 'about '}{100 * s.share_unique:.1f}" for s in sides]),
    ]  # fmt: skip
    for n, grams in enumerate(zip(*map(_grams, sides), strict=True), 1):
        name = ("words", "pairs of words", "triples of words")[n - 1]
        rows.append((f"entropy of {name}, bits", [_entropy(one) for one in grams]))
        for k in COVERAGE[1:4]:
            shares = [one.coverage([k]).get(k, 0.0) for one in grams]
            rows.append((f"the {k:,} commonest {name}, in 100", [f"{100 * v:.1f}" for v in shares]))
    parts = [
        "# Statistics of sentences\n",
        f"```sh\n{found.command}\n```\n",
        _table(head, [[name, *cells] for name, cells in rows]),
    ]
    if any(one.dropped for side in sides for one in _grams(side)):
        parts.append(
            "Of pairs and triples the rarest were let go of to bound the memory; an entropy with "
            "'at most' counts these as seen once each.\n"
        )
    for k, words in enumerate(found.telling):
        parts.append(f"## What tells {sides[k].name} from {sides[1 - k].name}\n")
        parts.append(
            _table(("word", "z of its log odds"), [(_cell(w), f"{z:.1f}") for w, z in words])
        )
    if found.perplexity:
        parts.append("## Perplexity of one side's language model on the other's sentences\n")
        parts.append(
            _table(
                ("model of", "sentences of", "perplexity"),
                [
                    (
                        sides[a].name,
                        sides[b].name + (" (which it has seen)" if a == b else ""),
                        f"{value:.1f}",
                    )
                    for (a, b), value in found.perplexity.items()
                ],
            )
        )
    return "\n".join(parts)


def _cell(text: str) -> str:
    return html.escape(text).replace("|", "\\|")


def _entropy(one: Counted) -> str:
    return f"{'at most ' if one.dropped else ''}{one.entropy():.2f}"


def page(found: Compared) -> str:
    """The same with pictures: lengths, growth, coverage, telling words."""
    sides = found.sides
    pictures: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
        (
            "Lengths",
            [
                {"type": "bar", "name": html.escape(s.name), "x": (x := sorted(s.lengths)),
                 "y": [100 * s.lengths[length] / s.sentences for length in x]}
                for s in sides
            ],
            {"xaxis": {"title": {"text": "words"}}, "yaxis": {"title": {"text": "in 100"}}},
        ),
        (
            "Growth of the vocabulary",
            [
                {"mode": "lines+markers", "name": _named(s),
                 "x": [n for n, _ in s.growth], "y": [k for _, k in s.growth]}
                for s in sides
            ],
            {"xaxis": {"type": "log", "title": {"text": "words read"}},
             "yaxis": {"type": "log", "title": {"text": "different words"}}},
        ),
        (
            "Coverage",
            [
                {"mode": "lines+markers", "x": list(c), "y": [100 * v for v in c.values()],
                 "name": f"{html.escape(s.name)}, {('words', 'pairs', 'triples')[n]}"}
                for s in sides
                for n, one in enumerate(_grams(s))
                for c in [one.coverage(COVERAGE)]
            ],
            {"xaxis": {"type": "log", "title": {"text": "the commonest kinds"}},
             "yaxis": {"title": {"text": "cover in 100"}}},
        ),
        *(
            (
                f"What tells {sides[k].name}",
                [{"type": "bar", "orientation": "h", "x": [z for _, z in words][::-1],
                  "y": [html.escape(w) for w, _ in words][::-1]}],
                {"xaxis": {"title": {"text": "z of the log odds"}},
                 "height": 120 + 20 * len(words)},
            )
            for k, words in enumerate(found.telling)
        ),
    ]  # fmt: skip
    margin = {"margin": {"t": 20}}
    drawn = json.dumps([{"data": data, "layout": layout | margin} for _, data, layout in pictures])
    drawn = drawn.replace("<", "\\u003c")  # no text ends the script
    divs = "".join(
        f'<h2>{html.escape(title)}</h2><div id="p{n}"></div>'
        for n, (title, _, _) in enumerate(pictures)
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Statistics of sentences'
        "</title><style>body{font:16px system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "pre{white-space:pre-wrap}</style>"
        f"<h1>Statistics of sentences</h1>{divs}<h2>Figures</h2>"
        f"<pre>{html.escape(report(found))}</pre>"
        f"<script>{_PLOTLY.read_text(encoding='utf-8')}</script>"
        f"<script>{drawn}.forEach((p, n) => Plotly.newPlot('p' + n, p.data, p.layout, "
        "{responsive: true, displaylogo: false}))</script></html>\n"
    )


def _named(side: Statistics) -> str:
    exponent = side.exponent()
    return html.escape(side.name) + ("" if exponent is None else f", exponent {exponent:.2f}")
