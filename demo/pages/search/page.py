"""The Search page: words find regions and photos of the set. Its endpoint is `/search`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from demo.grounding_set import routes as set_routes
from demo.grounding_set.endpoints import publish
from demo.grounding_set.page import set_page
from demo.grounding_set.service import GroundingService
from demo.web.pages import Parts, Services


def parts(services: Services) -> Parts:
    """The page of the server's grounding set."""
    return set_page(__file__, "search", services, publish_all, router(services))


def router(services: Services) -> APIRouter:
    """`/groundings/search`: what the page fetches."""
    groundings = services.groundings
    assert groundings is not None
    routes = set_routes.set_router(services)

    @routes.get("/search")
    def search(words: str = "", count: int = 24) -> dict[str, Any]:
        return groundings.search(words, count)

    return routes


def publish_all(groundings: GroundingService) -> None:
    """The page's endpoint."""

    def search(words: str, count: int = 24) -> dict[str, Any]:
        return groundings.search(words, count)

    publish(
        search,
        "search",
        "The set's best regions for some words (by the sum of the words' scores with a region) and "
        "its best whole photos (each word takes its best region, Eq. 8). Words that the model does "
        "not know are named and left out. Boxes are [x1, y1, x2, y2] in pixels.",
    )
