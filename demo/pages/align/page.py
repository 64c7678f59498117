"""The Align page: a photo and a sentence become coloured words and boxes.

What a visitor has before them (the photo looked at, the sentence aligned) stays on the server in
`gr.State`; the browser only gets pictures and numbers. A new sentence does not look again, a new
beta does not read again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import gradio as gr

from core.alignment.score_maps import Windows
from core.describer import Describer, SentenceError
from core.errors import UserError
from core.results import Alignment, Look, align, maps_of
from core.vision import images
from core.vision.images import DecodedPhoto, ImageError
from demo import examples
from demo.examples import Example
from demo.pages.align import describe
from demo.pages.align.example_strip import example_strip, router
from demo.pages.align.photo_input import file_bytes, file_name, photo_input
from demo.viewer import viewer
from demo.viewer.viewer import alignment_view, maps_view, photo_view
from demo.web.component import component, static
from demo.web.heavy import heavy
from demo.web.pages import Parts, Services

NO_PHOTO = "There is no photo yet: choose one, paste one or pick an example."
NO_PHOTO_SENT = "There is no photo; send a JPEG, PNG or WebP file."
MOST_GRID = 32
"""Rows and columns of the maps of one answer: twice as fine as the page's own, in 0.1 s."""
BAD_BETA = "Beta must be a finite number from 0 upwards."


@dataclass(frozen=True)
class AlignState:
    """What one visitor has before them, kept between events. Beta is the last one asked for; None
    for each sentence's default."""

    look: Look | None = None
    alignment: Alignment | None = None
    windows: Windows | None = None
    """Of the look, made with its first sentence."""
    maps: dict[str, Any] | None = None
    """`maps_view` of the alignment's words."""
    beta: float | None = None


@dataclass(frozen=True)
class AlignLimits:
    """How much the page does at once, and for how long it remembers."""

    at_once: int = 2
    """Networks run for this many visitors at a time: one for each core of a small machine."""
    remember_seconds: int = 3600
    """A state left alone for an hour is forgotten, and the page asks for its photo again."""


class AlignService:
    """The page's jobs, free of widgets: each takes a visitor's state and gives the next."""

    def __init__(self, describer: Describer, offered: tuple[Example, ...] = ()) -> None:
        self.describer = describer
        self.offered = offered

    @heavy
    def align(self, sentence: str, state: AlignState) -> tuple[AlignState, dict[str, Any]]:
        """A sentence for the visitor's photo; the old result stays if it cannot be read."""
        if state.look is None:
            return state, alignment_view(None, NO_PHOTO)
        try:
            reading = self.describer.read(sentence)
        except SentenceError as error:
            return state, alignment_view(state.alignment, str(error))
        aligned = align(state.look, reading)
        if state.beta is not None:
            aligned = aligned.at(min(state.beta, aligned.merging_beta))
        if state.look.seen is not None:  # the encoder's maps are read once, and let go
            windows = self.describer.windows(state.look)
            state = replace(state, look=replace(state.look, seen=None), windows=windows)
        assert state.look is not None
        maps = maps_view(maps_of(state.look, reading, state.windows), reading.known)
        return replace(state, alignment=aligned, maps=maps), alignment_view(aligned)

    def look(
        self,
        photo: DecodedPhoto,
        sentence: str,
        state: AlignState,
        name: str = "",
        example: Example | None = None,
    ) -> tuple[AlignState, dict[str, Any]]:
        """A new photo, aligned at once if a sentence is there already. -> state, viewer update."""
        look = self.describer.look(photo)
        state = replace(state, look=look, alignment=None, windows=None, maps=None)
        view = alignment_view(None)
        if sentence.strip():
            state, view = self.align(sentence, state)
        file, credit = (example.file, example.credit) if example else ("", "")
        shown = photo_view(photo, look, credit, name or file, file)
        return state, {"photo": shown, "value": view, "maps": state.maps}

    @heavy
    def take(
        self, data: bytes | None, sentence: str, state: AlignState, name: str = ""
    ) -> tuple[AlignState, dict[str, Any]]:
        """An uploaded file and what it is called; whatever was there stays if it is no photo."""
        if data is None:
            return state, {"value": alignment_view(state.alignment, NO_PHOTO)}
        try:
            photo = images.decode(data)
        except ImageError as error:
            return state, {"value": alignment_view(state.alignment, str(error))}
        return self.look(photo, sentence, state, name)

    @heavy
    def pick(
        self, photo: int, text: str, beta: float | None, state: AlignState
    ) -> tuple[AlignState, dict[str, Any]]:
        """One of the examples, by number, with a sentence and a beta that an address may name (None
        for the one there is). -> state, viewer update."""
        example = self.offered[photo]
        state = state if beta is None else self.wanting(beta, state)
        pixels = images.read(examples.FOLDER / example.file)
        return self.look(pixels, text, state, example=example)

    def wanting(self, beta: float | None, state: AlignState) -> AlignState:
        """The state with the beta that an address or an earlier alignment names, None for the
        default; what is no beta changes nothing."""
        if beta is not None and not (isfinite(beta) and beta >= 0):
            return state
        return replace(state, beta=beta)

    def slide(self, beta: float | None, state: AlignState) -> tuple[AlignState, dict[str, Any]]:
        """Another beta for what is there, None for the default: only the chain is decoded again."""
        if state.alignment is None:
            return state, alignment_view(None, NO_PHOTO if state.look is None else "")
        aligned = state.alignment.at(beta)
        return replace(state, alignment=aligned, beta=beta), alignment_view(aligned)

    @heavy
    def api(
        self, photo: bytes | None, sentence: str, beta: float | None, grid: float | None = 0
    ) -> dict[str, Any]:
        """`/align`: everything at once, for programs. grid: rows and columns of the words' maps;
        0 for none. Raises what the page would say."""
        if photo is None:
            raise _refusal(NO_PHOTO_SENT)
        if beta is not None and not (isfinite(beta) and beta >= 0):
            raise _refusal(BAD_BETA)
        grid = 0 if grid is None else grid
        if not (isfinite(grid) and grid == int(grid) and 0 <= grid <= MOST_GRID):
            raise _refusal(f"grid is {grid}; expected a whole number from 0 to {MOST_GRID}.")
        try:
            reading = self.describer.read(sentence or "")
            look = self.describer.look(images.decode(photo))
        except (ImageError, SentenceError) as error:
            raise _refusal(str(error)) from None
        answer = align(look, reading, beta).as_dict()
        if grid:
            windows = self.describer.windows(look, int(grid), int(grid))
            maps = maps_of(look, reading, windows)
            answer["maps"] = [
                [[round(float(score), 4) for score in row] for row in one] if known else None
                for one, known in zip(maps, reading.known, strict=True)
            ]
        return answer

    @heavy
    def describe_api(
        self, photo: bytes | None, best: float | None, beginning: str | None = ""
    ) -> dict[str, Any]:
        """`/describe`, for programs. Raises what the page would say."""
        if photo is None:
            raise _refusal(NO_PHOTO_SENT)
        best = 1 if best is None else best
        if best != int(best):
            raise _refusal(f"best is {best}; expected a whole number.")
        try:
            look = self.describer.look(images.decode(photo))
            return describe.described(self.describer, look, int(best), beginning or "")
        except (UserError, ValueError) as error:
            raise _refusal(str(error)) from None


def _refusal(message: str) -> gr.Error:
    return gr.Error(message, print_exception=False)


def parts(services: Services) -> Parts:
    """The page of the server's describer."""
    assert services.describer is not None
    service = AlignService(services.describer, examples.load())
    folder = static(__file__)
    return Parts(
        lay_out=lambda: lay_out(service),
        sheets=(viewer.SHEET, f"{folder}/align.css", f"{folder}/descriptions.css"),
        routers=(router(service.offered),),
    )


def lay_out(service: AlignService, limits: AlignLimits = AlignLimits()) -> None:
    """Make the components inside the `gr.Blocks` or `gr.Tab` that is open, and wire them."""
    _publish(service, limits)  # first: who comes first gets the name "align"
    state = gr.State(AlignState(), time_to_live=limits.remember_seconds)
    with gr.Row(elem_classes="photo-row"):
        photo = photo_input()
        strip = example_strip(service.offered)
    with gr.Row(elem_classes="sentence-row"):
        sentence = gr.Textbox(
            label="Sentence",
            show_label=False,
            container=False,
            placeholder="What does the photo show? Type a sentence and press Enter",
            lines=1,
            max_lines=4,
            scale=8,
            elem_id="sentence",
        )
        button = gr.Button("Align", variant="primary", scale=1, min_width=110)
    visit = component(__file__, "visit", events=("again",))
    shown = viewer.alignment_viewer(elem_id="align-viewer")

    def take(
        sent: object, text: str, current: AlignState, event: gr.EventData
    ) -> tuple[AlignState, Any, None, Any]:
        wanted = told(event, "text")
        if wanted is not None:  # an earlier photo of the visit, as it was
            text, current = str(wanted), service.wanting(number(told(event, "beta")), current)
        current, update = service.take(file_bytes(sent), text, current, file_name(sent))
        return current, gr.update(**update), None, gr.skip() if wanted is None else text

    def pick(current: AlignState, event: gr.EventData) -> tuple[AlignState, str, Any]:
        text, beta = str(event.text), number(event.beta)
        current, update = service.pick(int(event.photo), text, beta, current)
        return current, text, gr.update(**update)

    def read(text: str, current: AlignState) -> tuple[AlignState, Any]:
        current, view = service.align(text, current)
        return current, gr.update(value=view, maps=current.maps)

    def use(text: str, current: AlignState) -> tuple[AlignState, str, Any]:
        current, update = read(text, current)
        return current, text, update

    def back(current: AlignState, event: gr.EventData) -> tuple[AlignState, str, Any]:
        return use(str(event.text), service.wanting(number(event.beta), current))

    def slide(current: AlignState, event: gr.EventData) -> tuple[AlignState, dict[str, Any]]:
        return service.slide(None if event.beta is None else float(event.beta), current)

    networks: dict[str, Any] = {
        "concurrency_id": "networks",
        "concurrency_limit": limits.at_once,
        "api_visibility": "private",
        "show_progress": "minimal",
        "show_progress_on": shown,
    }
    emptied_after = describe.build(
        service.describer, state, networks, use, [state, sentence, shown]
    )
    emptied_after(
        photo.upload(take, [photo, sentence, state], [state, shown, photo, sentence], **networks)
    )
    visit.again(back, [state], [state, sentence, shown], **networks)
    emptied_after(strip.pick(pick, [state], [state, sentence, shown], **networks))
    gr.on(
        [sentence.submit, button.click],
        read,
        [sentence, state],
        [state, shown],
        trigger_mode="always_last",
        **networks,
    )
    # Not queued: it runs no network, and a slider that waits its turn is no slider. "multiple": the
    # viewer itself asks one question at a time, and Gradio's own guard would drop the last one.
    shown.slide(
        slide,
        [state],
        [state, shown],
        queue=False,
        trigger_mode="multiple",
        show_progress="hidden",
        api_visibility="private",
    )


def told(event: gr.EventData, name: str) -> Any:
    """What an event's script says beside it; None where it says nothing of that name."""
    return (event._data or {}).get(name)


def number(text: object) -> float | None:
    """What an address says, as a number; None where it says none."""
    try:
        return float(str(text)) if text is not None else None
    except ValueError:
        return None


def _publish(service: AlignService, limits: AlignLimits) -> None:
    """The endpoints `/align` and, where the checkpoint has captioners, `/describe`. Their typed
    arguments are those of components that nobody sees."""

    def align_photo(
        photo: bytes | None, sentence: str, beta: float | None = None, grid: float = 0
    ) -> dict[str, Any]:
        return service.api(photo, sentence, beta, grid)

    def describe_photo(photo: bytes | None, best: float = 1, beginning: str = "") -> dict[str, Any]:
        return service.describe_api(photo, best, beginning)

    photo = gr.File(label="a JPEG, PNG or WebP file", type="binary", visible=False)
    # Gradio's own opens whatever path it is given. Not a subclass: see `photo_input`.
    vars(photo)["preprocess"] = file_bytes
    sentence = gr.Textbox(label="what the photo shows, up to 100 words", visible=False)
    beta = gr.Number(
        None,
        label="0: every word alone; merging_beta: one region; null or left out: default_beta",
        visible=False,
    )
    grid = gr.Number(
        0, label=f"rows and columns of each word's map; 0: none, {MOST_GRID} at most", visible=False
    )
    best = gr.Number(1, label="sentences of each region, 1 to 7", visible=False)
    beginning = gr.Textbox("", label="words that every sentence begins with", visible=False)
    # What the API's page shows as an example call. Gradio's own names a file on the web.
    vars(photo)["example_payload"] = lambda: {
        "path": "photo.jpg",
        "meta": {"_type": "gradio.FileData"},
    }
    vars(sentence)["example_payload"] = lambda: "a dog runs on the grass"
    networks: dict[str, Any] = {
        "concurrency_id": "networks",
        "concurrency_limit": limits.at_once,
    }
    gr.Button(visible=False).click(
        align_photo,
        [photo, sentence, beta, grid],
        gr.JSON(label="alignment", visible=False),
        api_name="align",
        api_description=(
            "Say which words of a sentence belong to which regions of a photo: words, segments, "
            "regions, scores. Boxes are [x1, y1, x2, y2] in the photo's own pixels, upright; "
            "region 0 is the whole photo. With grid, `maps` says where each word scores: for each "
            "word its scores on a grid over the photo, row by row; null for an unknown word."
        ),
        **networks,
    )
    if service.describer.checkpoint.captioners:
        gr.Button(visible=False).click(
            describe_photo,
            [photo, best, beginning],
            gr.JSON(label="descriptions", visible=False),
            api_name="describe",
            api_description=(
                "Say what a photo and each of its regions show: `captions` are the page's lines, "
                "whole phrases with their boxes, the surest first; `regions` has each region's "
                "sentences, likeliest first, with the natural log-probability of each word and of "
                "the end. With beginning, all of them begin so. Boxes as /align's."
            ),
            **networks,
        )
