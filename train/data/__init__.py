"""Data sets, read into one shape: photos, their sentences, and phrases with boxes where given.

`read_captions` recognises what `--data` names:
  a Flickr8k folder            captions.token.txt, splits/*.txt, images/
  a Karpathy dataset_*.json    Flickr8k, Flickr30k or COCO with splits; photos in --images
  a Flickr30k Entities folder  Sentences/, Annotations/, train.txt, val.txt, test.txt
  an IAPR TC-12 folder         annotations_complete_eng/, images/, lists of train and test
  COCO's annotations folder    captions_train*.json and captions_val*.json; photos in --images
  a table of sentences         CSV, TSV or JSON lines of photo and sentence, with or without splits
                               (train/data/listed.py), or a folder with one and its photos
  one file of sentences        COCO's captions JSON, or another format of core/formats that has
                               sentences: all, whatever the split is called; photos in --images
  a folder of photos           alone, for what needs no sentence: all, whatever the split is called
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.formats import FORMATS, FormatError, read_bytes, recognised
from train.data.entities import is_entities, read_entities
from train.data.flickr8k import read_flickr8k, read_other_sentences
from train.data.iapr import annotations_in, read_iapr
from train.data.karpathy import read_karpathy
from train.data.listed import (
    has_own_splits,
    is_list,
    list_in,
    photo_names,
    read_listed,
    read_photo_folder,
)
from train.data.phrases import read_phrases
from train.data.sentences import coco_split, is_token_file, read_sentences
from train.data.shapes import CaptionSet, DataError, Phrase, PhrasePhoto, read_json

__all__ = [
    "CaptionSet",
    "DataError",
    "Phrase",
    "PhrasePhoto",
    "read_captions",
    "read_flickr8k",
    "read_json",
    "read_other_sentences",
    "read_phrases",
    "read_sentences",
]


KINDS = (
    "a Flickr8k, Flickr30k Entities or COCO folder, a dataset_*.json, a table of photos and "
    "sentences (CSV or JSON lines), a folder with one, or a file of sentences in a format of "
    + ", ".join(one.name for one in FORMATS.values() if one.carries.sentences)
)


def read_captions(
    data: Path | None,
    split: str,
    images: Path | None,
    captions: Path | None,
    sentences: Path | None = None,
    *,
    wordless: bool = False,
) -> CaptionSet:
    """What `--data DATA --split S` names (its sentences, or those of `--sentences FILE`), or
    `--images DIR --captions FILE.json`. images: the photos' folder, for the kinds above that need
    one or have theirs elsewhere. wordless: whether a folder of photos is enough, as `--data` or as
    `--images`."""
    if images is not None and captions is not None:
        return read_sentences(images, captions)
    if data is None and images is not None and wordless:
        return _photos_alone(images, wordless)
    if data is None:
        raise DataError("no data set named; expected --data, or --images DIR --captions FILE")
    if sentences is not None:
        return read_other_sentences(data, split, sentences)
    if not data.exists():
        raise DataError(f"{data} is not there; expected {KINDS}")
    if data.is_dir():
        return _read_folder(data, split, images, wordless)
    if is_token_file(data) and has_own_splits(data):
        raise DataError(
            f"{data} is Flickr8k's file of sentences; expected its folder, {data.parent}"
        )
    found = read_json(data) if data.suffix == ".json" else None
    lists: dict[str, Any] = found if isinstance(found, dict) else {}
    if isinstance(lists.get("images"), list) and "annotations" not in lists:
        return read_karpathy(data, lists, split, images)
    if is_list(data):
        return read_listed(data, split, images)
    if found == [] or not _has_sentences(data):
        raise DataError(f"{data} is no known data set; expected {KINDS}")
    return read_sentences(_photos(data, images), data)


def _read_folder(data: Path, split: str, images: Path | None, wordless: bool) -> CaptionSet:
    if is_entities(data):
        return read_entities(data, split, images)
    coco = coco_split(data, split)
    if coco is not None:
        return read_sentences(_photos(data, images), coco)
    if annotations_in(data):
        return read_iapr(data, split, images)
    if (data / "splits").is_dir():
        return read_flickr8k(data, split, images)
    table = list_in(data)
    if table is not None:
        return read_listed(table, split, images)
    return _photos_alone(data, wordless)


def _photos_alone(folder: Path, wordless: bool) -> CaptionSet:
    """A folder that has nothing but photos, or DataError that says what is missing in it."""
    names = photo_names(folder)
    if not names:
        raise DataError(f"{folder} is no known data set; expected {KINDS}, or photos")
    if not wordless:
        raise DataError(
            f"{folder} has {len(names):,} photos and no sentences, which this command needs; "
            "expected a table of them there, such as captions.csv with the columns photo and "
            "sentence"
        )
    return read_photo_folder(folder, names)


def _has_sentences(data: Path) -> bool:
    """Whether a file's format has a place for them."""
    try:
        return recognised(read_bytes(data)).carries.sentences
    except FormatError:
        return False


def _photos(data: Path, images: Path | None) -> Path:
    if images is None:
        raise DataError(f"{data} has no photos' folder: --images is missing")
    return images
