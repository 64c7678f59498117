"""Who did what, and when: signing in, people and passwords, projects, and each change of a photo's
regions. One line for each action, the oldest first."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

from annotate.audit import AuditLine
from annotate.commands import add_url, opened
from annotate.commands.files import write_pieces
from annotate.people import OPERATOR
from core.formats.table import neutralised


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_url(options)
    options.add_argument(
        "--since", type=_moment, metavar="DAY", help="from this day, or time, of UTC (2026-05-04)"
    )
    options.add_argument(
        "--format", choices=("csv", "jsonl"), default="csv", help="what is written (csv)"
    )
    options.add_argument("--out", type=Path, metavar="FILE", help="a file (the terminal)")


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    with closing(opened(arguments)) as store, store.audit.lines(OPERATOR, arguments.since) as lines:
        pieces = as_csv(lines) if arguments.format == "csv" else as_jsonl(lines)
        if arguments.out is not None:
            write_pieces(arguments.out, pieces)
            return
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()


def as_csv(lines: Iterable[AuditLine]) -> Iterator[bytes]:
    """A row for each; no cell is a formula."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow([field.name for field in fields(AuditLine)])
    for line in lines:
        row = asdict(line) | {"at": line.at.isoformat()}
        table.writerow([neutralised(str(cell)) for cell in row.values()])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def as_jsonl(lines: Iterable[AuditLine]) -> Iterator[bytes]:
    """An object for each."""
    for line in lines:
        row = asdict(line) | {"at": line.at.isoformat()}
        yield json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text[:40]}' is no day; expected one such as 2026-05-04"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
