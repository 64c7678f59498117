"""Checkpoints: there and back, and everything that can be wrong with one."""

import hashlib
import json
import pickle
import resource
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.alignment.grounding import GroundingConfig
from core.captioning.captioner import Captioner, TrainedCaptioner
from core.captioning.recurrences import CaptionerConfig
from core.checkpoints import (
    CheckpointError,
    load_checkpoint,
    load_encoder,
    load_network,
    save_captioner,
    save_checkpoint,
)
from core.language.vocabulary import Vocabulary
from core.vision.encoders import EncoderError
from core.vision.encoders.bundled import RegionNetwork, RegionNetworkConfig
from tests.conftest import WORDS


@pytest.fixture
def folder(random_checkpoint: Path, tmp_path: Path) -> Path:
    return shutil.copytree(random_checkpoint, tmp_path / "copy")


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def rehash(folder: Path, name: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


def change_tensor(folder: Path, key: str, value: torch.Tensor | None) -> None:
    path = folder / "alignment.safetensors"
    tensors = load_file(path)
    tensors.pop(key, None)
    if value is not None:
        tensors[key] = value
    save_file(tensors, path)
    rehash(folder, path.name)


def test_there_and_back(random_checkpoint: Path, tmp_path: Path, photo_pixels: np.ndarray) -> None:
    first = load_checkpoint(random_checkpoint)
    assert first.name == "random"
    network = load_network(random_checkpoint)
    save_checkpoint(tmp_path / "again", "again", network, first.alignment, first.vocabulary)
    second = load_checkpoint(tmp_path / "again")
    for key, value in first.alignment.state_dict().items():
        torch.testing.assert_close(value, second.alignment.state_dict()[key], rtol=0, atol=0)
    [a], [b] = first.encoder.encode([photo_pixels]), second.encoder.encode([photo_pixels])
    assert a.features.tolist() == b.features.tolist()
    assert first.vocabulary.words == second.vocabulary.words


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    network = RegionNetwork(RegionNetworkConfig(side=97))
    for half in (True, False):
        save_checkpoint(tmp_path / str(half), "x", network, half=half)
    sizes = [
        (tmp_path / str(half) / "encoder.safetensors").stat().st_size for half in (True, False)
    ]
    assert sizes[0] < 0.51 * sizes[1]
    assert sizes[0] < 30e6, "the bundled network must stay under 30 MB"


def test_an_encoder_alone_is_no_model(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, "x", RegionNetwork(RegionNetworkConfig(side=97)))
    assert load_encoder(tmp_path).name == "bundled"
    with pytest.raises(CheckpointError, match="region encoder only"):
        load_checkpoint(tmp_path)


def test_no_checkpoint_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no config.json; expected 'bundled' or"):
        load_checkpoint(tmp_path)


def test_a_changed_file_is_named(folder: Path) -> None:
    path = folder / "encoder.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"encoder.safetensors has sha256 .* expected"):
        load_checkpoint(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "vocabulary.json").unlink()
    with pytest.raises(CheckpointError, match=r"lacks vocabulary.json"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("region_projection.bias", torch.zeros(3), r"'region_projection.bias' has shape \(3,\)"),
        ("region_projection.bias", None, r"lacks 'region_projection.bias'; expected shape \(10,\)"),
        ("surprise", torch.zeros(1), "has 'surprise', which the model does not know"),
    ],
)
def test_a_wrong_tensor_is_named(
    folder: Path, key: str, value: torch.Tensor | None, message: str
) -> None:
    change_tensor(folder, key, value)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder)


def test_a_pickle_is_refused_and_not_run(folder: Path, tmp_path: Path) -> None:
    class Canary:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "hatched",)

    path = folder / "alignment.safetensors"
    path.write_bytes(pickle.dumps(Canary()))
    rehash(folder, path.name)
    with pytest.raises(CheckpointError, match="is not a safetensors file"):
        load_checkpoint(folder)
    (tmp_path / "canary.pth").write_bytes(pickle.dumps(Canary()))
    with pytest.raises(EncoderError, match="does not fit"):
        load_encoder("torchvision:fasterrcnn_resnet50_fpn", tmp_path / "canary.pth")
    assert not (tmp_path / "hatched").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "format is 99; this version reads 1 and 2"),
        ({"encoder": {}}, "encoder lacks its 'name'"),
        ({"encoder": {"name": "bundled", "side": 100}}, "side is 100; expected 32 k"),
        ({"encoder": {"name": "bundled", "size": 1}}, "encoder has 'size'; expected"),
        ({"encoder": {"name": "vgg"}}, "the region encoder is 'vgg'; expected"),
        ({"files": {}}, "files lacks 'vocabulary.json'"),
    ],
)
def test_a_wrong_config_is_named(folder: Path, changes: dict[str, Any], message: str) -> None:
    change_config(folder, **changes)
    with pytest.raises((CheckpointError, EncoderError), match=message):
        load_checkpoint(folder)


NUMBERS = {
    "prior": 0.5,
    "image_objectness": 0.2,
    "neighbours": 0.5,
    "window": 2,
    "shared_out": 0.25,
}


def test_the_groundings_numbers_travel(folder: Path, tmp_path: Path) -> None:
    loaded = load_checkpoint(folder)
    assert loaded.grounding == GroundingConfig()
    chosen = GroundingConfig(**NUMBERS)  # type: ignore[arg-type]
    network = load_network(folder)
    again = tmp_path / "again"
    save_checkpoint(again, "x", network, loaded.alignment, loaded.vocabulary, grounding=chosen)
    assert load_checkpoint(again).grounding == chosen
    save_captioner(again, "image", captioner(608))
    assert load_checkpoint(again).grounding == chosen


def test_the_first_format_is_read(folder: Path) -> None:
    """It kept the grounding's numbers among the alignment's, and no number of regions."""
    config = json.loads((folder / "config.json").read_text())
    wanted = load_checkpoint(folder)
    del config["grounding"], config["captioners"], config["encoder"]["regions"]
    config |= {"format": 1, "alignment": config["alignment"] | NUMBERS}
    (folder / "config.json").write_text(json.dumps(config))
    found = load_checkpoint(folder)
    assert found.grounding == GroundingConfig(**NUMBERS)  # type: ignore[arg-type]
    assert found.alignment.config == wanted.alignment.config
    assert found.encoder.regions == 20
    change_config(folder, format=2)
    with pytest.raises(CheckpointError, match="alignment has 'image_objectness'; expected"):
        load_checkpoint(folder)


def test_the_encoders_config_can_be_changed(folder: Path) -> None:
    changed = load_checkpoint(folder, encoder_changes={"side": 129, "regions": 36}).encoder
    assert changed.regions == 36
    assert changed.config == RegionNetworkConfig(side=129, regions=36)
    assert load_network(folder, {"side": 129}).config.side == 129
    with pytest.raises(CheckpointError, match="encoder: side is 98; expected 32 k"):
        load_encoder(folder, changes={"side": 98})
    with pytest.raises(CheckpointError, match="encoder has 'size'; expected"):
        load_encoder(folder, changes={"size": 98})


def test_sizes_that_do_not_fit_each_other(folder: Path) -> None:
    (folder / "vocabulary.json").write_text('{"words": ["dog"], "counts": [5]}')
    rehash(folder, "vocabulary.json")
    with pytest.raises(CheckpointError, match="has 2 ids; its model expects 9"):
        load_checkpoint(folder)


def captioner(feature_dimension: int, words: tuple[str, ...] = WORDS) -> TrainedCaptioner:
    torch.manual_seed(5)
    config = CaptionerConfig(feature_dimension, len(words) + 1, word_dimension=4,
                             hidden_dimension=5, context="whole")  # fmt: skip
    return TrainedCaptioner(Captioner(config).eval(), Vocabulary(words, [7] * len(words)))


def test_captioners_travel_with_the_checkpoint(folder: Path) -> None:
    assert load_checkpoint(folder).captioners == {}
    saved = {"image": captioner(608), "region": captioner(608, ("कुत्ता", "كلب"))}
    for level, one in saved.items():
        save_captioner(folder, level, one)
    loaded = load_checkpoint(folder)
    assert loaded.captioners.keys() == saved.keys()
    for level, one in saved.items():
        found = loaded.captioners[level]
        assert found.model.config == one.model.config
        assert found.vocabulary.words == one.vocabulary.words
        for key, value in one.model.state_dict().items():
            torch.testing.assert_close(found.model.state_dict()[key], value, atol=1e-3, rtol=1e-3)
    assert loaded.captioners["region"].text([2, 1]) == "كلب कुत्ता"


def test_a_captioner_that_does_not_fit_is_named(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="level is 'photo'; expected image or region"):
        save_captioner(folder, "photo", captioner(608))
    save_captioner(folder, "image", captioner(9))
    with pytest.raises(CheckpointError, match="608 numbers a region; the image captioner expects"):
        load_checkpoint(folder)
    save_captioner(folder, "image", captioner(608))
    (folder / "captioner_image.safetensors").write_bytes(b"changed")
    with pytest.raises(CheckpointError, match=r"captioner_image.safetensors has sha256"):
        load_checkpoint(folder)
    change_config(folder, captioners={"photo": {}})
    with pytest.raises(CheckpointError, match="captioners has 'photo'"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            torch.zeros(10, dtype=torch.int64),
            "'region_projection.bias' is of int64; expected",
        ),
        (torch.full((10,), torch.nan), "'region_projection.bias' holds NaN or infinity"),
        (torch.full((10,), -torch.inf), "'region_projection.bias' holds NaN or infinity"),
    ],
)
def test_weights_that_are_no_numbers_are_named(
    folder: Path, value: torch.Tensor, message: str
) -> None:
    change_tensor(folder, "region_projection.bias", value)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder)


def test_claimed_sizes_take_no_memory(folder: Path) -> None:
    """A config.json may claim tensors of terabytes: the file's are compared before any is made."""
    config = json.loads((folder / "config.json").read_text())
    change_config(folder, alignment=config["alignment"] | {"common_dimension": 65_536})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError, match=r"has shape \(10,\); expected \(65536,\)"):
        load_checkpoint(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024  # 160 MB more
