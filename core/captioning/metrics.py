"""How good sentences are: BLEU, ROUGE-L, CIDEr, METEOR, perplexity, novelty.

The first four are pycocoevalcap's (the code behind the published tables), fed with words from one
of two tokenizers:
  "project"   `core.language.vocabulary`: any script, the words that captioners learn; needs
              nothing else
  "ptb"       coco-caption's own, the Penn Treebank tokenizer of Stanford CoreNLP; needs Java
METEOR 1.5 is a Java program and knows English: where there is no Java it is left out, or refused if
it was asked for. All scores are fractions, as pycocoevalcap gives them (CIDEr reaches 10).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Literal, TypeVar

import numpy as np
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from core.captioning import java
from core.captioning.java import NEEDS_JAVA, MetricError, has_java
from core.language.vocabulary import tokenise

__all__ = [
    "CIDER_OF_ONE",
    "NEEDS_JAVA",
    "MetricError",
    "Tokenizer",
    "cider_of_each",
    "has_java",
    "perplexity",
    "score",
    "share_seen",
]
Key = TypeVar("Key", bound=Hashable)
Tokenizer = Literal["project", "ptb"]
CIDER_OF_ONE = (
    "CIDEr weighs words by how few of the images' references have them: of one image it is 0 by "
    "its definition, whatever the sentence; expected several images"
)
"""To be said beside the number."""


def _words(sentences: Mapping[Key, Sequence[str]], tokenizer: Tokenizer) -> dict[Key, list[str]]:
    """Each sentence as its words, joined by single spaces: what pycocoevalcap splits again."""
    if tokenizer == "project":
        return {key: [" ".join(tokenise(s)) for s in group] for key, group in sentences.items()}
    if tokenizer != "ptb":
        raise MetricError(f"tokenizer is '{tokenizer}'; expected 'project' or 'ptb'")
    flat = java.penn_treebank([s for group in sentences.values() for s in group])
    lines = iter(flat)
    return {key: [next(lines) for _ in group] for key, group in sentences.items()}


def _prepared(
    candidates: Mapping[Key, str], references: Mapping[Key, Sequence[str]], tokenizer: Tokenizer
) -> tuple[dict[Key, list[str]], dict[Key, list[str]]]:
    """(references, candidates) as pycocoevalcap wants them; references without words left out."""
    if not candidates:
        raise MetricError("there are no candidates; expected at least one sentence to score")
    for key in candidates:
        if key not in references:
            raise MetricError(f"the candidate of '{key}' has no references; expected at least one")
    wanted = _words({key: references[key] for key in candidates}, tokenizer)
    given = _words({key: [candidate] for key, candidate in candidates.items()}, tokenizer)
    kept = {key: [reference for reference in wanted[key] if reference] for key in candidates}
    for key, group in kept.items():
        if not group:
            raise MetricError(f"the references of '{key}' have no words; expected at least one")
    return kept, given


def score(
    candidates: Mapping[Key, str],
    references: Mapping[Key, Sequence[str]],
    meteor: bool | None = None,
    tokenizer: Tokenizer = "project",
) -> dict[str, float]:
    """One sentence and its references for each key -> bleu_1 .. bleu_4, rouge_l, cider, meteor.

    Only the candidates' keys are scored; further references are left alone. meteor: True demands
    it, False leaves it out (other languages than English), None takes it where Java is.
    BLEU is over the corpus, with the closest reference length; CIDEr weighs words by how many keys'
    references have them, so that it is 0 of one key (CIDER_OF_ONE). Raises MetricError on missing
    or wordless references and on METEOR or "ptb" without Java.
    """
    if meteor and not has_java():
        raise MetricError(NEEDS_JAVA.format("METEOR 1.5"))
    wanted, given = _prepared(candidates, references, tokenizer)
    bleu, _ = Bleu(4).compute_score(wanted, given, verbose=0)
    rouge, _ = Rouge().compute_score(wanted, given)
    cider, _ = Cider().compute_score(wanted, given)
    figures = {f"bleu_{n}": float(value) for n, value in enumerate(bleu, 1)}
    figures |= {"rouge_l": float(rouge), "cider": float(cider)}
    if has_java() if meteor is None else meteor:
        figures["meteor"] = java.meteor(wanted, given)
    return figures


def cider_of_each(
    candidates: Mapping[Key, str], references: Mapping[Key, Sequence[str]]
) -> dict[Key, float]:
    """CIDEr of every single candidate, to find the good and the bad ones."""
    wanted, given = _prepared(candidates, references, "project")
    _, each = Cider().compute_score(wanted, given)
    return dict(zip(wanted, map(float, each), strict=True))


def perplexity(log_probabilities: np.ndarray) -> float:
    """(W,) natural log-probabilities of all words, every sentence's END included -> perplexity.

    2^(-1/W sum log2 p): Mao's, per word, END counted as one. 1 is certainty.
    """
    bits = -np.asarray(log_probabilities, dtype=np.float64).mean() / math.log(2)
    return float(2.0**bits)


def share_seen(generated: Iterable[str], training: Iterable[str]) -> float:
    """The share of generated sentences that stand, word for word, in the training set."""
    seen = {tuple(tokenise(sentence)) for sentence in training}
    known = [tuple(tokenise(sentence)) in seen for sentence in generated]
    if not known:
        raise MetricError("there are no generated sentences; expected at least one")
    return sum(known) / len(known)
