"""Every command of train, with every kind of wrong path for every path it takes: it ends with
status 2 and one sentence, never with a traceback."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.captioning.captioner import Captioner, TrainedCaptioner
from core.captioning.recurrences import CaptionerConfig
from core.checkpoints import save_captioner, save_checkpoint
from core.errors import UserError
from core.language.vocabulary import Vocabulary
from tests.conftest import random_network
from train import __main__ as command
from train.captions.training import CaptionRecipe
from train.classes import ClassRecipe
from train.everyday import EverydayRecipe
from train.proposals import ProposalRecipe
from train.recipes import AlignRecipe

SMALL = ("--word-dimension", 8, "--hidden-dimension", 8, "--common-dimension", 8, "--epochs", 1,
         "--batch", 6, "--warm-up", 1)  # fmt: skip
WRONG = ("missing", "empty folder", "another kind", "folder for a file", "below a file")

# The options that name what is read, of each command; everything else of it is right. {x} stands
# for what `right` makes, {new} for a place that is new each time.
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "download": ("download flickr8k --base-url http://127.0.0.1:9/", ("--out {new}",)),
    "features": (
        "features --split dev --device cpu --threads 1",
        ("--data {data}", "--encoder {checkpoint}", "--out {new}"),
    ),
    "features of COCO": (
        "features --encoder {checkpoint} --out {new} --threads 1",
        ("--images {data}/images", "--captions {data}/coco.json"),
    ),
    "features of torchvision": (
        "features --data {data} --split dev --out {new} --threads 1 "
        "--encoder torchvision:fasterrcnn_mobilenet_v3_large_320_fpn",
        ("--encoder-weights {data}/weights",),
    ),
    "align": (
        "align --threads 1",
        ("--data {data}", "--encoder {checkpoint}", "--features {features}/train",
         "--dev-features {features}/dev", "--start {checkpoint}", "--out {new}"),
    ),
    "align from word vectors": (
        "align --threads 1 --data {data} --encoder {checkpoint} --features {features}/train "
        "--dev-features {features}/dev --out {new}",
        ("--word-vectors {data}/vectors.txt",),
    ),
    "align jointly": (
        "align --threads 1 --train-encoder --data {data} --out {new}",
        ("--encoder {checkpoint}", "--phrases {data}/phrases.json",
         "--nanodet-boxes {data}/nanodet.npz"),
    ),
    "caption": (
        "caption --level image --least 1 --threads 1",
        ("--data {data}", "--features {features}/train", "--dev-features {features}/dev",
         "--sentences {data}/captions.token.txt", "--start {checkpoint}", "--out {new}"),
    ),
    "caption of regions": (
        "caption --level region --least 1 --threads 1 --features {features}/train "
        "--dev-features {features}/dev --out {new}",
        ("--snippets {data}/snippets_train.jsonl", "--dev-snippets {data}/snippets_dev.jsonl"),
    ),
    "proposals": (
        "proposals --side 97 --threads 1 --nanodet {data} --out {new}",
        ("--data {data}", "--phrases {data}/phrases.json", "--efficientnet {data}"),
    ),
    "snippets": (
        "snippets --split dev --threads 1",
        ("--data {data}", "--features {features}/dev", "--checkpoint {checkpoint}",
         "--out {new}.jsonl"),
    ),
    "evaluate rank": (
        "evaluate rank --split dev --threads 1",
        ("--data {data}", "--checkpoint {checkpoint}", "--json {new}.json"),
    ),
    "evaluate ground": (
        "evaluate ground --threads 1 --split dev",
        ("--images {data}/images", "--phrases {data}/phrases.json", "--data {data}",
         "--checkpoint {checkpoint}", "--worst {new}.png", "--json {new}.json"),
    ),
    "evaluate borders": (
        "evaluate borders --threads 1 --split dev",
        ("--images {data}/images", "--phrases {data}/phrases.json", "--data {data}",
         "--checkpoint {checkpoint}", "--plot {new}.svg", "--json {new}.json"),
    ),
    "evaluate seen": (
        "evaluate seen --threads 1",
        ("--images {data}/images", "--instances {data}/instances.json",
         "--checkpoint {checkpoint}", "--json {new}.json"),
    ),
    "calibrate": (
        "calibrate {checkpoint} --threads 1",
        ("--data {data}", "--labelled {data}", "--features {features}/train",
         "--labelled-features {features}/train"),
    ),
    "evaluate objects": (
        "evaluate objects --threads 1",
        ("--images {data}/images", "--instances {data}/instances.json",
         "--checkpoint {checkpoint}", "--json {new}.json"),
    ),
    "evaluate maps": (
        "evaluate maps --threads 1",
        ("--images {data}/images", "--instances {data}/instances.json",
         "--checkpoint {checkpoint}", "--json {new}.json"),
    ),
    "evaluate caption": (
        "evaluate caption --level image --split dev --threads 1 --no-meteor --baseline nearest",
        ("--data {data}", "--checkpoint {checkpoint}", "--train-features {features}/train",
         "--sentences {data}/captions.token.txt", "--json {new}.json"),
    ),
    "evaluate caption of regions": (
        "evaluate caption --level region --threads 1 --no-meteor --baseline ranking "
        "--checkpoint {checkpoint} --json {new}.json",
        ("--images {data}/images", "--phrases {data}/phrases.json",
         "--snippets {data}/snippets_train.jsonl"),
    ),
    "evaluate caption of annotations": (
        "evaluate caption --level region --threads 1 --no-meteor --baseline human --data {data} "
        "--json {new}.json",
        ("--annotations {data}/annotations.jsonl",),
    ),
    "evaluate mrnn": (
        "evaluate mrnn --split dev --threads 1 --data {data} --checkpoint {checkpoint} "
        "--json {new}.json",
        ("--captioner {checkpoint}", "--train-features {features}/train"),
    ),
    "ground": (
        "ground --split dev --threads 1",
        ("--data {data}", "--features {features}/dev", "--phrases {data}/phrases.json",
         "--checkpoint {checkpoint}", "--out {new}.sqlite"),
    ),
    "ground from records": (
        "ground --threads 1 --checkpoint {checkpoint} --images {data}/images --out {new}.sqlite",
        ("--records {data}/records.jsonl",),
    ),
    "query": (
        "query ball --split dev --threads 1",
        ("--data {data}", "--checkpoint {checkpoint}", "--out {new}.png"),
    ),
    "table alignment": (
        "table alignment --threads 1 --recipes baseline --epochs 1 --batch 6 --runs {new}",
        ("--data {data}", "--encoder {checkpoint}", "--features {features}/train",
         "--dev-features {features}/dev", "--test-features {features}/dev", "--out {new}"),
    ),
    "table captioning": (
        "table captioning --threads 1 --features {features}/dev --split dev "
        "--train-features {features}/train --results {new}",
        ("--data {data}", "--checkpoint {checkpoint}", "--out {new}.md"),
    ),
    "table magnitudes": (
        "table magnitudes --split dev --threads 1",
        ("--data {data}", "--checkpoint {checkpoint}", "--free-photos {data}/free",
         "--out {new}"),
    ),
    "classes": (
        "classes --threads 1",
        ("--data {data}", "--phrases {data}/phrases.json", "--labelled {data}", "--nanodet {data}",
         "--encoder {checkpoint}", "--out {new}"),
    ),
    "everyday": (
        "everyday --threads 1 --word-table {data} --start {checkpoint}",
        ("--data {data}", "--labelled {data}", "--features {features}/train",
         "--labelled-features {features}/train", "--dev-features {features}/dev",
         "--encoder {checkpoint}", "--out {new}"),
    ),
    "teach": (
        "teach --threads 1 --word zzyx",
        ("--annotations {data}/annotations.jsonl", "--images {data}/images",
         "--checkpoint {checkpoint}", "--out {new}"),
    ),
    "evaluate taught": (
        "evaluate taught --threads 1",
        ("--images {data}/images", "--instances {data}/instances.json",
         "--checkpoint {checkpoint}", "--json {new}.json"),
    ),
    "statistics": ("statistics {data}/captions.token.txt", ("--out {new}",)),
    "bench": ("bench --threads 1 --runs 1", ("--checkpoint {checkpoint}", "--json {new}.json")),
    "export": ("export {checkpoint}", ("--captioner {checkpoint}", "--out {new}")),
}  # fmt: skip


def right(data: Path, checkpoint: Path, folder: Path) -> dict[str, Path]:
    """The right paths, with what `tiny_flickr` lacks added to a folder of our own."""
    own = folder / "data"
    own.mkdir()
    for name in ("images", "splits", "captions.token.txt", "phrases.json"):
        (own / name).symlink_to(data / name)
    photos = sorted(path.name for path in (data / "images").iterdir())
    images = [
        {"id": k, "file_name": name, "width": 80, "height": 64} for k, name in enumerate(photos)
    ]
    coco = {"images": images, "annotations": [{"image_id": 0, "caption": "a ball"}]}
    (own / "coco.json").write_text(json.dumps(coco))
    box = {"image_id": 0, "category_id": 1, "bbox": [0, 0, 9, 9]}
    instances = {"images": images, "categories": [{"id": 1, "name": "ball"}], "annotations": [box]}
    (own / "instances.json").write_text(json.dumps(instances))
    (own / "vectors.txt").write_text("ball " + "0.1 " * 7 + "0.1\n")
    (own / "free").mkdir()
    (own / "free" / "a.jpg").write_bytes(b"never opened")
    (own / "records.jsonl").write_text("")
    (own / "annotations.jsonl").write_text("")
    names = (data / "splits" / "train.txt").read_text().split()
    np.savez(own / "nanodet.npz", **{name: np.zeros((0, 4), np.float32) for name in names})
    rng = np.random.default_rng(0)
    for split in ("train", "dev"):
        here = folder / "features" / split
        here.mkdir(parents=True)
        names = (data / "splits" / f"{split}.txt").read_text().split()
        n = len(names)
        np.save(here / "features.npy", rng.normal(size=(n, 20, 608)).astype(np.float16))
        np.save(here / "boxes.npy", np.zeros((n, 20, 4), np.float32))
        np.save(here / "objectness.npy", np.zeros((n, 20), np.float32))
        np.save(here / "count.npy", np.full(n, 20, np.int32))
        one = {"photo": names[0], "sentence": 0, "region": 0, "box": [0.0] * 4, "words": "a ball"}
        (own / f"snippets_{split}.jsonl").write_text(json.dumps(one) + "\n")
        header = {"encoder": "bundled", "dimension": 608, "names": names}
        (here / "names.json").write_text(json.dumps(header))
    return {"data": own, "checkpoint": checkpoint, "features": folder / "features"}


def wrong(kind: str, folder: Path, suffix: str) -> Path:
    """A path that is wrong in one way, with the right ending."""
    place = folder / f"{kind.replace(' ', '-')}{suffix}"
    if kind == "below a file":  # refused to everybody, root included
        (folder / "file").write_text("x")
        return folder / "file" / f"below{suffix}"
    if kind == "another kind":
        place.write_bytes(b"\xff\xd8\xff\xe0 no text, and no archive \x00\x01\n\x80")
    elif kind != "missing":
        place.mkdir(parents=True, exist_ok=True)
        if kind == "folder for a file":
            (place / "something.txt").write_text("x")
    return place


def is_output(option: str) -> bool:
    return "{new}" in option


def cases() -> Iterator[tuple[str, str]]:
    for name, (_, options) in COMMANDS.items():
        for option in options:
            yield name, option.split()[0]


def words(name: str, option: str, value: Path, paths: dict[str, Path], new: Path) -> list[str]:
    """A command whose every path is right but one."""
    base, options = COMMANDS[name]
    small = list(map(str, SMALL)) if name.startswith("align") else []
    found = base.format(**paths, new=new).split() + small
    for one in options:
        flag, right_value = one.format(**paths, new=new).split()
        # --start and --sentences are read instead of others: only when they are wrong
        if flag == option:
            found += [flag, str(value)]
        elif flag not in ("--start", "--sentences", "--worst", "--captioner"):
            found += [flag, right_value]
    return found


def kinds_for(option: str) -> tuple[str, ...]:
    """What is wrong for an option: a new place may be missing, a folder to fill may be empty."""
    if not is_output(option):
        return WRONG
    is_file = "." in option
    return ("folder for a file", "below a file") if is_file else ("another kind", "below a file")


def refusal(argv: list[str]) -> SystemExit | None:
    """Run a command -> how it ended; None where it did not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train", *argv])
        try:
            command.main()
        except SystemExit as end:
            return end
    return None


@pytest.fixture(scope="module")
def paths(
    tiny_flickr: Path, random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    return right(tiny_flickr, random_checkpoint, tmp_path_factory.mktemp("right"))


@pytest.mark.parametrize(("name", "option"), tuple(cases()))
def test_a_wrong_path_is_one_sentence(
    name: str, option: str, paths: dict[str, Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    spec = next(one for one in COMMANDS[name][1] if one.split()[0] == option)
    for kind in kinds_for(spec):
        folder = tmp_path / kind.replace(" ", "-")
        folder.mkdir()
        value = wrong(kind, folder, Path(spec.split()[1]).suffix)
        end = refusal(words(name, option, value, paths, folder / "new"))
        told = capsys.readouterr().err
        assert end is not None, f"{option} is a {kind}: taken"
        lines = [line for line in told.splitlines() if line.startswith(("error:", "Traceback"))]
        assert end.code == 2, (kind, told)
        assert len(lines) == 1, (kind, told)
        assert lines[0].startswith("error: "), (kind, told)
        assert "Traceback" not in told
        assert told.rstrip().splitlines()[-1] == lines[0], "the sentence is the last word"


def features_of(paths: dict[str, Path], split: str, dimension: int, folder: Path) -> Path:
    """A split's features, with another number of numbers a region."""
    shutil.copytree(paths["features"] / split, folder)
    count = len(np.load(folder / "count.npy"))
    np.save(folder / "features.npy", np.zeros((count, 20, dimension), np.float16))
    header = json.loads((folder / "names.json").read_text()) | {"dimension": dimension}
    (folder / "names.json").write_text(json.dumps(header))
    return folder


@pytest.mark.parametrize(
    ("name", "option"),
    [
        (name, option.split()[0])
        for name, (_, options) in COMMANDS.items()
        for option in options
        if "{features}" in option and name != "everyday"  # which test_everyday.py has
    ],
)
def test_features_of_another_length_are_refused_before_the_work(
    name: str, option: str, paths: dict[str, Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    spec = next(one for one in COMMANDS[name][1] if one.split()[0] == option)
    split = spec.rpartition("/")[2]
    narrow = features_of(paths, split, 607, tmp_path / "narrow")
    end = refusal(words(name, option, narrow, paths, tmp_path / "new"))
    told = capsys.readouterr().err
    assert end is not None, "taken"
    assert end.code == 2
    assert re.search(r"error: .*\(60[78] numbers a region\); .* has bundled \(60[78]\)", told), told
    assert not (tmp_path / "new").exists()


def test_what_training_starts_from_must_read_such_features(
    paths: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "dev"):
        wide = features_of(paths, split, 640, tmp_path / split)
        header = json.loads((wide / "names.json").read_text())
        header["encoder"] = "torchvision:fasterrcnn_resnet50_fpn"
        (wide / "names.json").write_text(json.dumps(header))
    data = ["--features", tmp_path / "train", "--dev-features", tmp_path / "dev",
            "--data", paths["data"], "--threads", 1, "--out", tmp_path / "run"]  # fmt: skip
    data = list(map(str, data))
    refusal(["align", *data, "--start", str(paths["checkpoint"])])
    assert "--start reads 608 numbers a region; the features have 640" in capsys.readouterr().err
    captioner = TrainedCaptioner(
        Captioner(CaptionerConfig(700, 3, hidden_dimension=8)), Vocabulary(("a", "ball"), (9, 9))
    )
    save_checkpoint(tmp_path / "captioner", "c", random_network())
    save_captioner(tmp_path / "captioner", "image", captioner)
    start = ("--start", str(tmp_path / "captioner"))
    refusal(["caption", "--level", "image", *data, *start])
    assert re.search("--start reads 700 numbers a region; .* has 640", capsys.readouterr().err)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "name",
    ["evaluate caption", "evaluate caption of regions", "evaluate caption of annotations"],
)
def test_the_tokenizer_that_needs_java_is_refused_without_it(
    name: str, paths: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", str(tmp_path))
    end = refusal([*words(name, "", tmp_path, paths, tmp_path / "new"), "--tokenizer", "ptb"])
    assert end is not None
    assert end.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: the tokenizer ptb needs Java, and there is no `java` on the PATH; install a JRE 8 "
        "or newer"
    )
    assert not list(tmp_path.glob("new*"))


def test_a_table_of_every_command() -> None:
    """A new command needs a line above."""
    assert {base.split()[0] for base, _ in COMMANDS.values()} == set(command.COMMANDS)


@pytest.mark.parametrize("name", command.COMMANDS)
def test_options_that_are_none_end_with_status_2(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    end = refusal([name, "--no-such-option"])
    assert end is not None
    assert end.code == 2
    assert "usage: python -m train" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("recipe", "field", "value", "sentence"),
    [
        (AlignRecipe, "rate", -1.0, "rate is -1.0; expected a number over 0"),
        (AlignRecipe, "temperature", 0.0, "temperature is 0.0; expected a number over 0"),
        (AlignRecipe, "word_dropout", 1.5, "word-dropout is 1.5; expected a number from 0 to 1"),
        (AlignRecipe, "batch", 0, "batch is 0; expected 1 or more"),
        (CaptionRecipe, "rate", math.nan, "rate is nan; expected a number over 0"),
        (CaptionRecipe, "weight_decay", -0.1, "weight-decay is -0.1; expected a number from 0"),
        (ProposalRecipe, "rate", math.inf, "rate is inf; expected a number over 0"),
        (ClassRecipe, "report", 0, "report is 0; expected 1 or more"),
        (EverydayRecipe, "labelled_every", 0, "labelled-every is 0; expected 1 or more"),
    ],
)
def test_no_training_begins_with_a_number_that_it_cannot_have(
    recipe: type, field: str, value: float, sentence: str
) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}"):
        recipe(**{field: value})
