"""From what a file says, piece by piece, to a whole `record.Project`, or to a FormatError.

Every reader goes through here. Unless `ReadOptions.storable` is off, every value is held to
`core.formats.validation`: a project that was read can be stored, whatever its format, and regions
that nobody is named for become work. Nothing is given out before the whole file was read.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

import numpy as np

from core.errors import InvalidError
from core.formats import validation
from core.formats.parsing import FormatError, at, place
from core.formats.record import Annotation, Box, Photo, Phrase, Project, Provenance, Submission
from core.formats.validation import shown
from core.vision import boxes

EDGE = 1.0
"""Pixels by which a foreign box may leave its photo: other tools count pixels from 1, or round."""


FaultRule = Literal["refuse", "clip", "skip"]


@dataclass(frozen=True)
class Fault:
    """A region that could not be stored as it was, and what became of it."""

    where: str
    """A line or a JSON path."""
    photo: str
    fault: str
    fate: Literal["clipped", "skipped"]
    box: Box
    """As the file has it: xyxy."""
    kept: Box | None
    """As it was taken."""


@dataclass(frozen=True)
class ReadOptions:
    """What stands for what a file leaves out, and what is asked of what it says."""

    project: str = "imported"
    """The project's name."""
    annotator: str = "imported"
    """Who drew the boxes of a file that does not say."""
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))
    """Photo's name -> (width, height) in pixels, for files without sizes."""
    storable: bool = True
    """Whether all must be such that the annotation store can hold it: sizes known, boxes inside
    their photo (up to EDGE, which is cut off), words for each, file names without folders; regions
    of nobody become work of `annotator`. Otherwise, for training and evaluation, these stay the
    phrases that they are, sizes may be unknown (0), and boxes need only be finite and have an
    area."""
    faults: FaultRule = "refuse"
    """What becomes of a region that cannot be stored: the whole file is refused; its box is cut to
    the photo, or, where nothing is left of it, the region is left out; or it is left out."""
    report: list[Fault] = field(default_factory=list, compare=False)
    """Where faults are not refused: each one that was met is put here."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a region comes from: keys that our files add to formats that have none for it."""

    annotator: str | None = None
    submission: str | None = None
    annotation: str | None = None
    order: int | None = None
    provenance: Provenance = "drawn"
    seconds: float = 0.0
    sentence: int | None = None
    score: float | None = None


def box_of(xywh: Sequence[float]) -> Box:
    """Left, top, width, height -> xyxy; an overflow gives infinity, which no photo holds."""
    with np.errstate(over="ignore", invalid="ignore"):
        x0, y0, x1, y1 = boxes.xywh_to_xyxy(np.asarray(xywh, dtype=np.float64)).tolist()
    return x0, y0, x1, y1


def cut_to_photo(box: Box, photo: Photo) -> Box:
    """The box with what leaves the photo by at most EDGE pixels cut off."""

    def cut(value: float, end: int) -> float:
        return min(max(value, 0.0), float(end)) if -EDGE <= value <= end + EDGE else value

    x0, y0, x1, y1 = map(cut, box, (photo.width, photo.height) * 2)
    return x0, y0, x1, y1


def _storable(box: Box, snippet: str, photo: Photo) -> Box:
    """The box, or InvalidError where the store could not hold it with these words."""
    one = Annotation("0", box, snippet, 0)
    [checked] = validation.annotations_of((one,), photo.width, photo.height, finished=True)
    return checked.box


def _check_area(where: str, box: Box) -> None:
    if not (np.isfinite(box).all() and box[0] < box[2] and box[1] < box[3]):
        raise FormatError(
            where, f"The box is {list(box)}; expected finite numbers and a positive area."
        )


@dataclass
class _Group:
    """One person's regions on one photo, in a file that knows no submissions."""

    where: str
    id: str | None
    finished: datetime | None = None
    regions: list[tuple[str, Annotation]] = field(default_factory=list)


class Builder:
    """Takes photos, regions, annotators and submissions, with the place each stands at, and checks
    them.

    Single regions, of files that know no submissions, become a submission for each person and
    photo. What a file does not say: who drew it (`ReadOptions.annotator`), the order (the file's),
    ids (numbers, so the same file gives the same ids).
    """

    def __init__(self, options: ReadOptions) -> None:
        self.options = options
        self._photos: dict[str, Photo] = {}
        self._sentences: dict[str, list[str]] = {}
        self._phrases: dict[str, list[Phrase]] = {}
        self._annotators: dict[str, None] = {}
        self._submissions: dict[tuple[str, str], Submission] = {}
        self._groups: dict[tuple[str, str], _Group] = {}
        self._ids: set[str] = set()

    def photo(self, where: str, photo: Photo) -> Photo:
        """Takes one more photo. A size of 0 is one that the file does not say: it comes from the
        options."""
        storable = self.options.storable
        if not (photo.width or photo.height):
            width, height = self._size(where, photo.name)
            photo = dataclasses.replace(photo, width=width, height=height)
        least = 1 if storable or photo.width or photo.height else 0
        with at(where):
            if storable:
                validation.file_name_of(photo.name)
            elif not photo.name:
                raise InvalidError("A photo's name is empty; expected the name of its file.")
            validation.whole("The photo's width", photo.width, least)
            validation.whole("The photo's height", photo.height, least)
            validation.text_of("The photo's sha256", photo.sha256)
            for sentence in photo.sentences if storable else ():
                validation.text_of("A sentence", sentence)
        if photo.name in self._photos:
            raise FormatError(where, f"Photo {shown(photo.name)} stands there twice.")
        seen: set[tuple[str, str]] = set()
        for number, suggestion in enumerate(photo.suggestions):
            spot = place(where, "suggestions", number)
            with at(spot):
                validation.suggestion_of(suggestion, photo.width, photo.height)
            if (key := (suggestion.model, suggestion.id)) in seen:
                raise FormatError(spot, f"Suggestion {shown(suggestion.id)} stands there twice.")
            seen.add(key)
        phrases = photo.phrases
        photo = self._photos[photo.name] = dataclasses.replace(photo, phrases=())
        for number, phrase in enumerate(phrases):
            self.phrase(place(where, "phrases", number), photo, phrase)
        return photo

    def foreign_photo(self, where: str, photo: Photo) -> Photo:
        """Takes one more photo of another tool's file, whose names may have folders: for the store
        it is called as its file, or, where that is another photo's name, with its folders before
        it, joined by _."""
        if not self.options.storable:
            return self.photo(where, photo)
        steps = [part for part in re.split(r"[/\\]", photo.name) if part not in ("", ".", "..")]
        steps = steps[1:] if len(steps) > 1 and steps[0].endswith(":") else steps
        if not steps:
            return self.photo(where, photo)
        name = steps[-1] if steps[-1] not in self._photos else "_".join(steps)
        if not (photo.width or photo.height) and photo.name in self.options.sizes:
            width, height = self.options.sizes[photo.name]
            photo = dataclasses.replace(photo, width=width, height=height)
        return self.photo(where, dataclasses.replace(photo, name=name))

    def _size(self, where: str, name: str) -> tuple[int, int]:
        try:
            return self.options.sizes[name]
        except KeyError:
            if not self.options.storable:
                return 0, 0
            raise FormatError(
                where,
                f"The size of photo {shown(name)} is neither in the file nor known otherwise; "
                "name the folder of the photos.",
            ) from None

    def sentence(self, photo: Photo, text: str) -> None:
        """Takes one more sentence about a photo, where it does not stand with the photo."""
        self._sentences.setdefault(photo.name, []).append(text)

    def known_photo(self, where: str, name: str) -> Photo:
        """The photo of that name, which was taken before."""
        try:
            return self._photos[name]
        except KeyError:
            raise FormatError(where, f"Photo {shown(name)} is not among the photos.") from None

    def phrase(self, where: str, photo: Photo, phrase: Phrase) -> None:
        """Takes one more phrase; for the store, a region for each of its boxes."""
        if self.options.storable:
            origin = Origin(annotator=phrase.annotator or None)
            for box in phrase.boxes:
                self.region(where, photo, box, phrase.words, origin)
            return
        for box in phrase.boxes:
            _check_area(where, box)
        if phrase.boxes:
            self._phrases.setdefault(photo.name, []).append(phrase)

    def region(
        self,
        where: str,
        photo: Photo,
        box: Box,
        snippet: str,
        origin: Origin,
        finished: datetime | None = None,
    ) -> None:
        """Takes one more region: xyxy."""
        if not self.options.storable:
            _check_area(where, box)
            if origin.submission is None:
                who = origin.annotator or ""
                phrase = Phrase(snippet, (box,), origin.sentence, origin.score, who)
                self._phrases.setdefault(photo.name, []).append(phrase)
                return
        else:
            mended = self._mended(where, photo, box, snippet)
            if mended is None:
                return
            box = mended
        annotator = self.options.annotator if origin.annotator is None else origin.annotator
        group = self._groups.setdefault((photo.name, annotator), _Group(where, origin.submission))
        if group.id != origin.submission:
            raise FormatError(
                where,
                f"{shown(annotator)} has a second submission, {shown(origin.submission)}, "
                f"for {shown(photo.name)}.",
            )
        finished = _in_utc(where, finished)
        group.finished = max(filter(None, (group.finished, finished)), default=None)
        order = len(group.regions) if origin.order is None else origin.order
        annotation = Annotation(
            str(order) if origin.annotation is None else origin.annotation,
            box,
            snippet,
            order,
            origin.provenance,
            origin.seconds,
        )
        group.regions.append((where, annotation))

    def _mended(self, where: str, photo: Photo, box: Box, snippet: str) -> Box | None:
        """The box as it can be stored; None where its region is left out. Where faults are refused,
        it is as it is: who checks the whole submission names the first."""
        cut = cut_to_photo(box, photo)
        options = self.options
        if options.faults == "refuse":
            return cut
        try:
            return _storable(cut, snippet, photo)
        except InvalidError as error:
            fault = str(error)
        kept = None
        if options.faults == "clip" and np.isfinite(box).all():
            x0, y0, x1, y1 = box
            width, height = float(photo.width), float(photo.height)
            clipped = max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)
            with suppress(InvalidError):
                kept = _storable(clipped, snippet, photo)
        fate: Literal["clipped", "skipped"] = "skipped" if kept is None else "clipped"
        options.report.append(Fault(where, photo.name, fault, fate, box, kept))
        return kept

    def annotator(self, where: str, name: str) -> str:
        """Takes one more annotator; gives the name as it is stored."""
        with at(where):
            stored = validation.name_of("The annotator's name", name)
        if stored in self._annotators:
            raise FormatError(where, f"Annotator {shown(stored)} stands there twice.")
        self._annotators[stored] = None
        return stored

    def submission(
        self, where: str, submission: Submission, places: Sequence[str] | None = None
    ) -> None:
        """Takes one more submission, whose annotations stand at `places`; adds its annotator."""
        photo = self.known_photo(where, submission.photo)
        with at(where):
            validation.words_of("The submission's id", submission.id, validation.NAME_LENGTH)
            annotator = validation.name_of("The annotator's name", submission.annotator)
            validation.text_of("The reason", submission.reason)
            validation.text_of("The reason of 'bad'", submission.bad)
            validation.seconds_of(submission.seconds)
        if (photo.name, annotator) in self._submissions:
            raise FormatError(
                where, f"{shown(annotator)} has a second submission for {shown(photo.name)}."
            )
        if submission.state == "skipped" and (submission.annotations or submission.bad):
            raise FormatError(where, "A skipped photo has boxes or is bad; expected neither.")
        if submission.id in self._ids:
            raise FormatError(where, f"Submission id {shown(submission.id)} stands there twice.")
        self._ids.add(submission.id)
        annotations = self._annotations(where, photo, submission.annotations, places)
        self._annotators.setdefault(annotator)
        self._submissions[photo.name, annotator] = dataclasses.replace(
            submission,
            annotator=annotator,
            annotations=annotations,
            started=_in_utc(place(where, "started"), submission.started),
            finished=_in_utc(place(where, "finished"), submission.finished),
        )

    def _annotations(
        self,
        where: str,
        photo: Photo,
        annotations: tuple[Annotation, ...],
        places: Sequence[str] | None,
    ) -> tuple[Annotation, ...]:
        taken = []
        for number, annotation in enumerate(annotations):
            spot = places[number] if places else place(where, "annotations", number)
            if not self.options.storable:
                _check_area(spot, annotation.box)
                continue
            if self.options.faults != "refuse":
                box = self._mended(spot, photo, annotation.box, annotation.snippet)
                if box is None:
                    continue
                if box != annotation.box:
                    annotation = dataclasses.replace(annotation, box=box)
            with at(spot):
                validation.annotations_of((annotation,), photo.width, photo.height, finished=True)
            taken.append(annotation)
        if not self.options.storable:
            return annotations
        annotations = tuple(taken)
        with at(where):
            return validation.annotations_of(annotations, photo.width, photo.height, finished=True)

    def project(self, where: str, settings: Project) -> Project:
        """The settings with everything that was taken."""
        for number, ((name, annotator), group) in enumerate(self._groups.items()):
            submission = Submission(
                f"imported {number}" if group.id is None else group.id,
                name,
                annotator,
                "submitted",
                tuple(annotation for _, annotation in group.regions),
                finished=group.finished,
            )
            self.submission(group.where, submission, [spot for spot, _ in group.regions])
        with at(where):
            name = validation.name_of("The project's name", settings.name)
            validation.text_of("The guidelines", settings.guidelines)
            validation.whole("boxes_per_photo", settings.boxes_per_photo, 1)
            validation.whole("annotators_per_photo", settings.annotators_per_photo, 1)
            validation.whole("lease_minutes", settings.lease_minutes, 1)
        return dataclasses.replace(
            settings,
            name=name,
            photos=tuple(map(self._whole, self._photos.values())),
            annotators=tuple(self._annotators),
            submissions=tuple(self._submissions.values()),
        )

    def _whole(self, photo: Photo) -> Photo:
        sentences = self._sentences.get(photo.name)
        phrases = self._phrases.get(photo.name)
        if sentences is None and phrases is None:
            return photo
        return dataclasses.replace(
            photo,
            sentences=photo.sentences + tuple(sentences or ()),
            phrases=tuple(phrases or ()),
        )


def _in_utc(where: str, time: datetime | None) -> datetime | None:
    if time is None:
        return None
    if time.tzinfo is None:
        raise FormatError(where, f"{time.isoformat()} has no zone; expected a time with one.")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise FormatError(where, f"{time.isoformat()} is no time in UTC.") from None
