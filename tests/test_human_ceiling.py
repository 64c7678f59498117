"""The human ceiling is one number, whichever command says it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from annotate import __main__ as annotate
from annotate.agreement import measure
from core.formats import FORMATS
from core.formats.record import Annotation, Box, Photo, Project, Submission
from train import __main__ as train

LEFT: Box = (0, 0, 10, 10)
WIDER: Box = (0, 0, 20, 10)  # with LEFT: 100 / 200
FAR: Box = (50, 50, 60, 60)


def work(person: str, *regions: tuple[Box, str], photo: str = "a.jpg", bad: str = "") -> Submission:
    annotations = tuple(
        Annotation(str(order), box, snippet, order) for order, (box, snippet) in enumerate(regions)
    )
    return Submission(f"{person} on {photo}", photo, person, "submitted", annotations, bad=bad)


def test_agreement_and_evaluation_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ada's two boxes both overlap Ben's one by half or more: only one of them is matched. "!" has
    no words, and bad work does not count."""
    project = Project(
        "p",
        photos=(Photo("a.jpg", 100, 100), Photo("b.jpg", 100, 100)),
        annotators=("Ada", "Ben", "Cyn"),
        submissions=(
            work("Ada", (LEFT, "a black cat"), (WIDER, "a cat on grass"), (FAR, "the sky")),
            work("Ben", (LEFT, "the cat"), (FAR, "blue sky")),
            work("Cyn", (FAR, "!"), photo="a.jpg"),
            work("Ada", (LEFT, "a dog"), photo="b.jpg"),
            work("Cyn", (LEFT, "some dog"), photo="b.jpg", bad="copied"),
        ),
    )
    export = tmp_path / "export.jsonl"
    export.write_bytes(FORMATS["jsonl"].write(project))
    found = measure(project)
    assert len(found.references) == 4  # both people's cat and sky
    expected = found.snippets(meteor=False)
    annotate.main(
        ["agreement", "--annotations", str(export), "--no-meteor", "--json", str(tmp_path / "a")]
    )
    printed = capsys.readouterr().out
    assert f"bleu_1   {expected['bleu_1']:6.2f}\n" in printed
    regions = ("evaluate", "caption", "--level", "region", "--baseline", "human", "--no-meteor")
    places = ("--annotations", export, "--images", tmp_path, "--json", tmp_path / "e")
    train.main([*regions, *map(str, places)])
    evaluated = json.loads((tmp_path / "e").read_text())
    agreed = json.loads((tmp_path / "a").read_text())["snippets"]
    assert evaluated["compared"] == agreed["compared"] == 4
    # "a black cat" has 1 of its 3 words in "the cat", that has 1 of 2 in it; "the sky" and "blue
    # sky" have 1 of 2 each: 4 of 9 words, and the references have 9 words as well.
    assert agreed["bleu_1"] == pytest.approx(100 * 4 / 9, abs=0.01)
    for name, value in expected.items():
        assert evaluated[name] == agreed[name] == value, name
