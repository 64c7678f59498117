"""`python -m demo`: serve the pages, or annotation alone, and say where."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotate.store import Store, open_store
from core.devices import add_device, device_of, move
from core.errors import InvalidError, UserError
from demo import examples
from demo.pages import PAGES
from demo.pages.annotate import example_project
from demo.pages.annotate.welcome import welcome
from demo.web import server
from demo.web.pages import Page
from demo.web.uploads import upload_folder

if TYPE_CHECKING:
    from fastapi import FastAPI

    from core.groundings.reader import GroundingSet

EXAMPLES = Path(__file__).parent / "groundings" / "examples.sqlite"


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(
        prog="python -m demo", description="Serve the pages: which words belong to which regions."
    )
    server.add_arguments(options)
    options.add_argument(
        "--pages",
        type=_pages,
        default=PAGES,
        metavar="NAMES",
        help=f"some of {', '.join(page.id for page in PAGES)}, with commas between; `--pages "
        "annotate` serves annotation alone and loads no model (all)",
    )
    options.add_argument("--checkpoint", default="bundled", help="'bundled' or a folder (bundled)")
    options.add_argument(
        "--encoder-weights", type=Path, help="weights file for a torchvision region encoder"
    )
    add_device(options)
    options.add_argument(
        "--groundings",
        type=Path,
        metavar="NAME.sqlite",
        help="a grounding set made by `python -m train ground` (the example photos')",
    )
    options.add_argument(
        "--photos",
        type=Path,
        metavar="FOLDER",
        help="the photos of --groundings, where they do not lie in or below its own folder: a set "
        "from elsewhere may name any folder of this machine",
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
    alone = [page.id for page in chosen.pages] == ["annotate"]
    chosen.open = not alone if chosen.open is None else chosen.open
    with server.listen(chosen.host, chosen.port) as listening:
        models = _models(chosen)
        store, note = _store(chosen, alone)
        with upload_folder() as uploads:

            def application() -> FastAPI:
                from demo import app  # Gradio takes seconds, and is not needed to refuse
                from demo.web.hosting import ServerSettings
                from demo.web.pages import Services
                from demo.web.sessions import Sessions

                services = Services(**models, sessions=Sessions(store, chosen.open))
                settings = ServerSettings(uploads, chosen.host, tuple(chosen.name))
                return app.create(services, settings, chosen.pages)

            server.serve(application, listening, chosen.host, note, chosen.proxy)


def _models(chosen: argparse.Namespace) -> dict[str, Any]:
    """What the pages need of a describer and a grounding set; imports torch only for these."""
    needed = {need for page in chosen.pages for need in page.needs} - {"sessions"}
    if not needed:
        return {}
    from core.describer import Describer

    try:
        device = device_of(chosen.device)
    except UserError as error:
        raise SystemExit(f"Cannot compute there: {error}") from None
    try:
        describer = Describer.load(chosen.checkpoint, chosen.encoder_weights)
        move(describer.checkpoint.encoder, device)
    except UserError as error:
        raise SystemExit(f"Cannot load the checkpoint: {error}") from None
    if "groundings" not in needed:
        return {"describer": describer}
    from demo.grounding_set.service import GroundingService

    try:
        groundings = _groundings(chosen)
    except UserError as error:
        raise SystemExit(f"Cannot open the grounding set: {error}") from None
    return {"describer": describer, "groundings": GroundingService(groundings, describer)}


def _groundings(chosen: argparse.Namespace) -> GroundingSet:
    """The set, whose photos are served: only those that lie beside it, or where `--photos` says."""
    from core.groundings.reader import GroundingSet

    if chosen.groundings is None:
        return GroundingSet(EXAMPLES, examples.FOLDER)
    if chosen.photos is not None and not chosen.photos.is_dir():
        raise InvalidError(f"--photos is {chosen.photos}; expected a folder with the set's photos.")
    groundings = GroundingSet(chosen.groundings, chosen.photos)
    if not groundings.photos_are_its_own:
        raise InvalidError(
            f"{chosen.groundings} names {groundings.folder} for its photos, which is not below its "
            f"own folder; if these are to be served, add --photos {groundings.folder}"
        )
    return groundings


def _store(chosen: argparse.Namespace, alone: bool) -> tuple[Store, str]:
    """-> the annotation store, which also knows who may sign in, and what to say at the start."""
    try:
        opened = open_store(chosen.url, make=True) if alone else example_project.ready(chosen.url)
        return opened, welcome(opened)
    except UserError as error:
        raise SystemExit(f"Cannot open the annotation store: {error}") from None


def _pages(text: str) -> tuple[Page, ...]:
    """ "align,annotate" -> those pages, in the registry's order; "all" -> all of them."""
    known = {page.id: page for page in PAGES}
    if text == "all":
        return PAGES
    for name in text.split(","):
        if name not in known:
            raise argparse.ArgumentTypeError(
                f"there is no page '{name[:40]}'; expected all, or some of {', '.join(known)}"
            )
    return tuple(page for page in PAGES if page.id in text.split(","))


if __name__ == "__main__":
    server.run(main)
