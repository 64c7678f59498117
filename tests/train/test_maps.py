"""`evaluate maps`: maps against boxes, worked out by hand on a grid of two rows and two columns."""

from pathlib import Path

import numpy as np
import pytest

from core.describer import Describer
from core.vision.images import DecodedPhoto
from train.data import DataError
from train.maps import evaluate_maps, inside, points_at, separation
from train.objects import NamedThings

LEFT = np.array([[0.0, 0.0, 0.4, 1.0]])
CORNER = np.array([[0.6, 0.6, 1.0, 1.0]])


def test_points_inside() -> None:
    assert inside(LEFT, 2, 2).tolist() == [[True, False], [True, False]]
    assert inside(np.concatenate((LEFT, CORNER)), 2, 2).tolist() == [[True, False], [True, True]]
    # Half a cell around a box that holds no point of the grid.
    small = np.array([[0.3, 0.3, 0.35, 0.35]])
    assert not inside(small, 2, 2).any()
    assert inside(small, 2, 2, margin=0.5).tolist() == [[True, False], [False, False]]


def test_pointing_and_separation_by_hand() -> None:
    scores = np.array([[0.5, 0.9], [0.1, 0.5]])
    assert not points_at(scores, LEFT)
    assert points_at(scores.T, LEFT)
    # Inside 0.5 and 0.1, outside 0.9 and 0.5: of four pairs one is equal, none is higher.
    assert separation(scores, LEFT) == pytest.approx(0.125)
    # Inside 0.5 and 0.9, outside 0.1 and 0.5: three higher, one equal.
    assert separation(scores.T, LEFT) == pytest.approx(0.875)
    assert separation(scores, np.array([[0.0, 0.0, 1.0, 1.0]])) is None


def test_figures_of_a_model(random_checkpoint: Path, photo_pixels: np.ndarray) -> None:
    describer = Describer.load(random_checkpoint)
    word = next(w for w in describer.checkpoint.vocabulary.words if w != "a")
    things = {word: LEFT.astype(np.float32), "zzyzx": CORNER.astype(np.float32)}
    photo = DecodedPhoto(photo_pixels)
    figures = evaluate_maps(describer, [(NamedThings("a.jpg", things), photo)])
    assert (figures["maps"], figures["unknown"]) == (1, 1)
    for kind in ("windows", "regions", "both"):
        assert figures[kind]["pointing"] in (0.0, 100.0)
        assert 0 <= figures[kind]["separation"] <= 100
    with pytest.raises(DataError, match="name nothing that the model knows"):
        evaluate_maps(describer, [(NamedThings("a.jpg", {"zzyzx": LEFT}), photo)])
