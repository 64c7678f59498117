"""Other forms of an English word: a digit's name, a British or American spelling, a singular.

Training sentences hold "color" and "pizza", a person types "colour" and "pizzas". A word without a
vector of its own is read as the first of its forms that has one, and pages say so ("pizzas, read as
pizza"). Nothing here is tried on a word that is known by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SPELLINGS = """
aeroplane:airplane aluminium:aluminum armour:armor armoured:armored axe:ax behaviour:behavior
cancelled:canceled catalogue:catalog centre:center centres:centers cheque:check cheques:checks
colour:color coloured:colored colourful:colorful colours:colors cosy:cozy doughnut:donut
doughnuts:donuts favourite:favorite fibre:fiber flavour:flavor gaol:jail grey:gray greyish:grayish
harbour:harbor harbours:harbors honour:honor jewellery:jewelry kerb:curb kilometre:kilometer
labour:labor licence:license litre:liter metre:meter metres:meters mould:mold moustache:mustache
moustaches:mustaches mum:mom multicoloured:multicolored neighbour:neighbor
neighbourhood:neighborhood neighbours:neighbors omelette:omelet paediatric:pediatric parlour:parlor
plough:plow ploughing:plowing programme:program pyjamas:pajamas sceptre:scepter skilful:skillful
sledge:sled theatre:theater theatres:theaters travelled:traveled traveller:traveler
travellers:travelers travelling:traveling tyre:tire tyres:tires vapour:vapor whisky:whiskey
woollen:woolen yoghurt:yogurt
"""
_OTHER: dict[str, str] = {}
for _pair in _SPELLINGS.split():
    _british, _american = _pair.split(":")
    _OTHER[_british], _OTHER[_american] = _american, _british


def forms_of(word: str) -> Iterator[str]:
    """A word, as `tokenise` writes it -> its other forms, the likeliest first; none for most."""
    if word.isdecimal() and word.isascii() and len(word) < 3 and int(word) < len(_NUMBERS):
        yield _NUMBERS[int(word)]
    if word in _OTHER:
        yield _OTHER[word]
    for singular in _singulars(word):
        yield singular
        if singular in _OTHER:
            yield _OTHER[singular]


def _singulars(word: str) -> Iterator[str]:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return
    if word.endswith("ies") and len(word) > 4:
        yield word[:-3] + "y"
    if word.endswith("ves"):
        yield word[:-3] + "f"
        yield word[:-3] + "fe"
    yield word[:-1]
    if word.endswith("es"):
        yield word[:-2]
