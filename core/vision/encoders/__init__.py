"""Region encoders: a file for each kind, and a line for it in `KINDS`.

An encoder's name is its kind, and after a colon whatever the kind understands: "bundled",
"torchvision:fasterrcnn_resnet50_fpn". A kind's module defines KIND, one of

  StoredKind  the network's tensors lie in the checkpoint's encoder.safetensors
  NamedKind   the name says whose published weights they are; a file of them may be given

and is imported when one of its encoders is asked for, so that a kind may need a library that others
do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UserError, shown

if TYPE_CHECKING:
    from torch import nn

    from core.vision.regions import RegionEncoder

KINDS = {
    "bundled": "bundled",
    "torchvision:NAME": "torchvision",
}
"""How an encoder of the kind is named -> its module in this package."""


class EncoderError(UserError):
    """An encoder that cannot be made; says what to do."""


@dataclass(frozen=True)
class StoredKind:
    """An encoder whose network a checkpoint holds. config: a dataclass, the network's numbers."""

    config: type[Any]
    network: Callable[[Any], nn.Module]
    """config -> the network, untrained; its tensors come from the checkpoint."""
    encoder: Callable[[Any], RegionEncoder]
    """The network, filled -> the encoder."""


@dataclass(frozen=True)
class NamedKind:
    """An encoder that its name finds. config: a dataclass whose fields all have defaults."""

    config: type[Any]
    encoder: Callable[[str, Any, Path | None], RegionEncoder]
    """(whole name, config, a file of weights or None to fetch them) -> the encoder. Raises
    EncoderError."""


@dataclass(frozen=True)
class NamedEncoder:
    """What a checkpoint tells of an encoder that is not at hand: its name and config, no tensors.
    Features that were computed beforehand need no more."""

    name: str
    config: Any
    stored: None = None


def kind_of(name: str) -> StoredKind | NamedKind:
    """An encoder's name -> its kind. Raises EncoderError where there is no such kind."""
    for usage, module in KINDS.items():
        if _head(usage) == _head(name) and (":" in usage) == (":" in name):
            kind: StoredKind | NamedKind = import_module(f".{module}", __name__).KIND
            return kind
    raise EncoderError(f"the region encoder is '{shown(name)}'; expected one of {', '.join(KINDS)}")


def names_an_encoder(name: str) -> bool:
    """Is this an encoder's own name, such as "torchvision:NAME", not a checkpoint's?"""
    heads = {_head(usage) for usage in KINDS if ":" in usage}
    return ":" in name and _head(name) in heads


def usages() -> str:
    """How encoders that need no checkpoint are named, for help texts."""
    return ", ".join(usage for usage in KINDS if ":" in usage)


def _head(name: str) -> str:
    return name.partition(":")[0]
