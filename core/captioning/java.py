"""The two Java programs of pycocoevalcap, METEOR 1.5 and the Penn Treebank tokenizer, run so that
they work wherever Python's packages lie and what Java complains about is told.

METEOR finds its paraphrases by the address of its own archive, in which a blank is %20, so that it
ends at once below a folder such as "My Projects"; told where they are, by a name relative to the
folder it runs in, it finds them.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pycocoevalcap.meteor import meteor as meteor_module
from pycocoevalcap.tokenizer import ptbtokenizer

from core.errors import UserError

Key = TypeVar("Key", bound=Hashable)
NEEDS_JAVA = "{} needs Java, and there is no `java` on the PATH; install a JRE 8 or newer"
_METEOR = Path(meteor_module.__file__).parent
_TOKENIZER = Path(ptbtokenizer.__file__).parent
_PARAPHRASES = Path("data") / "paraphrase-en.gz"


class MetricError(UserError):
    """Sentences that cannot be scored, or a metric that cannot run here."""


def has_java() -> bool:
    """Can METEOR and the PTB tokenizer run here?"""
    return shutil.which("java") is not None


def _need_java(what: str) -> None:
    if not has_java():
        raise MetricError(NEEDS_JAVA.format(what))


def _complaint(what: str, code: int | None, told: str) -> MetricError:
    """What Java said, in one line: its first line names the fault, the others where it was."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    said = lines[0] if lines else f"nothing, and ended with status {code}"
    return MetricError(
        f"{what} gave no figures; Java said: {said[:300]} (expected a JRE 8 or newer with 2 GB of "
        "memory for METEOR; --no-meteor and --tokenizer project do without Java)"
    )


def meteor(
    references: Mapping[Key, Sequence[str]],
    candidates: Mapping[Key, Sequence[str]],
    folder: Path = _METEOR,
) -> float:
    """METEOR 1.5 of a corpus: by key some references and one candidate, as words joined by single
    spaces. folder: where meteor-1.5.jar lies. MetricError says what Java said where it fails."""
    _need_java("METEOR 1.5")
    command = ["java", "-jar", "-Xmx2G", "meteor-1.5.jar", "-", "-", "-stdio", "-l", "en", "-norm"]
    command += ["-a", str(_PARAPHRASES)]
    with tempfile.TemporaryFile() as complaints:  # a pipe that nobody empties would stop Java
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints
        )
        given, answers = process.stdin, process.stdout
        assert given is not None
        assert answers is not None

        def asked(line: str) -> str:
            assert given is not None
            assert answers is not None
            given.write(f"{line}\n".encode())
            given.flush()
            return answers.readline().decode().strip()

        try:
            counts = []
            for key, said in references.items():
                words = candidates[key][0].replace("|||", "")
                counts.append(asked(" ||| ".join(("SCORE", *said, words))))
                if not counts[-1]:
                    raise ValueError("no counts")
            # One line for each key, then one for all of them.
            asked(" ||| ".join(("EVAL", *counts)))
            for _ in counts[1:]:
                answers.readline()
            return float(answers.readline())
        except (ValueError, BrokenPipeError):
            process.kill()
            code = process.wait()
            complaints.seek(0)
            told = complaints.read().decode(errors="replace")
            raise _complaint("METEOR 1.5", code, told) from None
        finally:
            process.kill()
            for pipe in (given, answers):
                with suppress(BrokenPipeError):  # what it did not read, it does not miss
                    pipe.close()
            process.wait()


def penn_treebank(lines: Sequence[str], folder: Path = _TOKENIZER) -> list[str]:
    """Lines of text -> each one's words, lower case, without punctuation, joined by single spaces.
    folder: where Stanford's archive lies. MetricError says what Java said where it fails."""
    _need_java("the PTB tokenizer")
    command = ["java", "-cp", ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR]
    command += ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    # Its lines must stay lines: whatever Unicode calls a line end would shift all that follow.
    plain = [" ".join(line.split()) for line in lines]
    done = subprocess.run(
        command, cwd=folder, input="".join(f"{line}\n" for line in plain).encode(),
        capture_output=True, check=False,
    )  # fmt: skip
    found = done.stdout.decode(errors="replace").split("\n")[: len(plain)]
    if done.returncode or len(found) < len(plain):
        told = done.stderr.decode(errors="replace")
        raise _complaint("The PTB tokenizer", done.returncode, told)
    dropped = set(ptbtokenizer.PUNCTUATIONS)
    return [" ".join(word for word in line.split() if word not in dropped) for line in found]
