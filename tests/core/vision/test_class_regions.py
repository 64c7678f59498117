"""The class-aware detector: boxes and evidence by hand, one pass for one photo and for many."""

import math

import numpy as np
import torch
from torch.testing import assert_close

from core.vision.encoders.class_detector import ClassDetector, decode
from core.vision.encoders.class_regions import detections, evidence, evidence_at, together


def test_boxes_from_distances_by_hand() -> None:
    # All mass on 2 strides to the left, half on 0 and half on 1 above, 3 right, 7 below.
    bins = torch.full((1, 1, 4, 8), -1e9)
    for side, steps in enumerate(([2], [0, 1], [3], [7])):
        bins[0, 0, side, steps] = 0.0
    place = torch.tensor([[32.0, 16.0, 8.0]])  # x, y, stride
    # 32 - 2 * 8, 16 - 0.5 * 8, 32 + 3 * 8, 16 + 7 * 8
    assert decode(bins, place).tolist() == [[[16.0, 12.0, 56.0, 72.0]]]


def test_detections_are_suppressed_within_their_class() -> None:
    boxes = torch.tensor(
        [[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.45], [0.6, 0.6, 0.9, 0.9], [0, 0, 0.001, 1]]
    )
    scores = torch.tensor([[0.9, 0.2], [0.8, 0.3], [0.04, 0.01], [0.9, 0.9]])
    found, score = detections(boxes, scores, iou=0.6, most=10)
    # Boxes 0 and 1 overlap by 0.9: of class 0 the first stays, of class 1 the second; the third has
    # no score over 0.05, the fourth no width.
    assert_close(score, torch.tensor([0.9, 0.3]))
    assert_close(found, boxes[:2])
    assert len(detections(boxes, scores, 0.6, 1)[0]) == 1
    assert len(detections(boxes, torch.zeros(4, 2), 0.6, 10)[0]) == 0


def test_detections_and_proposals_together() -> None:
    found = (torch.tensor([[0, 0, 0.5, 0.5]]), torch.tensor([0.4]))
    proposed = (
        torch.tensor([[0, 0, 0.5, 0.48], [0.5, 0.5, 1, 1], [0, 0.6, 0.3, 0.9]]),
        torch.tensor([0.5, 0.3, 0.1]),
    )
    boxes, scores = together(found, proposed, share=1.5, iou=0.6, most=2)
    # 0.4 * 1.5 beats the proposal's 0.5, whose box is a copy; two are wanted.
    assert_close(boxes, torch.tensor([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]))
    assert_close(scores, torch.tensor([0.6, 0.3]))


def test_evidence_by_hand() -> None:
    regions = torch.tensor([[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.8, 0.8, 0.9, 0.9]])
    boxes = torch.tensor([[0, 0, 0.5, 0.4], [0, 0, 0.5, 0.3], [0.6, 0, 1, 0.3]])
    scores = torch.tensor([[0.2, 0.5], [0.6, 0.02], [0.9, 0.001]])
    # Region 1: both first cells overlap, by 0.8 and 0.6. Region 2: none. The photo: all.
    expected = torch.tensor([[0.9, 0.5], [0.6, 0.5], [0.001, 0.001]]).log()
    assert_close(evidence(regions, boxes, scores, least=0.001), expected)
    # The whole image is known by its box, wherever it stands.
    assert_close(evidence(regions[[1, 0]], boxes, scores, least=0.001), expected[[1, 0]])
    nothing = evidence(regions, boxes, torch.zeros(3, 2), least=0.001)
    assert_close(nothing, torch.full((3, 2), math.log(0.001)))


def test_alone_equals_in_a_batch() -> None:
    torch.manual_seed(0)
    detector = ClassDetector(3).eval()
    photos = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (2, 3, 96, 96), dtype=np.uint8)
    )
    with torch.inference_mode():
        both = detector(photos)
        one = detector(photos[1:])
    # cells of strides 8, 16, 32 and 64: 12^2 + 6^2 + 3^2 + 2^2
    assert both.logits.shape == (2, 193, 3)
    assert both.bins.shape == (2, 193, 4, 8)
    assert [level.shape[-1] for level in both.maps] == [12, 6, 3, 2]
    assert_close(both.boxes[1:], one.boxes, atol=1e-4, rtol=1e-4)
    assert_close(both.logits[1:], one.logits, atol=1e-4, rtol=1e-4)


def test_evidence_at_a_point_by_hand() -> None:
    boxes = torch.tensor([[0, 0, 0.5, 0.4], [0, 0, 0.5, 0.3], [0.6, 0, 1, 0.3]])
    scores = torch.tensor([[0.2, 0.5], [0.6, 0.02], [0.9, 0.001]])
    points = torch.tensor([[0.25, 0.35], [0.25, 0.2], [0.8, 0.2], [0.55, 0.9]])
    # In the first cell's box alone; in the first two; in the third; in none.
    expected = torch.tensor([[0.2, 0.5], [0.6, 0.5], [0.9, 0.001], [0.001, 0.001]]).log()
    assert_close(evidence_at(points, boxes, scores, least=0.001), expected)
    nothing = evidence_at(points, boxes, torch.zeros(3, 2), least=0.001)
    assert_close(nothing, torch.full((4, 2), math.log(0.001)))
