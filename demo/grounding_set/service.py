"""The jobs of the Browse, Search and Errors pages: questions to a grounding set -> plain values.

Pages, addresses and the API all ask here. Photos are named, sentences numbered as in the set.
Raises GroundingError or SentenceError, one plain sentence each.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from core import formats
from core.alignment.ranking import Found
from core.alignment.score_maps import Windows
from core.describer import Describer
from core.groundings.analysis import HIT, Analysis, analyse
from core.groundings.approximate import ApproximateSearch, index_path
from core.groundings.listing import MOST_LETTERS, ORDERS, Listing
from core.groundings.reader import Candidate, Card, GroundingSet, Opened
from core.groundings.schema import GroundingError, fingerprint
from core.results import Look, Reading, align, locate, maps_of
from core.vision import boxes, images
from core.vision.images import ImageError
from demo.viewer.viewer import alignment_view, maps_view, shown
from demo.web.heavy import slot

OTHER_CHECKPOINT = (
    "This set was made with another checkpoint, so new words cannot be compared with it; make it "
    "again with `python -m train ground`, or start the demo with --checkpoint."
)

ORDER_TITLES = {
    "set": "in the set's order",
    "rank-worst": "failures first (rank of the truth)",
    "rank-best": "best rank first",
    "score-lowest": "lowest score first",
    "score-highest": "highest score first",
    "iou-lowest": "lowest IoU first",
    "iou-highest": "highest IoU first",
}
FIRST = 10
"""Ranks up to it are good ones: papers report R@1, R@5 and R@10."""
RANK_TITLES = {
    ",": "any rank",
    "1,1": "truth first",
    "1,5": "among the best 5",
    f"1,{FIRST}": f"among the best {FIRST}",
    f"{FIRST + 1},": f"beyond the best {FIRST}",
}
"""What the grid offers: both ends of a listing's rank, "" for none, and how that is called."""
IOU_TITLES = {
    ",": "any IoU",
    f"{HIT},": f"a phrase found (IoU {HIT})",
    f",{HIT}": "a phrase missed",
}
"""The same for the IoU of a phrase."""


@dataclass(frozen=True)
class PageLimits:
    """How much one question may ask for."""

    photos: int = 240
    """The most on one page of the grid."""
    grid: int = 60
    """What the grid itself asks for: rows of 2, 3, 4, 5 and 6 come out even."""
    results: int = 60
    """Regions, and photos, of one search."""
    windows: int = 64
    """Photos whose windows are kept: half a megabyte each, which take a look to make."""


class GroundingService:
    """One set, and the describer that reads what people type. Safe between threads."""

    def __init__(
        self, groundings: GroundingSet, describer: Describer, limits: PageLimits = PageLimits()
    ) -> None:
        self.set, self.describer, self.limits = groundings, describer, limits
        self.readable = fingerprint(describer.checkpoint) == groundings.about["fingerprint"]
        self.near = opened_index(groundings)
        self._windows: OrderedDict[int, Windows] = OrderedDict()
        self._keeping = threading.Lock()
        self._analysis: Analysis | None = None
        self._analysing = threading.Lock()

    def about(self) -> dict[str, Any]:
        """What the pages must know before anything is asked for."""
        return {
            "set": self.set.name,
            "photos": len(self.set),
            "gallery": int(self.set.about["gallery"]),
            "checkpoint": self.set.about["checkpoint"],
            "readable": self.readable,
            "kinds": self.set.kinds(),
            "letters": self.describer.limits.characters,
            "formats": [one for one in formats.as_json() if one["written"]],
            "orders": _choices({name: ORDER_TITLES[name] for name in ORDERS}),
            "ranks": _choices(RANK_TITLES),
            "overlaps": _choices(IOU_TITLES),
            "good_rank": FIRST,
            "listed_letters": MOST_LETTERS,
            "photos_on_a_page": self.limits.grid,
        }

    def page(self, listing: Listing, offset: int = 0, count: int = 60) -> dict[str, Any]:
        """A page of the grid: photos offset .. offset + count of a listing."""
        if offset < 0 or not 1 <= count <= self.limits.photos:
            raise GroundingError(
                f"offset is {offset} and count {count}; expected 0 or more and "
                f"1 to {self.limits.photos}"
            )
        ids = self.set.ordered(listing)
        shown = self.set.cards(ids[offset : offset + count])
        return {
            "total": len(ids),
            "offset": offset,
            "photos": [self._card(card) for card in shown],
        }

    def _card(self, card: Card) -> dict[str, Any]:
        return {
            "id": card.id,
            "name": card.name,
            "width": card.width,
            "height": card.height,
            "rank": card.rank,
            "score": card.score,
            "iou": card.iou,
        }

    def open(
        self,
        photo: str,
        sentence: int | None = None,
        text: str = "",
        beta: float | None = None,
        listing: Listing = Listing(),
    ) -> dict[str, Any]:
        """A photo, its sentences, its phrases, one sentence aligned, and its neighbours."""
        with self.set.session():
            return self._open(photo, sentence, text, beta, listing)

    def _open(
        self, photo: str, sentence: int | None, text: str, beta: float | None, listing: Listing
    ) -> dict[str, Any]:
        opened = self._opened(photo)
        listed = [*opened.own, *opened.retrieved]
        if sentence is None and not text.strip():
            sentence = next((c.sentence for c in listed if c.readable), None)
        card, look = opened.card, opened.look
        pixels = boxes.normalised_to_pixels(look.boxes, look.width, look.height)
        view, maps = alignment_view(None), None
        if sentence is not None or text.strip():
            view, maps = self._aligned(look, sentence, text, beta)
        return {
            "card": self._card(card),
            "photo": {
                "width": look.width,
                "height": look.height,
                "boxes": pixels.tolist(),
                "shown": shown(look),
                "note": look.note,
                "credit": card.name,
            },
            "caption": opened.caption,
            "sentences": self._sentences(look, listed, beta),
            "phrases": _phrases(opened),
            "sentence": sentence,
            "text": text,
            "view": view,
            "maps": maps,
            "found": self._found(sentence),
            **self._neighbours(card.id, listing),
        }

    def _opened(self, photo: str) -> Opened:
        return self.set.open(self._number(photo))

    def _number(self, photo: str) -> int:
        number = self.set.id_of(photo)
        if number is None:
            raise GroundingError(f"The set has no photo named “{photo[:80]}”.")
        return number

    def _neighbours(self, photo: int, listing: Listing) -> dict[str, Any]:
        ids = self.set.ordered(listing)
        found = np.flatnonzero(ids == photo)
        if not len(found):  # another listing than the photo's: its neighbours are the set's
            ids, found = np.arange(len(self.set)), np.array([photo])
        place = int(found[0])
        sides = {"previous": place - 1, "next": place + 1}
        inside = {side: int(ids[k]) for side, k in sides.items() if 0 <= k < len(ids)}
        names = {card.id: card.name for card in self.set.cards(list(inside.values()))}
        return {
            "place": place,
            "total": len(ids),
            **{side: names.get(inside.get(side, -1)) for side in sides},
        }

    def _sentences(
        self, look: Look, listed: list[Candidate], beta: float | None
    ) -> list[dict[str, Any]]:
        """Each with the region of every word at beta, so that lists are coloured as well."""
        readings = self.set.readings(c.sentence for c in listed if c.readable)
        rows = []
        for candidate in listed:
            words: list[dict[str, Any]] = []
            if reading := readings.get(candidate.sentence):
                for word, region in zip(
                    reading.words, locate(look, reading, beta).regions, strict=True
                ):
                    one = {"start": word.start, "end": word.end}
                    words.append({**one, "region": int(region) if region >= 0 else None})
            rows.append(
                {
                    "id": candidate.sentence,
                    "text": candidate.text,
                    "score": candidate.score,
                    "own": candidate.own,
                    "rank": candidate.rank,
                    "retrieved": candidate.retrieved,
                    "words": words,
                }
            )
        return rows

    def align(
        self,
        photo: str,
        sentence: int | None = None,
        text: str = "",
        beta: float | None = None,
    ) -> dict[str, Any]:
        """One sentence of the set, or what somebody typed, with a photo at beta; None for the one
        to begin with, each sentence's own."""
        with self.set.session():
            opened = self._opened(photo)
            listed = [*opened.own, *opened.retrieved]
            view, maps = self._aligned(opened.look, sentence, text, beta)
            return {
                "view": view,
                "maps": maps,
                "sentences": self._sentences(opened.look, listed, beta),
                "found": self._found(sentence),
            }

    def _found(self, sentence: int | None) -> list[dict[str, Any]]:
        """The best photos of its gallery for one of the set's sentences; none for typed text."""
        found = [] if sentence is None else self.set.found_photos(sentence)
        cards = self.set.cards([photo for photo, _ in found])
        return [
            {**self._card(card), "query_score": score}
            for card, (_, score) in zip(cards, found, strict=True)
        ]

    def maps(self, photo: str, sentence: int | None = None, text: str = "") -> dict[str, Any]:
        """Where on a photo the words score, by a look at the photo itself: a set stores its regions
        alone, whose maps `open` and `align` give. Null where the photo cannot be looked at as the
        set's model did."""
        number = self._number(photo)
        reading = self._reading(sentence, text)
        windows = self._seen(number)
        if windows is None:
            return {"maps": None}
        maps = maps_of(self.set.look(number), reading, windows)
        return {"maps": maps_view(maps, reading.known)}

    def _seen(self, photo: int) -> Windows | None:
        with self._keeping:
            if photo in self._windows:
                self._windows.move_to_end(photo)
                return self._windows[photo]
        path = self.set.photo_path(photo)
        if not self.readable or path is None:
            return None
        try:
            with slot():
                windows = self.describer.windows(self.describer.look(images.read(path)))
        except ImageError:
            return None
        if windows is not None:
            with self._keeping:
                self._windows[photo] = windows
                while len(self._windows) > self.limits.windows:
                    self._windows.popitem(last=False)
        return windows

    def _reading(self, sentence: int | None, text: str) -> Reading:
        if sentence is None and not text.strip():
            raise GroundingError("There is no sentence; name one of the set or type one.")
        if sentence is None:
            return self._read(text)
        stored = self.set.reading(sentence)
        if not self.readable:  # nothing is known of that checkpoint's words
            return stored
        return self.describer.judged(stored)

    def _aligned(
        self, look: Look, sentence: int | None, text: str, beta: float | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """`alignment_view`, and `maps_view` of the regions alone."""
        if beta is not None and not (isfinite(beta) and beta >= 0):
            raise GroundingError("Beta must be a finite number from 0 upwards.")
        reading = self._reading(sentence, text)
        aligned = align(look, reading)
        if beta is not None:
            aligned = aligned.at(min(beta, aligned.merging_beta))
        view = alignment_view(aligned)
        return view, maps_view(maps_of(look, reading), reading.known, windows=False)

    def _read(self, text: str) -> Reading:
        if not self.readable:
            raise GroundingError(OTHER_CHECKPOINT)
        return self.describer.read(text)

    def random(self, listing: Listing, besides: str = "") -> str:
        """The name of some photo of a listing, another one than `besides` where there is one."""
        ids = self.set.ordered(listing)
        there = self.set.id_of(besides)
        others = ids[ids != (-1 if there is None else there)]
        ids = others if len(others) else ids
        if not len(ids):
            raise GroundingError("No photo of the set fits; ask for less.")
        return self.set.cards([int(np.random.default_rng().choice(ids))])[0].name

    def search(self, words: str, count: int = 24) -> dict[str, Any]:
        """The best regions and the best whole photos for some words, by the model's own score."""
        if not 1 <= count <= self.limits.results:
            raise GroundingError(f"count is {count}; expected 1 to {self.limits.results}")
        reading = self._read(words)
        assert reading.contextual is not None  # it was just read
        known = reading.contextual[reading.known]
        started = time.perf_counter()
        scoring = self.describer.checkpoint.alignment.config.scoring
        regions, photos = (self.near or self.set).search(known, count, scoring)
        seconds = time.perf_counter() - started
        return {
            "words": [
                {"word": word.text, "known": bool(flag)}
                for word, flag in zip(reading.words, reading.known, strict=True)
            ],
            "regions": self._regions(regions),
            "photos": [
                {**self._card(card), "query_score": float(score)}
                for card, score in zip(self.set.cards(photos.rows), photos.scores, strict=True)
            ],
            "searched": int(self.set.first[-1]),
            "seconds": round(seconds, 4),
            "recall": self.near.recall if self.near else None,
        }

    def _regions(self, found: Found) -> list[dict[str, Any]]:
        return [
            {
                "photo": self._card(place.photo),
                "region": place.region,
                "box": list(place.box),
                "score": float(score),
            }
            for place, score in zip(self.set.place(found.rows), found.scores, strict=True)
        ]

    def analysis(self) -> Analysis:
        """Counted when first asked for; a set does not change."""
        with self._analysing:
            if self._analysis is None:
                self._analysis = analyse(self.set)
            return self._analysis


def opened_index(groundings: GroundingSet) -> ApproximateSearch | None:
    """The set's faiss index, where it has one and faiss is installed."""
    if not index_path(groundings.path).is_file():
        return None
    try:
        return ApproximateSearch(groundings)
    except GroundingError:
        return None  # the exact search is always there


def _phrases(opened: Opened) -> list[dict[str, Any]]:
    return [
        {
            "words": phrase.words,
            "kind": phrase.kind,
            "boxes": phrase.boxes.tolist(),
            "region": phrase.region,
            "score": phrase.score,
            "iou": phrase.iou,
        }
        for phrase in opened.phrases
    ]


def _choices(titles: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "title": title} for name, title in titles.items()]
