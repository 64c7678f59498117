"""The one record of photos and what was said of them: what every file format writes and reads.

A `Project` is a whole file: photos with their sentences, phrases and suggestions, and people's work
on them. The annotation store gives and takes it as a whole; a grounding set, which has no people's
work, gives it photo by photo; evaluation and training read it.

Boxes are (x0, y0, x1, y1) in the photo's own upright pixels, floats, 0 at the left and top edge,
x1 and y1 exclusive; so 0 <= x0 < x1 <= width. Times are aware UTC datetimes. Identities are
strings that stay the same through export and import.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Box = tuple[float, float, float, float]
Provenance = Literal["drawn", "accepted", "edited"]
"""A box drawn by hand; a model's suggestion taken as it was; a suggestion that was changed."""
State = Literal["submitted", "skipped"]


@dataclass(frozen=True)
class Annotation:
    """One region and its snippet, by one person."""

    id: str
    box: Box
    snippet: str
    order: int
    """Place among the submission's annotations, from 0."""
    provenance: Provenance = "drawn"
    seconds: float = 0.0
    """Time from the box's first corner to its snippet's last change."""


@dataclass(frozen=True)
class Submission:
    """One person's finished work on one photo."""

    id: str
    photo: str
    """The photo's name."""
    annotator: str
    state: State
    annotations: tuple[Annotation, ...] = ()
    reason: str = ""
    """Why the photo was skipped."""
    bad: str = ""
    """Why the owner marked this as bad; "" where it counts."""
    started: datetime | None = None
    finished: datetime | None = None
    seconds: float = 0.0
    """Time spent on the photo."""

    @property
    def counts(self) -> bool:
        """Whether agreement, statistics and files for others take it: not skipped, not bad."""
        return self.state == "submitted" and not self.bad


@dataclass(frozen=True)
class Suggestion:
    """A region and caption that a model proposes to annotators."""

    id: str
    box: Box
    snippet: str
    score: float
    model: str


@dataclass(frozen=True)
class Phrase:
    """Words and where they are, where nothing is known of whose work that is, or only who."""

    words: str
    boxes: tuple[Box, ...]
    """One or more: Flickr30k Entities puts each of "two dogs" in a box."""
    sentence: int | None = None
    """Number of the photo's sentence that the words are part of, from 0."""
    score: float | None = None
    """The model's, where it was the model that put the boxes."""
    annotator: str = ""
    """Who put them; "" where it is unknown."""


@dataclass(frozen=True)
class Photo:
    """A photo without its bytes: its size, what people say of it, what is where."""

    name: str
    """Unique in its project; in a project of the annotation store a file name, never a path."""
    width: int
    height: int
    """Of the upright photo, in pixels; both 0 where the file does not say."""
    sha256: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    sentences: tuple[str, ...] = ()
    """About the whole photo."""
    phrases: tuple[Phrase, ...] = ()
    size_confidence: float | None = None
    """How sure a guessed size is, in [0, 1]; None where the size is known."""


class Photos(Protocol):
    """Photos that are gone through as often as a format wants; a tuple, or a set read anew."""

    def __iter__(self) -> Iterator[Photo]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Project:
    """A photo set, its rules, and all work on it that is finished."""

    name: str
    boxes_per_photo: int = 5
    """The paper's: five boxes of each person."""
    annotators_per_photo: int = 9
    """The paper's: nine people for each photo."""
    guidelines: str = ""
    blind: bool = True
    """Nobody sees the others' work."""
    suggestions: bool = False
    """Whether annotators see what models propose."""
    photos: Photos = ()
    annotators: tuple[str, ...] = ()
    """Names, unique."""
    submissions: tuple[Submission, ...] = ()
    lease_minutes: int = 60
    """After this long without a save, a photo is given to somebody else."""


def counted_by_photo(project: Project) -> dict[str, list[Submission]]:
    """Every photo's name, in the project's order -> its submissions that count, in theirs."""
    return {photo.name: work for photo, work in counted_work(project)}


def counted_work(project: Project) -> Iterator[tuple[Photo, list[Submission]]]:
    """Every photo, in the project's order, with its submissions that count, in theirs.

    Photos are not kept: memory does not grow with a set that is read as it is gone through.
    """
    found: dict[str, list[Submission]] = {}
    for submission in project.submissions:
        if submission.counts:
            found.setdefault(submission.photo, []).append(submission)
    for photo in project.photos:
        yield photo, found.get(photo.name, [])


def said_where(photo: Photo, work: list[Submission]) -> Iterator[Phrase]:
    """Everything that has words and boxes on a photo: its phrases, then each region of the work."""
    yield from photo.phrases
    for submission in work:
        for annotation in submission.annotations:
            yield Phrase(annotation.snippet, (annotation.box,), annotator=submission.annotator)
