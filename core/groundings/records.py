"""Photos with sentences and phrases as plain data, and the files they travel in.

Four formats, told apart by what is in them:

jsonl     a photo a line: {"file", "width", "height", "sentences", "phrases"}; a JSON list of such
          objects is read as well. Phrases are {"phrase", "boxes"} and, where known, "sentence" (its
          number among the photo's) and "score"; boxes are xyxy in pixels, not rounded.
coco      {"images", "annotations", "categories"}: an annotation for each box, "bbox" is xywh in
          pixels, "caption" its words. Sentences stand in their image ("sentences").
vg        Visual Genome's region_descriptions: a list of {"id", "regions"}, a region for each box
          with whole pixels (x, y, width, height) and "phrase". File names, sizes and sentences,
          which Visual Genome keeps in other files, stand beside "id".
entities  phrases as in Flickr30k Entities: a list of {"image", "size", "phrases": [{"phrase",
          "boxes"}]}, boxes in pixel indices from 1, both ends inside.

jsonl and coco keep every number; vg and entities round boxes to pixels. coco and vg have no word
for a phrase with several boxes: it comes back as several phrases.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.groundings.schema import GroundingError
from core.vision import boxes

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PhraseRecord:
    """Words and where they are: one or more boxes, xyxy in the photo's own pixels.

    sentence   number of the photo's sentence that the words are part of, from 0
    score      the model's, where it was the model that put the boxes
    """

    words: str
    boxes: tuple[Box, ...]
    sentence: int | None = None
    score: float | None = None


@dataclass(frozen=True)
class PhotoRecord:
    """A photo, its sentences, and phrases with boxes."""

    name: str
    width: int
    height: int
    sentences: tuple[str, ...] = ()
    phrases: tuple[PhraseRecord, ...] = ()


def write_text(records: Iterable[PhotoRecord], kind: str) -> Iterator[str]:
    """The text of a file, in pieces: memory does not grow with the photos.

    records is gone through twice where the format has two lists: no iterator, unless it is short.
    kind: one of FORMATS. Raises GroundingError for another.
    """
    if kind not in FORMATS:
        raise GroundingError(f"format is '{kind}'; expected one of {', '.join(FORMATS)}")
    return FORMATS[kind](list(records) if isinstance(records, Iterator) else records)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _listed(items: Iterable[Any]) -> Iterator[str]:
    separator = "[\n"
    for item in items:
        yield separator + _dump(item)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _without_none(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _jsonl(records: Iterable[PhotoRecord]) -> Iterator[str]:
    for photo in records:
        phrases = [
            _without_none(phrase=p.words, boxes=p.boxes, sentence=p.sentence, score=p.score)
            for p in photo.phrases
        ]
        line = {"file": photo.name, "width": photo.width, "height": photo.height}
        yield _dump({**line, "sentences": photo.sentences, "phrases": phrases}) + "\n"


def _coco(records: Iterable[PhotoRecord]) -> Iterator[str]:
    def images() -> Iterator[dict[str, Any]]:
        for image, photo in enumerate(records, 1):
            yield {
                "id": image,
                "file_name": photo.name,
                "width": photo.width,
                "height": photo.height,
                "sentences": photo.sentences,
            }

    def annotations() -> Iterator[dict[str, Any]]:
        number = 0
        for image, photo in enumerate(records, 1):
            for phrase in photo.phrases:
                for box in phrase.boxes:
                    number += 1
                    left, top, wide, high = boxes.xyxy_to_xywh(np.array(box)).tolist()
                    yield _without_none(
                        id=number,
                        image_id=image,
                        category_id=1,
                        bbox=[left, top, wide, high],
                        area=wide * high,
                        iscrowd=0,
                        caption=phrase.words,
                        sentence=phrase.sentence,
                        score=phrase.score,
                    )

    yield '{"categories": [{"id": 1, "name": "phrase"}], "images": '
    yield from _listed(images())
    yield ', "annotations": '
    yield from _listed(annotations())
    yield "}\n"


def _vg(records: Iterable[PhotoRecord]) -> Iterator[str]:
    number = 0

    def images() -> Iterator[dict[str, Any]]:
        nonlocal number
        for image, photo in enumerate(records, 1):
            regions = []
            for phrase in photo.phrases:
                for box in phrase.boxes:
                    number += 1
                    x1, y1, x2, y2 = (round(side) for side in box)
                    regions.append(
                        _without_none(
                            region_id=number,
                            image_id=image,
                            x=x1,
                            y=y1,
                            width=max(1, x2 - x1),
                            height=max(1, y2 - y1),
                            phrase=phrase.words,
                            sentence=phrase.sentence,
                            score=phrase.score,
                        )
                    )
            yield {
                "id": image,
                "file_name": photo.name,
                "image_width": photo.width,
                "image_height": photo.height,
                "sentences": photo.sentences,
                "regions": regions,
            }

    return _listed(images())


def _entities(records: Iterable[PhotoRecord]) -> Iterator[str]:
    return _listed(
        {
            "image": photo.name,
            "size": [photo.width, photo.height],
            "size_source": "exact",
            "size_confidence": 1.0,
            "sentences": photo.sentences,
            "phrases": [
                _without_none(
                    phrase=p.words,
                    boxes=[_one_based(box) for box in p.boxes],
                    sentence=p.sentence,
                    score=p.score,
                )
                for p in photo.phrases
            ],
        }
        for photo in records
    )


def _one_based(box: Box) -> list[int]:
    x1, y1, x2, y2 = (round(side) for side in box)
    return [x1 + 1, y1 + 1, max(x2, x1 + 1), max(y2, y1 + 1)]


FORMATS: dict[str, Callable[[Iterable[PhotoRecord]], Iterator[str]]] = {
    "jsonl": _jsonl,
    "coco": _coco,
    "vg": _vg,
    "entities": _entities,
}


def read_records(path: Path) -> list[PhotoRecord]:
    """A file of any of the four formats -> its photos. Raises GroundingError naming the entry."""
    entries, build = _recognised(path)
    records = []
    for number, entry in enumerate(entries):
        try:
            records.append(build(entry))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise GroundingError(
                f"{path}, entry {number}: {type(error).__name__} {error}"
            ) from None
    return records


def is_entities(path: Path) -> bool:
    """Whether a file is of the entities kind; its sizes may be guesses. Errors as above."""
    return _recognised(path)[1] is _from_entities


def _recognised(path: Path) -> tuple[list[Any], Callable[[Any], PhotoRecord]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise GroundingError(f"{path} cannot be opened; expected a JSON or JSONL file") from None
    try:
        data = json.loads(text)
    except ValueError:
        try:
            data = [json.loads(line) for line in text.split("\n") if line.strip()]
        except ValueError as error:
            raise GroundingError(f"{path} is neither JSON nor JSONL: {error}") from None
    if isinstance(data, dict) and isinstance(data.get("images"), list):
        by_image: dict[Any, list[Any]] = {}
        for annotation in data.get("annotations", []):
            by_image.setdefault(annotation.get("image_id"), []).append(annotation)
        entries = [{**image, "annotations": by_image.get(image.get("id"), [])}
                   for image in data["images"]]  # fmt: skip
        return entries, _from_coco
    data = [data] if isinstance(data, dict) else data
    first = data[0] if isinstance(data, list) and data else {}
    for key, build in (("file", _from_jsonl), ("image", _from_entities), ("regions", _from_vg)):
        if isinstance(first, dict) and key in first:
            return data, build
    if data == []:
        return [], _from_jsonl
    raise GroundingError(
        f"{path} has an unknown form; expected photos with 'file', 'image', 'regions' or 'images'"
    )


def _sentences(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(sentence) for sentence in entry.get("sentences", ()))


def _phrase(entry: dict[str, Any], words: str, found: Iterable[Iterable[float]]) -> PhraseRecord:
    sides = [tuple(float(side) for side in box) for box in found]
    for box in sides:
        if len(box) != 4 or not (box[0] < box[2] and box[1] < box[3] and np.isfinite(box).all()):
            raise ValueError(f"a box is {list(box)}; expected four numbers with a positive area")
    score = entry.get("score")
    return PhraseRecord(
        words,
        tuple((box[0], box[1], box[2], box[3]) for box in sides),
        None if entry.get("sentence") is None else int(entry["sentence"]),
        None if score is None else float(score),
    )


def _from_jsonl(entry: dict[str, Any]) -> PhotoRecord:
    phrases = tuple(_phrase(p, str(p["phrase"]), p["boxes"]) for p in entry.get("phrases", ()))
    size = int(entry.get("width", 0)), int(entry.get("height", 0))
    return PhotoRecord(str(entry["file"]), *size, _sentences(entry), phrases)


def _from_coco(entry: dict[str, Any]) -> PhotoRecord:
    boxed = [a for a in entry["annotations"] if "bbox" in a]
    plain = [str(a["caption"]) for a in entry["annotations"] if "bbox" not in a]
    phrases = tuple(
        _phrase(a, str(a["caption"]), [boxes.xywh_to_xyxy(np.array(a["bbox"], dtype=np.float64))])
        for a in boxed
    )
    size = int(entry["width"]), int(entry["height"])
    return PhotoRecord(str(entry["file_name"]), *size, (*_sentences(entry), *plain), phrases)


def _from_vg(entry: dict[str, Any]) -> PhotoRecord:
    phrases = tuple(
        _phrase(r, str(r["phrase"]), [(r["x"], r["y"], r["x"] + r["width"], r["y"] + r["height"])])
        for r in entry["regions"]
    )
    name = str(entry.get("file_name", f"{entry['id']}.jpg"))  # Visual Genome's own naming
    size = int(entry.get("image_width", 0)), int(entry.get("image_height", 0))
    return PhotoRecord(name, *size, _sentences(entry), phrases)


def _from_entities(entry: dict[str, Any]) -> PhotoRecord:
    width, height = entry["size"]
    phrases = tuple(
        _phrase(p, str(p["phrase"]), boxes.one_based_to_xyxy(np.array(p["boxes"])).tolist())
        for p in entry["phrases"]
        if p["boxes"]
    )
    return PhotoRecord(str(entry["image"]), int(width), int(height), _sentences(entry), phrases)
