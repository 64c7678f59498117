"""The heatmap is a valid plotly figure that says what the alignment says."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from core.describer import Describer
from core.results import Alignment, align
from core.vision.images import decode
from demo.viewer.heatmap import figure
from demo.web.labels import plotly_label, visible


@pytest.fixture(scope="module")
def alignment(describer: Describer, jpeg: bytes) -> Alignment:
    return align(describer.look(decode(jpeg)), describer.read("a dog and a zzyzx dog"))


def test_plotly_accepts_it(alignment: Alignment) -> None:
    heat, marks = go.Figure(figure(alignment)).data
    assert (heat.type, marks.type) == ("heatmap", "scatter")


def test_rows_are_words_and_columns_are_regions(alignment: Alignment) -> None:
    made = figure(alignment)
    heat, _ = made["data"]
    assert len(heat["z"]) == 6
    shown = made["regions"]
    assert shown == alignment.shown.tolist()
    assert 1 < len(shown) < len(alignment.boxes), "near copies have no column"
    assert {len(row) for row in heat["z"]} == {len(shown)}
    assert heat["z"][1] == alignment.scores[1, shown].tolist()
    assert made["layout"]["xaxis"]["ticktext"] == ["photo", *map(str, shown[1:])]
    assert set(heat["z"][4]) == {None}  # zzyzx
    # Labels may repeat; places may not.
    assert made["layout"]["yaxis"]["ticktext"] == ["a", "dog", "and", "a", "zzyzx", "dog"]
    assert made["layout"]["yaxis"]["tickvals"] == [0, 1, 2, 3, 4, 5]


def test_each_known_words_choice_is_marked(alignment: Alignment) -> None:
    made = figure(alignment)
    _, marks = made["data"]
    assert marks["y"] == [0, 1, 2, 3, 5]
    chosen = [made["regions"][column] for column in marks["x"]]
    assert chosen == [int(alignment.regions[j]) for j in marks["y"]]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("dog", "dog"),
        ("<b>dog</b>", "&lt;b&gt;dog&lt;/b&gt;"),
        ("<a href=javascript:x>", "&lt;a href=javascrip…"),
        ("$x$", "&#36;x&#36;"),
        ("&lt;", "&amp;lt;"),
        ("x" * 10_000, "x" * 17 + "…"),
        ("a\u202eb\u2066c\nd", "abcd"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",) * 2,  # its joiner stays
    ],
)
def test_labels_are_inert(text: str, label: str) -> None:
    """Labels are inert, although plotly reads tags, entities and LaTeX in labels."""
    assert plotly_label(text) == label


def test_visible_text_has_no_controls() -> None:
    assert visible("\u202ea\u200eb\x07\u2069\ufeff") == "ab"
