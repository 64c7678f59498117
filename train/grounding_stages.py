"""The stages that make a grounding set: photos, sentences, ranks, phrases.

Each goes photo by photo in order, commits as it goes and asks the set where to go on; so a killed
run loses one batch. Time is linear in photos and memory does not grow with them: sentences are
ranked within galleries of a fixed number of photos (COCO's "1K" protocol), never all against all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sqlalchemy import select
from sqlalchemy.orm import Session
from tqdm import tqdm

from core.alignment.grounding import (
    grounding_regions,
    grounding_scores,
    grounding_words,
    phrase_scores,
    with_neighbours,
)
from core.alignment.model import pack_sentences
from core.alignment.ranking import ranks
from core.alignment.scoring import score_matrix
from core.checkpoints import Checkpoint
from core.describer import Describer, SentenceLimits
from core.groundings.schema import (
    FoundRow,
    PhotoRow,
    PhraseRow,
    RetrievedRow,
    SentenceRow,
    WordRow,
)
from core.groundings.writer import GroundingWriter
from core.language.vocabulary import UNKNOWN, words_of
from core.results import Look
from core.vision import boxes, images
from core.vision.regions import Regions
from train.data import CaptionSet, DataError, Phrase
from train.data.photos import read_photo
from train.features import BATCH, FeatureStore
from train.phrase_kinds import kind_of

CHUNK = 64  # photos whose sentences are read in one pass: about 3,500 words


@dataclass(frozen=True)
class GroundingOptions:
    """How a set is made."""

    gallery: int = 1000
    """Photos that are ranked against each other: Flickr8k's whole test split, and what papers
    report for larger sets."""
    retrieved: int = 5
    """Best sentences kept of a photo, and best photos of a sentence."""


@dataclass(frozen=True)
class Placed:
    """A photo's place in the set: its rows of the regions' array and its size."""

    id: int
    name: str
    first: int
    count: int
    boxes: np.ndarray
    prior: np.ndarray


class Grounder:
    """Writes one set. Every stage may be called again and does what is left."""

    def __init__(
        self,
        writer: GroundingWriter,
        checkpoint: Checkpoint,
        captions: CaptionSet,
        options: GroundingOptions,
    ) -> None:
        self.writer, self.checkpoint = writer, checkpoint
        self.captions, self.options = captions, options
        self.model, self.vocabulary = checkpoint.alignment, checkpoint.vocabulary
        self.config = checkpoint.grounding
        self.describer = Describer(checkpoint)

    @torch.inference_mode()
    def photos(self, stored: FeatureStore | None = None) -> None:
        """Regions of every photo, from the network or from a feature folder."""
        row_of = {name: row for row, name in enumerate(stored.names)} if stored else {}
        for start in self._left("photos", self.writer.next_id(PhotoRow), BATCH):
            chunk = range(start, min(start + BATCH, len(self.captions)))
            opened = [read_photo(self.captions.paths[i]) for i in chunk]
            if stored is None:
                found = self.checkpoint.encoder.encode([photo.pixels for photo in opened])
            else:
                found = [_stored_regions(stored, row_of, self.captions.names[i]) for i in chunk]
            end, _ = self.writer.ends()
            rows = []
            for i, photo, regions in zip(chunk, opened, found, strict=True):
                vectors = self.model.embed_regions(torch.from_numpy(regions.features))
                self.writer.regions[end : end + len(regions)] = vectors.half().numpy()
                _, prior = grounding_regions(
                    self.config, vectors.numpy(), regions.boxes, regions.objectness
                )
                rows.append(
                    {
                        "id": i,
                        "name": self.captions.names[i],
                        "width": photo.width,
                        "height": photo.height,
                        "note": photo.note,
                        "first_region": end,
                        "regions": len(regions),
                        "boxes": regions.boxes.astype(np.float32).tobytes(),
                        "objectness": regions.objectness.astype(np.float32).tobytes(),
                        "prior": prior.astype(np.float32).tobytes(),
                        "caption": self._caption(photo, regions),
                    }
                )
                end += len(regions)
            self.writer.flush()
            self.writer.commit([(PhotoRow, rows)])

    def _caption(self, photo: images.DecodedPhoto, regions: Regions) -> str | None:
        """What the checkpoint's captioner says of the whole photo; None where it has none."""
        look = Look(
            photo.width,
            photo.height,
            regions.boxes,
            regions.objectness,
            regions.features[:, :0],  # captioners read features, not the common space
            features=regions.features,
        )
        if 0 not in self.describer.describable(look):
            return None
        [said] = self.describer.describe(look, regions=[0])
        return said.sentences[0].text

    def _left(self, stage: str, done: int, step: int) -> Iterator[int]:
        """Where the batches of a stage start, with progress."""
        total = len(self.captions)
        with tqdm(total=total, initial=done, desc=stage, unit="photo", mininterval=5) as bar:
            for start in range(done, total, step):
                yield start
                bar.update(min(step, total - start))

    def _placed(self, session: Session, ids: range) -> list[Placed]:
        query = (
            select(PhotoRow)
            .where(PhotoRow.id.between(ids.start, ids.stop - 1))
            .order_by(PhotoRow.id)
        )
        return [
            Placed(
                row.id,
                row.name,
                row.first_region,
                row.regions,
                np.frombuffer(row.boxes, np.float32).reshape(-1, 4),
                np.frombuffer(row.prior, np.float32),
            )
            for row in session.scalars(query)
        ]

    def _vectors(self, photo: Placed) -> np.ndarray:
        return self.writer.regions[photo.first : photo.first + photo.count].astype(np.float32)

    def _grounding_regions(self, photo: Placed) -> np.ndarray:
        """The same as words choose among them (`core.alignment.grounding`)."""
        return with_neighbours(self._vectors(photo), photo.boxes, self.config.neighbours)

    @torch.inference_mode()
    def sentences(self) -> None:
        """Words of every sentence in the common space, and where each is at beta 0."""
        done = int(self.writer.about("read", "0"))
        for start in self._left("sentences", done, CHUNK):
            ids = range(start, min(start + CHUNK, len(self.captions)))
            with Session(self.writer.engine) as session:
                placed = self._placed(session, ids)
            _, end = self.writer.ends()
            number = self.writer.next_id(SentenceRow)
            sentences: list[dict[str, Any]] = []
            tokens, word_ids = [], []
            for photo in placed:
                for text in self.captions.sentences[photo.id]:
                    words, known = self._read(text)
                    sentences.append(
                        {"id": number + len(sentences), "photo_id": photo.id, "text": text}
                        | {"first_word": end, "words": len(words)}
                    )
                    end += len(words)
                    if words:
                        tokens.append(words)
                        word_ids.append(known)
            rows: list[dict[str, Any]] = []
            if tokens:
                rows = self._place_words(placed, sentences, tokens, word_ids)
            self.writer.flush()
            self.writer.commit(
                [(SentenceRow, sentences), (WordRow, rows)], facts={"read": str(ids.stop)}
            )

    def _read(self, text: str) -> tuple[list[str], list[int]]:
        """A sentence's words and their ids; none where it cannot be read."""
        limits = SentenceLimits()
        words = [word.text for word in words_of(text[: limits.characters + 1])]
        ids = self.vocabulary.ids_as_read(words)
        readable = any(ids) and len(words) <= limits.words and len(text) <= limits.characters
        return (words, ids) if readable else ([], [])

    def _place_words(
        self,
        placed: Sequence[Placed],
        sentences: Sequence[Mapping[str, Any]],
        tokens: Sequence[list[str]],
        word_ids: list[list[int]],
    ) -> list[dict[str, Any]]:
        vectors = grounding_words(self.model, self.config, word_ids).astype(np.float16)
        magnitudes = self._contextual(word_ids).norm(dim=1).tolist()
        read = [sentence for sentence in sentences if sentence["words"]]
        first = read[0]["first_word"]
        self.writer.words[first : first + len(vectors)] = vectors
        exact = vectors.astype(np.float32)
        of = {photo.id: photo for photo in placed}
        rows = []
        for sentence, texts, ids in zip(read, tokens, word_ids, strict=True):
            start = sentence["first_word"] - first
            mine = exact[start : start + len(texts)]
            photo = of[sentence["photo_id"]]
            scores = grounding_scores(mine, self._grounding_regions(photo), photo.prior)
            for place, (text, known) in enumerate(zip(texts, ids, strict=True)):
                region = int(scores[place].argmax()) if known != UNKNOWN else None
                rows.append(
                    {
                        "sentence_id": sentence["id"],
                        "place": place,
                        "text": text,
                        "region": region,
                        "score": None if region is None else float(scores[place, region]),
                        "magnitude": magnitudes[start + place],
                    }
                )
        return rows

    def rank(self) -> None:
        """Scores, ranks and best matches by Eq. 8, gallery by gallery."""
        done = int(self.writer.about("ranked", "0"))
        for start in self._left("ranks", done, self.options.gallery):
            ids = range(start, min(start + self.options.gallery, len(self.captions)))
            self._rank_gallery(ids)

    def _rank_gallery(self, ids: range) -> None:
        with Session(self.writer.engine) as session:
            placed = self._placed(session, ids)
            listed = session.execute(
                select(SentenceRow.id, SentenceRow.photo_id, SentenceRow.text, SentenceRow.words)
                .where(SentenceRow.photo_id.between(ids.start, ids.stop - 1), SentenceRow.words > 0)
                .order_by(SentenceRow.id)
            ).all()
            known = self._known(session, listed)
        facts = {"ranked": str(ids.stop)}
        if not listed:
            self.writer.commit(facts=facts)
            return
        scores = self._scores(placed, listed, known)
        photo_of = np.array([sentence.photo_id - ids.start for sentence in listed])
        annotation, search = ranks(scores, photo_of)
        true = scores[photo_of, np.arange(len(listed))]
        sums = np.bincount(photo_of, weights=true, minlength=len(placed))
        counts = np.bincount(photo_of, minlength=len(placed))
        photos = [
            {"id": photo.id, "rank": int(rank), "score": float(total / count)}
            for photo, rank, total, count in zip(placed, annotation, sums, counts, strict=True)
            if count
        ]
        sentences = [
            {"id": sentence.id, "rank": int(rank), "score": float(score)}
            for sentence, rank, score in zip(listed, search, true, strict=True)
        ]
        best = _best(scores, self.options.retrieved)
        retrieved = [
            {"photo_id": photo.id, "place": place, "sentence_id": listed[column].id}
            | {"score": float(scores[row, column])}
            for row, photo in enumerate(placed)
            for place, column in enumerate(best[row])
        ]
        best = _best(scores.T, self.options.retrieved)
        found = [
            {"sentence_id": sentence.id, "place": place, "photo_id": placed[row].id}
            | {"score": float(scores[row, column])}
            for column, sentence in enumerate(listed)
            for place, row in enumerate(best[column])
        ]
        self.writer.commit(
            [(RetrievedRow, retrieved), (FoundRow, found)],
            [(PhotoRow, photos), (SentenceRow, sentences)],
            facts,
        )

    @staticmethod
    def _known(session: Session, listed: Sequence[Any]) -> np.ndarray:
        """(W,) bool for all words of consecutive sentences."""
        if not listed:
            return np.zeros(0, dtype=bool)
        query = (
            select(WordRow.region.is_not(None))
            .where(WordRow.sentence_id.between(listed[0].id, listed[-1].id))
            .order_by(WordRow.sentence_id, WordRow.place)
        )
        return np.fromiter(session.scalars(query), dtype=bool)

    def _contextual(self, sentences: Sequence[list[int]]) -> torch.Tensor:
        """(W, h) the words' s_t (Eq. 6), as ranking compares them; in blocks."""
        parts = []
        for start in range(0, len(sentences), 1000):
            packed, lengths, _, _ = pack_sentences(list(sentences[start : start + 1000]))
            parts.append(self.model.embed_words(packed, lengths))
        return torch.cat(parts)

    @torch.inference_mode()
    def _scores(
        self, placed: Sequence[Placed], listed: Sequence[Any], known: np.ndarray
    ) -> np.ndarray:
        most = max(photo.count for photo in placed)
        regions = np.zeros((len(placed), most, self.writer.dimension), dtype=np.float16)
        for row, photo in zip(regions, placed, strict=True):
            row[: photo.count] = self.writer.regions[photo.first : photo.first + photo.count]
        counts = torch.tensor([photo.count for photo in placed])
        lengths = [sentence.words for sentence in listed]
        scores = score_matrix(
            self.model.config.scoring,
            torch.from_numpy(regions).float(),
            torch.arange(most) < counts[:, None],
            self._contextual([self._read(sentence.text)[1] for sentence in listed]),
            torch.from_numpy(known),
            torch.repeat_interleave(torch.arange(len(listed)), torch.tensor(lengths)),
            len(listed),
        )
        result: np.ndarray = scores.numpy()
        return result

    @torch.inference_mode()
    def phrases(self, phrases: Mapping[str, Sequence[Phrase]]) -> None:
        """Where the model puts each phrase, and how well that fits people's boxes."""
        done = int(self.writer.about("phrased", "0"))
        for start in self._left("phrases", done, CHUNK):
            ids = range(start, min(start + CHUNK, len(self.captions)))
            with Session(self.writer.engine) as session:
                placed = [p for p in self._placed(session, ids) if phrases.get(p.name)]
            asked = [(photo, phrase) for photo in placed for phrase in phrases[photo.name]]
            words = self._phrase_words([phrase.words for _, phrase in asked])
            number = self.writer.next_id(PhraseRow)
            rows: list[dict[str, Any]] = []
            for k, (photo, phrase) in enumerate(asked):
                wanted = np.concatenate((phrase.boxes, boxes.union_xyxy(phrase.boxes)[None]))
                region, score = 0, None
                if len(words[k]):
                    mean = phrase_scores(words[k], self._grounding_regions(photo), photo.prior)
                    region = int(mean.argmax())
                    score = float(mean[region])
                rows.append(
                    {
                        "id": number + k,
                        "photo_id": photo.id,
                        "text": phrase.words,
                        "kind": kind_of(phrase.words),
                        "boxes": phrase.boxes.astype(np.float32).tobytes(),
                        "region": region,
                        "score": score,
                        "iou": float(boxes.iou(photo.boxes[region][None], wanted).max()),
                        "area": _covered(phrase.boxes),
                    }
                )
            overlaps: dict[int, list[float]] = {}
            for row in rows:
                overlaps.setdefault(row["photo_id"], []).append(row["iou"])
            means = [{"id": i, "iou": float(np.mean(found))} for i, found in overlaps.items()]
            self.writer.commit([(PhraseRow, rows)], [(PhotoRow, means)], {"phrased": str(ids.stop)})

    def _phrase_words(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The vectors (N, h) of each phrase's known words, read alone; N is 0 where none is."""
        ids = [[i for i in self._read(text)[1] if i != UNKNOWN] for text in texts]
        readable = [one for one in ids if one]
        nothing = np.zeros((0, self.writer.dimension), dtype=np.float32)
        if not readable:
            return [nothing] * len(texts)
        ends = np.cumsum([len(one) for one in readable])
        parts = iter(np.split(grounding_words(self.model, self.config, readable), ends[:-1]))
        return [next(parts) if one else nothing for one in ids]


def _stored_regions(stored: FeatureStore, row_of: Mapping[str, int], name: str) -> Regions:
    if name not in row_of:
        raise DataError(f"the feature folder has no photo {name}; expected all of the data set's")
    row = row_of[name]
    count = int(stored.count[row])
    features = np.asarray(stored.features[row, :count], dtype=np.float32)
    return Regions(
        np.array(stored.boxes[row, :count]), np.array(stored.objectness[row, :count]), features
    )


def _best(scores: np.ndarray, count: int) -> np.ndarray:
    """(n, m) -> (n, k) columns of the k highest of each row, highest first."""
    found = torch.topk(torch.from_numpy(np.ascontiguousarray(scores)), min(count, scores.shape[1]))
    result: np.ndarray = found.indices.numpy()
    return result


def _covered(normalised: np.ndarray) -> float:
    left, top, right, bottom = boxes.union_xyxy(normalised)
    return float((right - left) * (bottom - top))


def most_words(captions: CaptionSet) -> int:
    """How many words all sentences have together, one sentence after the other."""
    return sum(len(words_of(text)) for group in captions.sentences for text in group)


def photos_folder(captions: CaptionSet, out: Path) -> str:
    """The folder of the photos, relative to the set's own, so that both may move together."""
    path, name = captions.paths[0], captions.names[0]
    folder = path.resolve().parents[len(Path(name).parts) - 1]
    return Path(os.path.relpath(folder, out.resolve().parent)).as_posix()
