"""Whatever stands in a checkpoint's JSON files: it loads, or one sentence says what is wrong.

A file is changed at one place, or at several, into any JSON value; nothing but a CheckpointError
(or an EncoderError, where the encoder is named otherwise) may come of it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.checkpoints import CheckpointError, load_checkpoint, save_captioner
from core.checkpoints.description import described
from core.checkpoints.files import load_vocabulary
from core.vision.encoders import EncoderError
from tests.core.test_checkpoints import captioner

NUMBERS = st.sampled_from(
    [-1, 0, 1, 2, 2**31, 10**30, 10**400, -0.5, 0.5, 1e308, 1e999, float("nan")]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.sampled_from(["bundled", "x:y"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)
CHOICES = st.integers(0, 2**30)


@pytest.fixture(scope="module")
def whole(random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with every section that there is."""
    folder = shutil.copytree(random_checkpoint, tmp_path_factory.mktemp("crafted") / "whole")
    save_captioner(folder, "image", captioner(608))
    return folder


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    if not isinstance(value, dict | list):
        return
    for key, one in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        yield from places(one)


def mutated(original: Any, changes: list[tuple[int, str, Any]]) -> Any:
    """A copy with changes, each (which place, what to do there, a value)."""
    value = copy.deepcopy(original)
    for place, kind, other in changes:
        every = list(places(value))
        if kind == "whole" or not every:
            return other
        container, key = every[place % len(every)]
        if kind == "remove":
            del container[key]
        elif kind == "add" and isinstance(container, dict):
            container[str(other)[:9]] = other
        else:
            container[key] = other
    return value


CHANGES = st.lists(
    st.tuples(CHOICES, st.sampled_from(["set"] * 6 + ["remove", "remove", "add", "whole"]), VALUES),
    min_size=1, max_size=3,
)  # fmt: skip
QUIETLY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def one_sentence(error: Exception) -> None:
    text = str(error)
    assert text.strip()
    assert "\n" not in text
    assert "Traceback" not in text
    assert len(text) < 700


@QUIETLY
@given(CHANGES)
def test_any_config(whole: Path, tmp_path_factory: pytest.TempPathFactory, changes: Any) -> None:
    original = json.loads((whole / "config.json").read_text())
    folder = tmp_path_factory.mktemp("config")
    (folder / "config.json").write_text(json.dumps(mutated(original, changes)))
    try:
        described(folder)
    except (CheckpointError, EncoderError) as error:
        one_sentence(error)


@settings(QUIETLY, max_examples=25)
@given(CHANGES)
def test_a_checkpoint_of_any_config(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, changes: Any
) -> None:
    """The whole way, networks included."""
    folder = tmp_path_factory.mktemp("whole")
    for file in whole.iterdir():
        (folder / file.name).hardlink_to(file)
    (folder / "config.json").unlink()
    original = json.loads((whole / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(mutated(original, changes)))
    try:
        load_checkpoint(folder)
    except (CheckpointError, EncoderError) as error:
        one_sentence(error)


@QUIETLY
@given(CHANGES)
def test_any_vocabulary(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, changes: Any
) -> None:
    original = json.loads((whole / "vocabulary.json").read_text())
    refused_or_read(tmp_path_factory, json.dumps(mutated(original, changes)).encode())


@QUIETLY
@example(b"[" * 100_000)
@example(b"\xff\xfe")
@given(st.binary(max_size=40))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    refused_or_read(tmp_path_factory, data)
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "config.json").write_bytes(data)
    with pytest.raises(CheckpointError) as caught:
        described(folder)
    one_sentence(caught.value)


def refused_or_read(factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = factory.mktemp("vocabulary")
    (folder / "vocabulary.json").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    try:
        vocabulary = load_vocabulary(folder, "vocabulary.json", {"vocabulary.json": digest}, 9)
    except CheckpointError as error:
        one_sentence(error)
    else:
        assert len(vocabulary) == 9


@pytest.mark.parametrize(
    ("section", "field", "value", "seen", "expected"),
    [
        ("alignment", "hidden_dimension", "400", "'400'", "a whole number"),
        ("alignment", "hidden_dimension", True, "'True'", "a whole number"),
        ("alignment", "hidden_dimension", -4, "-4", "a number from 1 to 65536"),
        ("alignment", "hidden_dimension", 10**400, "'a huge number'", "a whole number"),
        ("alignment", "dropout", float("nan"), "'nan'", "a finite number"),
        ("alignment", "dropout", 10**400, "'a huge number'", "a finite number"),
        ("alignment", "context", ["brnn"], "'['brnn']'", "one of brnn, gru, bigram, word"),
        ("grounding", "neighbours", 1.5, "1.5", "a number from 0 to 1"),
        ("grounding", "window", 0.5, "'0.5'", "a whole number"),
        ("encoder", "regions", 0, "0", "a number from 1 to 1000"),
        ("encoder", "side", 10**7 + 1, "10000001", "32 k + 1"),
        ("encoder", "nms_iou", "x\ny", "'x y'", "a finite number"),
    ],
)
def test_a_wrong_value_is_named(
    whole: Path, tmp_path: Path, section: str, field: str, value: Any, seen: str, expected: str
) -> None:
    config = json.loads((whole / "config.json").read_text())
    config[section][field] = value
    (tmp_path / "config.json").write_text(json.dumps(config))
    said = re.escape(f"{section}: {field} is {seen}; expected {expected}")
    with pytest.raises(CheckpointError, match=said):
        described(tmp_path)


@pytest.mark.parametrize(
    ("section", "field", "value", "said"),
    [
        ("files", "encoder.safetensors", 5, "'encoder.safetensors' has no sha256 as text"),
        ("captioners", "image", 3, "captioner image is 3; expected an object"),
        ("captioners", "face", {}, "captioners has 'face'; expected image or region"),
    ],
)
def test_a_wrong_part_is_named(
    whole: Path, tmp_path: Path, section: str, field: str, value: Any, said: str
) -> None:
    config = json.loads((whole / "config.json").read_text())
    config[section][field] = value
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=said):
        described(tmp_path)


def test_a_missing_value_is_named(whole: Path, tmp_path: Path) -> None:
    config = json.loads((whole / "config.json").read_text())
    del config["alignment"]["region_dimension"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="alignment lacks 'region_dimension'; expected a"):
        described(tmp_path)


def test_a_config_without_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b" " * 2**21)
    with pytest.raises(CheckpointError, match="more than 1,048,576 bytes"):
        described(tmp_path)
