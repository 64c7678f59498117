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
import shutil
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Literal, TypeVar

import numpy as np
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

from core.errors import UserError
from core.language.vocabulary import tokenise

Key = TypeVar("Key", bound=Hashable)
Tokenizer = Literal["project", "ptb"]
NEEDS_JAVA = "{} needs Java, and there is no `java` on the PATH; install a JRE 8 or newer"


class MetricError(UserError):
    """Sentences that cannot be scored, or a metric that cannot run here."""


def has_java() -> bool:
    """Can METEOR and the PTB tokenizer run here?"""
    return shutil.which("java") is not None


def _words(sentences: Mapping[Key, Sequence[str]], tokenizer: Tokenizer) -> dict[Key, list[str]]:
    """Each sentence as its words, joined by single spaces: what pycocoevalcap splits again."""
    if tokenizer == "project":
        return {key: [" ".join(tokenise(s)) for s in group] for key, group in sentences.items()}
    if tokenizer != "ptb":
        raise MetricError(f"tokenizer is '{tokenizer}'; expected 'project' or 'ptb'")
    if not has_java():
        raise MetricError(NEEDS_JAVA.format("the PTB tokenizer"))
    # Its lines must stay lines: whatever Unicode calls a line end would shift all that follow.
    shaped = {
        key: [{"caption": " ".join(s.split())} for s in group] for key, group in sentences.items()
    }
    tokenised: dict[Key, list[str]] = PTBTokenizer().tokenize(shaped)
    return tokenised


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


def _meteor(references: Mapping[Key, list[str]], candidates: Mapping[Key, list[str]]) -> float:
    scorer = Meteor()
    try:
        value, _ = scorer.compute_score(references, candidates)
    finally:
        for pipe in (scorer.meteor_p.stdin, scorer.meteor_p.stdout, scorer.meteor_p.stderr):
            pipe.close()
    return float(value)


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
    references have them, so it needs several keys to mean anything. Raises MetricError on missing
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
        figures["meteor"] = _meteor(wanted, given)
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
