"""Where a photo comes in: chosen, dropped or pasted, and handed on as the bytes it came as.

Not `gr.Image`: that one decodes the file itself (all formats Pillow knows, no limits, 16 bits
clipped) and writes it anew before any handler sees it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from core.images import ImageLimits
from demo.viewer import on_load


class PhotoInput(gr.HTML):
    """A place to drop photos; its `upload` event gives the file's bytes. Empties itself after."""

    data_model = FileData

    def __init__(self, limits: ImageLimits = ImageLimits(), **settings: Any) -> None:
        super().__init__(
            html_template='<div class="photo-input"></div>',
            js_on_load=on_load("photo_input.js", "'upload'"),
            apply_default_css=False,
            most=limits.max_bytes,
            **settings,
        )

    def preprocess(self, payload: FileData | None) -> bytes | None:
        """The uploaded file (Gradio has checked that it is one) -> its bytes."""
        return None if payload is None else Path(payload.path).read_bytes()

    def postprocess(self, value: None) -> None:
        """Nothing is ever sent back: what a photo became is shown by the viewer."""
        return None
