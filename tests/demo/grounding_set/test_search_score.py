"""Search scores as the checkpoint says: Eq. 7 or 8, one definition for it and for `rank`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.checkpoints import load_checkpoint
from core.describer import Describer
from core.groundings.reader import GroundingSet
from demo.grounding_set.service import GroundingService
from train.data import CaptionSet
from train.ground import ground


def test_a_search_scores_as_the_checkpoint_says(
    random_checkpoint: Path, tmp_path: Path, photo_pixels: np.ndarray
) -> None:
    """With Eq. 7 for Eq. 8 photos stand in another order, in Search as in `rank`'s matrix."""
    for k in range(6):
        changed = np.roll(photo_pixels, 17 * k, axis=k % 2) // (k % 3 + 1)
        Image.fromarray(changed).save(tmp_path / f"{k}.png")
    names = tuple(f"{k}.png" for k in range(6))
    captions = CaptionSet(names, tuple(tmp_path / name for name in names), (("a dog",),) * 6)
    loaded, orders = load_checkpoint(random_checkpoint), {}
    for score in ("max", "sum"):
        loaded.alignment.config = replace(loaded.alignment.config, score=score)
        ground(loaded, captions, {}, tmp_path / f"{score}.sqlite")
        opened = GroundingSet(tmp_path / f"{score}.sqlite")
        found = GroundingService(opened, Describer(loaded)).search("a dog", 6)
        orders[score] = [photo["name"] for photo in found["photos"]]
        scores = [photo["query_score"] / 2 for photo in found["photos"]]  # two words, S_kl's mean
        sentence = opened.open(0).own[0].sentence
        ranked = opened.found_photos(sentence)
        assert orders[score][:5] == [card.name for card in opened.cards([p for p, _ in ranked])]
        assert scores[:5] == pytest.approx([s for _, s in ranked], abs=1e-5)
        opened.close()
    assert orders["max"] != orders["sum"]
