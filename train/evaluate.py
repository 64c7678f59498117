"""`python -m train evaluate KIND`: the figures of a checkpoint.

rank     photos and sentences against each other (Table 1 of the paper): recall at 1, 5, 10 and
         the median rank, both ways. "annotation" finds sentences for a photo, "search" the reverse.
ground   phrases with boxes (Flickr30k Entities): is the region with the highest summed word score
         (Eq. 8's inner sum for one region) where people put the phrase? Alone, or with --data
         within the sentences where they stand, as the app reads them.
borders  segments of sentences against the same phrases (train/borders.py)
seen     names of things that photos show, and of things that they do not (train/seen.py)
objects  names of things with boxes (COCO's instances), read as "a NAME" (train/objects.py)
maps     where words score on photos, against the boxes of what they name (train/maps.py)
taught   the same things by a word that a few boxes taught (train/taught.py)
caption  a captioner's sentences against people's (train/captions/evaluation.py)
mrnn     photos and sentences against each other by a captioner's probabilities
         (train/captions/mrnn.py)
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from core.alignment import grounding
from core.alignment.grounding import grounding_regions, grounding_words
from core.alignment.ranking import Recall, ranks, recall
from core.checkpoints import Checkpoint, load_checkpoint
from core.describer import Describer, SentenceError
from core.devices import move
from core.formats import names
from core.language.vocabulary import tokenise
from core.vision import boxes
from core.vision.regions import Regions
from train import borders, export, machine, maps, objects, seen, taught
from train.captions import evaluation as captioning
from train.captions import mrnn
from train.captions.evaluation import CaptionEvaluation
from train.captions.mrnn import MrnnEvaluation
from train.contact_sheets import Tile, sheet
from train.data import CaptionSet, DataError, Phrase, PhrasePhoto, read_captions, read_phrases
from train.data.photos import read_photo
from train.features import BATCH, FeatureStore, write_features
from train.interrupts import on_interrupt
from train.objects import evaluate_objects, read_instances
from train.options import add_checkpoint, add_photos, add_sizes, picture, read_into, written
from train.ranking import RegionSource, Sentences, StoredRegions, score_all
from train.recall_curves import curves, plot, svg_name

IOU = 0.5  # a region counts as the phrase's from this overlap on


def evaluate_rank(
    checkpoint: Checkpoint,
    captions: CaptionSet,
    features: Path | None = None,
    curve: Path | None = None,
) -> dict[str, Any]:
    """The `rank` figures of a checkpoint on a data set, JSON-ready. features: a folder to keep the
    photos' regions in, or to reuse them from. curve: an SVG of recall over the share of the set,
    whose numbers are figures, too."""
    started = time.monotonic()
    source: RegionSource
    if features is not None:
        write_features(checkpoint.encoder, captions.names, captions.paths, features)
        store = FeatureStore(features)
        captions, source = store.readable(captions), StoredRegions(store)
    else:
        source = _InMemory(checkpoint, captions.paths)
    sentences = Sentences(captions, checkpoint.vocabulary)
    annotation, search = ranks(*score_all(checkpoint.alignment, source, sentences))
    drawn: dict[str, Any] = {}
    if curve is not None:
        drawn = {"curve": curves((annotation, search))}
        curve.write_text(plot(drawn["curve"]), encoding="utf-8")
    return {
        "images": len(captions),
        "sentences": sum(len(group) for group in sentences.ids),
        "annotation": _rounded(recall(annotation)),
        "search": _rounded(recall(search)),
        **drawn,
        "seconds": round(time.monotonic() - started, 1),
    }


def _rounded(one: Recall) -> dict[str, float]:
    return {name: round(value, 2) for name, value in asdict(one).items()}


class _InMemory:
    """`RegionSource` that encodes photos as they are asked for."""

    generators = ()

    def __init__(self, checkpoint: Checkpoint, paths: tuple[Path, ...]) -> None:
        self.encoder, self.paths = checkpoint.encoder, paths
        self.bar = tqdm(total=len(paths), desc="photos", unit="photo", mininterval=5)

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        found: list[Regions] = []
        for start in range(0, len(rows), BATCH):
            chunk = [read_photo(self.paths[row]).pixels for row in rows[start : start + BATCH]]
            found += self.encoder.encode(chunk)
            self.bar.update(len(chunk))
        features = [torch.from_numpy(regions.features) for regions in found]
        present = [torch.ones(len(regions), dtype=torch.bool) for regions in found]
        pad = torch.nn.utils.rnn.pad_sequence
        return pad(features, True), pad(present, True, False), {}


def phrase_scores(
    checkpoint: Checkpoint, regions: Regions, words: str, sentence: str | None = None
) -> np.ndarray:
    """(R,) each region's score for a phrase: the mean of its known words' `grounding_scores`.

    The phrase is read alone, or within a sentence in which it stands. One without a known word says
    nothing: 0 everywhere.
    """
    known = checkpoint.vocabulary.ids(tokenise(words))
    if not any(known):
        return np.zeros(len(regions))
    model, config = checkpoint.alignment, checkpoint.grounding
    if sentence is None:
        read = grounding_words(model, config, [[i for i in known if i]])
    else:
        tokens = tokenise(sentence)
        first = place_in(tokens, tokenise(words))
        assert first is not None, (words, sentence)
        said = grounding_words(model, config, [checkpoint.vocabulary.ids(tokens)])
        read = said[first : first + len(known)][np.array(known) > 0]
    with torch.inference_mode():
        vectors = model.embed_regions(torch.from_numpy(regions.features)).numpy()
    placed, prior = grounding_regions(config, vectors, regions.boxes, regions.objectness)
    return grounding.phrase_scores(read, placed, prior)


def place_in(sentence: Sequence[str], phrase: Sequence[str]) -> int | None:
    """Where a phrase's words first stand, in a row, among a sentence's; None where they do not."""
    for first in range(len(sentence) - len(phrase) + 1):
        if list(sentence[first : first + len(phrase)]) == list(phrase):
            return first
    return None


def spoken_in(words: str, sentences: Sequence[str]) -> str | None:
    """The first of the sentences in which a phrase stands."""
    phrase = tokenise(words)
    return next((s for s in sentences if place_in(tokenise(s), phrase) is not None), None)


def suits(phrase: Phrase, regions: Regions) -> np.ndarray:
    """(R,) bool: which regions count as the phrase's: by IoU with one of its boxes or their
    union."""
    wanted = np.concatenate((phrase.boxes, boxes.union_xyxy(phrase.boxes)[None]))
    overlap: np.ndarray = boxes.iou(regions.boxes, wanted) >= IOU
    return np.asarray(overlap.any(axis=1))


def scored_phrases(
    checkpoint: Checkpoint,
    photos: list[tuple[PhrasePhoto, Regions]],
    sentences: Mapping[str, Sequence[str]] | None,
) -> Iterator[tuple[PhrasePhoto, Regions, Phrase, np.ndarray]]:
    """Every phrase with its `phrase_scores`. With sentences, by photo, phrases are read in them,
    and those that stand in none are left out."""
    for photo, regions in photos:
        for phrase in photo.phrases:
            sentence = None
            if sentences is not None:
                sentence = spoken_in(phrase.words, sentences.get(photo.name, ()))
                if sentence is None:
                    continue
            yield photo, regions, phrase, phrase_scores(checkpoint, regions, phrase.words, sentence)


def worst(
    checkpoint: Checkpoint,
    folder: Path,
    photos: list[tuple[PhrasePhoto, Regions]],
    count: int,
    sentences: Mapping[str, Sequence[str]] | None = None,
) -> list[Tile]:
    """The phrases that the model is surest to be wrong about: by how much its best region beats
    the best right one. Phrases without a right region among the photo's are left out."""
    missed: list[tuple[float, Tile]] = []
    for photo, regions, phrase, scores in scored_phrases(checkpoint, photos, sentences):
        right, best = suits(phrase, regions), int(scores.argmax())
        if right.any() and not right[best]:
            gap = float(scores[best] - scores[right].max())
            label = f"{phrase.words} ({gap:.2f} over the best right box)"
            pixels = read_photo(folder / photo.name).pixels
            missed.append((gap, Tile(pixels, label, regions.boxes[best])))
    missed.sort(key=lambda one: -one[0])
    return [tile for _, tile in missed[:count]]


def evaluate_ground(
    checkpoint: Checkpoint,
    photos: list[tuple[PhrasePhoto, Regions]],
    sentences: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """The `ground` figures: shares in percent of phrases.

    recall_at_k: one of the k best regions has IoU >= 0.5 with any of the phrase's boxes or with
    their union; recall_at_R_any_box: any region has, R being the most that the encoder gives;
    pointing: the best region's centre lies in one of the phrase's boxes. Sentences as in
    `scored_phrases`.
    """
    first, five, any_box, pointing = [], [], [], []
    for _, regions, phrase, scores in scored_phrases(checkpoint, photos, sentences):
        order = np.argsort(-scores, kind="stable")
        hit = suits(phrase, regions)[order]
        first.append(hit[0])
        five.append(hit[:5].any())
        any_box.append(hit.any())
        best = regions.boxes[order[:1]]
        pointing.append(boxes.contains_centre(phrase.boxes, best).any())
    share = {
        "recall_at_1": first,
        "recall_at_5": five,
        f"recall_at_{checkpoint.encoder.regions}_any_box": any_box,
        "pointing": pointing,
    }
    figures = {name: round(100.0 * float(np.mean(v)), 2) for name, v in share.items() if v}
    return {"phrases": len(first), **figures}


def phrase_regions(
    checkpoint: Checkpoint, folder: Path, photos: list[PhrasePhoto]
) -> Iterator[tuple[PhrasePhoto, Regions]]:
    found = regions_of(checkpoint, [folder / photo.name for photo in photos])
    return zip(photos, found, strict=True)


def regions_of(checkpoint: Checkpoint, paths: Sequence[Path]) -> Iterator[Regions]:
    """The regions of photos, encoded batch by batch as they are asked for."""
    for start in tqdm(range(0, len(paths), BATCH), "photos", unit="batch", mininterval=5):
        pixels = [read_photo(path).pixels for path in paths[start : start + BATCH]]
        yield from checkpoint.encoder.encode(pixels)


def named_objects(checkpoint: Checkpoint, folder: Path, instances: Path) -> dict[str, Any]:
    """The `objects` figures of a checkpoint on the photos in `folder`."""
    named = read_instances(instances)
    all_there(folder, [one.photo for one in named])
    paths = [folder / one.photo for one in named]
    known = checkpoint.vocabulary.ids

    def scores(regions: Regions, words: str) -> np.ndarray | None:
        heard = any(known(tokenise(words.removeprefix("a "))))
        return phrase_scores(checkpoint, regions, words) if heard else None

    found = zip(named, regions_of(checkpoint, paths), strict=True)
    return evaluate_objects(found, scores, lambda name: all(known(tokenise(name))))


@dataclass(frozen=True)
class BorderEvaluation:
    """Which phrases of which sentences are held against segments."""

    images: Path
    phrases: Path
    data: Path
    split: str = "dev"
    sizes: str = "confident"
    plot: Path | None = None
    """Where the curves go, as an SVG."""


def border_figures(checkpoint: Checkpoint, options: BorderEvaluation) -> dict[str, Any]:
    """The `borders` figures of a checkpoint, JSON-ready."""
    if options.plot is not None and written(options.plot).suffix.lower() != ".svg":
        raise DataError(f"{options.plot} names no SVG; expected a name that ends in .svg")
    if not options.phrases.exists():
        raise DataError(f"{options.phrases} is not there; expected phrases with boxes")
    folder = options.phrases.is_dir()
    photos = read_phrases(options.phrases, options.sizes, options.split if folder else None)
    captions = read_captions(options.data, options.split, options.images, None)
    said = dict(zip(captions.names, captions.sentences, strict=True))
    told = {
        photo.name: borders.telling_sentence(
            said.get(photo.name, ()), [phrase.words for phrase in photo.phrases]
        )
        for photo in photos
    }
    photos = [photo for photo in photos if told[photo.name] is not None]
    all_there(options.images, [photo.name for photo in photos])
    describer = Describer(checkpoint)

    def marked() -> Iterator[borders.MarkedSentence]:
        for photo, regions in phrase_regions(checkpoint, options.images, photos):
            sentence = told[photo.name]
            assert sentence is not None
            try:
                reading = describer.read(sentence[0])
            except SentenceError:
                continue  # it knows no word of it
            yield borders.MarkedSentence(
                describer.look_of(regions, photo.width, photo.height),
                reading,
                tuple((first, end) for first, end, _ in sentence[1]),
                tuple(suits(photo.phrases[k], regions) for _, _, k in sentence[1]),
            )

    figures = borders.evaluate_borders(marked(), checkpoint.grounding.merging_share)
    if options.plot is not None:
        options.plot.write_text(borders.plot(figures), encoding="utf-8")
        print(f"curves: {options.plot}")
    return figures


def seen_figures(
    checkpoint: Checkpoint, folder: Path, instances: Path, captions: Path | None = None
) -> dict[str, Any]:
    """The `seen` figures of a checkpoint on the photos in `folder`, JSON-ready."""
    named = read_instances(instances)
    all_there(folder, [one.photo for one in named])
    describer = Describer(checkpoint)
    paths = [folder / one.photo for one in named]
    looks = [describer.look_of(regions, 1, 1) for regions in regions_of(checkpoint, paths)]
    shown = [frozenset(one.things) for one in named]
    figures = seen.name_figures(
        describer, zip(looks, shown, strict=True), frozenset[str]().union(*shown)
    )
    if captions is None:
        return figures
    read = read_captions(None, "all", folder, captions)
    said = dict(zip(read.names, read.sentences, strict=True))
    told = [said.get(one.photo, ()) for one in named]
    return figures | seen.box_figures(describer, zip(looks, told, strict=True))


@dataclass(frozen=True)
class GroundEvaluation:
    """Which phrases are to be found in which photos."""

    images: Path
    phrases: Path
    data: Path | None = None
    """A data set, to read the phrases within its photos' sentences."""
    split: str | None = None
    sizes: str = "confident"
    worst: Path | None = None
    """Where the ten surest mistakes go, as a picture."""


def grounding_figures(checkpoint: Checkpoint, options: GroundEvaluation) -> dict[str, Any]:
    """The `ground` figures of a checkpoint, JSON-ready."""
    if options.worst is not None:
        picture(written(options.worst))
    if not options.phrases.exists():
        raise DataError(f"{options.phrases} is not there; expected phrases with boxes")
    of_photos = options.data is not None and options.phrases.is_file()
    photos = read_phrases(options.phrases, options.sizes, None if of_photos else options.split)
    sentences = None
    if options.data is not None:
        captions = read_captions(options.data, options.split or "dev", None, None)
        sentences = dict(zip(captions.names, captions.sentences, strict=True))
    all_there(options.images, [photo.name for photo in photos])
    found = list(phrase_regions(checkpoint, options.images, photos))
    figures = evaluate_ground(checkpoint, found, sentences)
    if options.worst is not None:
        tiles = worst(checkpoint, options.images, found, 10, sentences)
        if tiles:
            sheet(tiles, columns=2).save(options.worst)
            print(f"surest mistakes: {options.worst}")
    return figures


def all_there(folder: Path, photos: Sequence[str]) -> None:
    """DataError, naming the first photo that is missing, unless all lie in the folder."""
    missing = [name for name in photos if not (folder / name).is_file()]
    if missing:
        told = f"and {len(missing) - 1:,} of {len(photos):,} others" if len(missing) > 1 else ""
        raise DataError(
            f"{missing[0]} {told + ' are' if told else 'is'} not in {folder}; expected the photos "
            "there (--images)"
        )


def add_rank_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser, "test")
    parser.add_argument("--features", type=Path, help="keep or reuse the regions in this folder")
    parser.add_argument(
        "--curve", type=Path, metavar="PLOT.svg", help="recall over the share of the set"
    )


def add_ground_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=Path, required=True, help="the photos' folder")
    parser.add_argument(
        "--phrases",
        type=Path,
        required=True,
        help=f"a file of any format ({names()}), or a folder of Flickr30k Entities",
    )
    parser.add_argument("--data", type=Path, help="read phrases within its photos' sentences")
    parser.add_argument(
        "--split", help="of --data, and of a Flickr30k Entities folder: all where not given"
    )
    parser.add_argument(
        "--worst", type=Path, metavar="SHEET.png", help="the ten surest mistakes as a contact sheet"
    )
    add_sizes(parser)
    export.add_grounding_arguments(parser)


def add_border_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=Path, required=True, help="the photos' folder")
    parser.add_argument(
        "--phrases",
        type=Path,
        required=True,
        help=f"a file of any format ({names()}), or a folder of Flickr30k Entities",
    )
    parser.add_argument("--data", type=Path, required=True, help="whose sentences hold the phrases")
    parser.add_argument("--split", default="dev", help="which part of --data (default: dev)")
    parser.add_argument(
        "--plot", type=Path, metavar="CURVES.svg", help="precision, recall and F1 over beta"
    )
    add_sizes(parser)
    export.add_grounding_arguments(parser)


def add_objects_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=Path, required=True, help="the photos' folder")
    parser.add_argument("--instances", type=Path, required=True, help="COCO's instances JSON")
    export.add_grounding_arguments(parser)


def add_seen_arguments(parser: argparse.ArgumentParser) -> None:
    add_objects_arguments(parser)
    parser.add_argument("--captions", type=Path, help="count the boxes of these sentences, too")


KINDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str, str | None]] = {
    "rank": (add_rank_arguments, "photos and sentences against each other", None),
    "ground": (add_ground_arguments, "phrases against their boxes", None),
    "borders": (add_border_arguments, "segments against phrases", borders.__doc__),
    "objects": (add_objects_arguments, "names of things against their boxes", objects.__doc__),
    "seen": (add_seen_arguments, "names of things that photos do and do not show", seen.__doc__),
    "maps": (add_objects_arguments, "where words score on photos", maps.__doc__),
    "taught": (add_objects_arguments, "a word that a few boxes taught", taught.__doc__),
    "caption": (
        captioning.add_arguments, "a captioner's sentences against people's", captioning.__doc__,
    ),
    "mrnn": (mrnn.add_arguments, "retrieval by probabilities of sentences", mrnn.__doc__),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="|".join(KINDS))
    for name, (add, text, description) in KINDS.items():
        one = kinds.add_parser(name, help=text, description=description)
        add(one)
        add_checkpoint(one)
        one.add_argument(
            "--json", type=Path, required=True, metavar="OUT", help="where the figures go"
        )
        machine.add_arguments(one)


def main(arguments: argparse.Namespace) -> None:
    device = machine.prepare(arguments)
    out = written(arguments.json)
    with on_interrupt(lambda: f"stopped; {out} was not written, the same command begins anew"):
        figures = figures_of(arguments, device)
    out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


def figures_of(arguments: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """What --json gets."""
    if arguments.kind == "caption":
        return captioning.evaluate_caption(read_into(CaptionEvaluation, arguments), device)
    if arguments.kind == "mrnn":
        return mrnn.evaluate_mrnn(read_into(MrnnEvaluation, arguments), device)
    if arguments.kind == "rank":
        if arguments.curve is not None:
            svg_name(arguments.curve)
        captions = read_captions(
            arguments.data, arguments.split, arguments.images, arguments.captions
        )
        checkpoint = load_checkpoint(arguments.checkpoint, arguments.encoder_weights)
        move(checkpoint.encoder, device)
        return evaluate_rank(checkpoint, captions, arguments.features, arguments.curve)
    checkpoint = load_checkpoint(arguments.checkpoint, arguments.encoder_weights)
    move(checkpoint.encoder, device)
    checkpoint = export.with_grounding(checkpoint, **export.grounding_options(arguments))
    if arguments.kind == "borders":
        return border_figures(checkpoint, read_into(BorderEvaluation, arguments))
    if arguments.kind == "seen":
        return seen_figures(checkpoint, arguments.images, arguments.instances, arguments.captions)
    if arguments.kind == "objects":
        return named_objects(checkpoint, arguments.images, arguments.instances)
    if arguments.kind == "maps":
        describer = Describer(checkpoint)
        return maps.map_figures(describer, arguments.images, arguments.instances)
    if arguments.kind == "taught":
        return taught.taught_figures(
            checkpoint, arguments.images, arguments.instances, phrase_scores
        )
    return grounding_figures(checkpoint, read_into(GroundEvaluation, arguments))
