"""`python -m demo`: serve the pages, or annotation alone, and say where."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from annotate.store import open_store
from core.errors import UserError
from demo.pages.annotate import example_project
from demo.pages.annotate.welcome import welcome
from demo.web import server

if TYPE_CHECKING:
    from fastapi import FastAPI

    from demo.web.hosting import Settings

EXAMPLES = Path(__file__).parent / "groundings" / "examples.sqlite"
PAGES = ("all", "annotate")


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(
        prog="python -m demo", description="Serve the pages: which words belong to which regions."
    )
    server.add_arguments(options)
    options.add_argument(
        "--pages",
        choices=PAGES,
        default="all",
        help="'annotate' serves annotation alone and loads no model (all)",
    )
    options.add_argument("--checkpoint", default="bundled", help="'bundled' or a folder (bundled)")
    options.add_argument(
        "--encoder-weights", type=Path, help="weights file for a torchvision region encoder"
    )
    options.add_argument(
        "--groundings",
        type=Path,
        metavar="NAME.sqlite",
        help="a grounding set made by `python -m train ground` (the example photos')",
    )
    options.add_argument(
        "--url",
        "--annotations",
        metavar="URL",
        help="the annotation store: sqlite:///FILE or postgresql://USER@HOST/NAME "
        "(words-and-regions/annotations.db in your data folder)",
    )
    entry = options.add_mutually_exclusive_group()
    entry.add_argument(
        "--open",
        action="store_true",
        default=None,
        help="ask annotators for a name only, owners for their password: for trusted use (this, "
        "unless annotation is served alone)",
    )
    entry.add_argument(
        "--sign-in",
        action="store_false",
        dest="open",
        help="ask for a password before any page (this, where annotation is served alone)",
    )
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until interrupted; SystemExit with one sentence where that cannot begin."""
    chosen = parser().parse_args(arguments)
    alone = chosen.pages == "annotate"
    chosen.open = not alone if chosen.open is None else chosen.open
    with server.listen(chosen.host, chosen.port) as listening:
        create, note = (_annotation if alone else _everything)(chosen)
        with tempfile.TemporaryDirectory(prefix="demo-uploads-") as uploads:

            def application() -> FastAPI:
                from demo.web.hosting import Settings  # it takes seconds: not needed to refuse

                return create(Settings(Path(uploads), chosen.host, tuple(chosen.name)))

            server.serve(application, listening, chosen.host, note)


def _annotation(chosen: argparse.Namespace) -> tuple[Callable[[Settings], FastAPI], str]:
    """-> what makes the application, and what to say at the start. Loads no model."""
    try:
        store = open_store(chosen.url, make=True)
        note = welcome(store)
    except UserError as error:
        raise SystemExit(f"Cannot open the annotation store: {error}") from None

    def create(settings: Settings) -> FastAPI:
        from demo.pages.annotate import page
        from demo.web.sessions import Door

        return page.create(Door(store, chosen.open), settings)

    return create, note


def _everything(chosen: argparse.Namespace) -> tuple[Callable[[Settings], FastAPI], str]:
    """The same for all pages: the models, the grounding set, the store."""
    from core.checkpoints import CheckpointError
    from core.describer import Describer
    from core.groundings.reader import GroundingSet
    from core.groundings.schema import GroundingError

    try:
        describer = Describer.load(chosen.checkpoint, chosen.encoder_weights)
    except CheckpointError as error:
        raise SystemExit(f"Cannot load the checkpoint: {error}") from None
    try:
        groundings = GroundingSet(chosen.groundings or EXAMPLES)
    except GroundingError as error:
        raise SystemExit(f"Cannot open the grounding set: {error}") from None
    try:
        store = example_project.ready(chosen.url)
        note = welcome(store)
    except UserError as error:
        raise SystemExit(f"Cannot open the annotation store: {error}") from None

    def create(settings: Settings) -> FastAPI:
        from demo import app
        from demo.web.sessions import Door

        return app.create(describer, settings, groundings, Door(store, chosen.open))

    return create, note


if __name__ == "__main__":
    server.run(main)
