"""`evaluate objects`, worked by hand on regions whose scores are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.vision.regions import Regions
from train.data import DataError
from train.objects import NamedThings, evaluate_objects, read_instances


def regions(boxes: list[list[float]]) -> Regions:
    n = len(boxes)
    return Regions(
        np.array(boxes, np.float32), np.ones(n, np.float32), np.zeros((n, 1), np.float32)
    )


def test_by_hand() -> None:
    found = regions([[0, 0, 1, 1], [0, 0, 0.5, 1], [0.8, 0.8, 0.9, 0.9]])
    photo = NamedThings(
        "x.jpg",
        {
            "cat": np.array([[0.0, 0.0, 0.5, 0.9]]),  # IoU with region 1: 0.45 / 0.5 = 0.9
            "clock": np.array([[0.8, 0.8, 0.9, 0.9]]),  # region 2 itself: 1 % of the photo
            "dog": np.array([[0.1, 0.4, 0.2, 0.6]]),  # region 1's centre (0.25, 0.5) is outside
            "yak": np.array([[0.0, 0.0, 1.0, 0.9]]),  # no word of it is known
        },
    )
    chosen = {"a cat": 1, "a clock": 2, "a dog": 1}

    def scores(_: Regions, words: str) -> np.ndarray | None:
        return np.eye(3)[chosen[words]] if words in chosen else None

    figures = evaluate_objects([(photo, found)], scores, lambda name: name != "yak")
    assert figures["pairs"] == 4
    assert figures["recall_at_1"] == 50  # cat and clock
    assert figures["centre"] == 50
    assert figures["any_region"] == 75  # cat, clock, and the whole image for the yak
    assert figures["names_known"] == 75
    assert figures["large"] == {
        "pairs": 2, "recall_at_1": 50, "centre": 50, "any_region": 100, "names_known": 50
    }  # fmt: skip
    assert figures["small"]["pairs"] == 2
    assert figures["small"]["recall_at_1"] == 50


def test_instances_are_normalised_and_crowds_left_out(tmp_path: Path) -> None:
    file = tmp_path / "instances.json"
    data = {
        "images": [
            {"id": 7, "file_name": "a.jpg", "width": 200, "height": 100},
            {"id": 8, "file_name": "empty.jpg", "width": 10, "height": 10},
        ],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [20, 10, 40, 50], "iscrowd": 0},
            {"image_id": 7, "category_id": 1, "bbox": [100, 0, 100, 100]},
            {"image_id": 7, "category_id": 2, "bbox": [0, 0, 200, 100], "iscrowd": 1},
        ],
    }
    file.write_text(json.dumps(data))
    [photo] = read_instances(file)
    assert photo.photo == "a.jpg"
    assert list(photo.things) == ["dog"]
    # 20 / 200, 10 / 100, (20 + 40) / 200, (10 + 50) / 100
    np.testing.assert_allclose(photo.things["dog"], [[0.1, 0.1, 0.3, 0.6], [0.5, 0, 1, 1]])
    data["annotations"][0]["category_id"] = 9
    file.write_text(json.dumps(data))
    with pytest.raises(DataError, match="9"):
        read_instances(file)
    with pytest.raises(DataError, match="at least one"):
        evaluate_objects([], lambda *_: None, lambda _: True)
