"""From what a file says, piece by piece, to a whole `records.Project`, or to a FormatError.

Every reader goes through here, and every value through `annotate.validation`: so a project that was
read can be stored, whatever its format. Nothing is given out before the whole file was read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np

from annotate import validation
from annotate.formats.reading import FormatError, at, place
from annotate.records import Annotation, Box, Photo, Project, Provenance, Submission
from annotate.validation import shown
from core.vision import boxes

EDGE = 1.0
"""Pixels by which a foreign box may leave its photo: other tools count pixels from 1, or round."""


@dataclass(frozen=True)
class Absent:
    """What stands for what a format, or a file of another tool, leaves out."""

    project: str = "imported"
    """The project's name."""
    annotator: str = "imported"
    """Who drew the boxes of a file that does not say."""
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))
    """Photo's name -> (width, height) in pixels, for files without sizes."""

    def size(self, where: str, name: str) -> tuple[int, int]:
        """The photo's size, or FormatError."""
        try:
            return self.sizes[name]
        except KeyError:
            raise FormatError(
                where,
                f"The size of photo {shown(name)} is neither in the file nor known otherwise; "
                "name the folder of the photos.",
            ) from None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a region comes from: keys that our files add to formats that have none for it."""

    annotator: str | None = None
    submission: str | None = None
    annotation: str | None = None
    order: int | None = None
    provenance: Provenance = "drawn"
    seconds: float = 0.0


def origin_of(submission: Submission, annotation: Annotation) -> dict[str, object]:
    """The values of `Origin`, to write."""
    return {
        "annotator": submission.annotator,
        "submission": submission.id,
        "annotation": annotation.id,
        "order": annotation.order,
        "provenance": annotation.provenance,
        "seconds": annotation.seconds,
    }


def xywh_of(box: Box) -> list[float]:
    """xyxy -> left, top, width, height. Back again it may differ by the last bit."""
    return [float(value) for value in boxes.xyxy_to_xywh(np.asarray(box, dtype=np.float64))]


def box_of(xywh: Sequence[float]) -> Box:
    """Left, top, width, height -> xyxy; an overflow gives infinity, which no photo holds."""
    with np.errstate(over="ignore", invalid="ignore"):
        x0, y0, x1, y1 = boxes.xywh_to_xyxy(np.asarray(xywh, dtype=np.float64)).tolist()
    return x0, y0, x1, y1


def settled(box: Box, photo: Photo) -> Box:
    """The box with what leaves the photo by at most EDGE pixels cut off."""

    def cut(value: float, end: int) -> float:
        return min(max(value, 0.0), float(end)) if -EDGE <= value <= end + EDGE else value

    x0, y0, x1, y1 = map(cut, box, (photo.width, photo.height) * 2)
    return x0, y0, x1, y1


class Builder:
    """Takes photos, annotators and submissions, with the place each stands at, and checks them."""

    def __init__(self) -> None:
        self._photos: dict[str, Photo] = {}
        self._annotators: dict[str, None] = {}
        self._submissions: dict[tuple[str, str], Submission] = {}
        self._ids: set[str] = set()

    def photo(self, where: str, photo: Photo) -> Photo:
        """Takes one more photo."""
        with at(where):
            name = validation.file_name_of(photo.name)
            width = validation.whole("The photo's width", photo.width, 1)
            height = validation.whole("The photo's height", photo.height, 1)
            validation.text_of("The photo's sha256", photo.sha256)
        if name in self._photos:
            raise FormatError(where, f"Photo {shown(name)} stands there twice.")
        seen: set[tuple[str, str]] = set()
        for number, suggestion in enumerate(photo.suggestions):
            spot = place(where, "suggestions", number)
            with at(spot):
                validation.suggestion_of(suggestion, width, height)
            if (key := (suggestion.model, suggestion.id)) in seen:
                raise FormatError(spot, f"Suggestion {shown(suggestion.id)} stands there twice.")
            seen.add(key)
        self._photos[name] = photo
        return photo

    def known_photo(self, where: str, name: str) -> Photo:
        """The photo of that name, which was taken before."""
        try:
            return self._photos[name]
        except KeyError:
            raise FormatError(where, f"Photo {shown(name)} is not among the photos.") from None

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
        for number, annotation in enumerate(submission.annotations):
            with at(places[number] if places else place(where, "annotations", number)):
                validation.annotations_of((annotation,), photo.width, photo.height, finished=True)
        with at(where):
            annotations = validation.annotations_of(
                submission.annotations, photo.width, photo.height, finished=True
            )
        self._annotators.setdefault(annotator)
        self._submissions[photo.name, annotator] = dataclasses.replace(
            submission,
            annotator=annotator,
            annotations=annotations,
            started=_in_utc(place(where, "started"), submission.started),
            finished=_in_utc(place(where, "finished"), submission.finished),
        )

    def project(self, where: str, settings: Project) -> Project:
        """The settings with everything that was taken."""
        with at(where):
            name = validation.name_of("The project's name", settings.name)
            validation.text_of("The guidelines", settings.guidelines)
            validation.whole("boxes_per_photo", settings.boxes_per_photo, 1)
            validation.whole("annotators_per_photo", settings.annotators_per_photo, 1)
            validation.whole("lease_minutes", settings.lease_minutes, 1)
        return dataclasses.replace(
            settings,
            name=name,
            photos=tuple(self._photos.values()),
            annotators=tuple(self._annotators),
            submissions=tuple(self._submissions.values()),
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


@dataclass
class _Group:
    where: str
    id: str | None
    finished: datetime | None = None
    regions: list[tuple[str, Annotation]] = field(default_factory=list)


class Regions:
    """Single regions, of files that know no submissions -> a submission for each person and photo.

    What a file does not say: who drew it (`Absent.annotator`), the order (the file's), ids
    (numbers, so the same file gives the same ids).
    """

    def __init__(self, builder: Builder, absent: Absent) -> None:
        self._builder = builder
        self._absent = absent
        self._groups: dict[tuple[str, str], _Group] = {}

    def add(
        self,
        where: str,
        photo: Photo,
        box: Box,
        snippet: str,
        origin: Origin,
        finished: datetime | None = None,
    ) -> None:
        """Takes one more region: xyxy, at most EDGE pixels out of the photo."""
        annotator = self._absent.annotator if origin.annotator is None else origin.annotator
        key = photo.name, annotator
        group = self._groups.setdefault(key, _Group(where, origin.submission))
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
            settled(box, photo),
            snippet,
            order,
            origin.provenance,
            origin.seconds,
        )
        group.regions.append((where, annotation))

    def finish(self) -> None:
        """Hands the submissions to the builder."""
        for number, ((photo, annotator), group) in enumerate(self._groups.items()):
            submission = Submission(
                f"imported {number}" if group.id is None else group.id,
                photo,
                annotator,
                "submitted",
                tuple(annotation for _, annotation in group.regions),
                finished=group.finished,
            )
            self._builder.submission(group.where, submission, [w for w, _ in group.regions])
