"""The region encoders behind their one interface."""

import re
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision.models import get_model
from torchvision.ops import box_iou

from core.checkpoints import load_encoder, save_checkpoint
from core.vision.encoders import (
    KINDS,
    EncoderError,
    NamedKind,
    StoredKind,
    kind_of,
    names_an_encoder,
    usages,
)
from core.vision.encoders.bundled import BundledEncoder, RegionNetwork, RegionNetworkConfig
from core.vision.encoders.torchvision import (
    TorchvisionConfig,
    faster_rcnn_names,
    torchvision_encoder,
)
from core.vision.regions import RegionEncoder
from tests.conftest import random_network

SMALLEST = "torchvision:fasterrcnn_mobilenet_v3_large_320_fpn"


@pytest.fixture(scope="module")
def detector_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of torchvision's smallest Faster R-CNN, as a file."""
    torch.manual_seed(0)
    model = get_model(SMALLEST.partition(":")[2], weights=None, weights_backbone=None)
    path = tmp_path_factory.mktemp("weights") / "detector.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    return path


@pytest.fixture(params=["bundled", SMALLEST])
def name_and_weights(
    request: pytest.FixtureRequest, detector_file: Path
) -> tuple[str, Path | None]:
    """The trained one is the bundled one: among random scores, rounding decides ranks."""
    return request.param, None if request.param == "bundled" else detector_file


@pytest.fixture
def encoder(name_and_weights: tuple[str, Path | None]) -> RegionEncoder:
    return load_encoder(*name_and_weights)


def test_whole_image_first_then_the_best(encoder: RegionEncoder, photo_pixels: np.ndarray) -> None:
    [regions] = encoder.encode([photo_pixels])
    count = len(regions)
    assert 1 <= count <= encoder.regions
    assert encoder.regions == (
        36 if encoder.name == "bundled" else 20
    )  # the checkpoint says how many
    assert regions.boxes.shape == (count, 4)
    assert regions.features.shape == (count, encoder.dimension)
    assert {a.dtype for a in (regions.boxes, regions.objectness, regions.features)} == {
        np.dtype(np.float32)
    }
    assert regions.boxes[0].tolist() == [0, 0, 1, 1]
    assert regions.objectness[0] == 1
    assert (np.diff(regions.objectness) <= 1e-6).all()
    assert (regions.boxes >= 0).all()
    assert (regions.boxes <= 1).all()
    assert (regions.boxes[:, 2:] > regions.boxes[:, :2]).all()
    assert np.isfinite(regions.features).all()


def test_one_pass_gives_regions_and_windows_of_the_same_kind(
    encoder: RegionEncoder, photo_pixels: np.ndarray
) -> None:
    regions, seen = encoder.encode_kept(photo_pixels)
    [plain] = encoder.encode([photo_pixels])
    np.testing.assert_array_equal(regions.boxes, plain.boxes)
    np.testing.assert_array_equal(regions.features, plain.features)
    # A window twice as wide as the photo, cut off at its edge, is the whole photo. Of the bundled
    # network's features the class evidence differs: a window hears what holds its middle.
    [whole] = seen.windows(np.array([[0.5, 0.5]]), 2.0)
    alike = slice(None)
    if encoder.name == "bundled":
        alike = slice(encoder.config.trunk_dimension)
    np.testing.assert_allclose(whole[alike], regions.features[0][alike], rtol=1e-4, atol=1e-5)
    points = np.array([[0.1, 0.1], [0.9, 0.4], [0.0, 1.0]])
    three = seen.windows(points, 0.2)
    assert three.shape == (3, encoder.dimension)
    assert np.isfinite(three).all()
    np.testing.assert_allclose(seen.windows(points[1:2], 0.2)[0], three[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("most", [1, 7, 36])
def test_the_number_of_regions_is_the_encoders(
    name_and_weights: tuple[str, Path | None], most: int, photo_pixels: np.ndarray
) -> None:
    """More or fewer of the same: the best come first whatever their number."""
    whole = load_encoder(*name_and_weights)
    other = load_encoder(*name_and_weights, {"regions": most})
    assert other.regions == other.config.regions == most
    [regions], [twenty] = other.encode([photo_pixels]), whole.encode([photo_pixels])
    assert len(regions) == most
    shared = min(most, len(twenty))
    np.testing.assert_allclose(regions.boxes[:shared], twenty.boxes[:shared], atol=1e-5)


def test_a_kind_is_a_module_and_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, photo_pixels: np.ndarray
) -> None:
    """A kind registered here is found by its name, saved in a checkpoint and loaded from there."""

    class Corners:
        dimension, regions, stored = 3, 2, None

        def __init__(self, name: str, config: TorchvisionConfig, weights: Path | None) -> None:
            self.name, self.config, self.weights = name, config, weights

    module = ModuleType("core.vision.encoders.corners")
    module.KIND = NamedKind(TorchvisionConfig, Corners)  # type: ignore[attr-defined,arg-type]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(KINDS, "corners:COLOUR", "corners")
    made = load_encoder("corners:red", tmp_path / "weights", {"regions": 9})
    assert (made.name, made.config.regions) == ("corners:red", 9)
    assert "corners:COLOUR" in usages()
    save_checkpoint(tmp_path, "x", made)
    again = load_encoder(tmp_path)
    assert isinstance(again, Corners)
    assert (again.name, again.config, again.weights) == ("corners:red", made.config, None)


def test_names_of_encoders_and_of_folders() -> None:
    assert names_an_encoder("torchvision:anything")
    assert not names_an_encoder("bundled")  # that is a checkpoint, whose encoder it has
    assert not names_an_encoder("runs/torchvision")
    assert not names_an_encoder("C:/runs")
    with pytest.raises(EncoderError, match="is 'vgg'; expected one of bundled, torchvision:NAME"):
        kind_of("vgg")
    with pytest.raises(EncoderError, match="is 'torchvision'; expected"):
        kind_of("torchvision")
    assert isinstance(kind_of("bundled"), StoredKind)


def test_alone_equals_in_a_batch(encoder: RegionEncoder, photo_pixels: np.ndarray) -> None:
    other = np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8)
    together = encoder.encode([photo_pixels, other])
    for photo, regions in zip((photo_pixels, other), together, strict=True):
        [alone] = encoder.encode([photo])
        np.testing.assert_allclose(alone.boxes, regions.boxes, atol=1e-4)
        scale = np.abs(alone.features).max()
        np.testing.assert_allclose(alone.features / scale, regions.features / scale, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (300, 1, 3)])
def test_thin_photos(encoder: RegionEncoder, shape: tuple[int, int, int]) -> None:
    [regions] = encoder.encode([np.full(shape, 128, dtype=np.uint8)])
    assert regions.boxes[0].tolist() == [0, 0, 1, 1]
    assert np.isfinite(regions.features).all()


def test_boxes_of_ones_own(encoder: RegionEncoder, photo_pixels: np.ndarray) -> None:
    [regions] = encoder.encode([photo_pixels])
    drawn = [regions.boxes[[2, 0]], np.zeros((0, 4)), regions.boxes[1:2]]
    found = encoder.encode_boxes([photo_pixels] * 3, drawn)
    for (again, features), boxes, rows in zip(found, drawn, ([2, 0], [], [1]), strict=True):
        np.testing.assert_allclose(again.features, regions.features, rtol=1e-3, atol=1e-3)
        assert features.shape == (len(boxes), encoder.dimension)
        np.testing.assert_allclose(features, regions.features[rows], rtol=1e-3, atol=1e-3)


def test_roi_align_reads_where_the_box_is() -> None:
    """A map that holds its own column: a box's mean feature is the column of its centre."""
    network = RegionNetwork(RegionNetworkConfig(side=97))
    columns = {8: 13, 16: 7, 32: 4}
    maps = [
        torch.arange(n).float().expand(1, channels, n, n)
        for n, channels in zip(columns.values(), (56, 160, 448), strict=True)
    ]
    # x from 1/4 to 3/4 of 96 pixels: centre at pixel 48 = cell 3 of stride 16, 1.5 of stride 32
    feature = network.pool(maps, [torch.tensor([[0.25, 0.25, 0.75, 0.75]])])[0]
    assert feature[:160].tolist() == pytest.approx([3.0] * 160, abs=1e-4)
    assert feature[160:].tolist() == pytest.approx([1.5] * 448, abs=1e-4)


def test_anchors_are_centred_on_their_pixels() -> None:
    network = RegionNetwork(RegionNetworkConfig(side=97))
    anchors, *_ = network._anchors([torch.zeros(1, 1, 2, 2)] * 3)
    assert anchors[3].tolist() == [4, 4, 12, 12]  # cell (1, 1) of stride 8 is pixel (8, 8)


def test_a_taught_box_is_proposed() -> None:
    """The proposal head learns one box by heart: losses and decoding speak one language."""
    torch.manual_seed(0)
    network = random_network()
    pixels = torch.zeros(1, 3, 97, 97, dtype=torch.uint8)
    pixels[:, :, 20:70, 30:80] = 255
    box = torch.tensor([[30.0, 20.0, 80.0, 70.0]]) / 96
    with torch.no_grad():
        maps = network.maps(pixels)
    scaled = [m / m.std() for m in maps]
    optimiser = torch.optim.Adam(network.detector.parameters(), 2e-3)
    for _ in range(150):
        loss = torch.stack(
            list(network.proposal_loss(scaled, network.detect(scaled), [box]).values())
        ).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    [(found, _)] = network.propose(scaled, network.detect(scaled))
    assert box_iou(found[:1], box).item() > 0.8


def test_no_target_boxes_still_give_a_loss() -> None:
    network = RegionNetwork(RegionNetworkConfig(side=97))
    maps = network.maps(torch.zeros(1, 3, 97, 97, dtype=torch.uint8))
    losses = network.proposal_loss(maps, network.detect(maps), [torch.zeros(0, 4)])
    assert all(torch.isfinite(value) for value in losses.values())


def test_a_photo_without_proposals_keeps_the_whole_image(monkeypatch: pytest.MonkeyPatch) -> None:
    network = RegionNetwork(RegionNetworkConfig(side=97))
    nothing = [(torch.zeros(0, 4), torch.zeros(0))]
    monkeypatch.setattr(network, "propose", lambda maps, outputs: nothing)
    [regions] = BundledEncoder(network).encode([np.zeros((10, 10, 3), dtype=np.uint8)])
    assert len(regions) == 1


def test_every_faster_rcnn_of_torchvision_is_offered() -> None:
    assert set(faster_rcnn_names()) >= {"fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2"}


def test_an_unknown_encoder_is_named() -> None:
    with pytest.raises(EncoderError, match=r"'torchvision:resnet50'; expected .*fasterrcnn"):
        torchvision_encoder("torchvision:resnet50")


def test_without_file_and_network_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", no_network)
    with pytest.raises(EncoderError, match=r"download https://\S+\.pth .* --encoder-weights FILE"):
        torchvision_encoder(SMALLEST)


def test_a_file_of_another_model_is_refused(detector_file: Path) -> None:
    with pytest.raises(EncoderError, match="does not fit"):
        torchvision_encoder("torchvision:fasterrcnn_resnet50_fpn", weights=detector_file)
    with pytest.raises(EncoderError, match="not there"):
        torchvision_encoder(SMALLEST, weights=detector_file.with_name("missing.pth"))


def test_an_archive_of_one_file_is_not_unpacked(tmp_path: Path) -> None:
    """torch would unpack it beside the file, over whatever has the member's name there."""
    neighbour = tmp_path / "precious.txt"
    neighbour.write_text("mine")
    weights = tmp_path / "weights.pth"
    with zipfile.ZipFile(weights, "w") as archive:
        archive.writestr("precious.txt", "theirs")
    with pytest.raises(EncoderError, match=r"weights\.pth is an archive of one file"):
        torchvision_encoder(SMALLEST, weights=weights)
    assert neighbour.read_text() == "mine"


def test_weights_that_are_no_finite_numbers(detector_file: Path, tmp_path: Path) -> None:
    state = load_file(detector_file)
    key = next(key for key, value in state.items() if value.is_floating_point())
    changed = tmp_path / "changed.safetensors"
    for value, said in (
        (torch.full_like(state[key], float("nan")), "holds NaN or infinity"),
        (state[key].to(torch.int16), "is of int16"),
    ):
        save_file(state | {key: value}, changed)
        with pytest.raises(EncoderError, match=f"'{re.escape(key)}' {said}"):
            torchvision_encoder(SMALLEST, weights=changed)
