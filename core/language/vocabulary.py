"""Sentences: words and vocabulary. Any script; nothing here assumes English.

As in the paper's data: lower case, letters and digits kept, everything else dropped, and words
seen fewer than five times in training are not known. An apostrophe or hyphen inside a word is
dropped without parting it ("t-shirt" is "tshirt"); anything else parts words.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.language.forms import forms_of
from core.language.word_table import WordTable

UNKNOWN = 0  # the id of every word that neither sentences nor a table taught
_JOINERS = "'\u2019-\u2010\u2011\u200c\u200d"  # apostrophes, hyphens, Unicode's (non-)joiners


@dataclass(frozen=True)
class Word:
    """A word as the model reads it and where it stands: sentence[start:end]."""

    text: str
    start: int
    end: int


def _kept(character: str) -> bool:
    # Marks (M) are vowel signs of Devanagari, Arabic diacritics, accents: parts of their letter.
    return unicodedata.category(character)[0] in "LNM"


def words_of(sentence: str) -> list[Word]:
    """A sentence -> its words with their places in it; empty when it has none."""
    found: list[Word] = []
    text, start, end = "", 0, 0

    def close() -> None:
        nonlocal text
        if text:
            folded = unicodedata.normalize("NFC", text.lower())
            found.append(Word(folded, start, end))
        text = ""

    for place, character in enumerate(sentence):
        if _kept(character):
            if not text:
                start = place
            text, end = text + character, place + 1
        elif not (text and character in _JOINERS):
            close()
    close()
    return found


def tokenise(sentence: str) -> list[str]:
    """A sentence -> its words' texts."""
    return [word.text for word in words_of(sentence)]


class Vocabulary:
    """Words <-> ids. Id 0 stands for every unknown word; words learnt from sentences have ids 1, 2,
    ...; where there is a word table, its other words follow them."""

    def __init__(
        self,
        words: Sequence[str],
        counts: Sequence[int] | None = None,
        table: WordTable | None = None,
    ) -> None:
        if len(set(words)) != len(words):
            raise ValueError("the vocabulary has a word twice; expected each once")
        self.words = tuple(words)
        self.counts = tuple(counts) if counts is not None else (0,) * len(words)
        self.table = table
        learnt = set(words)
        self.others = tuple(w for w in table.words if w not in learnt) if table else ()
        """Words that only the table knows, in its order."""
        self._ids = {word: number for number, word in enumerate((*words, *self.others), 1)}

    def __len__(self) -> int:
        """Ids in all of words with vectors of their own, the unknown one included; the others'
        start here."""
        return len(self.words) + 1

    def word(self, number: int) -> str:
        """The word of an id above 0."""
        return self.words[number - 1] if number < len(self) else self.others[number - len(self)]

    def table_vectors(self) -> np.ndarray:
        """(len(self) + len(self.others), D) the table's vectors by id; zeros where it has none."""
        if self.table is None:
            raise ValueError("the vocabulary has no word table; expected one")
        found = np.zeros((len(self) + len(self.others), self.table.dimension), dtype=np.float32)
        rows = [self._ids[word] for word in self.table.words]
        found[rows] = self.table.vectors()
        return found

    def __contains__(self, word: str) -> bool:
        return word in self._ids

    def ids(self, words: Iterable[str]) -> list[int]:
        return [self._ids.get(word, UNKNOWN) for word in words]

    def ids_as_read(self, words: Iterable[str]) -> list[int]:
        """Ids as people's words are read, which training sentences were not: of a word without a
        vector of its own, the id of the first of its other forms (`forms_of`) that has one; else
        the table's; else that of a form in the table."""
        return [self._as_read(word) for word in words]

    def _as_read(self, word: str) -> int:
        own = self._ids.get(word, UNKNOWN)
        if own and own < len(self):
            return own
        forms = [self._ids.get(form, UNKNOWN) for form in forms_of(word)]
        learnt = next((form for form in forms if 0 < form < len(self)), UNKNOWN)
        return learnt or own or next((form for form in forms if form), UNKNOWN)

    @classmethod
    def from_sentences(cls, sentences: Iterable[str], least: int = 5) -> Vocabulary:
        """The words seen at least `least` times, commonest first, equals in alphabetic order."""
        seen = Counter(word for sentence in sentences for word in tokenise(sentence))
        kept = sorted((-count, word) for word, count in seen.items() if count >= least)
        return cls([word for _, word in kept], [-count for count, _ in kept])

    def save(self, path: Path) -> None:
        data = {"words": self.words, "counts": self.counts}
        path.write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(data["words"], data["counts"])
