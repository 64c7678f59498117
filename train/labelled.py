"""Photos of everyday life, of which is known which categories of things they show.

A folder in the manner of COCO: images/; labels.json, {photo: [category]}; person_boxes.json,
{photo: [normalised xyxy]}, complete for people where a photo has an entry; captions.token.txt of
some, `photo#k<TAB>sentence`. The last two may be missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.language.vocabulary import tokenise
from train.data import DataError, read_json

LEAST_SHARED = 0.5
"""Share of a photo's categories that a borrowed sentence must name."""
MOST_BORROWED = 12
"""Sentences borrowed for a photo: more would only make each rarer."""

# Other names of COCO's categories, so that a sentence about a sofa counts as one about a couch.
_NAMES = """person:man woman boy girl people men women child children kid kids baby player guy lady
someone persons boys girls couple crowd skier surfer skateboarder rider; bicycle:bike bikes
bicycles; motorcycle:motorcycles motorbike motorbikes; airplane:plane planes airplanes jet jetliner
aircraft; bus:buses; car:cars; train:trains locomotive; truck:trucks; boat:boats sailboat ship
canoe; traffic light:traffic_lights stop_light; fire hydrant:hydrant; parking
meter:parking_meters meter;
bench:benches; bird:birds seagull duck ducks pigeon; cat:cats kitten; dog:dogs puppy; horse:horses;
sheep:lamb lambs; cow:cows cattle bull; elephant:elephants; bear:bears; zebra:zebras;
giraffe:giraffes; backpack:backpacks; umbrella:umbrellas; handbag:purse handbags; tie:necktie ties;
suitcase:suitcases luggage; frisbee:frisbees; skis:ski; snowboard:snowboards snowboarder; sports
ball:ball soccer_ball tennis_ball; kite:kites; baseball bat:bat; baseball glove:mitt;
skateboard:skateboards; surfboard:surfboards surf_board; tennis racket:racket racquet rackets;
bottle:bottles; wine glass:wine_glasses; cup:cups mug; fork:forks; knife:knives; spoon:spoons;
bowl:bowls; banana:bananas; apple:apples; sandwich:sandwiches; orange:oranges; carrot:carrots; hot
dog:hotdog hot_dogs hotdogs; pizza:pizzas; donut:donuts doughnut doughnuts; cake:cakes cupcake
cupcakes; chair:chairs; couch:sofa couches; potted plant:plant plants; bed:beds; dining table:table
tables; toilet:toilets; tv:television televisions; laptop:laptops; remote:remotes controller;
keyboard:keyboards; cell phone:phone phones cellphone; microwave:microwaves; oven:stove ovens;
sink:sinks; refrigerator:fridge refrigerators; book:books; clock:clocks; vase:vases; teddy
bear:teddy_bears stuffed_bear stuffed_animal; hair drier:hair_dryer; toothbrush:toothbrushes"""


@dataclass(frozen=True)
class LabelledPhotos:
    """names (n,) of photos, paths (n,), labels (n,) their categories; sentences of some by name and
    boxes (k, 4) of all people of some by name."""

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: tuple[frozenset[str], ...]
    sentences: dict[str, list[str]]
    people: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.names)


def read_labelled(folder: Path) -> LabelledPhotos:
    """A folder as the module's text says -> its photos, in alphabetical order."""
    found = read_json(folder / "labels.json")
    if not isinstance(found, dict) or not all(isinstance(some, list) for some in found.values()):
        raise DataError(f"{folder / 'labels.json'}: expected an object of lists of categories")
    names = tuple(sorted(found))
    boxes = folder / "person_boxes.json"
    people = {
        name: np.array(some, np.float32).reshape(-1, 4)
        for name, some in (read_json(boxes) if boxes.is_file() else {}).items()
    }
    sentences: dict[str, list[str]] = defaultdict(list)
    captions = folder / "captions.token.txt"
    for line in captions.read_text(encoding="utf-8").splitlines() if captions.is_file() else ():
        place, _, text = line.partition("\t")
        sentences[place.partition("#")[0]].append(text)
    return LabelledPhotos(
        names,
        tuple(folder / "images" / name for name in names),
        tuple(frozenset(found[name]) for name in names),
        dict(sentences),
        people,
    )


class Categories:
    """Which categories a sentence names, by their own names and the other ones above."""

    def __init__(self, names: Sequence[str]) -> None:
        self._of = {name.replace(" ", "_"): name for name in names}
        for entry in " ".join(_NAMES.split()).split("; "):
            name, _, others = entry.partition(":")
            if name in names:
                for other in others.split():
                    self._of.setdefault(other, name)

    @property
    def words(self) -> frozenset[str]:
        """All single words among the names."""
        return frozenset(name for name in self._of if "_" not in name)

    def named(self, sentence: str) -> frozenset[str]:
        words = tokenise(sentence)
        found, place = set(), 0
        while place < len(words):
            pair = "_".join(words[place : place + 2])
            length = 2 if len(words) - place >= 2 and pair in self._of else 1
            word = pair if length == 2 else words[place]
            if word in self._of:
                found.add(self._of[word])
            place += length
        return frozenset(found)


def borrowed(
    photos: LabelledPhotos, sentences: Sequence[str], seed: int = 0
) -> dict[str, list[tuple[str, frozenset[str]]]]:
    """Sentences of other photos that name what a photo shows and nothing else that has a category:
    {photo: [(sentence, categories named)]}, only photos that have one. People must be in both or in
    neither, as hardly a sentence leaves them out."""
    categories = Categories(sorted(frozenset().union(*photos.labels)))
    by_named: dict[frozenset[str], list[str]] = defaultdict(list)
    for text in sentences:
        if named := categories.named(text):
            by_named[named].append(text)
    generator = np.random.default_rng(seed)
    found = {}
    for name, labels in zip(photos.names, photos.labels, strict=True):
        fitting = [
            (len(named) / len(labels), named)
            for named in by_named
            if named <= labels
            and ("person" in named) == ("person" in labels)
            and len(named) >= LEAST_SHARED * len(labels)
            and (len(named) > 1 or len(labels) == 1)
        ]
        if not fitting:
            continue
        best = max(share for share, _ in fitting)
        near = [named for share, named in fitting if share >= best - 0.15]
        pool = [(text, named) for named in near for text in by_named[named]]
        chosen = generator.permutation(len(pool))[:MOST_BORROWED]
        found[name] = [pool[i] for i in chosen]
    return found


_FRAMES = ("{}", "{}", "a photo of {}", "there is {}", "{} in the picture")
_LINKS = (" and ", ", ", " with ", " next to ", " near ")


def label_sentence(
    labels: frozenset[str], generator: np.random.Generator
) -> tuple[str, frozenset[str]]:
    """A short sentence of one to four of a photo's categories, in any order -> it and them."""
    count = min(len(labels), int(generator.choice([1, 2, 3, 4], p=[0.4, 0.3, 0.2, 0.1])))
    chosen = [str(one) for one in generator.permutation(sorted(labels))[:count]]
    parts = [_with_article(one, generator) for one in chosen]
    if count == 1:
        return str(generator.choice(_FRAMES)).format(parts[0]), frozenset(chosen)
    link = str(generator.choice(_LINKS))
    if count == 2:
        return link.join(parts), frozenset(chosen)
    last = " and " if link == ", " else link
    return ", ".join(parts[:-1]) + last + parts[-1], frozenset(chosen)


def _with_article(name: str, generator: np.random.Generator) -> str:
    kind = generator.random()
    if kind < 0.7:
        return f"an {name}" if name[0] in "aeiou" else f"a {name}"
    return name if kind < 0.85 else f"the {name}"


def also_true(
    named: Sequence[frozenset[str] | None], labels: Sequence[frozenset[str]]
) -> np.ndarray:
    """(K, L) bool: is sentence l, which names these categories, true of photo k as well? None for a
    sentence of which that is not known."""
    return np.array(
        [[one is not None and one <= mine for one in named] for mine in labels], dtype=bool
    ).reshape(len(labels), len(named))


def words_of_labels(photos: LabelledPhotos) -> Mapping[str, int]:
    """Every word of the categories' names and how many photos show it."""
    counts: dict[str, int] = defaultdict(int)
    for labels in photos.labels:
        for name in labels:
            for word in tokenise(name):
                counts[word] += 1
    return counts
