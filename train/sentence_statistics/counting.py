"""What is counted of a stream of sentences, in memory that has a bound.

Words, pairs and triples of words are counted exactly until there are more kinds than `Counted`
keeps; then the rarest are let go, and how much that was is said. Distinct sentences are counted
exactly up to 100,000 and estimated above by HyperLogLog (Flajolet et al. 2007), to 0.4 %.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from sys import intern

import numpy as np

from core.language.vocabulary import tokenise

START, END = "<s>", "</s>"
WORDS, NGRAMS = 1_000_000, 250_000
"""Kinds that are kept: of words, of pairs and of triples."""
FIRST = 1_000
"""Words after which the vocabulary's growth is looked at first; then at each doubling."""
BATCH = 5_000
"""Sentences that are counted together."""
WEIGHTS = (0.65, 0.3, 0.05)
"""Of the pair, of the word alone and of any word, in the language model."""


class Counted:
    """Counts of things, of `most` kinds at most. dropped: how many things were let go of."""

    def __init__(self, most: int) -> None:
        self.most, self.total, self.dropped = most, 0, 0
        self.counts: Counter[Hashable] = Counter()

    def add(self, things: list[Hashable]) -> None:
        self.total += len(things)
        self.counts.update(things)
        if len(self.counts) > self.most:
            self._let_go()

    def _let_go(self) -> None:
        """The rarest, until half of what is kept is free."""
        sizes = Counter(self.counts.values())
        kept, least = len(self.counts), 0
        while kept > self.most // 2:
            least += 1
            kept -= sizes[least]
        gone = sum(count for count in self.counts.values() if count <= least)
        self.dropped += gone
        self.counts = Counter({k: count for k, count in self.counts.items() if count > least})

    def entropy(self) -> float:
        """Bits; what was let go of counts as things seen once each, so that this is at most too
        high."""
        if not self.total:
            return 0.0
        counts = np.fromiter(self.counts.values(), dtype=np.float64)
        counts /= counts.sum() + self.dropped
        rest = self.dropped / self.total * math.log2(self.total)
        return float(-(counts * np.log2(counts)).sum() + rest)

    def coverage(self, most_frequent: Iterable[int]) -> dict[int, float]:
        """The share of all things that the so many most frequent kinds are."""
        counts = np.sort(np.fromiter(self.counts.values(), dtype=np.float64))[::-1].cumsum()
        if not len(counts):
            return {}
        return {n: float(counts[min(n, len(counts)) - 1] / self.total) for n in most_frequent}


class Distinct:
    """How many different texts there were."""

    EXACT = 100_000
    BITS = 16

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._registers: np.ndarray | None = None

    @property
    def exact(self) -> bool:
        return self._registers is None

    def add(self, text: str) -> None:
        code = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
        if self._registers is not None:
            self._note(code)
            return
        self._seen.add(code)
        if len(self._seen) > self.EXACT:
            self._registers = np.zeros(1 << self.BITS, dtype=np.uint8)
            for one in self._seen:
                self._note(one)
            self._seen.clear()

    def _note(self, code: int) -> None:
        assert self._registers is not None
        place, rest = code & ((1 << self.BITS) - 1), code >> self.BITS
        zeros = 64 - self.BITS - rest.bit_length() + 1
        if self._registers[place] < zeros:
            self._registers[place] = zeros

    def count(self) -> int:
        if self._registers is None:
            return len(self._seen)
        m = len(self._registers)
        raw = 0.7213 / (1 + 1.079 / m) * m * m / np.exp2(-self._registers.astype(float)).sum()
        empty = int((self._registers == 0).sum())
        return round(m * math.log(m / empty) if raw <= 2.5 * m and empty else raw)


@dataclass
class Statistics:
    """What `counted` finds of a stream.

    lengths: sentences by their number of words; growth: (words read, different ones so far).
    """

    name: str
    sentences: int = 0
    words: Counted = field(default_factory=lambda: Counted(WORDS))
    pairs: Counted = field(default_factory=lambda: Counted(NGRAMS))
    """With the sentence's begin and end."""
    triples: Counted = field(default_factory=lambda: Counted(NGRAMS))
    lengths: Counter[int] = field(default_factory=Counter)
    growth: list[tuple[int, int]] = field(default_factory=list)
    distinct: Distinct = field(default_factory=Distinct)
    kinds: int = 0
    """Of words."""

    @property
    def mean_length(self) -> float:
        return self.words.total / self.sentences

    @property
    def share_unique(self) -> float:
        """Different sentences among all."""
        return min(1.0, self.distinct.count() / self.sentences)

    def length_at(self, share: float) -> int:
        """The number of words that this share of the sentences does not pass."""
        wanted, seen = share * self.sentences, 0
        for length, count in sorted(self.lengths.items()):
            seen += count
            if seen >= wanted:
                return length
        return 0

    def exponent(self) -> float | None:
        """Of Heaps' law, words ** exponent, fitted to the growth's logarithms by least squares;
        None where fewer than three points of it are known."""
        if len(self.growth) < 3:
            return None
        read, different = np.log(np.array(self.growth, dtype=np.float64)).T
        return float(np.polyfit(read, different, 1)[0])


def counted(name: str, sentences: Iterable[str]) -> Statistics:
    """A stream of sentences -> its statistics. Sentences without words are left out."""
    found = Statistics(name)
    upcoming = FIRST
    for batch in _batches(sentences):
        words: list[Hashable] = []
        pairs: list[Hashable] = []
        triples: list[Hashable] = []
        for sentence in batch:
            read = list(map(intern, tokenise(sentence)))  # each word once in memory
            if not read:
                continue
            found.sentences += 1
            found.lengths[len(read)] += 1
            found.distinct.add(" ".join(read))
            words += read
            pairs += zip([START, *read], [*read, END], strict=True)
            triples += zip(read, read[1:], read[2:], strict=False)
        known = found.words.counts
        before = found.words.total
        fresh: set[Hashable] = set()
        for place, word in enumerate(words, before + 1):
            if word not in known and word not in fresh:
                fresh.add(word)
            if place == upcoming:
                found.growth.append((place, found.kinds + len(fresh)))
                upcoming *= 2
        found.kinds += len(fresh)
        found.words.add(words)
        found.pairs.add(pairs)
        found.triples.add(triples)
    if found.growth and found.words.total > found.growth[-1][0]:
        found.growth.append((found.words.total, found.kinds))
    return found


def _batches(sentences: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for sentence in sentences:
        batch.append(sentence)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def telling_words(one: Statistics, other: Statistics, most: int) -> list[tuple[str, float]]:
    """Words that tell `one` from `other`, the most telling first, with the z-score of their log
    odds; the prior is the words of both (Monroe et al. 2008), worth 500 words."""
    both = one.words.total + other.words.total
    found = []
    for word, here in one.words.counts.items():
        there = other.words.counts.get(word, 0)
        prior = 500 * (here + there) / both
        a, b = here + prior, there + prior
        odds = math.log(a / (one.words.total + 500 - a)) - math.log(
            b / (other.words.total + 500 - b)
        )
        found.append((str(word), odds / math.sqrt(1 / a + 1 / b)))
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:most]


def perplexity_on(model: Statistics, sentences: Iterable[str]) -> float:
    """How surprised a language model of `model`'s pairs is by other sentences, a word: pair, word
    and any word, weighted by WEIGHTS; the end of a sentence counts as a word."""
    pair, single, any_word = WEIGHTS
    words, pairs = model.words.counts, model.pairs.counts
    each = any_word / (model.kinds + 1)
    total = model.words.total + model.sentences
    bits, n = 0.0, 0
    for sentence in sentences:
        read = tokenise(sentence)
        for before, word in zip([START, *read], [*read, END], strict=True) if read else ():
            context = model.sentences if before == START else words.get(before, 0)
            alone = model.sentences if word == END else words.get(word, 0)
            p = single * alone / total + each
            if context:
                p += pair * pairs.get((before, word), 0) / context
            bits -= math.log2(p)
            n += 1
    return float(2 ** (bits / n)) if n else float("nan")
