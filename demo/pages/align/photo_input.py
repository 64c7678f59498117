"""Where a photo comes in: chosen, dropped or pasted, and handed on as the bytes it came as.

Not `gr.Image`: that one decodes the file itself (all formats Pillow knows, no limits, 16 bits
clipped) and writes it anew before any handler sees it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData as UploadedFile
from gradio.utils import get_upload_folder

from core.vision.images import ImageLimits
from demo.web.component import component
from demo.web.uploads import UploadFolder


def photo_input(limits: ImageLimits = ImageLimits(), **settings: Any) -> gr.HTML:
    """A place to drop photos. Its `upload` event gives an `UploadedFile`."""
    made = component(
        __file__,
        "photo_input",
        events=("upload",),
        most=limits.max_bytes,
        types=",".join(f"image/{name.lower()}" for name in limits.formats),
        **settings,
    )
    # With this, Gradio refuses what is no file. That it was uploaded is for the guard, and for us.
    made.data_model = UploadedFile
    return made


def file_name(sent: object) -> str:
    """What an uploaded file was called where it came from; "" where nobody says."""
    name = sent.orig_name if isinstance(sent, UploadedFile) else None
    return (name or "")[:200]


def file_bytes(sent: object) -> bytes | None:
    """What was uploaded, byte for byte; None when there is nothing, or no longer.

    A path is never believed: only a regular file of the upload folder is read.
    """
    if not isinstance(sent, UploadedFile):
        return None
    return UploadFolder(Path(get_upload_folder())).read(sent.path)
