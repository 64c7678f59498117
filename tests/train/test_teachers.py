"""The teachers are read right: where ../shared is, our trunk gives their maps."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.vision.encoders.bundled import RegionNetworkConfig
from train.teachers import NanoDet, _module, network_from_efficientnet

WEIGHTS = Path(__file__).parents[3] / "shared" / "weights"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not WEIGHTS.is_dir(), reason="../shared is not here"),
]


def test_the_folded_trunk_equals_the_teacher() -> None:
    folder, config = WEIGHTS / "efficientnet_b4", RegionNetworkConfig(side=161)
    network = network_from_efficientnet(folder, config).eval()
    teacher = _module(folder / "efficientnet_b4.py").EfficientNetB4Trunk().eval()
    state = load_file(folder / "efficientnet_b4_trunk_fp16.safetensors")
    teacher.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    )
    pixels = torch.randint(0, 256, (1, 3, 161, 161), dtype=torch.uint8)
    wanted = []
    with torch.inference_mode():
        x = (pixels / 255 - network.mean) / network.std
        x = torch.nn.functional.silu(teacher.stem_bn1(teacher.stem_conv1(x)))
        for number, block in enumerate(teacher.blocks):
            if number == 22 + config.dropped_block:  # stage 6 starts at block 22
                continue
            x = block(x)
            if number in (9, 21, 30):
                wanted.append(x)
        found = network.maps(pixels)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # in the teacher's own module
def test_nanodet_boxes_are_normalised() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (80, 120, 3), dtype=np.uint8)
    [boxes] = NanoDet(WEIGHTS / "nanodet_plus", threshold=0.01).boxes([photo])
    assert boxes.shape[1] == 4
    assert 0 < len(boxes) <= 12
    assert (boxes >= 0).all()
    assert (boxes <= 1).all()
