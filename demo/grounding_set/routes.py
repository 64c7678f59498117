"""What the pages of a grounding set fetch in common: what the set is, and its pictures.

    /groundings/about
    /groundings/SET/thumb|whole/PHOTO.jpg, /groundings/SET/tile/PHOTO/REGION.jpg

Each page adds its own questions below /groundings. All are read-only; nothing takes a path: photos
are found by number or by name in the set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from demo.grounding_set.pictures import SetPictures
from demo.grounding_set.service import GroundingService
from demo.web.component import static
from demo.web.errors import RefusedError
from demo.web.pages import Services
from demo.web.pictures import PictureCache

SHEET = f"{static(__file__)}/grounding_set.css"
Number = Annotated[int, Path(ge=0, le=2**31)]
FOREVER = {
    "cache-control": "private, max-age=604800, immutable"
}  # the set's name is in the address


def set_router(services: Services) -> APIRouter:
    """A router below /groundings for those who may see the pages."""

    def check(request: Request) -> None:
        if not services.admitted(request):
            raise RefusedError(401, "nobody", "Sign in first.")

    return APIRouter(prefix="/groundings", dependencies=[Depends(check)])


def shared(services: Services) -> APIRouter:
    """What Browse, Search and Errors all fetch."""
    assert services.groundings is not None
    if "groundings" not in services.shared:
        routes = services.shared["groundings"] = set_router(services)
        _add_about(routes, services.groundings)
        _add_pictures(routes, services.groundings, services.pictures)
    return services.shared["groundings"]


def _add_about(routes: APIRouter, groundings: GroundingService) -> None:
    @routes.get("/about")
    def about() -> dict[str, Any]:
        return groundings.about()


def _add_pictures(routes: APIRouter, groundings: GroundingService, cache: PictureCache) -> None:
    pictures = SetPictures(groundings.set, cache)

    def answer(name: str, make: Callable[[], bytes | None]) -> Response:
        made = make() if name == groundings.set.name else None
        if made is None:
            raise RefusedError(404, "absent", "There is no such picture.")
        return Response(made, media_type="image/jpeg", headers=FOREVER)

    @routes.get("/{name}/thumb/{photo}.jpg")
    def thumb(name: str, photo: Number) -> Response:
        return answer(name, lambda: pictures.thumb(photo))

    @routes.get("/{name}/whole/{photo}.jpg")
    def whole(name: str, photo: Number) -> Response:
        return answer(name, lambda: pictures.whole(photo))

    @routes.get("/{name}/tile/{photo}/{region}.jpg")
    def tile(name: str, photo: Number, region: Number) -> Response:
        return answer(name, lambda: pictures.tile(photo, region))
