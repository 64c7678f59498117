"""A small describer made on the spot, servers in processes of their own, visits to pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser

from core.alignment.model import AlignmentConfig, AlignmentModel
from core.checkpoints import BUNDLED, save_checkpoint
from core.describer import Describer
from core.language.vocabulary import Vocabulary
from demo import examples
from tests.conftest import random_network
from tests.demo.visit import Visit, picture, served

KNOWN = ("a", "the", "dog", "cat", "horse", "grass", "sky", "runs", "on", "in", "brown", "two")


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that learnt nothing: sizes and formats are right, no answer means a thing."""
    torch.manual_seed(7)
    said = " ".join(sentence for example in examples.load() for sentence in example.sentences)
    vocabulary = Vocabulary(sorted({*KNOWN, *said.split()}))
    network = random_network()
    config = AlignmentConfig(
        region_dimension=network.config.feature_dimension,
        vocabulary_size=len(vocabulary),
        word_dimension=24,
        hidden_dimension=32,
        common_dimension=16,
    )
    folder = tmp_path_factory.mktemp("small")
    save_checkpoint(folder, "small", network, AlignmentModel(config), vocabulary)
    return folder


@pytest.fixture(scope="session")
def describer(small_checkpoint: Path) -> Describer:
    return Describer.load(small_checkpoint)


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A 200 x 120 photo with something to see in it."""
    return picture(200, 120)


@pytest.fixture(scope="session")
def server(small_checkpoint: Path) -> Iterator[str]:
    """A server's address; with the bundled checkpoint, or the small one where that is not made."""
    there = (BUNDLED / "config.json").is_file()
    with served("--checkpoint", "bundled" if there else str(small_checkpoint)) as address:
        yield address


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Callable[..., Visit]]:
    """Opens the app in a window of its own, closed after the test."""
    contexts = []

    def open_page(width: int = 1400, height: int = 900, **settings: object) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height}, accept_downloads=True, **settings
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        return Visit(context.new_page(), server)

    yield open_page
    for context in contexts:
        context.close()
