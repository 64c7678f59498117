"""A grounding set written row by row: five photos, two dimensions, every number known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.groundings.schema import (
    FoundRow,
    PhotoRow,
    PhraseRow,
    RetrievedRow,
    SentenceRow,
    WordRow,
    arrays_of,
)
from core.groundings.writer import GroundingWriter, trimmed

ABOUT = {
    "photos_folder": "photos",
    "checkpoint": "by hand",
    "fingerprint": "f",
    "dimension": "2",
    "similarity": "product",
    "neighbours": "0.0",
    "gallery": "10",
    "retrieved": "2",
    "source": "s",
}
RANKS = (3, 1, 7, None, 1)
SCORES = (0.5, 2.0, -1.0, None, 1.0)
IOUS = (0.5, None, 0.25, None, 1.0)
WORDS = (("red", "dog"), ("big", "dog"), ("red", "ball"), (), ("zzz", "dog"))
KINDS = ("animals", "", "other", "", "animals")


def handmade(folder: Path, complete: bool = True) -> Path:
    """-> hand.sqlite. Photo k has k % 2 + 1 regions, (k, r) each, and one sentence or none."""
    path = folder / "hand.sqlite"
    writer = GroundingWriter(path, ABOUT, regions=100, words=50)
    photos, sentences, words, phrases = [], [], [], []
    retrieved, found = [], []
    region = word = 0
    whole, left = (0, 0, 1, 1), (0, 0, 0.5, 0.5)
    for k, (rank, score, overlap, texts) in enumerate(zip(RANKS, SCORES, IOUS, WORDS, strict=True)):
        count = k % 2 + 1
        writer.regions[region : region + count] = [(k, r) for r in range(count)]
        boxes = np.array((whole, left)[:count], dtype=np.float32)
        photos.append(
            {"id": k, "name": f"p{k}.png", "width": 40, "height": 20, "note": ""}
            | {"first_region": region, "regions": count, "boxes": boxes.tobytes()}
            | {"objectness": np.ones(count, np.float32).tobytes()}
            | {"prior": np.zeros(count, np.float32).tobytes()}
            | {"rank": rank, "score": score, "iou": overlap}
        )
        region += count
        if texts:
            writer.words[word : word + len(texts)] = [(1, j) for j in range(len(texts))]
            sentence = {"id": len(sentences), "photo_id": k, "text": " ".join(texts) + " ."}
            sentence |= {"first_word": word, "words": len(texts), "rank": rank, "score": score}
            for place, text in enumerate(texts):
                known = text != "zzz"
                words.append(
                    {"sentence_id": sentence["id"], "place": place, "text": text}
                    | {"region": 0 if known else None, "score": 1.0 if known else None}
                    | {"magnitude": 1.0 + place}
                )
            retrieved.append(
                {"photo_id": k, "place": 0, "sentence_id": sentence["id"], "score": score}
            )
            found.append({"sentence_id": sentence["id"], "place": 0, "photo_id": k, "score": score})
            sentences.append(sentence)
            word += len(texts)
        if overlap is not None:
            phrases.append(
                {"id": len(phrases), "photo_id": k, "text": "a thing", "kind": KINDS[k]}
                | {"boxes": np.array([left], np.float32).tobytes(), "region": 0}
                | {"score": float(k), "iou": overlap, "area": 0.25}
            )
    writer.flush()
    writer.commit([(PhotoRow, photos), (SentenceRow, sentences), (WordRow, words)])
    writer.commit([(RetrievedRow, retrieved), (FoundRow, found), (PhraseRow, phrases)])
    used = writer.ends()
    writer.close()
    for array, rows in zip(arrays_of(path), used, strict=True):
        trimmed(array, rows)
    if complete:
        writer.complete()
    return path
