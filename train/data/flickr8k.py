"""A Flickr8k folder: captions.token.txt, splits/*.txt, images/."""

from __future__ import annotations

from pathlib import Path

from train.data.shapes import CaptionSet, DataError, read_lines


def read_flickr8k(folder: Path, split: str, images: Path | None = None) -> CaptionSet:
    """A Flickr8k folder -> one of its splits: "train", "dev" or "test".

    captions.token.txt has lines `name.jpg#k<TAB>sentence`; splits/SPLIT.txt names one photo a line.
    Photos lie in `images`, or where none is given in the folder's own `images`.
    """
    splits = sorted(p.stem for p in (folder / "splits").glob("*.txt"))
    if split not in splits:
        raise DataError(f"split is '{split}'; {folder}/splits has {', '.join(splits) or 'none'}")
    sentences: dict[str, list[str]] = {}
    token_file = folder / "captions.token.txt"
    for number, line in enumerate(read_lines(token_file), 1):
        key, tab, sentence = line.partition("\t")
        name, hash_sign, _ = key.partition("#")
        if not tab or not hash_sign:
            raise DataError(
                f"{token_file}, line {number}: '{line[:60]}'; expected 'name.jpg#k<TAB>sentence'"
            )
        sentences.setdefault(name, []).append(sentence)
    names = tuple(n.strip() for n in read_lines(folder / "splits" / f"{split}.txt") if n.strip())
    for name in names:
        if name not in sentences:
            raise DataError(f"{token_file} has no sentence for {name} of split '{split}'")
    return CaptionSet(
        names,
        tuple((images or folder / "images") / name for name in names),
        tuple(tuple(sentences[name]) for name in names),
    )


def read_other_sentences(folder: Path, split: str, path: Path) -> CaptionSet:
    """A Flickr8k folder's split with the sentences of another file, such as another language's.

    Lines are `name.jpg#k<TAB>sentence` (Arabic) or `name sentence`, names without ".jpg" (Hindi). A
    line that starts with no photo's name goes on with the sentence above it. Photos without a
    sentence there are left out.
    """
    known = read_flickr8k(folder, split)
    photos = {line.partition("#")[0] for line in read_lines(folder / "captions.token.txt")}
    sentences: dict[str, list[str]] = {}
    last: list[str] | None = None
    for number, line in enumerate(read_lines(path), 1):
        key, tab, rest = line.partition("\t")
        if not tab:
            key, _, rest = line.partition(" ")
        name = key.partition("#")[0]
        name = name if name in photos else f"{name}.jpg"
        if name in photos:
            last = sentences.setdefault(name, [])
            last.append(rest.strip())
        elif last is None:
            raise DataError(
                f"{path}, line {number}: '{line[:60]}'; expected the name of a photo of {folder}"
            )
        else:
            last[-1] = f"{last[-1]} {line.strip()}"
    kept = [row for row, name in enumerate(known.names) if sentences.get(name)]
    if not kept:
        raise DataError(f"{path} has no sentence for the photos of split '{split}'")
    return CaptionSet(
        tuple(known.names[row] for row in kept),
        tuple(known.paths[row] for row in kept),
        tuple(tuple(sentences[known.names[row]]) for row in kept),
    )
