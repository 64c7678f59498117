"""What the papers report, by data set: the rows that our tables stand beside.

Copied from Tables 1, 2 and 5 of Karpathy & Fei-Fei (CVPR 2015, and its longer version of 2017) and
from Mao et al. 2014. Alignment: recall at 1, 5, 10 and median rank of annotation (sentences for a
photo), then of search; None where a paper gives none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from train.data import read_json
from train.data.entities import is_entities

Numbers = tuple[float | None, ...]
Row = tuple[str, Numbers]
KARPATHY = "Karpathy & Fei-Fei 2015"


@dataclass(frozen=True)
class Published:
    """A data set as the papers used it. title: what it is called; alignment: retrieval's rows;
    images: captions of whole photos (BLEU-1..4, METEOR, ROUGE-L, CIDEr, perplexity); mrnn:
    retrieval by probability; beams: (name, (seen in training, words, BLEU-4, CIDEr)); fold: photos
    that are ranked among each other beside all of them, 0 for none."""

    title: str
    alignment: Sequence[Row] = ()
    images: Sequence[Row] = ()
    mrnn: Sequence[Row] = ()
    beams: Sequence[Row] = field(default=())
    fold: int = 0


FLICKR8K = Published(
    "Flickr8k",
    alignment=(
        ("DeViSE (Frome et al. 2013)", (4.8, 16.5, 27.3, 28.0, 5.9, 20.1, 29.6, 29.0)),
        ("SDT-RNN (Socher et al. 2014)", (6.0, 22.7, 34.0, 23.0, 6.6, 21.6, 31.7, 25.0)),
        ("Kiros et al. 2014", (13.5, 36.2, 45.7, 13.0, 10.4, 31.0, 43.7, 14.0)),
        ("Mao et al. 2014", (14.5, 37.2, 48.5, 11.0, 11.5, 31.0, 42.4, 15.0)),
        ("DeFrag (Karpathy et al. 2014)", (12.6, 32.9, 44.0, 14.0, 9.7, 29.6, 42.5, 15.0)),
        ("DepTree edges (the paper)", (14.8, 37.9, 50.0, 9.4, 11.6, 31.4, 43.8, 13.2)),
        ("BRNN (the paper)", (16.5, 40.6, 54.2, 7.6, 11.8, 32.1, 44.7, 12.4)),
    ),
    images=(
        (KARPATHY, (57.9, 38.3, 24.5, 16.0, 16.7, None, 31.8, None)),
        ("Mao et al. 2014, perplexity", (None,) * 7 + (24.39,)),
    ),
    mrnn=(
        ("Mao et al. 2014, sentences for a photo", (14.5, 37.2, 48.5, 11.0)),
        ("Mao et al. 2014, photos for a sentence", (11.5, 31.0, 42.4, 15.0)),
    ),
    beams=(
        (f"{KARPATHY}, beam 7", (60, None, 16.0, 31.8)),
        (f"{KARPATHY}, beam 1", (25, None, None, None)),
    ),
)
FLICKR30K = Published(
    "Flickr30k",
    alignment=(
        ("SDT-RNN (Socher et al. 2014)", (9.6, 29.8, 41.1, 16.0, 8.9, 29.8, 41.1, 16.0)),
        ("Kiros et al. 2014", (14.8, 39.2, 50.9, 10.0, 11.8, 34.0, 46.3, 13.0)),
        ("Mao et al. 2014", (18.4, 40.2, 50.9, 10.0, 12.6, 31.2, 41.5, 16.0)),
        ("Donahue et al. 2014", (17.5, 40.3, 50.8, 9.0) + (None,) * 4),
        ("DeFrag (Karpathy et al. 2014)", (14.2, 37.7, 51.3, 10.0, 10.2, 30.8, 44.2, 14.0)),
        ("DeFrag (the paper's own)", (19.2, 44.5, 58.0, 6.0, 12.9, 35.4, 47.5, 10.8)),
        ("DepTree edges (the paper)", (20.0, 46.6, 59.4, 5.4, 15.0, 36.5, 48.2, 10.4)),
        ("BRNN (the paper)", (22.2, 48.2, 61.4, 4.8, 15.2, 37.7, 50.5, 9.2)),
    ),
    images=(
        (KARPATHY, (57.3, 36.9, 24.0, 15.7, 15.3, None, 24.7, None)),
        ("Mao et al. 2014, perplexity", (None,) * 7 + (35.11,)),
    ),
    mrnn=(
        ("Mao et al. 2014, sentences for a photo", (18.4, 40.2, 50.9, 10.0)),
        ("Mao et al. 2014, photos for a sentence", (12.6, 31.2, 41.5, 16.0)),
    ),
)
COCO = Published(
    "COCO",
    alignment=(
        ("BRNN (the paper), 1K", (38.4, 69.9, 80.5, 1.0, 27.4, 60.2, 74.8, 3.0)),
        ("BRNN (the paper), 5K", (16.5, 39.2, 52.0, 9.0, 10.7, 29.6, 42.2, 14.0)),
    ),
    images=(
        ("nearest neighbour (the paper)", (48.0, 28.1, 16.6, 10.0, 15.7, None, 38.3, None)),
        (KARPATHY, (62.5, 45.0, 32.1, 23.0, 19.5, None, 66.0, None)),
    ),
    fold=1000,
)
_BY_NAME = {"flickr8k": FLICKR8K, "flickr30k": FLICKR30K, "coco": COCO}


@cache
def published_for(data: Path) -> Published:
    """The rows for what `--data` names: a Karpathy file says its set under "dataset", or else by
    its name (dataset_coco.json); Flickr8k's and Entities' folders are told by their files. Of any
    other set the papers report nothing."""
    if data.is_dir():
        if is_entities(data):
            return FLICKR30K
        own = (data / "captions.token.txt").is_file() and (data / "splits").is_dir()
        return FLICKR8K if own else Published(data.name)
    found = read_json(data) if data.suffix == ".json" else None
    name = str(found["dataset"]) if isinstance(found, dict) and "dataset" in found else ""
    name = name or data.stem.removeprefix("dataset_")
    return _BY_NAME.get(name.lower().replace("mscoco", "coco"), Published(name))


def placeholder(data: Path, images: Path | None, published: Published) -> tuple[str, str]:
    """How a page's command names the user's own data -> what --data is called, and what goes on
    after it."""
    name = published.title.upper() if data.is_dir() else data.name
    return name, "" if images is None else " --images IMAGES"
