"""The Errors page: where the model fails on the set, as pictures. Its endpoint is `/analysis`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from demo.grounding_set.service import Groundings
from demo.pages.browse.page import grounding_page, publish


def build(groundings: Groundings) -> None:
    """Lay the page out inside the tab that is open, and publish its endpoint."""
    grounding_page("errors", __file__)

    def analysis() -> dict[str, Any]:
        return asdict(groundings.analysis())

    publish(
        analysis,
        "analysis",
        "Counts over the whole set: ranks of the truth, recall of phrases by kind and by box size, "
        "words with their mean length and score, phrases by score and IoU. Each bar has the "
        "arguments that find its photos with /browse.",
    )
