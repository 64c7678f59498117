"""Serve the Annotate page alone: sign in, draw boxes, type what they show; review for owners.

The first start makes an owner and shows their password, once. The photos' bytes come from each
project's folder (`python -m annotate photos`).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from annotate.commands import add_url, opened
from annotate.page.welcome import welcome
from annotate.web import server

if TYPE_CHECKING:
    from fastapi import FastAPI


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_url(options)
    server.add_arguments(options)
    options.add_argument(
        "--open",
        action="store_true",
        help="ask annotators for a name only, owners for their password: for trusted local use",
    )


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    server.run(lambda: _serve(arguments))


def _serve(arguments: argparse.Namespace) -> None:
    with server.listen(arguments.host, arguments.port) as listening:
        store = opened(arguments)
        with tempfile.TemporaryDirectory(prefix="annotate-uploads-") as uploads:

            def create() -> FastAPI:
                from annotate.page import app  # it takes seconds, and is not needed to refuse
                from annotate.web.hosting import Settings

                settings = Settings(Path(uploads), arguments.host, tuple(arguments.name))
                return app.create(store, arguments.open, settings)

            server.serve(create, listening, arguments.host, welcome(store))
