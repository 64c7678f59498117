"""Files of a whole project: five formats, each written and read by one module, one table of them.

`write` gives a file's bytes, `read` takes them and gives a whole project or a FormatError: never
half of one. What each format carries stands at the head of its module and in docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from annotate.formats import coco, jsonl, table, visual_genome, web_annotation
from annotate.formats.build import Absent
from annotate.formats.reading import FormatError
from annotate.records import Project

__all__ = ["FORMATS", "Absent", "Format", "FormatError"]


@dataclass(frozen=True)
class Format:
    """One format: the usual end of its files' names, how to write, how to read."""

    suffix: str
    write: Callable[[Project], bytes]
    read: Callable[[bytes, Absent], Project]


FORMATS = {
    "jsonl": Format(".jsonl", jsonl.write, jsonl.read),
    "coco": Format(".json", coco.write, coco.read),
    "visual-genome": Format(".json", visual_genome.write, visual_genome.read),
    "csv": Format(".csv", table.write, table.read),
    "web-annotation": Format(".jsonld", web_annotation.write, web_annotation.read),
}
