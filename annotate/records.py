"""What an annotation project holds, as plain data: what the store gives and takes as a whole, what
files are written from and read into, and what agreement and statistics are computed on.

Boxes are (x0, y0, x1, y1) in the photo's own upright pixels, floats, 0 at the left and top edge,
x1 and y1 exclusive; so 0 <= x0 < x1 <= width. Times are aware UTC datetimes. Identities are
strings that stay the same through export and import.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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
class Photo:
    """A photo of a project, without its bytes."""

    name: str
    """Unique in its project; a file name, never a path."""
    width: int
    height: int
    """Of the upright photo, in pixels."""
    sha256: str = ""
    suggestions: tuple[Suggestion, ...] = ()


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
    photos: tuple[Photo, ...] = ()
    annotators: tuple[str, ...] = ()
    """Names, unique."""
    submissions: tuple[Submission, ...] = ()
    lease_minutes: int = 60
    """After this long without a save, a photo is given to somebody else."""


def counted_by_photo(project: Project) -> dict[str, list[Submission]]:
    """Every photo's name, in the project's order -> its submissions that count, in theirs."""
    found: dict[str, list[Submission]] = {photo.name: [] for photo in project.photos}
    for submission in project.submissions:
        if submission.counts:
            found[submission.photo].append(submission)
    return found
