"""Where on a photo a word scores, worked out by hand on a grid of two rows and two columns."""

import numpy as np
import pytest

from core.alignment.score_maps import GRID, Windows, grid_points, score_maps

WHOLE = [0.0, 0.0, 1.0, 1.0]
LEFT = [0.0, 0.0, 0.5, 1.0]
CORNER = [0.6, 0.6, 1.0, 1.0]  # below on the right


def test_points_are_the_middles_of_cells_row_by_row() -> None:
    assert grid_points(1, 1).tolist() == [[0.5, 0.5]]
    across = [1 / 6, 0.5, 5 / 6]
    expected = [[x, 0.25] for x in across] + [[x, 0.75] for x in across]
    np.testing.assert_allclose(grid_points(2, 3), expected, rtol=1e-6)


def test_by_hand() -> None:
    words = np.array([[1.0, 0.0], [0.0, 2.0]])
    boxes = np.array([WHOLE, LEFT, CORNER])
    # The first word's region is the left half; the second's is the whole photo.
    regions = np.array([[0.2, 0.8, 0.4], [0.6, 0.5, -1.0]])
    # Windows above left, above right, below left, below right.
    windows = Windows(2, 2, np.array([[1.0, 0.0], [0.0, 0.5], [0.0, 0.0], [0.0, 1.0]]))
    # First word: windows 1, 0, 0, 0; best regions 0.8, 0.2, 0.8, 0.4 (the corner holds 0.75, 0.75).
    # Second word: windows 0, 1, 0, 2; best regions 0.6 everywhere.
    expected = [[[0.9, 0.1], [0.4, 0.2]], [[0.3, 0.8], [0.3, 1.3]]]
    np.testing.assert_allclose(score_maps(words, regions, boxes, windows), expected, rtol=1e-6)


def test_without_windows_the_regions_are_all() -> None:
    maps = score_maps(np.ones((1, 3)), np.array([[0.2, 0.8]]), np.array([WHOLE, LEFT]))
    assert maps.shape == (1, GRID, GRID)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps[0, :, : GRID // 2], 0.8)
    np.testing.assert_allclose(maps[0, :, GRID // 2 :], 0.2)


def test_the_whole_photo_holds_every_point() -> None:
    """Whatever its stored box says: rounding must not leave a point without a score."""
    maps = score_maps(np.ones((1, 1)), np.array([[0.3]]), np.array([[0.0, 0.0, 0.5, 0.5]]))
    np.testing.assert_allclose(maps, 0.3)
    assert score_maps(np.ones((0, 1)), np.zeros((0, 1)), np.array([WHOLE])).shape[0] == 0


@pytest.mark.parametrize("words", [1, 5])
def test_each_word_for_itself(words: int) -> None:
    generator = np.random.default_rng(words)
    vectors, regions = generator.normal(size=(words, 4)), generator.normal(size=(words, 3))
    boxes = np.array([WHOLE, LEFT, CORNER])
    windows = Windows(3, 5, generator.normal(size=(15, 4)))
    together = score_maps(vectors, regions, boxes, windows)
    for j in range(words):
        alone = score_maps(vectors[j : j + 1], regions[j : j + 1], boxes, windows)
        np.testing.assert_allclose(alone[0], together[j], rtol=1e-5)
