"""Checkpoints: a folder of safetensors with a config.json that names, sizes and hashes them.

config.json             what there is (description.py)
encoder.safetensors     the region network (only where the encoder's kind stores it)
alignment.safetensors   the alignment model (absent while only an encoder has been trained)
vocabulary.json         its words (absent with it)
word_table.safetensors, word_table.txt
                        the vectors and words of its word table (where it has one)
evidence.safetensors    how its words score on training photos (where `train calibrate` wrote it)
captioner_LEVEL.safetensors, captioner_LEVEL_words.json
                        a captioner and its words, where there is one; LEVEL is image or region

Nothing here unpickles anything: a safetensors file holds numbers and their names, no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from core.alignment.evidence import Evidence
from core.alignment.grounding import GroundingConfig
from core.alignment.model import AlignmentModel
from core.alignment.words import ReadWords
from core.captioning.captioner import Captioner, TrainedCaptioner
from core.checkpoints.description import LEVELS, CheckpointError, Description, described, section
from core.checkpoints.files import (
    digest_of,
    load_module,
    load_table,
    load_tensors,
    load_vocabulary,
    verified,
    write_table,
    write_tensors,
)
from core.errors import shown
from core.language.vocabulary import Vocabulary
from core.vision.encoders import NamedKind, StoredKind, kind_of, names_an_encoder, usages
from core.vision.encoders.bundled import RegionNetwork
from core.vision.regions import RegionEncoder

__all__ = [
    "BUNDLED",
    "LEVELS",
    "Checkpoint",
    "CheckpointError",
    "Encoder",
    "learn_table",
    "load_captioners",
    "load_checkpoint",
    "load_encoder",
    "load_network",
    "resolve",
    "save_captioner",
    "save_checkpoint",
    "save_evidence",
]

BUNDLED = Path(__file__).parent / "bundled"
_ENCODER, _ALIGNMENT, _VOCABULARY = (
    "encoder.safetensors",
    "alignment.safetensors",
    "vocabulary.json",
)
_EVIDENCE = "evidence.safetensors"
_TABLE, _TABLE_WORDS = "word_table.safetensors", "word_table.txt"


@dataclass(frozen=True)
class Checkpoint:
    """What a folder holds, loaded: a region encoder, an alignment model and its vocabulary,
    captioners by level, where it has them, and how words choose among regions."""

    name: str
    encoder: RegionEncoder
    alignment: AlignmentModel
    vocabulary: Vocabulary
    captioners: Mapping[str, TrainedCaptioner] = field(default_factory=dict)
    grounding: GroundingConfig = GroundingConfig()
    evidence: Evidence | None = None


class Encoder(Protocol):
    """What is saved of an encoder; a `RegionEncoder`, a `RegionNetwork` and a `NamedEncoder` all
    have it."""

    @property
    def name(self) -> str:
        """Its name, such as "torchvision:NAME"."""
        ...

    @property
    def config(self) -> Any:
        """A dataclass of its kind."""
        ...

    @property
    def stored(self) -> nn.Module | None:
        """The network to store; None where the name finds it."""
        ...


def resolve(name: str | Path) -> Path:
    """ "bundled" or a folder -> the folder of a checkpoint."""
    folder = BUNDLED if str(name) == "bundled" else Path(name)
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"checkpoint '{name}' has no config.json; expected 'bundled' or a folder made by "
            "`python -m train export`"
        )
    return folder


def save_checkpoint(
    folder: Path,
    name: str,
    encoder: Encoder,
    alignment: AlignmentModel | None = None,
    vocabulary: Vocabulary | None = None,
    half: bool = True,
    grounding: GroundingConfig = GroundingConfig(),
) -> None:
    """Write a checkpoint folder; tensors as float16, or as they are with half=False."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if encoder.stored is not None:
        write_tensors(folder / _ENCODER, encoder.stored, half)
        written.append(_ENCODER)
    if alignment is not None and vocabulary is not None:
        write_tensors(folder / _ALIGNMENT, alignment, half)
        vocabulary.save(folder / _VOCABULARY)
        written += [_ALIGNMENT, _VOCABULARY]
        if vocabulary.table is not None:
            write_table(folder / _TABLE, folder / _TABLE_WORDS, vocabulary.table)
            written += [_TABLE, _TABLE_WORDS]
    Description(
        name,
        encoder.name,
        encoder.config,
        alignment.config if alignment is not None else None,
        grounding,
        files={file: digest_of(folder / file) for file in sorted(written)},
    ).write(folder)


def save_captioner(
    folder: Path, level: str, captioner: TrainedCaptioner, half: bool = True
) -> None:
    """Add a captioner to a checkpoint folder, or put it in the place of one of the same level."""
    if level not in LEVELS:
        raise CheckpointError(f"level is '{level}'; expected {' or '.join(LEVELS)}")
    there = described(resolve(folder))
    tensors, words = _captioner_files(level)
    write_tensors(folder / tensors, captioner.model, half)
    captioner.vocabulary.save(folder / words)
    replace(
        there,
        captioners={**there.captioners, level: captioner.model.config},
        files={**there.files, **{file: digest_of(folder / file) for file in (tensors, words)}},
    ).write(folder)


def save_evidence(folder: Path, evidence: Evidence) -> None:
    """Add how words score elsewhere to a checkpoint folder, in the place of what it had."""
    there = described(resolve(folder))
    write_tensors(folder / _EVIDENCE, evidence, half=False)
    files = {**there.files, _EVIDENCE: digest_of(folder / _EVIDENCE)}
    replace(there, files=files).write(folder)


def _captioner_files(level: str) -> tuple[str, str]:
    return f"captioner_{level}.safetensors", f"captioner_{level}_words.json"


def _network(folder: Path, there: Description, kind: StoredKind, config: Any) -> nn.Module:
    """The network of an encoder whose kind stores it, float32."""
    network = kind.network(config)
    load_tensors(verified(folder, _ENCODER, there.files), network, _ENCODER)
    return network


def load_network(name: str | Path, changes: Mapping[str, Any] | None = None) -> RegionNetwork:
    """ "bundled" or a folder -> its region network, float32; CheckpointError if it has none.

    changes: fields of its config that are to be others, such as {"side": 257}.
    """
    folder = resolve(name)
    there = described(folder)
    kind = kind_of(there.encoder)
    if isinstance(kind, StoredKind):
        network = _network(folder, there, kind, _changed(kind, there.encoder_config, changes))
        if isinstance(network, RegionNetwork):
            return network
    raise CheckpointError(
        f"checkpoint '{name}' uses the encoder {shown(there.encoder)}, which has no region "
        "network to train; expected one that `train proposals` makes"
    )


def load_encoder(
    name: str | Path, weights: Path | None = None, changes: Mapping[str, Any] | None = None
) -> RegionEncoder:
    """ "bundled", a checkpoint's folder or an encoder's own name ("torchvision:NAME") -> its region
    encoder.

    weights: a file for encoders that a name finds, where theirs cannot be fetched; CheckpointError
    where the checkpoint holds the encoder's own.
    changes: fields of its config that are to be others, such as {"regions": 36}.
    """
    if names_an_encoder(str(name)):
        kind = kind_of(str(name))
        assert isinstance(kind, NamedKind), name
        return kind.encoder(str(name), _changed(kind, kind.config(), changes), weights)
    folder = resolve(name)
    there = described(folder)
    kind = kind_of(there.encoder)
    config = _changed(kind, there.encoder_config, changes)
    if isinstance(kind, NamedKind):
        return kind.encoder(there.encoder, config, weights)
    if weights is not None:
        raise CheckpointError(
            f"the weights file {weights} has no use: checkpoint '{name}' holds the weights of its "
            f"region encoder; expected one whose encoder is {usages()}"
        )
    return kind.encoder(_network(folder, there, kind, config))


def _changed(kind: StoredKind | NamedKind, config: Any, changes: Mapping[str, Any] | None) -> Any:
    return section(kind.config, asdict(config) | dict(changes), "encoder") if changes else config


def load_captioners(name: str | Path) -> dict[str, TrainedCaptioner]:
    """ "bundled" or a folder -> its captioners by level, in evaluation mode; {} if it has none."""
    folder = resolve(name)
    there = described(folder)
    found = {}
    for level, config in there.captioners.items():
        tensors, words = _captioner_files(level)
        vocabulary = load_vocabulary(folder, words, there.files, config.vocabulary_size)
        data = verified(folder, tensors, there.files)
        model = load_module(data, lambda config=config: Captioner(config), tensors)  # type: ignore[misc]
        found[level] = TrainedCaptioner(model.eval(), vocabulary)
    return found


def learn_table(model: AlignmentModel, vocabulary: Vocabulary) -> None:
    """Give a model the vectors of its vocabulary's word table, which lie in a file of their own."""
    vectors = model.sentences.word_vectors
    if isinstance(vectors, ReadWords):
        vectors.know(torch.from_numpy(vocabulary.table_vectors()))


def load_checkpoint(
    name: str | Path = "bundled",
    encoder_weights: Path | None = None,
    encoder_changes: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """ "bundled" or a folder -> a Checkpoint in evaluation mode, on the CPU, in float32.

    encoder_weights, encoder_changes: `load_encoder`'s weights and changes.
    Raises CheckpointError on a wrong hash, key, shape, number or format, and EncoderError where the
    encoder is of no known kind or its weights are not to be had.
    """
    folder = resolve(name)
    there = described(folder)
    config = there.alignment
    if config is None:
        raise CheckpointError(
            f"checkpoint '{name}' has a region encoder only; expected an alignment model"
        )
    files, table = there.files, None
    if config.table_dimension:
        table = load_table(folder, _TABLE, _TABLE_WORDS, files)
    vocabulary = load_vocabulary(folder, _VOCABULARY, files, config.vocabulary_size, table)
    if (len(vocabulary.others), table.dimension if table else 0) != (
        config.table_words,
        config.table_dimension,
    ):
        raise CheckpointError(
            f"{_TABLE} adds {len(vocabulary.others)} words; the alignment model expects "
            f"{config.table_words} with vectors of {config.table_dimension} numbers"
        )
    data = verified(folder, _ALIGNMENT, files)
    alignment = load_module(data, lambda: AlignmentModel(config), _ALIGNMENT)
    learn_table(alignment, vocabulary)
    encoder = load_encoder(folder, encoder_weights, encoder_changes)
    if encoder.dimension != config.region_dimension:
        raise CheckpointError(
            f"the encoder {encoder.name} gives {encoder.dimension} numbers a region; "
            f"the alignment model expects {config.region_dimension}"
        )
    evidence = None
    if _EVIDENCE in files:
        words = config.vocabulary_size
        evidence = load_module(
            verified(folder, _EVIDENCE, files), lambda: Evidence(words), _EVIDENCE
        )
    captioners = load_captioners(name)
    # Or the trunk's part alone, which comes first: that of captioners that learnt before a network
    # got its class-aware detector.
    readable = (encoder.dimension, getattr(encoder.config, "trunk_dimension", encoder.dimension))
    for level, captioner in captioners.items():
        if captioner.model.config.feature_dimension not in readable:
            raise CheckpointError(
                f"the encoder {encoder.name} gives {encoder.dimension} numbers a region; the "
                f"{level} captioner expects {captioner.model.config.feature_dimension}"
            )
    return Checkpoint(
        there.name, encoder, alignment.eval(), vocabulary, captioners, there.grounding, evidence
    )
