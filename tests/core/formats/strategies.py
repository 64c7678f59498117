"""Hypothesis strategies: annotation projects such as the store holds, with awkward texts."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from hypothesis import strategies as st

from core.formats.record import Annotation, Box, Photo, Project, Submission, Suggestion

LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
SAID = st.characters(codec="utf-8", categories=["L", "N", "P", "S"])


def _bare(letter: str) -> bool:
    return unicodedata.normalize("NFC", letter) == letter and letter not in "/\\:."


@st.composite
def texts(draw: st.DrawFn) -> str:
    """What a snippet may be: anything that can be read, formulas, quotes and line ends included."""
    start = st.sampled_from(
        ["", "=", "+", "-", "@", "\t", "\r", "\n", "'", '"', ",", "'=", " ", "＝"]
    )
    return draw(start) + draw(st.text(LETTERS, max_size=6)) + draw(SAID) + draw(start)


NAMES = st.text(SAID.filter(_bare), min_size=1, max_size=8).filter(
    lambda name: unicodedata.normalize("NFC", name) == name
)
MOMENTS = st.none() | st.datetimes(
    datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)
)
SECONDS = st.floats(0, 1e6)


@st.composite
def boxes(draw: st.DrawFn, photo: Photo) -> Box:
    """xyxy inside the photo, sides of a thousandth of a pixel or more."""

    def side(end: int) -> tuple[float, float]:
        first = draw(st.floats(0, end - 0.001))
        return first, draw(st.floats(first + 0.001, end))

    (x0, x1), (y0, y1) = side(photo.width), side(photo.height)
    return x0, y0, x1, y1


@st.composite
def photos(draw: st.DrawFn, name: str) -> Photo:
    sizes = st.integers(1, 5000)
    photo = Photo(name, draw(sizes), draw(sizes))
    proposed = st.builds(
        Suggestion,
        st.just(""),
        boxes(photo),
        texts(),
        st.floats(-1e6, 1e6),
        NAMES,
    )
    suggestions = tuple(
        Suggestion(f"s{number}", one.box, one.snippet, one.score, one.model)
        for number, one in enumerate(draw(st.lists(proposed, max_size=2)))
    )
    sha256 = draw(st.sampled_from(["", "ab" * 32]))
    sentences = tuple(draw(st.lists(texts(), max_size=2)))
    return Photo(name, photo.width, photo.height, sha256, suggestions, sentences)


@st.composite
def submissions(draw: st.DrawFn, identity: str, photo: Photo, annotator: str) -> Submission:
    count = draw(st.integers(0, 3))
    annotations = tuple(
        Annotation(
            f"{identity}-{order}",
            draw(boxes(photo)),
            draw(texts()),
            order,
            draw(st.sampled_from(["drawn", "accepted", "edited"])),
            draw(SECONDS),
        )
        for order in range(count)
    )
    state = draw(st.sampled_from(["submitted", "skipped"])) if not count else "submitted"
    return Submission(
        identity,
        photo.name,
        annotator,
        state,
        annotations,
        draw(texts()) if state == "skipped" else "",
        draw(st.sampled_from(["", "", "=bad"])) if state == "submitted" else "",
        draw(MOMENTS),
        draw(MOMENTS),
        draw(SECONDS),
    )


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """Up to three photos and three people, some photos without work, some people too."""
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    people = draw(st.lists(NAMES, max_size=3, unique=True))
    pictures = tuple(draw(photos(name)) for name in names)
    pairs = [(photo, person) for photo in pictures for person in people]
    worked = draw(st.permutations(pairs))[: draw(st.integers(0, 4))] if pairs else []
    return Project(
        draw(NAMES),
        draw(st.integers(1, 9)),
        draw(st.integers(1, 9)),
        draw(st.text(LETTERS, max_size=20)),
        draw(st.booleans()),
        draw(st.booleans()),
        pictures,
        tuple(people),
        tuple(
            draw(submissions(f"w{number}", photo, person))
            for number, (photo, person) in enumerate(worked)
        ),
        draw(st.integers(1, 999)),
    )
