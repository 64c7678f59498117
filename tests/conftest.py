"""What the tests of several folders share: a tiny model with random weights, and a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, sync_playwright

from core.alignment.model import AlignmentConfig, AlignmentModel
from core.checkpoints import save_checkpoint
from core.language.vocabulary import Vocabulary
from core.vision.encoders.bundled import RegionNetwork, RegionNetworkConfig, Trunk
from tests import chromium

WORDS = ("a", "dog", "runs", "on", "grass", "man", "red", "ball")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tests run beside a browser and a server on two cores: threads would only stall them."""
    torch.set_num_threads(1)


def random_network(side: int = 97) -> RegionNetwork:
    """A region network with random weights whose features are neither all alike nor vanishing.

    Its batch normalisation takes the statistics of soft noise before it is folded; untouched, a
    hundred random layers would shrink any photo to nothing.
    """
    config = RegionNetworkConfig(side=side)
    trunk = Trunk(config.dropped_block)
    for module in trunk.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        coarse = torch.randn(16, 3, 6, 6) * torch.linspace(0.2, 2, 16).view(16, 1, 1, 1)
        soft = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
        trunk.train()(soft)
    trunk.fold_batch_norm()
    network = RegionNetwork(config)
    network.trunk.load_state_dict(trunk.state_dict())
    # Untrained, it would propose boxes of no size; this makes them three strides wide.
    torch.nn.init.constant_(network.detector.head.regression_head.bbox_reg.bias, 1.5)
    return network


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of the bundled kind with random weights and an eight-word vocabulary."""
    torch.manual_seed(3)
    network = random_network()
    config = AlignmentConfig(
        region_dimension=network.config.feature_dimension,
        vocabulary_size=len(WORDS) + 1,
        word_dimension=6,
        hidden_dimension=8,
        common_dimension=10,
    )
    folder = tmp_path_factory.mktemp("checkpoint")
    vocabulary = Vocabulary(WORDS, range(len(WORDS), 0, -1))
    save_checkpoint(folder, "random", network, AlignmentModel(config), vocabulary)
    return folder


@pytest.fixture
def photo_pixels() -> np.ndarray:
    """(60, 90, 3) uint8: a bright disc on a dark ground."""
    y, x = np.mgrid[:60, :90]
    disc = (x - 30) ** 2 + (y - 30) ** 2 < 15**2
    return np.where(disc[..., None], [250, 180, 40], [20, 40, 90]).astype(np.uint8)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = chromium.find(playwright.chromium.executable_path)
        if path is None:
            if os.environ.get("CI"):
                pytest.fail(chromium.NONE)
            pytest.skip(chromium.NONE)
        launched = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield launched
        launched.close()
