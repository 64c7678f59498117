"""How much a project holds, how much of it a format carries, and what it leaves out, in words."""

from __future__ import annotations

from dataclasses import dataclass

from core.formats.format import Carries
from core.formats.record import Project


@dataclass(frozen=True)
class Contents:
    """Counts of a project."""

    photos: int = 0
    submissions: int = 0
    """All of people's finished work: bad, skipped and without boxes, too."""
    snippets: int = 0
    bad: int = 0
    """Submissions that were marked as bad."""
    bad_snippets: int = 0
    skipped: int = 0
    empty: int = 0
    """Submissions that count and have no boxes."""
    suggestions: int = 0
    sentences: int = 0
    """About whole photos."""


def contents_of(project: Project) -> Contents:
    """The counts of a whole project."""
    bad = [one for one in project.submissions if one.bad]
    return Contents(
        len(project.photos),
        len(project.submissions),
        sum(len(one.annotations) for one in project.submissions),
        len(bad),
        sum(len(one.annotations) for one in bad),
        sum(one.state == "skipped" for one in project.submissions),
        sum(one.counts and not one.annotations for one in project.submissions),
        sum(len(photo.suggestions) for photo in project.photos),
        sum(len(photo.sentences) for photo in project.photos),
    )


def carried(contents: Contents, carries: Carries) -> Contents:
    """What a file of the format holds of these."""
    whole = carries.states == "yes"
    return Contents(
        contents.photos,
        contents.submissions - (0 if whole else contents.bad + contents.skipped + contents.empty),
        contents.snippets - (0 if whole else contents.bad_snippets),
        contents.bad if whole else 0,
        contents.bad_snippets if whole else 0,
        contents.skipped if whole else 0,
        contents.empty if whole else 0,
        contents.suggestions if carries.settings == "yes" else 0,
        contents.sentences if carries.sentences else 0,
    )


def told(contents: Contents) -> str:
    """How much that is, for a sentence."""
    return ", ".join(
        (
            counted(contents.photos, "photo"),
            counted(contents.submissions, "submission"),
            counted(contents.snippets, "snippet"),
        )
    )


def left_out(contents: Contents, carries: Carries) -> str:
    """What the format has no place for, as a list for a sentence; "" where it takes all of this."""
    kept = carried(contents, carries)
    parts = []
    if contents.bad > kept.bad:
        snippets = counted(contents.bad_snippets, "snippet")
        parts.append(f"{counted(contents.bad, 'submission')} marked as bad ({snippets})")
    if contents.skipped > kept.skipped:
        parts.append(counted(contents.skipped, "skipped photo"))
    if contents.empty > kept.empty:
        parts.append(f"{counted(contents.empty, 'submission')} without boxes")
    if contents.suggestions > kept.suggestions:
        parts.append(counted(contents.suggestions, "suggestion"))
    if contents.sentences > kept.sentences:
        parts.append(f"{counted(contents.sentences, 'sentence')} about whole photos")
    return ", ".join(parts)


def counted(number: int, what: str) -> str:
    """1 photo, 2 photos, 1,000 boxes."""
    ending = "" if number == 1 else "es" if what.endswith("x") else "s"
    return f"{number:,} {what}{ending}"
