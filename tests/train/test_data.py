"""The readers, on small files and on broken ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import UserError
from core.formats import FormatError
from train.data import DataError, read_captions, read_flickr8k, read_phrases, read_sentences


def test_flickr8k(tiny_flickr: Path) -> None:
    captions = read_flickr8k(tiny_flickr, "dev")
    assert len(captions) == 6
    assert captions.names[0] == "dev0_red_ball.png"
    assert captions.paths[0].is_file()
    assert captions.sentences[0] == ("A red ball .", "the ball is red")


def test_flickr8k_names_what_is_wrong(tiny_flickr: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"split is 'val'; .* has dev, test, train"):
        read_flickr8k(tiny_flickr, "val")
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.txt").write_text("a.jpg\n")
    with pytest.raises(DataError, match=r"captions.token.txt is not there"):
        read_flickr8k(tmp_path, "train")
    (tmp_path / "captions.token.txt").write_text("b.jpg#0\tfine\nbroken line\n")
    with pytest.raises(DataError, match=r"line 2: 'broken line'; expected 'name.jpg#k"):
        read_flickr8k(tmp_path, "train")
    (tmp_path / "captions.token.txt").write_text("b.jpg#0\tfine\n")
    with pytest.raises(DataError, match=r"no sentence for a.jpg"):
        read_flickr8k(tmp_path, "train")


def test_coco(tmp_path: Path) -> None:
    data = {
        "images": [{"id": 7, "file_name": "x.jpg"}, {"id": 8, "file_name": "none.jpg"}],
        "annotations": [
            {"image_id": 7, "caption": "A dog."}, {"image_id": 7, "caption": "A big dog."},
        ],
    }  # fmt: skip
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(data))
    captions = read_sentences(tmp_path, path)
    assert captions.names == ("x.jpg",)  # a photo without sentences is left out
    assert captions.sentences == (("A dog.", "A big dog."),)
    assert captions.paths == (tmp_path / "x.jpg",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "captions.json, the beginning: This is not JSON"),
        ("[]", "has no sentence about a photo"),
        ("[[]]", "no format that is known; expected one of jsonl"),
        (
            '{"images": [{"id": 1}], "annotations": []}',
            r"captions.json, \$.images\[0\].file_name: This key is missing",
        ),
        (
            '{"images": [], "annotations": [{"image_id": 3, "caption": ""}]}',
            r"\$.annotations\[0\]: Image id 3 is not among",
        ),
    ],
)
def test_coco_names_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "captions.json"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_sentences(tmp_path, path)


def test_a_data_set_must_be_named() -> None:
    with pytest.raises(DataError, match="expected --data"):
        read_captions(None, "test", None, None)


def entry(**changes: Any) -> dict[str, Any]:
    base = {
        "image": "x.jpg", "size": [100, 50], "size_source": "exact", "size_confidence": 1.0,
        "phrases": [{"phrase": "a dog", "boxes": [[1, 1, 50, 50]]}, {"phrase": "air", "boxes": []}],
    }  # fmt: skip
    return {**base, **changes}


def test_phrases(tmp_path: Path) -> None:
    guess = {"size_source": "estimated"}
    path = tmp_path / "phrases.json"
    likely = entry(image="y.jpg", **guess, size_confidence=0.8)
    unlikely = entry(image="z.jpg", **guess, size_confidence=0.7)
    path.write_text(json.dumps([entry(), likely, unlikely]))
    assert [len(read_phrases(path, sizes)) for sizes in ("exact", "confident", "all")] == [1, 2, 3]
    [photo] = read_phrases(path, "exact")
    [phrase] = photo.phrases  # without a box there is nothing to find
    assert phrase.words == "a dog"
    assert phrase.boxes.tolist() == [[0, 0, 0.5, 1]]  # pixels 1..50 of 100 x 50


def test_phrases_names_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "phrases.json"
    path.write_text(json.dumps([entry(), entry()]))
    with pytest.raises(FormatError, match=r"\$\[1\]: Photo 'x.jpg' stands there twice"):
        read_phrases(path)
    path.write_text(json.dumps([entry(), {"image": "y.jpg"}]))
    with pytest.raises(FormatError, match=r"phrases.json, \$\[1\].size: This key is missing"):
        read_phrases(path, "all")
    with pytest.raises(DataError, match="sizes is 'some'"):
        read_phrases(path, "some")


def test_the_right_words_for_the_wrong_file(tiny_flickr: Path, tmp_path: Path) -> None:
    instances = tmp_path / "instances_val2017.json"
    box = {"image_id": 1, "category_id": 3, "bbox": [0, 0, 1, 1]}
    instances.write_text(json.dumps({"images": [], "annotations": [box]}))
    told = r"instances_val2017.json is COCO instances \(.*\); expected COCO captions"
    with pytest.raises(DataError, match=told):
        read_captions(None, "dev", tiny_flickr / "images", instances)
    with pytest.raises(DataError, match=told):
        read_captions(instances, "dev", tiny_flickr / "images", None)
    token = tiny_flickr / "captions.token.txt"
    told = r"captions.token.txt is Flickr8k's file of sentences; expected "
    with pytest.raises(DataError, match=told + "--data "):
        read_captions(None, "dev", tiny_flickr / "images", token)
    with pytest.raises(DataError, match=told + "its folder, "):
        read_captions(token, "dev", None, None)
    with pytest.raises(DataError, match="is not there; expected a Flickr8k, "):
        read_captions(tmp_path / "gone", "dev", None, None)
    with pytest.raises(DataError, match="is no known data set; expected a Flickr8k, "):
        read_captions(tmp_path, "dev", None, None)
