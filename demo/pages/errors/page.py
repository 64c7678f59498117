"""The Errors page: where the model fails on the set, as pictures. Its endpoint is `/analysis`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from demo.grounding_set import routes as set_routes
from demo.grounding_set.endpoints import publish
from demo.grounding_set.page import set_page
from demo.grounding_set.service import GroundingService
from demo.pages.errors import figures
from demo.web.pages import Parts, Services


def parts(services: Services) -> Parts:
    """The page of the server's grounding set."""
    return set_page(__file__, "errors", services, publish_all, router(services))


def router(services: Services) -> APIRouter:
    """`/groundings/analysis`: what the page fetches."""
    groundings = services.groundings
    assert groundings is not None
    routes = set_routes.set_router(services)

    @routes.get("/analysis")
    def analysis() -> dict[str, Any]:
        return figures.pictures(groundings.analysis())

    return routes


def publish_all(groundings: GroundingService) -> None:
    """The page's endpoint."""

    def analysis() -> dict[str, Any]:
        return asdict(groundings.analysis())

    publish(
        analysis,
        "analysis",
        "Counts over the whole set: ranks of the truth, recall of phrases by kind and by box size, "
        "words with their mean length and score, phrases by score and IoU. Each bar has the "
        "arguments that find its photos with /browse.",
    )
