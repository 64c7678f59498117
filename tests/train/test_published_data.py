"""The published forms of the data sets: Karpathy's JSON, COCO's folder, Flickr30k Entities."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.train.test_commands import run
from train.data import DataError, read_captions, read_phrases

SENTENCES = """[/EN#5/people A man] in [/EN#6/clothing/other a red hat] , [/EN#7/animals two dogs] .
[/EN#5/people Someone] outside [/EN#8/scene a house] by [/EN#0/notvisual itself] .
"""
ANNOTATION = """<annotation><filename>12.jpg</filename>
<size><width>100</width><height>50</height><depth>3</depth></size>
<object><name>5</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>50</xmax><ymax>50</ymax></bndbox></object>
<object><name>7</name><bndbox><xmin>51</xmin><ymin>1</ymin><xmax>60</xmax><ymax>10</ymax></bndbox></object>
<object><name>7</name><name>5</name><bndbox><xmin>61</xmin><ymin>1</ymin><xmax>70</xmax><ymax>10</ymax></bndbox></object>
<object><name>8</name><scene>1</scene><nobox>0</nobox></object>
<object><name>6</name><scene>0</scene><nobox>1</nobox></object>
</annotation>"""


@pytest.fixture
def entities(tmp_path: Path) -> Path:
    for folder in ("Sentences", "Annotations", "images"):
        (tmp_path / folder).mkdir()
    (tmp_path / "Sentences" / "12.txt").write_text(SENTENCES)
    (tmp_path / "Annotations" / "12.xml").write_text(ANNOTATION)
    (tmp_path / "val.txt").write_text("12\n")
    (tmp_path / "test.txt").write_text("13\n")
    return tmp_path


def test_entities_sentences(entities: Path) -> None:
    captions = read_captions(entities, "dev", None, None)
    assert captions.names == ("12.jpg",)
    assert captions.paths == (entities / "images" / "12.jpg",)
    assert captions.sentences == (
        ("A man in a red hat , two dogs .", "Someone outside a house by itself ."),
    )
    elsewhere = entities / "Sentences"
    assert read_captions(entities, "dev", elsewhere, None).paths == (elsewhere / "12.jpg",)


def test_entities_phrases(entities: Path) -> None:
    [photo] = read_phrases(entities)
    assert (photo.name, photo.width, photo.height, photo.sizes) == ("12.jpg", 100, 50, "exact")
    # the hat has no box, the house is the whole scene
    assert [phrase.words for phrase in photo.phrases] == ["A man", "two dogs", "Someone"]
    # pixels 51..60 and 61..70 of 100, rows 1..10 of 50
    np.testing.assert_allclose(photo.phrases[1].boxes, [[0.5, 0, 0.6, 0.2], [0.6, 0, 0.7, 0.2]])
    np.testing.assert_allclose(photo.phrases[0].boxes, [[0, 0, 0.5, 1], [0.6, 0, 0.7, 0.2]])
    assert read_phrases(entities, split="dev")[0].phrases[2].words == "Someone"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Sentences/12.txt", "fine .\n[/EN#5 man] .\n", r"12.txt, line 2: '\[/EN#5 man\] .'"),
        ("Annotations/12.xml", "<annotation>", r"12.xml: no element found"),
        ("Annotations/12.xml", "<annotation/>", r"12.xml: it has no size"),
        ("Annotations/12.xml", ANNOTATION.replace("<width>100", "<width>0"), "size is 0 x 50"),
        ("Annotations/12.xml", ANNOTATION.replace("<xmax>60", "<xmax>6"), r"box of object 2 is"),
        ("Annotations/12.xml", ANNOTATION.replace("<xmin>51", "<xmin>a"), "invalid literal.*'a'"),
        ("Annotations/12.xml", ANNOTATION.replace("xmax>", "x>"), "a bndbox lacks xmax"),
    ],
)
def test_entities_names_what_is_wrong(entities: Path, name: str, text: str, message: str) -> None:
    (entities / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_phrases(entities)


def test_entities_names_what_is_missing(entities: Path) -> None:
    with pytest.raises(DataError, match=r"13.xml is not there"):
        read_phrases(entities, split="test")
    with pytest.raises(DataError, match=r"train.txt is not there"):
        read_captions(entities, "train", None, None)
    (entities / "images").rmdir()
    with pytest.raises(DataError, match="expected --images"):
        read_captions(entities, "dev", None, None)


def karpathy(*images: dict[str, Any]) -> dict[str, Any]:
    return {"dataset": "coco", "images": list(images)}


def image(name: str, split: str, *raw: str, **more: Any) -> dict[str, Any]:
    said = [{"raw": text, "tokens": text.lower().split(), "sentid": 0} for text in raw]
    return {"filename": name, "split": split, "sentences": said, "imgid": 0, "sentids": [0], **more}


def test_karpathy(tmp_path: Path) -> None:
    path = tmp_path / "dataset_coco.json"
    (tmp_path / "images" / "val2014").mkdir(parents=True)
    tokens = {"filename": "t.jpg", "split": "test", "sentences": [{"tokens": ["a", "cat"]}]}
    data = karpathy(
        image("a.jpg", "train", "A dog.", "Two dogs.", filepath="train2014"),
        image("b.jpg", "restval", "A cat.", filepath="val2014"),
        image("c.jpg", "val", "A bus.", filepath="val2014"),
        image("silent.jpg", "train"),
        tokens,
    )
    path.write_text(json.dumps(data))
    train = read_captions(path, "train", None, None)
    assert train.names == ("a.jpg", "b.jpg")
    assert train.sentences == (("A dog.", "Two dogs."), ("A cat.",))
    # images/train2014 is not there: the photos lie flat
    images = tmp_path / "images"
    assert train.paths == (images / "a.jpg", images / "val2014" / "b.jpg")
    assert read_captions(path, "dev", None, None).names == ("c.jpg",)
    assert read_captions(path, "restval", None, None).names == ("b.jpg",)
    elsewhere = images / "val2014"
    test = read_captions(path, "test", elsewhere, None)
    assert test.paths == (elsewhere / "t.jpg",)
    assert test.sentences == (("a cat",),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (karpathy(image("a.jpg", "train", "x")), "split is 'dev'; .* has train"),
        (karpathy({"filename": "a.jpg", "sentences": []}), "image 0: KeyError 'split'"),
        (karpathy(image("a.jpg", "val", "x"), {"split": "val"}), "image 1: KeyError 'sentences'"),
        (karpathy({"split": "val", "sentences": [{}]}), "image 0: KeyError 'tokens'"),
        (karpathy(*[image("a.jpg", "val", "x")] * 2), "has a.jpg twice in split 'dev'"),
        ([], "is no known data set"),
    ],
)
def test_karpathy_names_what_is_wrong(tmp_path: Path, data: Any, message: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "dataset_x.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match=message):
        read_captions(tmp_path / "dataset_x.json", "dev", None, None)


def test_karpathy_needs_photos(tmp_path: Path) -> None:
    (tmp_path / "dataset_x.json").write_text(json.dumps(karpathy(image("a.jpg", "val", "x"))))
    with pytest.raises(DataError, match="expected --images"):
        read_captions(tmp_path / "dataset_x.json", "dev", None, None)


def test_coco_folder(tmp_path: Path) -> None:
    for split in ("train", "val"):
        data = {
            "images": [{"id": 1, "file_name": f"{split}.jpg"}],
            "annotations": [{"image_id": 1, "caption": "A dog."}],
        }
        (tmp_path / f"captions_{split}2014.json").write_text(json.dumps(data))
    images = tmp_path / "photos"
    (images / "val2014").mkdir(parents=True)
    assert read_captions(tmp_path, "train", images, None).paths == (images / "train.jpg",)
    dev = read_captions(tmp_path, "dev", images, None)
    assert dev.paths == (images / "val2014" / "val.jpg",)
    one = tmp_path / "captions_val2014.json"
    assert read_captions(one, "test", images, None) == dev
    with pytest.raises(DataError, match=r"expected one captions_test\*.json"):
        read_captions(tmp_path, "test", images, None)
    with pytest.raises(DataError, match="--images is missing"):
        read_captions(tmp_path, "dev", None, None)


def test_a_flickr8k_folders_photos_may_lie_elsewhere(tiny_flickr: Path, tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "x.png")
    captions = read_captions(tiny_flickr, "dev", tmp_path, None)
    assert {path.parent for path in captions.paths} == {tmp_path}


def test_the_commands_read_them(
    tiny_flickr: Path, entities: Path, random_checkpoint: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    photos = [image(f"dev0_{what}.png", "val", "A red ball .") for what in ("red_ball", "red_box")]
    (tmp_path / "dataset_x.json").write_text(json.dumps(karpathy(*photos)))
    run(
        monkeypatch, "evaluate", "rank", "--data", tmp_path / "dataset_x.json", "--images",
        tiny_flickr / "images", "--split", "dev", "--checkpoint", random_checkpoint, "--features",
        tmp_path / "features", "--json", tmp_path / "rank.json", "--threads", 1,
    )  # fmt: skip
    assert json.loads((tmp_path / "rank.json").read_text())["sentences"] == 2
    described = json.loads((tmp_path / "features" / "names.json").read_text())
    assert described["names"] == ["dev0_red_ball.png", "dev0_red_box.png"]
    Image.new("RGB", (100, 50)).save(entities / "images" / "12.jpg")
    run(
        monkeypatch, "evaluate", "ground", "--phrases", entities, "--images", entities / "images",
        "--split", "dev", "--checkpoint", random_checkpoint, "--json", tmp_path / "ground.json",
        "--threads", 1,
    )  # fmt: skip
    assert json.loads((tmp_path / "ground.json").read_text())["phrases"] == 3


def iapr(folder: Path) -> None:
    """Twelve photos of IAPR TC-12 in its layout, two of them for the test."""
    notes = folder / "annotations_complete_eng" / "00"
    notes.mkdir(parents=True)
    for n in range(12):
        (notes / f"{n}.eng").write_bytes(
            f"<DOC>\n<DOCNO>annotations/00/{n}.eng</DOCNO>\n<TITLE>Caf\xe9 & Bar</TITLE>\n"
            f"<DESCRIPTION>a caf\xe9 {n} &amp; a bar;\n two palms; </DESCRIPTION>\n"
            f"<IMAGE>images/00/{n}.jpg</IMAGE>\n</DOC>\n".encode("latin-1")
        )
    train = "".join(f"00/{n}\n" for n in range(10))
    (folder / "iaprtc12_train_list.txt").write_text(train)
    (folder / "iaprtc12_test_list.txt").write_text("00/10\nimages/00/11.jpg\n")


def test_iapr(tmp_path: Path) -> None:
    iapr(tmp_path)
    test = read_captions(tmp_path, "test", None, None)
    assert test.names == ("00/10.jpg", "00/11.jpg")
    assert test.paths[0] == tmp_path / "images" / "00" / "10.jpg"
    assert test.sentences[0] == ("a café 10 & a bar; two palms",)
    train = set(read_captions(tmp_path, "train", None, None).names)
    dev = set(read_captions(tmp_path, "dev", None, None).names)
    assert (len(train), len(dev)) == (9, 1)
    assert not train & dev
    (tmp_path / "iaprtc12_val_list.txt").write_text("00/3\n")
    assert read_captions(tmp_path, "dev", None, None).names == ("00/3.jpg",)
    assert len(read_captions(tmp_path, "train", None, None)) == 9


def test_iapr_names_what_is_wrong(tmp_path: Path) -> None:
    iapr(tmp_path)
    with pytest.raises(DataError, match=r"split is 'x'; .* has train, dev and test"):
        read_captions(tmp_path, "x", None, None)
    (tmp_path / "iaprtc12_test_list.txt").write_text("00/10\n00/99\n")
    with pytest.raises(DataError, match=r"99\.eng is not there; expected a photo's annotation"):
        read_captions(tmp_path, "test", None, None)
    (tmp_path / "iaprtc12_test_list.txt").write_text("../../etc\n")
    with pytest.raises(DataError, match=r"photo 1: '../../etc'; expected such as '00/25'"):
        read_captions(tmp_path, "test", None, None)
    (tmp_path / "iaprtc12_test_list.txt").unlink()
    with pytest.raises(DataError, match="has no list of split 'test'; expected a file such as"):
        read_captions(tmp_path, "test", None, None)
    (tmp_path / "annotations_complete_eng" / "00" / "3.eng").write_text("<DOC></DOC>")
    (tmp_path / "iaprtc12_test_list.txt").write_text("00/3\n")
    with pytest.raises(DataError, match=r"has no description; expected <DESCRIPTION>"):
        read_captions(tmp_path, "test", None, None)
