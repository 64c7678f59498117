"""What a page of a grounding set brings to a server: the same for Browse, Search and Errors, but
for its script, its questions and its endpoints."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from demo.grounding_set import routes
from demo.grounding_set.service import GroundingService
from demo.web.component import component
from demo.web.pages import Parts, Services


def set_page(
    module: str,
    name: str,
    services: Services,
    publish_all: Callable[[GroundingService], None],
    questions: APIRouter,
    sheets: tuple[str, ...] = (),
) -> Parts:
    """The parts of the page that static/`name`.js beside a Python module (its `__file__`) draws.

    publish_all: adds the page's endpoints; questions: what its script asks below /groundings;
    sheets: style sheets beside that of all these pages.
    """
    groundings = services.groundings
    assert groundings is not None

    def lay_out() -> None:
        component(module, name, classes=("groundings",))
        publish_all(groundings)

    return Parts(
        lay_out,
        sheets=(*sheets, routes.SHEET),
        routers=(routes.shared(services), questions),
    )
