"""What a page is: a folder in demo/pages whose `page.py` has `parts`, and a line in PAGES there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from demo.web.pictures import PictureCache

if TYPE_CHECKING:  # annotation alone loads no model
    from core.describer import Describer
    from demo.grounding_set.service import GroundingService
    from demo.web.sessions import Sessions


@dataclass(frozen=True)
class Services:
    """What a server has for its pages; None: not there, and a page that needs it is not shown."""

    describer: Describer | None = None
    groundings: GroundingService | None = None
    sessions: Sessions | None = None
    pictures: PictureCache = field(default_factory=PictureCache)
    shared: dict[str, APIRouter] = field(default_factory=dict, compare=False)
    """Routers of more than one page, by name."""

    @property
    def signing_in(self) -> bool:
        """Whether a password is asked for before any page."""
        return self.sessions is not None and not self.sessions.open

    def admitted(self, request: Request) -> bool:
        """Whether a request's sender may see the pages at all."""
        if self.sessions is None or self.sessions.open:
            return True
        return self.sessions.person(request) is not None


@dataclass(frozen=True)
class Parts:
    """What one page brings to a server."""

    lay_out: Callable[[], object]
    """Called inside the page's open `gr.Tab`: makes its components, events and endpoints."""
    sheets: tuple[str, ...] = ()
    """Addresses of its style sheets, beside those that all pages share."""
    routers: tuple[APIRouter, ...] = ()
    """What its script fetches, all below the page's `routes`."""
    files: tuple[str, ...] = ()
    """Those addresses whose POST has a file for its body; `*` at the end stands for anything."""
    heading: tuple[str, str] | None = None
    """Title and a line below it, where the page is served alone."""


@dataclass(frozen=True)
class Page:
    """A line of the registry."""

    id: str
    """Its folder in demo/pages, its tab's id, and `?tab=` in the address."""
    title: str
    """On its tab."""
    routes: str = ""
    """Where the addresses that its script fetches begin; the guard lets these pass."""
    needs: tuple[str, ...] = ()
    """Fields of `Services`."""
    parameter: str = ""
    """A part of the address that means this page even without `tab`."""

    def shown_by(self, services: Services) -> bool:
        """Whether a server has all that it needs."""
        return all(getattr(services, name) is not None for name in self.needs)

    def parts(self, services: Services) -> Parts:
        """What the page is made of; imports it."""
        parts: Parts = import_module(f"demo.pages.{self.id}.page").parts(services)
        return parts
