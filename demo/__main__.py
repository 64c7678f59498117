"""`python -m demo`: load the describer, serve the pages, say where."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from annotate.errors import StoreError
from annotate.page.welcome import welcome
from annotate.web import server
from core.checkpoints import CheckpointError
from core.describer import Describer
from core.groundings.reader import GroundingSet
from core.groundings.schema import GroundingError
from demo import annotations

if TYPE_CHECKING:
    from fastapi import FastAPI

EXAMPLES = Path(__file__).parent / "groundings" / "examples.sqlite"


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(
        prog="python -m demo", description="Serve the pages: which words belong to which regions."
    )
    server.add_arguments(options)
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
        "--annotations",
        default=annotations.default_url(),
        metavar="URL",
        help="the annotation store: sqlite:///FILE or postgresql://... (in your data folder)",
    )
    options.add_argument(
        "--sign-in",
        action="store_true",
        help="ask for a password before any page; without it, Annotate asks for a name",
    )
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until interrupted; SystemExit with one sentence where that cannot begin."""
    chosen = parser().parse_args(arguments)
    with server.listen(chosen.host, chosen.port) as listening:
        try:
            describer = Describer.load(chosen.checkpoint, chosen.encoder_weights)
        except CheckpointError as error:
            raise SystemExit(f"Cannot load the checkpoint: {error}") from None
        try:
            groundings = GroundingSet(chosen.groundings or EXAMPLES)
        except GroundingError as error:
            raise SystemExit(f"Cannot open the grounding set: {error}") from None
        try:
            store = annotations.ready(chosen.annotations)
            note = welcome(store)
        except StoreError as error:
            raise SystemExit(f"Cannot open the annotation store: {error}") from None
        with tempfile.TemporaryDirectory(prefix="alignments-uploads-") as uploads:

            def create() -> FastAPI:
                from annotate.page.door import Door  # these take seconds, and are not needed
                from demo import app  # to refuse

                settings = app.Settings(Path(uploads), chosen.host, tuple(chosen.name))
                door = Door(store, open=not chosen.sign_in)
                return app.create(describer, settings, groundings, door)

            server.serve(create, listening, chosen.host, note)


if __name__ == "__main__":
    server.run(main)
