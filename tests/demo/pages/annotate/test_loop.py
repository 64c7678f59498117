"""The closed loop: boxes drawn in browsers, exported, and a captioner's BLEU against them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.captioning.captioner import Captioner, TrainedCaptioner, pack_captions
from core.captioning.recurrences import CaptionerConfig
from core.checkpoints import load_encoder, save_captioner
from core.language.vocabulary import Vocabulary, tokenise
from core.vision.images import read
from tests.demo.pages.annotate.browser_user import BrowserUser
from tests.demo.pages.annotate.conftest import PASSWORD, Workspace, drawn_by_two
from train import __main__ as train

WALL, CORNER = (0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.9, 0.9)
"""The two places of the photo where `drawn_by_two` draws, normalised xyxy."""


def around(place: tuple[float, float, float, float], seed: int) -> np.ndarray:
    """(24, 4) boxes as hands draw them: every side up to 0.03 of the photo off."""
    return np.array(place) + np.random.default_rng(seed).uniform(-0.03, 0.03, (24, 4))


def taught(checkpoint: Path, out: Path, features: torch.Tensor, sentences: tuple[str, str]) -> Path:
    """The checkpoint with a region captioner that learnt one sentence for the first half of the
    features (n, D), another for the second. It is tiny: it knows them by heart, or this fails."""
    torch.manual_seed(4)
    words = tuple(sorted({word for sentence in sentences for word in tokenise(sentence)}))
    vocabulary = Vocabulary(words, [1] * len(words))
    config = CaptionerConfig(
        features.shape[1], len(words) + 1, kind="rnn", word_dimension=8, hidden_dimension=16,
        dropout=0.0,
    )  # fmt: skip
    model = Captioner(config)
    model.fit_images(features)
    said = [vocabulary.ids(tokenise(s)) for s in sentences for _ in range(len(features) // 2)]
    packed = pack_captions(said, config.boundary)
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(600):
        loss = F.cross_entropy(model(features, packed), packed.targets)
        if loss < 0.01:
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.01
    shutil.copytree(checkpoint, out)
    save_captioner(out, "region", TrainedCaptioner(model.eval(), vocabulary))
    return out


def scores(export: Path, photos: Path, checkpoint: Path, out: Path) -> dict[str, Any]:
    """What `python -m train evaluate caption` finds."""
    arguments = (
        "evaluate", "caption", "--level", "region", "--annotations", export, "--images", photos,
        "--checkpoint", checkpoint, "--beam", 1, "--no-meteor", "--threads", 1, "--json", out,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train", *map(str, arguments)])
        train.main()
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def test_from_drawn_boxes_to_bleu(
    workspace: Workspace,
    open_page: Callable[..., BrowserUser],
    random_checkpoint: Path,
    tmp_path: Path,
) -> None:
    project = drawn_by_two(workspace, open_page)
    boss = open_page("boss", project, password=PASSWORD)
    exports = {}
    for label, name in (("JSON lines", "regions.jsonl"), ("COCO", "regions.json")):
        _, data = boss.export(label)
        exports[name] = tmp_path / name
        exports[name].write_bytes(data)

    encoder = load_encoder(random_checkpoint)
    pixels = read(workspace.folder / "photo0.jpg").pixels
    boxes = np.concatenate((around(WALL, 1), around(CORNER, 2)))
    [(_, features)] = encoder.encode_boxes([pixels], [boxes])
    spoken = {
        "right": ("a red wall", "a dark corner"),
        "swapped": ("a dark corner", "a red wall"),
        "wall": ("a red wall", "a red wall"),
    }
    for name, export in exports.items():
        bleu = {}
        for kind, sentences in spoken.items():
            checkpoint = tmp_path / kind
            if not checkpoint.exists():
                taught(random_checkpoint, checkpoint, torch.from_numpy(features), sentences)
            found = scores(export, workspace.folder, checkpoint, tmp_path / "scores.json")
            # Two people's two boxes, each with its own snippet and the other's to compare with.
            assert (found["images"], found["references"]) == (4, 8), name
            bleu[kind] = found["bleu_1"], found["bleu_2"]
        # It says what was written in each box: the boxes mean the same pixels all the way.
        assert bleu["right"] == (100, 100), name
        # Of "a dark corner" only "a" was said of walls, of "a red wall" only "a" of corners.
        assert bleu["swapped"] == pytest.approx((100 / 3, 0), abs=0.01), name
        # Right for two of four: 8 of 12 words, 4 of 8 pairs of words.
        assert bleu["wall"] == pytest.approx(
            (100 * 8 / 12, 100 * (8 / 12 * 4 / 8) ** 0.5), abs=0.01
        )
