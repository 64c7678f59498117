"""Boxes, on cases worked by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import ops

from core.vision import boxes


def test_iou_by_hand() -> None:
    a = np.array([[0.0, 0.0, 10.0, 10.0]])
    b = np.array([[5.0, 5.0, 15.0, 15.0], [0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    assert boxes.iou(a, b)[0] == pytest.approx([25 / 175, 1.0, 0.0])
    assert boxes.iou(a, np.zeros((0, 4))).shape == (1, 0)
    assert boxes.iou(np.zeros((1, 4)), np.zeros((1, 4)))[0, 0] == 0.0


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_iou_is_torchvisions(n: int, m: int, seed: int) -> None:
    draw = np.random.default_rng(seed).integers(0, 9, (n + m, 2, 2)).astype(np.float64)
    xyxy = np.concatenate((draw.min(axis=1), draw.max(axis=1)), axis=1)  # some without area
    first, second = xyxy[:n], xyxy[n:]
    theirs = ops.box_iou(torch.from_numpy(first), torch.from_numpy(second))
    np.testing.assert_array_equal(boxes.iou(first, second), torch.nan_to_num(theirs).numpy())


def test_formats_there_and_back() -> None:
    xyxy = np.array([[1.0, 2.0, 4.0, 8.0]])
    assert boxes.xyxy_to_xywh(xyxy).tolist() == [[1, 2, 3, 6]]
    assert boxes.xywh_to_xyxy(boxes.xyxy_to_xywh(xyxy)).tolist() == xyxy.tolist()
    # Entities: pixels 1..10 of a 10-pixel photo are the whole of it.
    assert boxes.one_based_to_xyxy(np.array([[1, 1, 10, 10]])).tolist() == [[0, 0, 10, 10]]


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(0, 2**32 - 1))
def test_normalised_and_pixels_are_inverse(width: int, height: int, seed: int) -> None:
    corners = np.random.default_rng(seed).random((3, 2, 2))
    normalised = np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)
    pixels = boxes.normalised_to_pixels(normalised, width, height)
    assert (pixels >= 0).all()
    assert (pixels <= [width, height, width, height]).all()
    assert boxes.pixels_to_normalised(pixels, width, height) == pytest.approx(normalised)


def test_outside_is_clipped() -> None:
    clipped = boxes.pixels_to_normalised(np.array([[-5.0, 0.0, 20.0, 5.0]]), 10, 10)
    assert clipped.tolist() == [[0.0, 0.0, 1.0, 0.5]]


def test_union_and_centre() -> None:
    several = np.array([[0.0, 0.0, 2.0, 2.0], [4.0, 1.0, 6.0, 3.0]])
    assert boxes.union_xyxy(several).tolist() == [0, 0, 6, 3]
    inner = np.array([[0.0, 0.0, 4.0, 4.0], [4.0, 0.0, 6.0, 6.0]])  # centres (2, 2) and (5, 3)
    assert boxes.contains_centre(several, inner).tolist() == [[True, False], [False, True]]


def test_mirror_image() -> None:
    box = np.array([[0.1, 0.2, 0.4, 0.9]])
    assert boxes.mirrored(box)[0] == pytest.approx([0.6, 0.2, 0.9, 0.9])
    assert boxes.mirrored(boxes.mirrored(box)) == pytest.approx(box)
