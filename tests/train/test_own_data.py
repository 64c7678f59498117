"""Files and folders as people have them: tables of photo and sentence, photos alone, broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.checkpoints import load_checkpoint
from core.errors import UserError
from core.formats import FORMATS, FormatError, ReadOptions, read_file, recognised
from core.groundings.reader import GroundingSet
from train import ground
from train.__main__ import main
from train.data import DataError, read_captions
from train.data.listed import seeded
from train.features import FeatureStore, write_features

BARS = (
    "image_name| comment_number| comment\n"
    '1.jpg| 0| A man says " hello " , then | leaves .\n'
    "1.jpg| 1| Two men .\n"
    "2.jpg| 4   A dog runs across the grass .\n"
    "2.jpg| 5| \n"
)
FORMS = {
    "flickr8k of Kaggle": (
        'image,caption\r\n1.jpg,"A man says "" hello "" , then | leaves ."\r\n1.jpg,Two men .\r\n'
        "2.jpg,A dog runs across the grass .\r\n"
    ),
    "flickr30k of Kaggle": BARS,
    "token file": (
        '1.jpg#0\tA man says " hello " , then | leaves .\n1.jpg#1\tTwo men .\n'
        "2.jpg#0\tA dog runs across the grass .\n"
    ),
    "no head": (
        '1.jpg,A man says " hello " , then | leaves .\n1.jpg,Two men .\n'
        "2.jpg,A dog runs across the grass .\n"
    ),
    "lists in cells": (
        'raw,split,filename\n"[""A man says \\"" hello \\"" , then | leaves ."", ""Two men .""]",'
        'train,1.jpg\n"[""A dog runs across the grass .""]",val,2.jpg\n'
    ),
    "JSON lines": (
        '{"photo": "1.jpg", "sentence": "A man says \\" hello \\" , then | leaves ."}\n'
        '{"photo": "1.jpg", "sentence": "Two men ."}\n\n'
        '{"photo": "2.jpg", "sentence": "A dog runs across the grass .", "note": 1}\n'
    ),
    "JSON list": json.dumps(
        [
            {"image": "1.jpg",
             "captions": ['A man says " hello " , then | leaves .', "Two men ."]},
            {"image": "2.jpg", "captions": ["A dog runs across the grass ."]},
        ]
    ),
}  # fmt: skip
SAID = (('A man says " hello " , then | leaves .', "Two men ."), ("A dog runs across the grass .",))


@pytest.mark.parametrize("form", FORMS)
def test_lists_of_sentences(form: str, tmp_path: Path) -> None:
    """The same two photos in every form, for every command that takes a file."""
    path = tmp_path / "list"
    path.write_bytes(b"\xef\xbb\xbf" + FORMS[form].encode())
    project = read_file(path, ReadOptions(storable=False))
    assert [photo.name for photo in project.photos] == ["1.jpg", "2.jpg"]
    assert tuple(photo.sentences for photo in project.photos) == SAID
    kind = "jsonl" if form.startswith("JSON") else "csv"
    assert recognised(path.read_bytes()) is FORMATS[kind]
    (tmp_path / "Images").mkdir()
    (tmp_path / "Images" / "2.jpg").write_bytes(b"")
    captions = read_captions(path, "all", None, None)
    assert captions.sentences == SAID
    assert captions.paths == (tmp_path / "Images" / "1.jpg", tmp_path / "Images" / "2.jpg")
    assert read_captions(None, "x", tmp_path, path).sentences == SAID


def test_a_column_of_splits(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("split,sentence,photo\ntrain,one,a.jpg\nval,two,b.jpg\nrestval,three,c.jpg\n")
    assert read_captions(path, "train", tmp_path, None).names == ("a.jpg", "c.jpg")
    assert read_captions(path, "dev", tmp_path, None).names == ("b.jpg",)
    with pytest.raises(DataError, match=r"split is 'test'; .*own.csv has dev, train, and 'all'"):
        read_captions(path, "test", tmp_path, None)
    path.write_text("split,sentence,photo\ntrain,one,a.jpg\nval,two,a.jpg\n")
    with pytest.raises(DataError, match=r"line 3: a.jpg is in 'dev' and, before, in 'train'"):
        read_captions(path, "train", tmp_path, None)


def test_a_seeded_split_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.csv"
    path.write_text("photo,sentence\n" + "".join(f"{n}.jpg,a dog\n" for n in range(20)))
    parts = [read_captions(path, part, tmp_path, None).names for part in ("train", "dev", "test")]
    assert [len(part) for part in parts] == [16, 2, 2]
    assert len(set().union(*parts)) == 20
    assert capsys.readouterr().err.count("into 16 train, 2 dev, 2 test; --split all") == 1
    names = tuple(f"{n}.jpg" for n in range(20))
    assert seeded(names) == seeded(names[::-1])  # whatever their order
    with pytest.raises(DataError, match=r"split is 'mine'; .* has no column of splits; expected"):
        read_captions(path, "mine", tmp_path, None)
    path.write_text("photo,sentence\na.jpg,a dog\nb.jpg,a dog\n")
    with pytest.raises(DataError, match=r"2 photo\(s\) .* cannot be parted.* or --split all"):
        read_captions(path, "train", tmp_path, None)
    assert len(read_captions(path, "all", tmp_path, None)) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photo,sentence,split\na.jpg,one\n", r"line 2: There are 2 cells; expected 3"),
        ("photo,sentence\n,one\n", r"line 2: The photo's name is empty"),
        ("photo,sentence\n", "The list has no row"),
        ("photo,sentence\na.jpg,\n", "has no sentence; expected at least one"),
        ('{"photo": "a.jpg", "sentence": "x"}\n{"photo": "b.jpg"}\n', "line 2: .*'sentence'"),
        ('{"photo": "a.jpg", "sentence": 3}\n', "line 1: sentence is no text"),
        ('{"photo": "a.jpg", "sentence": "x"}\n[1]\n', r"line 2: There is .*; expected a JSON obj"),
    ],
)  # fmt: skip
def test_lists_that_are_broken(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "own.list"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_captions(path, "all", tmp_path, None)


def test_boxes_are_asked_for_as_before(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("photo,snippet,caption\na.jpg,1,1\n")
    with pytest.raises(FormatError, match="There is no column 'width'"):
        read_file(path)


def test_a_folder_with_its_table(tiny_flickr: Path, tmp_path: Path) -> None:
    """Kaggle's folders, and Flickr8k's without splits."""
    (tmp_path / "photos" / "photos").mkdir(parents=True)
    shutil.copy(tiny_flickr / "images" / "dev0_red_ball.png", tmp_path / "photos" / "photos")
    (tmp_path / "results.csv").write_text("image,caption\ndev0_red_ball.png,a red ball\n")
    captions = read_captions(tmp_path, "all", None, None)
    assert captions.paths[0].is_file()
    (tmp_path / "captions.token.txt").write_text("dev0_red_ball.png#0\ta red ball\n")
    told = r"several lists of sentences: captions.token.txt, results.csv; expected --data FILE"
    with pytest.raises(DataError, match=told):
        read_captions(tmp_path, "all", None, None)
    (tmp_path / "results.csv").unlink()
    assert read_captions(tmp_path, "all", None, None).sentences == (("a red ball",),)
    (tmp_path / "photos" / "photos" / "dev0_red_ball.png").unlink()
    with pytest.raises(DataError, match="which lies neither beside it nor in a folder there"):
        read_captions(tmp_path, "all", None, None)


@pytest.fixture
def photos(tiny_flickr: Path, tmp_path: Path) -> Path:
    """Three photos in a folder, one of them below it, two that are none, and what is no photo."""
    folder = tmp_path / "mine"
    (folder / "trip").mkdir(parents=True)
    shutil.copy(tiny_flickr / "images" / "dev0_red_ball.png", folder / "a.png")
    shutil.copy(tiny_flickr / "images" / "dev0_blue_box.png", folder / "trip" / "b.PNG")
    shutil.copy(tiny_flickr / "images" / "dev0_red_box.png", folder / "c.png")
    (folder / "broken.jpg").write_bytes((folder / "a.png").read_bytes()[:200])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("lovely\n")
    (folder / "._a.png").write_bytes(b"")
    return folder


def test_photos_alone(photos: Path) -> None:
    captions = read_captions(photos, "whatever", None, None, wordless=True)
    assert captions.names == ("a.png", "broken.jpg", "c.png", "empty.jpg", "trip/b.PNG")
    assert captions == read_captions(None, "whatever", photos, None, wordless=True)
    with pytest.raises(DataError, match=r"has 5 photos and no sentences, .* such as captions.csv"):
        read_captions(photos, "test", None, None)


def test_unreadable_photos_are_left_out_and_listed(
    photos: Path, tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Features, a grounding set and a search of photos alone, two of which cannot be read."""
    out = tmp_path / "features"
    main(["features", "--data", str(photos), "--encoder", str(random_checkpoint),
          "--out", str(out), "--threads", "1"])  # fmt: skip
    assert f"left out 2 of 5 photos, listed in {out / 'unreadable.txt'}" in capsys.readouterr().err
    lines = (out / "unreadable.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["broken.jpg", "empty.jpg"]
    store = FeatureStore(out)
    assert store.names == ["a.png", "c.png", "trip/b.PNG"]
    captions = read_captions(photos, "all", None, None, wordless=True)
    assert store.readable(captions).names == tuple(store.names)
    checkpoint = load_checkpoint(random_checkpoint)
    write_features(checkpoint.encoder, captions.names, captions.paths, out)  # is there already
    made = tmp_path / "set.sqlite"
    for stored in (None, store):
        assert ground.ground(checkpoint, captions, {}, made, stored) == 3
        groundings = GroundingSet(made)
        assert [card.name for card in groundings.cards(range(3))] == store.names
        groundings.close()
        listed = made.with_suffix(".unreadable.txt")
        assert listed.is_file() == (stored is None)
        for path in tmp_path.glob("set.*"):
            path.unlink()
    main(["query", "dog", "--data", str(photos), "--features", str(out), "--checkpoint",
          str(random_checkpoint), "--out", str(tmp_path / "sheet.png"),
          "--threads", "1"])  # fmt: skip
    assert "regions of 3 photos" in capsys.readouterr().out
    for name in ("a.png", "c.png", "trip/b.PNG"):
        (photos / name).unlink()
    captions = read_captions(photos, "all", None, None, wordless=True)
    with pytest.raises(DataError, match=r"none of 2 photos can be read; broken.jpg: "):
        write_features(checkpoint.encoder, captions.names, captions.paths, tmp_path / "none")
    with pytest.raises(DataError, match="none of the 2 photos can be read"):
        ground.ground(checkpoint, captions, {}, made)


def test_predictions_are_no_sentences(tmp_path: Path) -> None:
    line = {"photo": "a.jpg", "box": [0, 0, 1, 1], "caption": "a boat", "score": 1.0, "model": "m"}
    path = tmp_path / "predictions.jsonl"
    path.write_text(json.dumps(line))
    with pytest.raises(UserError):
        read_captions(path, "all", tmp_path, None)
