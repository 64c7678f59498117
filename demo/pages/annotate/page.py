"""The Annotate page as one component: everything in it is drawn by static/annotate.js.

It carries no data: what a person sees, the page asks for itself, in that person's session.
"""

from __future__ import annotations

from core.formats.validation import NAME_LENGTH, SNIPPET_LENGTH, TEXT_LENGTH
from demo.pages.annotate.administration_api import administration_api
from demo.pages.annotate.files_api import files_api
from demo.pages.annotate.photos import SIDE, TILE
from demo.pages.annotate.review_api import review_api
from demo.pages.annotate.work_api import work_api
from demo.web.component import component, static
from demo.web.pages import Parts, Services

LIMITS = {
    "name": NAME_LENGTH,
    "snippet": SNIPPET_LENGTH,
    "text": TEXT_LENGTH,
    "picture": SIDE,
    "tile": TILE,
}
"""Letters that the server takes, and pixels of the pictures that it gives."""


def parts(services: Services) -> Parts:
    """The page of the server's annotation store."""
    sessions = services.sessions
    assert sessions is not None
    return Parts(
        lay_out=lambda: component(__file__, "annotate", elem_id="annotate", limits=LIMITS),
        sheets=(f"{static(__file__)}/annotate.css",),
        routers=(
            work_api(sessions, services.pictures),
            review_api(sessions),
            files_api(sessions),
            administration_api(sessions),
        ),
        files=("/annotate/import/*", "/annotate/upload/*"),
        heading=("Boxes and words", "Draw boxes on photos and say what they show"),
    )
