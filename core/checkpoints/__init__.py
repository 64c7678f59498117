"""Checkpoints: a folder of safetensors with a config.json that names, sizes and hashes them.

config.json             {"format": 1, "name", "encoder": {"name", ...}, "alignment": {...} or null,
                         "captioners": {level: {...}}, "files": {file name: sha256}}
encoder.safetensors     the region network (only where the encoder is "bundled")
alignment.safetensors   the alignment model (absent while only an encoder has been trained)
vocabulary.json         its words (absent with it)
captioner_LEVEL.safetensors, captioner_LEVEL_words.json
                        a captioner and its words, where there is one; LEVEL is image or region

Nothing here unpickles anything: a safetensors file holds numbers and their names, no code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from core.alignment.model import AlignmentConfig, AlignmentModel
from core.captioning.captioner import Captioner, TrainedCaptioner
from core.captioning.recurrences import CaptionerConfig
from core.errors import UserError
from core.language.vocabulary import Vocabulary
from core.vision.encoders.bundled import BundledEncoder, RegionNetwork, RegionNetworkConfig
from core.vision.encoders.torchvision import PREFIX, torchvision_encoder
from core.vision.regions import RegionEncoder

FORMAT = 1
BUNDLED = Path(__file__).parent / "bundled"
_ENCODER, _ALIGNMENT, _VOCABULARY = (
    "encoder.safetensors",
    "alignment.safetensors",
    "vocabulary.json",
)
LEVELS = ("image", "region")  # what a captioner describes: whole photos or their regions
_Config = TypeVar("_Config", RegionNetworkConfig, AlignmentConfig, CaptionerConfig)


class CheckpointError(UserError):
    """A checkpoint that cannot be used; names the key, what it is and what was expected."""


@dataclass(frozen=True)
class Checkpoint:
    """What a folder holds, loaded: a region encoder, an alignment model and its vocabulary, and
    captioners by level, where it has them."""

    name: str
    encoder: RegionEncoder
    alignment: AlignmentModel
    vocabulary: Vocabulary
    captioners: Mapping[str, TrainedCaptioner] = field(default_factory=dict)


def resolve(name: str | Path) -> Path:
    """ "bundled" or a folder -> the folder of a checkpoint."""
    folder = BUNDLED if str(name) == "bundled" else Path(name)
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"checkpoint '{name}' has no config.json; expected 'bundled' or a folder made by "
            "`python -m train export`"
        )
    return folder


def _write(path: Path, module: nn.Module, half: bool) -> None:
    tensors = {
        key: (value.half() if half and value.is_floating_point() else value).contiguous()
        for key, value in module.state_dict().items()
    }
    path.write_bytes(save(tensors))


def save_checkpoint(
    folder: Path,
    name: str,
    encoder: RegionNetwork | str,
    alignment: AlignmentModel | None = None,
    vocabulary: Vocabulary | None = None,
    half: bool = True,
) -> None:
    """Write a checkpoint folder; tensors as float16, or as they are with half=False.

    encoder: the bundled kind's network, whose tensors are stored too, or another encoder's name,
    such as "torchvision:fasterrcnn_resnet50_fpn", which is only named.
    """
    folder.mkdir(parents=True, exist_ok=True)
    described: dict[str, Any] = {"name": encoder}
    written = []
    if isinstance(encoder, RegionNetwork):
        described = {"name": "bundled", **asdict(encoder.config)}
        _write(folder / _ENCODER, encoder, half)
        written.append(_ENCODER)
    if alignment is not None and vocabulary is not None:
        _write(folder / _ALIGNMENT, alignment, half)
        vocabulary.save(folder / _VOCABULARY)
        written += [_ALIGNMENT, _VOCABULARY]
    config = {
        "format": FORMAT,
        "name": name,
        "encoder": described,
        "alignment": asdict(alignment.config) if alignment is not None else None,
        "files": {
            f: hashlib.sha256((folder / f).read_bytes()).hexdigest() for f in sorted(written)
        },
    }
    _write_config(folder, config)


def save_captioner(
    folder: Path, level: str, captioner: TrainedCaptioner, half: bool = True
) -> None:
    """Add a captioner to a checkpoint folder, or put it in the place of one of the same level."""
    if level not in LEVELS:
        raise CheckpointError(f"level is '{level}'; expected {' or '.join(LEVELS)}")
    config = json.loads((resolve(folder) / "config.json").read_text(encoding="utf-8"))
    tensors, words = _captioner_files(level)
    _write(folder / tensors, captioner.model, half)
    captioner.vocabulary.save(folder / words)
    config.setdefault("captioners", {})[level] = asdict(captioner.model.config)
    for file in (tensors, words):
        config["files"][file] = hashlib.sha256((folder / file).read_bytes()).hexdigest()
    _write_config(folder, config)


def _captioner_files(level: str) -> tuple[str, str]:
    return f"captioner_{level}.safetensors", f"captioner_{level}_words.json"


def _write_config(folder: Path, config: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _config(kind: type[_Config], values: dict[str, Any], section: str) -> _Config:
    known = {field.name for field in fields(kind)}
    unknown = sorted(values.keys() - known)
    if unknown:
        raise CheckpointError(
            f"config.json: {section} has '{unknown[0]}'; expected {sorted(known)}"
        )
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"config.json: {section}: {error}") from None


def _verified(folder: Path, name: str, files: dict[str, str]) -> bytes:
    if name not in files:
        raise CheckpointError(f"config.json: files lacks '{name}'; expected its sha256")
    try:
        data = (folder / name).read_bytes()
    except OSError:
        raise CheckpointError(f"the checkpoint lacks {name}, which its config.json names") from None
    found = hashlib.sha256(data).hexdigest()
    if found != files[name]:
        raise CheckpointError(f"{name} has sha256 {found[:12]}...; expected {files[name][:12]}...")
    return data


def load_tensors(data: bytes, module: nn.Module, name: str) -> None:
    """Fill a module, in place and in float32, from safetensors bytes of the file `name`.

    Raises CheckpointError naming the first key that is missing, unknown or of another shape.
    """
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise CheckpointError(f"{name} is not a safetensors file: {error}") from None
    wanted = module.state_dict()
    for key in sorted(wanted.keys() | tensors.keys()):
        if key not in tensors:
            raise CheckpointError(
                f"{name} lacks '{key}'; expected shape {tuple(wanted[key].shape)}"
            )
        if key not in wanted:
            raise CheckpointError(f"{name} has '{key}', which the model does not know")
        if tensors[key].shape != wanted[key].shape:
            raise CheckpointError(
                f"{name}: '{key}' has shape {tuple(tensors[key].shape)}; "
                f"expected {tuple(wanted[key].shape)}"
            )
    module.load_state_dict({key: value.float() for key, value in tensors.items()})


@dataclass(frozen=True)
class _Described:
    """A config.json whose parts have been seen to be there."""

    label: str
    encoder_name: str
    encoder: dict[str, Any]
    alignment: dict[str, Any] | None
    captioners: dict[str, dict[str, Any]]
    files: dict[str, str]


def _describe(folder: Path) -> _Described:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        version, encoder = config["format"], dict(config["encoder"])
        alignment = None if config["alignment"] is None else dict(config["alignment"])
        captioners = {level: dict(one) for level, one in config.get("captioners", {}).items()}
        described = _Described(
            str(config["name"]),
            str(encoder.pop("name")),
            encoder,
            alignment,
            captioners,
            dict(config["files"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"config.json of checkpoint {folder.name} cannot be read: "
            f"{type(error).__name__} {error}"
        ) from None
    if version != FORMAT:
        raise CheckpointError(f"config.json: format is {version}; this version reads {FORMAT}")
    return described


def load_network(name: str | Path) -> RegionNetwork:
    """ "bundled" or a folder -> its region network, float32; CheckpointError if it has none."""
    folder = resolve(name)
    described = _describe(folder)
    if described.encoder_name != "bundled":
        raise CheckpointError(
            f"checkpoint '{name}' uses the encoder {described.encoder_name}; expected 'bundled'"
        )
    network = RegionNetwork(_config(RegionNetworkConfig, described.encoder, "encoder"))
    load_tensors(_verified(folder, _ENCODER, described.files), network, _ENCODER)
    return network


def load_encoder(name: str | Path, weights: Path | None = None) -> RegionEncoder:
    """ "bundled", a checkpoint's folder or "torchvision:NAME" -> its region encoder.

    weights: a file for torchvision encoders, where theirs cannot be fetched.
    """
    if str(name).startswith(PREFIX):
        return torchvision_encoder(str(name), weights)
    described = _describe(resolve(name))
    if described.encoder_name == "bundled":
        return BundledEncoder(load_network(name))
    return torchvision_encoder(described.encoder_name, weights)


def load_captioners(name: str | Path) -> dict[str, TrainedCaptioner]:
    """ "bundled" or a folder -> its captioners by level, in evaluation mode; {} if it has none."""
    folder = resolve(name)
    described = _describe(folder)
    found = {}
    for level, values in described.captioners.items():
        if level not in LEVELS:
            raise CheckpointError(
                f"config.json: captioners has '{level}'; expected {' or '.join(LEVELS)}"
            )
        tensors, words = _captioner_files(level)
        model = Captioner(_config(CaptionerConfig, values, f"captioner {level}"))
        load_tensors(_verified(folder, tensors, described.files), model, tensors)
        vocabulary = _vocabulary(folder, words, described.files, model.config.vocabulary_size)
        found[level] = TrainedCaptioner(model.eval(), vocabulary)
    return found


def _vocabulary(folder: Path, file: str, files: dict[str, str], ids: int) -> Vocabulary:
    """A vocabulary with as many ids as its model expects."""
    data = json.loads(_verified(folder, file, files))
    vocabulary = Vocabulary(data["words"], data["counts"])
    if len(vocabulary) != ids:
        raise CheckpointError(f"{file} has {len(vocabulary)} ids; its model expects {ids}")
    return vocabulary


def load_checkpoint(
    name: str | Path = "bundled", encoder_weights: Path | None = None
) -> Checkpoint:
    """ "bundled" or a folder -> a Checkpoint in evaluation mode, on the CPU, in float32.

    Raises CheckpointError on a wrong hash, key, shape or format.
    """
    folder = resolve(name)
    described = _describe(folder)
    if described.alignment is None:
        raise CheckpointError(
            f"checkpoint '{name}' has a region encoder only; expected an alignment model"
        )
    alignment = AlignmentModel(_config(AlignmentConfig, described.alignment, "alignment"))
    vocabulary = _vocabulary(folder, _VOCABULARY, described.files, alignment.config.vocabulary_size)
    load_tensors(_verified(folder, _ALIGNMENT, described.files), alignment, _ALIGNMENT)
    encoder = load_encoder(name, encoder_weights)
    wanted = alignment.config
    if encoder.dimension != wanted.region_dimension:
        raise CheckpointError(
            f"the encoder {encoder.name} gives {encoder.dimension} numbers a region; "
            f"the alignment model expects {wanted.region_dimension}"
        )
    captioners = load_captioners(name)
    for level, captioner in captioners.items():
        if captioner.model.config.feature_dimension != encoder.dimension:
            raise CheckpointError(
                f"the encoder {encoder.name} gives {encoder.dimension} numbers a region; the "
                f"{level} captioner expects {captioner.model.config.feature_dimension}"
            )
    return Checkpoint(described.label, encoder, alignment.eval(), vocabulary, captioners)
