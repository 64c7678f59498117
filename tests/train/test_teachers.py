"""The teachers are read right: where ../shared is, our trunk gives their maps."""

import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.vision.encoders.bundled import RegionNetworkConfig
from train.data import DataError
from train.ncnn import read_convolutions
from train.teachers import NanoDet, class_detector_from_nanodet, network_from_efficientnet

WEIGHTS = Path(__file__).parents[3] / "shared" / "weights"
needs_teachers = pytest.mark.skipif(not WEIGHTS.is_dir(), reason="../shared is not here")


def module(path: Path) -> ModuleType:
    """The teacher's own module, to compare with: only this test runs it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.shared
@needs_teachers
def test_the_folded_trunk_equals_the_teacher() -> None:
    folder, config = WEIGHTS / "efficientnet_b4", RegionNetworkConfig(side=161)
    network = network_from_efficientnet(folder, config).eval()
    teacher = module(folder / "efficientnet_b4.py").EfficientNetB4Trunk().eval()
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


@pytest.mark.shared
@needs_teachers
def test_nanodet_boxes_are_normalised() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (80, 120, 3), dtype=np.uint8)
    [boxes] = NanoDet(WEIGHTS / "nanodet_plus", threshold=0.01).boxes([photo])
    assert boxes.shape[1] == 4
    assert 0 < len(boxes) <= 12
    assert (boxes >= 0).all()
    assert (boxes <= 1).all()


@pytest.mark.shared
@needs_teachers
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # in the teacher's own module
def test_the_class_detector_equals_the_teacher() -> None:
    folder = WEIGHTS / "nanodet_plus"
    names = (str(folder / f"nanodet-plus-m_416.{end}") for end in ("param", "bin"))
    teacher = module(folder / "ncnn_to_torch.py").NCNN(*names).eval()
    decoder = module(folder / "decode.py")
    detector = class_detector_from_nanodet(folder).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 416, 416, 3), dtype=np.uint8)
    with torch.inference_mode():
        bgr = torch.from_numpy(pixels[..., ::-1].copy()).float()
        x = (bgr - torch.tensor(decoder.MEAN)) / torch.tensor(decoder.STD)
        boxes, scores = decoder.decode(teacher(x.permute(0, 3, 1, 2))[0], 416)
        found = detector(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    torch.testing.assert_close(found.boxes * 416, boxes, rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(found.logits.sigmoid(), scores, rtol=1e-3, atol=1e-4)


def test_an_ncnn_file_by_hand(tmp_path: Path) -> None:
    param, weights = tmp_path / "a.param", tmp_path / "a.bin"
    param.write_text(
        "7767517\n3 3\nInput data 0 1 data\n"
        "Convolution one 1 1 data x 0=1 1=1 5=1 6=3\n"
        "ConvolutionDepthWise two 1 1 x y 0=1 1=1 6=1 7=1\n"
    )
    half = struct.pack("<I3e", 0x01306B47, 1, 2, 3) + b"\0\0"  # three halves are padded to 8 bytes
    whole = struct.pack("<If", 0, 5)
    weights.write_bytes(half + struct.pack("<f", 4) + whole)
    (one, bias), (two, none) = read_convolutions(param, weights)
    assert one.shape == (1, 3, 1, 1)
    assert (one.ravel().tolist(), bias.tolist()) == ([1, 2, 3], [4])
    assert (two.ravel().tolist(), none.tolist()) == ([5], [0])
    weights.write_bytes(half + struct.pack("<f", 4) + whole + b"more")
    with pytest.raises(DataError, match="28 bytes"):
        read_convolutions(param, weights)
    weights.write_bytes(half)
    with pytest.raises(DataError, match="does not fit"):
        read_convolutions(param, weights)
    param.write_text("no model")
    with pytest.raises(DataError, match="7767517"):
        read_convolutions(param, weights)
