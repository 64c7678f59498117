"""The Search page: words find regions and photos of the set. Its endpoint is `/search`."""

from __future__ import annotations

from typing import Any

from demo.grounding_set.service import Groundings
from demo.pages.browse.page import grounding_page, publish


def build(groundings: Groundings) -> None:
    """Lay the page out inside the tab that is open, and publish its endpoint."""
    grounding_page("search", __file__)

    def search(words: str, count: int = 24) -> dict[str, Any]:
        return groundings.search(words, count)

    publish(
        search,
        "search",
        "The set's best regions for some words (by the sum of the words' scores with a region) and "
        "its best whole photos (each word takes its best region, Eq. 8). Words that the model does "
        "not know are named and left out. Boxes are [x1, y1, x2, y2] in pixels.",
    )
