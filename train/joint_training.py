"""Joint fine-tuning: photos go through the region network, which learns with the sentences.

The boxes of a step come from the network itself, as they will when it is used; their coordinates
carry no gradient, the features inside them do.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from core.vision.boxes import WHOLE_IMAGE, mirrored
from core.vision.encoders.bundled import RegionNetwork
from train.proposals import load_pixels


class LiveRegions:
    """`RegionSource` over photos: every batch runs the region network, with gradients."""

    def __init__(
        self,
        network: RegionNetwork,
        paths: Sequence[Path],
        targets: Sequence[np.ndarray] | None,
        proposal_weight: float,
        seed: int = 1,
    ) -> None:
        """targets: (n, 4) normalised boxes of each photo to keep teaching proposals, or None to
        read photos as they are, without mirror images."""
        self.network = network
        self.paths = paths
        self.targets = targets
        self.proposal_weight = proposal_weight
        self.generators = [np.random.default_rng(seed)]
        self.readers = ThreadPoolExecutor(2)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        network = self.network
        side, device = network.config.side, network.mean.device
        pixels = torch.from_numpy(
            np.stack(list(self.readers.map(lambda row: load_pixels(self.paths[row], side), rows)))
        ).to(device)
        losses: dict[str, Tensor] = {}
        wanted: list[np.ndarray] = []
        if self.targets is not None:
            wanted = [self.targets[row] for row in rows]
            for place in np.flatnonzero(self.generators[0].random(len(rows)) < 0.5):
                pixels[place] = pixels[place].flip(2)
                wanted[place] = mirrored(wanted[place])
        maps = network.maps(pixels)
        outputs = network.detect(maps)
        if self.targets is not None:
            parts = network.proposal_loss(maps, outputs, [torch.from_numpy(one) for one in wanted])
            losses = {name: self.proposal_weight * value for name, value in parts.items()}
        whole = torch.tensor([WHOLE_IMAGE], device=device)
        boxes = [torch.cat((whole, found)) for found, _ in network.propose(maps, outputs)]
        features = torch.split(network.pool(maps, boxes), [len(b) for b in boxes])
        counts = torch.tensor([len(b) for b in boxes])
        most = network.config.regions
        present = torch.arange(most) < counts[:, None]
        padded = pad_sequence(list(features), True)
        missing = most - padded.shape[1]  # where no photo of the batch has them all
        return F.pad(padded, (0, 0, 0, missing)), present, losses
