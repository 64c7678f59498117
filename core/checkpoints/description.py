"""config.json of a checkpoint: what its parts are, how large, and the hashes of their files.

    {"format": 2, "name",
     "encoder": {"name", ...its config}, "alignment": AlignmentConfig or null,
     "grounding": GroundingConfig, "captioners": {level: CaptionerConfig},
     "files": {file name: sha256}}

Format 1 kept the grounding's numbers among the alignment's; it is still read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from core.alignment.grounding import GroundingConfig
from core.alignment.model import AlignmentConfig
from core.captioning.recurrences import CaptionerConfig
from core.configuration import ConfigError, from_json
from core.errors import UserError, shown
from core.vision.encoders import kind_of

FORMAT = 2
READ = (1, 2)  # formats that are understood
LEVELS = ("image", "region")  # what a captioner describes: whole photos or their regions
MOST_BYTES = 2**20
"""Of a config.json: a thousand times what one has."""
_T = TypeVar("_T")


class CheckpointError(UserError):
    """A checkpoint that cannot be used; names the key, what it is and what was expected."""


@dataclass(frozen=True)
class Description:
    """A config.json, every part checked."""

    name: str
    encoder: str
    """The encoder's name; its kind is `core.vision.encoders.kind_of`'s."""
    encoder_config: Any
    alignment: AlignmentConfig | None = None
    grounding: GroundingConfig = GroundingConfig()
    captioners: Mapping[str, CaptionerConfig] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """The folder's config.json, in the present format."""
        alignment = self.alignment
        config = {
            "format": FORMAT,
            "name": self.name,
            "encoder": {"name": self.encoder, **asdict(self.encoder_config)},
            "alignment": None if alignment is None else asdict(alignment),
            "grounding": asdict(self.grounding),
            "captioners": {level: asdict(one) for level, one in self.captioners.items()},
            "files": dict(self.files),
        }
        text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
        (folder / "config.json").write_text(text, encoding="utf-8")


def described(folder: Path) -> Description:
    """A checkpoint's folder -> its config.json. Raises CheckpointError, or EncoderError where its
    encoder is of no known kind."""
    config = _object(_parsed(folder), "it")
    version = config.get("format")
    if type(version) is not int or version not in READ:
        raise CheckpointError(
            f"config.json: format is {shown(version)}; this version reads "
            + " and ".join(map(str, READ))
        )
    encoder = _object(config.get("encoder"), "encoder")
    name = encoder.pop("name", None)
    if not isinstance(name, str):
        raise CheckpointError("config.json: encoder lacks its 'name'; expected a text")
    alignment = config.get("alignment")
    parts = None if alignment is None else _object(alignment, "alignment")
    grounding = _object(config.get("grounding", {}), "grounding")
    if version == 1 and parts is not None:
        moved = [one.name for one in fields(GroundingConfig) if one.name in parts]
        grounding |= {key: parts.pop(key) for key in moved}
    captioners = _object(config.get("captioners", {}), "captioners")
    for level in captioners:
        if level not in LEVELS:
            raise CheckpointError(
                f"config.json: captioners has '{shown(level)}'; expected {' or '.join(LEVELS)}"
            )
    files = _object(config.get("files"), "files")
    for file, digest in files.items():
        if not isinstance(digest, str):
            raise CheckpointError(f"config.json: files: '{shown(file)}' has no sha256 as text")
    if not isinstance(config.get("name"), str):
        raise CheckpointError("config.json: it lacks 'name'; expected a text")
    return Description(
        config["name"],
        name,
        section(kind_of(name).config, encoder, "encoder"),
        None if parts is None else section(AlignmentConfig, parts, "alignment"),
        section(GroundingConfig, grounding, "grounding"),
        {
            level: section(
                CaptionerConfig, _object(one, f"captioner {level}"), f"captioner {level}"
            )
            for level, one in captioners.items()
        },
        files,
    )


def _parsed(folder: Path) -> Any:
    try:
        with (folder / "config.json").open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        return json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"config.json of checkpoint {folder.name} cannot be read: "
            f"{shown(error, 200) or type(error).__name__}"
        ) from None


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CheckpointError(
            f"config.json: {name} is {shown(json.dumps(value))}; expected an object in braces"
        )
    return dict(value)


def section(kind: type[_T], values: Mapping[str, Any], name: str) -> _T:
    """A section of config.json -> its dataclass; CheckpointError names section and field."""
    try:
        return from_json(kind, values, name)
    except ConfigError as error:
        raise CheckpointError(f"config.json: {error}") from None
