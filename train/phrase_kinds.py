"""The kind of thing a phrase names: Flickr30k Entities' eight kinds, told by its words.

The phrases that are read here come without their kinds, so a list of common nouns stands in: the
rightmost word that is listed decides ("the collar of a dog" is an animal's: a list is no parser),
and what is not listed is "other".
"""

from __future__ import annotations

from core.language.vocabulary import tokenise

KINDS = {
    "people": (
        "man men woman women boy girl child children kid person people someone guy lady ladies"
        " player skateboarder snowboarder surfer skier rider biker bicyclist cyclist motorcyclist"
        " climber hiker toddler baby babies adult couple crowd team onlooker spectator bride male"
        " female youth teenager swimmer runner family friend worker musician group athlete"
        " performer fan driver officer swinger jogger conductor orchestra"
    ),
    "clothing": (
        "shirt tshirt jacket hat short jeans helmet pants dress dresses coat suit top uniform"
        " sunglasses cap glasses jersey outfit sweater clothes shoe shoes skirt trunks clothing"
        " sweatshirt vest goggles scarf wetsuit mask bandanna boot glove costume bikini headband"
        " swimsuit sandal headscarf hood hoodie shorts sock sweatpants robe tie gear"
    ),
    "body parts": (
        "mouth face hair hand head arm leg tongue eye ear feet foot beard nose back teeth paw neck"
        " body shoulder wing muzzle finger tail knee lip hands"
    ),
    "animals": (
        "dog horse bird puppy puppies animal retriever cat poodle fish greyhound terrier cow sheep"
        " duck goat camel swan foal kitten pony labrador collie shepherd dachshund"
    ),
    "vehicles": (
        "bike car bicycle boat motorcycle vehicle truck canoe kayak bus scooter sled raft cart"
        " motorbike van train dirtbike atv jeep rowboat airplane plane shuttle tractor"
    ),
    "instruments": (
        "guitar drum piano violin accordion saxophone trumpet microphone instrument cello flute"
    ),
    "scene": (
        "water grass snow building field wall pool beach beaches fence street tree rock mountain"
        " sidewalk path road sand ocean lake wave hill track floor sky river house bridge fountain"
        " trail window surface park stairs yard wood woods cliff ice pond dirt shore room lawn"
        " stream tunnel mud playground city area background forest ground court stage puddle cloud"
        " outdoors outside leaves door store restaurant tower meadow bushes ledge"
    ),
}
_KIND_OF = {word: kind for kind, words in KINDS.items() for word in words.split()}


def kind_of(phrase: str) -> str:
    """A phrase -> one of KINDS, or "other"."""
    for word in reversed(tokenise(phrase)):
        for form in (word, word.removesuffix("s")):
            if form in _KIND_OF:
                return _KIND_OF[form]
    return "other"
