"""How the class-aware detector's teacher is mended, by hand; and a training of two steps."""

import copy
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.vision.encoders.class_detector import Cells, ClassDetector
from tests.conftest import random_network
from train.classes import ClassRecipe, ClassTask, Known, losses, mended, with_classes
from train.loop import Schedule, learn
from train.runs import Run

PLACES = torch.tensor([[0.0, 0, 8], [8, 0, 8], [16, 0, 8]])
HERE = Path("x.jpg")


def cells(scores: list[list[float]], boxes: list[list[float]]) -> Cells:
    logits = torch.logit(torch.tensor([scores]), eps=1e-6)
    n = len(boxes)
    return Cells(logits, torch.zeros(1, n, 4, 8), torch.tensor([boxes]), [])


def test_labels_silence_and_raise() -> None:
    boxes = [[0.0, 0, 0.5, 0.5], [0, 0, 0.5, 0.45], [0.6, 0.6, 1, 1]]
    taught = cells([[0.4, 0.9, 0.01], [0.2, 0.9, 0.0], [0.1, 0.9, 0.0]], boxes)
    photo = Known(HERE, labels=(0, 2))
    scores, found, weight = mended(taught, [photo], [False], PLACES, person=9)
    # Category 1 is not shown. Of 0 the best cell has 0.4: it and the one beside it gain
    # (0.3 + 0.7 * 0.4) / 0.4 = 1.45, the far one nothing. Of 2 the best has 0.01, which is nothing:
    # where it might be, nothing is taught.
    torch.testing.assert_close(scores[0, :, 0], torch.tensor([0.58, 0.29, 0.1]))
    assert scores[0, :, 1].tolist() == [0, 0, 0]
    assert weight[0, :, 2].tolist() == [0, 1, 1]
    assert weight[0, :, :2].min() == 1
    torch.testing.assert_close(found[0], torch.tensor(boxes))


def test_peoples_boxes_take_the_place_of_the_teachers() -> None:
    boxes = [[0.0, 0, 0.5, 0.5], [0.6, 0.6, 1, 1], [0.6, 0.0, 0.9, 0.2]]
    taught = cells([[0.5], [0.5], [0.5]], boxes)
    drawn = np.array([[0, 0, 0.5, 0.6]])  # IoU with the first: 0.25 / 0.3
    scores, found, _ = mended(taught, [Known(HERE, (0,), drawn)], [False], PLACES, person=0)
    torch.testing.assert_close(scores[0, :, 0], torch.tensor([0.65, 0.0, 0.0]))
    torch.testing.assert_close(found[0, 0], torch.tensor([0, 0, 0.5, 0.6]))
    # Flipped, the drawn box lies on the other side, where no cell of the teacher's is.
    flipped, _, _ = mended(taught, [Known(HERE, (0,), drawn)], [True], PLACES, person=0)
    assert flipped[0, 0, 0] == 0


def test_phrases_mend_boxes_that_lie_close() -> None:
    taught = cells([[0.5], [0.5]], [[0.0, 0, 0.5, 0.5], [0.6, 0.6, 1, 1]])
    photo = Known(HERE, phrases=np.array([[0, 0, 0.5, 0.6]]))
    scores, found, _ = mended(taught, [photo], [False], PLACES[:2], person=0)
    torch.testing.assert_close(found[0], torch.tensor([[0, 0, 0.5, 0.6], [0.6, 0.6, 1, 1]]))
    torch.testing.assert_close(scores[0, :, 0], torch.tensor([0.5, 0.5]))


def test_losses_vanish_where_the_detector_says_the_target() -> None:
    # Distances 1, 1, 1, 1 strides of 8 from (16, 16) in a photo of 64: the box 8, 8, 24, 24.
    bins = torch.full((1, 1, 4, 8), -20.0)
    bins[..., 1] = 20.0
    place = torch.tensor([[16.0, 16, 8]])
    box = torch.tensor([[[8.0, 8, 24, 24]]]) / 64
    said = Cells(torch.logit(torch.tensor([[[0.8, 0.1]]])), bins, box, [])
    scores = torch.tensor([[[0.8, 0.1]]])
    parts = losses(said, scores, box, torch.ones_like(scores), place, 64)
    assert sum(parts.values()).item() < 1e-4
    moved = losses(said, scores, box + 0.05, torch.ones_like(scores), place, 64)
    assert moved["boxes"] > 0.1
    assert moved["distances"] > 0.1
    assert set(losses(said, 0 * scores, box, torch.ones_like(scores), place, 64)) == {"scores"}


def test_it_trains_and_joins_a_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    photo = Known(tmp_path / "a.png", labels=(1,), people=np.zeros((0, 4)))
    detector = ClassDetector(3)
    before = {key: value.clone() for key, value in detector.state_dict().items()}
    recipe = ClassRecipe(steps=3, batch=2, side=64, large_side=96, report=2, warm_up=1)

    def task(student: ClassDetector) -> ClassTask:
        return ClassTask(student, [photo], 0, recipe, schedule, lambda: saved.append(1))

    saved: list[int] = []
    schedule = Schedule.of_steps(3, 2, 1, 1)
    begun = copy.deepcopy(detector)
    learn(task(detector), schedule, Run(tmp_path / "run", recipe))
    changed = [key for key, value in detector.state_dict().items() if not value.equal(before[key])]
    assert len(changed) > 100
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 3]  # the last part is shorter
    assert len(saved) == 2
    # One that was killed after its first report goes on to the same.
    killed = task(copy.deepcopy(begun))
    killed.epoch = lambda number: itertools.chain(  # type: ignore[method-assign]
        ClassTask.epoch(killed, number) if number == 0 else [sys.exit("killed")]
    )
    with pytest.raises(SystemExit):
        learn(killed, schedule, Run(tmp_path / "killed", recipe))
    resumed = task(begun)
    learn(resumed, schedule, Run(tmp_path / "killed", recipe))
    assert (tmp_path / "killed" / "log.jsonl").read_text().splitlines() == lines
    for key, value in begun.state_dict().items():
        torch.testing.assert_close(value, detector.state_dict()[key])
    network = random_network()
    grown = with_classes(network, detector, 12)
    assert grown.config.feature_dimension == 608 + 3 + 2 * 96
    assert grown.config.regions == 12
    x = torch.randint(0, 256, (1, 3, 97, 97), dtype=torch.uint8)
    with torch.inference_mode():
        for ours, theirs in zip(grown.eval().maps(x), network.eval().maps(x), strict=True):
            torch.testing.assert_close(ours, theirs)
