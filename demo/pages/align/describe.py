"""Describing: the whole photo's caption and one for each region, under the Align page's viewer.

The panel is drawn by static/descriptions.js from one plain value (`description_view`). Its events:
  describe           say something about everything; the answers come one after the other
  halt               stop doing so
  more {region}      further sentences of one region
  use {region, rank} send a sentence to the sentence box, and align it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from core.captioning.beam import Decoding
from core.describer import Describer
from core.results import Description, Look, Spoken
from core.vision import boxes
from demo.web.component import component

BEST = 5  # sentences of a region, when more are asked for
Said = tuple[Description, ...]


def description_view(said: Said = (), running: bool = False, message: str = "") -> dict[str, Any]:
    """What the panel shows; log-probabilities are natural logarithms, END's the last."""
    return {
        "running": running,
        "message": message,
        "descriptions": [
            {"region": one.region, "sentences": [_sentence(spoken) for spoken in one.sentences]}
            for one in said
        ],
    }


def _sentence(spoken: Spoken) -> dict[str, Any]:
    return {
        "words": list(spoken.words),
        "log_probabilities": list(spoken.log_probabilities),
        "log_probability": spoken.log_probability,
    }


def describe(describer: Describer, look: Look | None) -> Iterator[tuple[Said, dict[str, Any]]]:
    """Everything there is a captioner for, as it comes."""
    if look is None:
        yield (), description_view(message="There is no photo yet.")
        return
    said: Said = ()
    yield said, description_view(said, running=True)
    for description in describer.describe(look):
        said = (*said, description)
        yield said, description_view(said, running=True)
    yield said, description_view(said)


def more(
    describer: Describer, look: Look | None, said: Said, region: int
) -> tuple[Said, dict[str, Any]]:
    """The best sentences of one region, in the place of its one."""
    if look is None or region not in describer.describable(look):
        return said, description_view(said, message="This region is not described.")
    [found] = describer.describe(look, Decoding(best=BEST), [region])
    said = tuple(found if one.region == region else one for one in said)
    return said, description_view(said)


def described(describer: Describer, look: Look, best: int = 1) -> dict[str, Any]:
    """`/describe`: every region's `best` sentences; boxes are xyxy in the photo's own pixels.

    Raises ValueError for a number of sentences that the beam cannot give.
    """
    pixels = boxes.normalised_to_pixels(look.boxes, look.width, look.height)
    return {
        "photo": {"width": look.width, "height": look.height},
        "regions": [
            {
                "region": one.region,
                "box": [float(x) for x in pixels[one.region]],
                "sentences": [{"text": s.text, **_sentence(s)} for s in one.sentences],
            }
            for one in describer.describe(look, Decoding(best=best))
        ],
    }


def sentence_of(said: Said, region: int, rank: int) -> str:
    """The sentence that was pointed at; "" where there is none."""
    for one in said:
        if one.region == region and 0 <= rank < len(one.sentences):
            return one.sentences[rank].text
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
    said = gr.State(())
    panel = component(
        __file__,
        "descriptions",
        description_view(),
        events=("describe", "halt", "more", "use"),
        elem_id="descriptions",
    )

    def on_describe(current: Any) -> Iterator[tuple[Said, dict[str, Any]]]:
        yield from describe(describer, current.look)

    def on_more(current: Any, before: Said, event: gr.EventData) -> tuple[Said, dict[str, Any]]:
        return more(describer, current.look, before, int(event.region))

    def on_use(current: Any, before: Said, event: gr.EventData) -> Any:
        return use(sentence_of(before, int(event.region), int(event.rank)), current)

    def on_halt(before: Said) -> dict[str, Any]:
        return description_view(before)

    quiet = {**settings, "show_progress": "hidden", "show_progress_on": None}
    describing = panel.describe(on_describe, [state], [said, panel], **quiet)
    panel.more(on_more, [state, said], [said, panel], **quiet)
    panel.use(on_use, [state, said], used, **settings)
    own = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    panel.halt(on_halt, [said], [panel], cancels=[describing], **own)

    def empty_after(event: Any) -> None:
        event.then(
            lambda: ((), description_view()), None, [said, panel], cancels=[describing], **own
        )

    return empty_after
