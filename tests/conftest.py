"""What several rooms' tests share: a tiny model with random weights, built in a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from core.alignment import AlignmentConfig, AlignmentModel
from core.region_network import RegionNetwork, RegionNetworkConfig
from core.text import Vocabulary
from core.weights import save_checkpoint

WORDS = ("a", "dog", "runs", "on", "grass", "man", "red", "ball")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tests run beside a browser and a server on two cores: threads would only stall them."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of the bundled kind with random weights and an eight-word vocabulary."""
    torch.manual_seed(3)
    network = RegionNetwork(RegionNetworkConfig(side=97))
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
