"""Where a photo comes in: chosen, dropped or pasted, and handed on as the bytes it came as.

Not `gr.Image`: that one decodes the file itself (all formats Pillow knows, no limits, 16 bits
clipped) and writes it anew before any handler sees it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData as UploadedFile

from core.vision.images import ImageLimits
from demo.web.component import on_load, static


def photo_input(limits: ImageLimits = ImageLimits(), **settings: Any) -> gr.HTML:
    """A place to drop photos. Its `upload` event gives an `UploadedFile`."""
    component = gr.HTML(
        html_template='<div class="photo-input"></div>',
        js_on_load=on_load(static(__file__), "photo_input.js", "'upload'"),
        apply_default_css=False,
        most=limits.max_bytes,
        **settings,
    )
    # With this, Gradio refuses what is no file, or a file that nobody uploaded.
    component.data_model = UploadedFile
    return component


def file_bytes(uploaded: UploadedFile | None) -> bytes | None:
    """What was uploaded, byte for byte; None when there is nothing, or no longer."""
    try:
        return Path(uploaded.path).read_bytes() if uploaded else None
    except FileNotFoundError:
        return None
