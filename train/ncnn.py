"""Read the numbers of an ncnn model: its convolutions, and nothing of it is executed.

NAME.param is text: a magic number, the counts of layers and blobs, and a line for each layer (type,
name, numbers of inputs and outputs, their names, then KEY=VALUE options). NAME.bin holds the
weights of the layers one after the other: a tag, the weights as float32 (tag 0) or as float16 (its
own tag, padded to 4 bytes), and the biases as float32.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from train.data import DataError

_MAGIC, _HALF = "7767517", 0x01306B47
_OUT, _KERNEL, _BIAS, _WEIGHTS = "0", "1", "5", "6"  # names of a convolution's options


def read_convolutions(param: Path, weights: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """-> of each convolution, in the file's order, its weight (out, in / groups, k, k) and bias
    (out,), float32. Raises DataError where the files are not ncnn's or do not belong together."""
    try:
        lines = param.read_text(encoding="utf-8").splitlines()
        data = weights.read_bytes()
    except (OSError, UnicodeDecodeError):
        raise DataError(
            f"{param} and {weights.name} cannot be read; expected the two files of an ncnn model"
        ) from None
    if not lines or lines[0].strip() != _MAGIC:
        raise DataError(f"{param} does not start with {_MAGIC}; expected an ncnn model")
    place, found = 0, []
    try:
        for line in lines[2:]:
            words = line.split()
            if not words or not words[0].startswith("Convolution"):
                continue
            named = 4 + int(words[2]) + int(words[3])
            options = dict(word.split("=", 1) for word in words[named:])
            out, kernel, count = (int(options[name]) for name in (_OUT, _KERNEL, _WEIGHTS))
            (tag,) = struct.unpack_from("<I", data, place)
            if tag not in (0, _HALF):
                raise DataError(f"{weights}: {words[1]} has the tag {tag:#x}; expected 0 or half")
            kind = np.dtype(np.float16 if tag else np.float32)
            weight = np.frombuffer(data, kind, count, place + 4).astype(np.float32)
            place += 4 + (count * kind.itemsize + 3) // 4 * 4
            bias = np.zeros(out, np.float32)
            if options.get(_BIAS) == "1":
                bias = np.frombuffer(data, np.float32, out, place).copy()
                place += 4 * out
            found.append((weight.reshape(out, -1, kernel, kernel), bias))
    except (KeyError, ValueError, IndexError, struct.error) as error:
        raise DataError(f"{weights} does not fit {param}: {error}") from None
    if place != len(data):
        raise DataError(f"{weights} has {len(data)} bytes; {param} expects {place}")
    return found
