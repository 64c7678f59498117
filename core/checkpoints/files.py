"""A checkpoint's other files: tensors and words, read with their hashes and shapes checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from core.checkpoints.description import CheckpointError
from core.errors import shown
from core.language.vocabulary import Vocabulary
from core.language.word_table import CENTRES, WordTable

_Module = TypeVar("_Module", bound=nn.Module)


def digest_of(path: Path) -> str:
    """A file's sha256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_tensors(path: Path, module: nn.Module, half: bool) -> None:
    """A module's tensors as float16, or as they are with half=False."""
    tensors = {
        key: (value.half() if half and value.is_floating_point() else value).contiguous()
        for key, value in module.state_dict().items()
    }
    path.write_bytes(save(tensors))


def verified(folder: Path, name: str, files: Mapping[str, str]) -> bytes:
    """A file's bytes. Raises CheckpointError where it is missing, or has not the sha256 that
    config.json's `files` names."""
    if name not in files:
        raise CheckpointError(f"config.json: files lacks '{name}'; expected its sha256")
    try:
        data = (folder / name).read_bytes()
    except OSError:
        raise CheckpointError(f"the checkpoint lacks {name}, which its config.json names") from None
    found = hashlib.sha256(data).hexdigest()
    if found != files[name]:
        raise CheckpointError(
            f"{name} has sha256 {found[:12]}...; expected {shown(files[name], 12)}"
        )
    return data


def load_module(data: bytes, build: Callable[[], _Module], name: str) -> _Module:
    """Safetensors bytes of the file `name` -> the module that `build` makes, filled, in float32.

    Shapes are compared before the module takes memory, so sizes that a crafted config.json claims
    cost nothing. Raises CheckpointError as `load_tensors`.
    """
    tensors = _tensors(data, name)
    with torch.device("meta"):
        _check(tensors, build().state_dict(), name)
    module = build()
    module.load_state_dict({key: value.float() for key, value in tensors.items()})
    return module


def load_tensors(data: bytes, module: nn.Module, name: str) -> None:
    """Fill a module, in place and in float32, from safetensors bytes of the file `name`.

    Raises CheckpointError naming the first key that is missing, unknown, of another shape, or whose
    numbers are whole ones, NaN or infinite.
    """
    tensors = _tensors(data, name)
    _check(tensors, module.state_dict(), name)
    module.load_state_dict({key: value.float() for key, value in tensors.items()})


def _tensors(data: bytes, name: str) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load(data)
    except SafetensorError as error:
        raise CheckpointError(f"{name} is not a safetensors file: {shown(error, 200)}") from None
    return tensors


def _check(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], name: str) -> None:
    for key in sorted(wanted.keys() | tensors.keys()):
        if key not in tensors:
            raise CheckpointError(
                f"{name} lacks '{key}'; expected shape {tuple(wanted[key].shape)}"
            )
        if key not in wanted:
            raise CheckpointError(f"{name} has '{shown(key)}', which the model does not know")
        tensor = tensors[key]
        if tensor.shape != wanted[key].shape:
            raise CheckpointError(
                f"{name}: '{key}' has shape {tuple(tensor.shape)}; "
                f"expected {tuple(wanted[key].shape)}"
            )
        if not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise CheckpointError(f"{name}: '{key}' is of {kind}; expected float16 or float32")
        if not torch.isfinite(tensor.float()).all():
            raise CheckpointError(f"{name}: '{key}' holds NaN or infinity; expected finite numbers")


def write_table(path: Path, words: Path, table: WordTable) -> None:
    """A word table's codes and centres, and beside them its words, one a line."""
    centres = torch.from_numpy(table.centres.astype(np.float16))
    path.write_bytes(save({"codes": torch.from_numpy(table.codes), "centres": centres}))
    words.write_text("\n".join(table.words) + "\n", encoding="utf-8")


def load_table(folder: Path, name: str, words: str, files: Mapping[str, str]) -> WordTable:
    """What `write_table` wrote. Raises CheckpointError."""
    try:
        listed = verified(folder, words, files).decode("utf-8").split("\n")[:-1]
        tensors = _tensors(verified(folder, name, files), name)
        codes, centres = tensors["codes"], tensors["centres"]
        if codes.dtype != torch.uint8 or centres.dtype != torch.float16 or centres.ndim != 3:
            raise ValueError("expected codes of uint8 and centres of float16 in three dimensions")
        if centres.shape[1] != CENTRES or not torch.isfinite(centres).all():
            raise ValueError(f"expected {CENTRES} centres of finite numbers for each piece")
        return WordTable(tuple(listed), codes.numpy(), centres.numpy())
    except KeyError as error:
        raise CheckpointError(f"{name} lacks {error}") from None
    except ValueError as error:
        raise CheckpointError(f"{name}: {error}") from None


def load_vocabulary(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    ids: int,
    table: WordTable | None = None,
) -> Vocabulary:
    """A vocabulary with as many ids as its model expects. Raises CheckpointError."""
    try:
        data = json.loads(verified(folder, name, files))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} is no JSON file: {shown(error, 200)}") from None
    words, counts = (data.get(key) if isinstance(data, dict) else None for key in _LISTS)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise CheckpointError(f"{name} lacks 'words'; expected a list of texts")
    if not isinstance(counts, list) or not all(type(n) is int and n >= 0 for n in counts):
        raise CheckpointError(f"{name} lacks 'counts'; expected a list of numbers from 0 upwards")
    if len(words) != len(counts):
        raise CheckpointError(
            f"{name} has {len(words)} words and {len(counts)} counts; expected as many"
        )
    try:
        vocabulary = Vocabulary(words, counts, table)
    except ValueError as error:
        raise CheckpointError(f"{name}: {error}") from None
    if len(vocabulary) != ids:
        raise CheckpointError(f"{name} has {len(vocabulary)} ids; its model expects {ids}")
    return vocabulary


_LISTS = ("words", "counts")
