"""Recall over the share of the set, by hand and as a plot."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from train.__main__ import main
from train.recall_curves import curves, plot, recall_curve


def test_by_hand() -> None:
    """200 candidates: 0.5 % are the first one, 1 % two, 50 % a hundred; rank 0 is left out."""
    rank = np.array([1, 2, 3, 150, 0])
    assert recall_curve(rank, 200, (0.001, 0.005, 0.01, 0.5, 1.0)) == [
        (0.005, 25.0),
        (0.01, 50.0),
        (0.5, 75.0),
        (1.0, 100.0),
    ]


def test_a_plot() -> None:
    found = curves((np.array([1, 3, 10]), np.arange(15) // 5 + 1))
    # Sentences for a photo are among 15, photos for a sentence among 3.
    assert found["annotation"][0] == (0.1, 33.33)  # the first 2
    assert found["search"] == [(0.5, 66.67), (1.0, 100.0)]  # the first 2 of 3, and all
    root = ElementTree.fromstring(plot(found))
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2
    assert lines[0].get("points", "").count(",") == len(found["annotation"])


def test_the_command(tiny_flickr: Path, random_checkpoint: Path, tmp_path: Path) -> None:
    out, drawn = tmp_path / "rank.json", tmp_path / "curve.svg"
    asked = ["evaluate", "rank", "--data", str(tiny_flickr), "--split", "dev", "--checkpoint",
             str(random_checkpoint), "--json", str(out), "--threads", "1", "--curve"]  # fmt: skip
    main([*asked, str(drawn)])
    figures = json.loads(out.read_text())
    assert figures["curve"]["search"][-1] == [1.0, 100.0]
    assert drawn.read_text().startswith("<svg")
    with pytest.raises(SystemExit, match=r"names no SVG; expected a name that ends in \.svg"):
        main([*asked, str(tmp_path / "curve.gif")])
