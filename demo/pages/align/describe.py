"""Describing: the whole photo's caption and its regions', under the Align page's viewer.

The panel is drawn by static/descriptions.js from one plain value (`description_view`). Its events:
  describe {beginning}   say something about everything, beginning so, as it is found
  halt                   stop doing so
  more {region}          further sentences of one region
  use {region, rank}     send a sentence to the sentence box, and align it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from core.captioning.beam import Decoding
from core.captioning.dense import confidence, dense_captions, phrases
from core.describer import Describer, SentenceError
from core.results import Description, Look, Spoken
from core.vision import boxes
from demo.web.component import component

MORE = 5
"""Sentences of a region, when more are asked for."""
SEARCHED = Decoding(best=Decoding().beam)
"""All that a beam ends with: the best whole phrase is chosen among them."""


@dataclass(frozen=True)
class Said:
    """What was said of a visitor's photo: descriptions as they were found, with all their
    candidates; the regions of which more was asked for."""

    descriptions: tuple[Description, ...] = ()
    opened: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Line:
    """What the panel shows of one region, or of several that are described alike."""

    regions: tuple[int, ...]
    sentences: tuple[Spoken, ...]
    more: bool
    """Whether there are further ones to ask for."""


def lines_of(said: Said, look: Look) -> list[Line]:
    """The whole photo's line, then the regions', the surest first (`core.captioning.dense`)."""
    found = {one.region: one for one in said.descriptions}
    lines = []
    if 0 in found:
        # Of the whole photo the likeliest: its captioner learnt from whole sentences.
        whole = [s for s in found[0].sentences if s in phrases(found[0])] or found[0].sentences
        lines.append(_line((0,), tuple(whole), said))
    for caption in dense_captions(said.descriptions, look.boxes):
        lines.append(_line(caption.regions, phrases(found[caption.regions[0]]), said))
    return lines


def _line(regions: tuple[int, ...], sentences: tuple[Spoken, ...], said: Said) -> Line:
    is_open = regions[0] in said.opened
    shown = sentences[: MORE if is_open else 1]
    return Line(regions, shown, not is_open and len(sentences) > 1)


def description_view(
    said: Said = Said(), look: Look | None = None, running: bool = False, message: str = ""
) -> dict[str, Any]:
    """What the panel shows; log-probabilities are natural logarithms, END's the last."""
    return {
        "running": running,
        "message": message,
        "descriptions": [
            {
                "region": line.regions[0],
                "regions": list(line.regions),
                "sentences": [_sentence(spoken) for spoken in line.sentences],
                "more": line.more,
            }
            for line in (lines_of(said, look) if look else [])
        ],
    }


def _sentence(spoken: Spoken) -> dict[str, Any]:
    return {
        "words": list(spoken.words),
        "log_probabilities": list(spoken.log_probabilities),
        "log_probability": spoken.log_probability,
        "confidence": confidence(spoken),
    }


def describe(
    describer: Describer, look: Look | None, beginning: str = "", before: Said = Said()
) -> Iterator[tuple[Said, dict[str, Any]]]:
    """Everything there is a captioner for, as it comes. What was said before stays where the
    beginning cannot be continued."""
    if look is None:
        yield Said(), description_view(message="There is no photo yet.")
        return
    said = Said()
    yield before, description_view(before, look, running=True)
    try:
        for description in describer.describe(look, SEARCHED, beginning=beginning):
            said = replace(said, descriptions=(*said.descriptions, description))
            yield said, description_view(said, look, running=True)
    except SentenceError as error:
        yield before, description_view(before, look, message=str(error))
        return
    yield said, description_view(said, look)


def more(look: Look | None, said: Said, region: int) -> tuple[Said, dict[str, Any]]:
    """Further sentences of one line; they were found with the first."""
    if look is None or region not in {line.regions[0] for line in lines_of(said, look)}:
        return said, description_view(said, look, message="This region is not described.")
    said = replace(said, opened=said.opened | {region})
    return said, description_view(said, look)


def described(
    describer: Describer, look: Look, best: int = 1, beginning: str = ""
) -> dict[str, Any]:
    """`/describe`: every region's `best` sentences, and the lines that the page shows; boxes are
    xyxy in the photo's own pixels.

    Raises ValueError for a number of sentences that the beam cannot give, SentenceError for a
    beginning that cannot be continued.
    """
    Decoding(best=best)
    pixels = boxes.normalised_to_pixels(look.boxes, look.width, look.height)
    found = tuple(describer.describe(look, SEARCHED, beginning=beginning))
    return {
        "photo": {"width": look.width, "height": look.height},
        "captions": [
            {
                "text": line.spoken.text,
                "confidence": line.confidence,
                "regions": list(line.regions),
                "boxes": [[float(x) for x in pixels[region]] for region in line.regions],
            }
            for line in dense_captions(found, look.boxes)
        ],
        "regions": [
            {
                "region": one.region,
                "box": [float(x) for x in pixels[one.region]],
                "sentences": [{"text": s.text, **_sentence(s)} for s in one.sentences[:best]],
            }
            for one in found
        ],
    }


def sentence_of(said: Said, look: Look | None, region: int, rank: int) -> str:
    """The sentence that was pointed at; "" where there is none."""
    for line in lines_of(said, look) if look else []:
        if line.regions[0] == region and 0 <= rank < len(line.sentences):
            return line.sentences[rank].text
    return ""


def build(
    describer: Describer,
    state: gr.State,
    settings: dict[str, Any],
    use: Callable[..., Any],
    used: list[Any],
) -> Callable[[Any], None]:
    """Lay the panel out where a checkpoint has captioners, and wire it.

    state     the visitor's, which has `look`
    settings  of every event that runs a network
    use       (sentence, state) -> values of the components `used`
    -> a function that empties the panel after an event that brought another photo
    """
    if not describer.checkpoint.captioners:
        return lambda event: None
    said = gr.State(Said())
    panel = component(
        __file__,
        "descriptions",
        description_view(),
        events=("describe", "halt", "more", "use"),
        elem_id="descriptions",
    )

    def on_describe(
        current: Any, before: Said, event: gr.EventData
    ) -> Iterator[tuple[Said, dict[str, Any]]]:
        yield from describe(describer, current.look, str(event.beginning), before)

    def on_more(current: Any, before: Said, event: gr.EventData) -> tuple[Said, dict[str, Any]]:
        return more(current.look, before, int(event.region))

    def on_use(current: Any, before: Said, event: gr.EventData) -> Any:
        text = sentence_of(before, current.look, int(event.region), int(event.rank))
        return use(text, current)

    def on_halt(current: Any, before: Said) -> dict[str, Any]:
        return description_view(before, current.look)

    quiet = {**settings, "show_progress": "hidden", "show_progress_on": None}
    describing = panel.describe(on_describe, [state, said], [said, panel], **quiet)
    own = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    panel.more(on_more, [state, said], [said, panel], **own)
    panel.use(on_use, [state, said], used, **settings)
    panel.halt(on_halt, [state, said], [panel], cancels=[describing], **own)

    def empty_after(event: Any) -> None:
        event.then(
            lambda: (Said(), description_view()), None, [said, panel], cancels=[describing], **own
        )

    return empty_after
