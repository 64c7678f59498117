"""The audit: every deed of consequence has its line, and nobody else's words make one up."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest

from annotate.__main__ import main
from annotate.errors import InvalidError, NotAllowedError
from annotate.people import OPERATOR
from annotate.projects import ProjectSettings
from annotate.store import Store
from core.formats.record import Photo
from tests.annotate.conftest import Clock
from tests.annotate.store_helper import HEIGHT, WIDTH, content


def told(store: Store) -> list[tuple[str, str, str, str, str, str]]:
    with store.audit.lines(OPERATOR) as lines:
        return [
            (one.who, one.what, one.person, one.project, one.photo, one.detail) for one in lines
        ]


def test_who_did_what(store: Store, clock: Clock) -> None:
    root = store.people.add(OPERATOR, "Root", "correct horse", "owner")
    clock.turn(1)
    ben = store.people.enter("Ben")
    store.sign_ins.end(store.sign_ins.begin(ben, "10.0.0.9"), "10.0.0.9")
    clock.turn(1)
    project = store.projects.create(root, "Streets", ProjectSettings(annotators_per_photo=1)).id
    clock.turn(1)
    store.projects.add_photos(root, project, [Photo("1.jpg", WIDTH, HEIGHT)])
    clock.turn(1)
    store.projects.change(root, project, ProjectSettings(annotators_per_photo=2, blind=False))
    clock.turn(1)
    task = store.work.next_photo(ben, project)
    assert task is not None
    store.work.submit(ben, task.assignment, content(5), 0, "key")
    clock.turn(1)
    store.review.mark_bad(root, task.assignment, "too few")
    clock.turn(1)
    store.people.set_disabled(root, "Ben", True)
    photo = task.photo.name
    assert told(store) == [
        ("the command line", "added a person", "Root", "", "", "owner"),
        ("Ben", "added a person", "Ben", "", "", "annotator"),
        ("Ben", "signed in", "", "", "", "by name"),
        ("Ben", "signed out", "", "", "", ""),
        ("Root", "made a project", "", "Streets", "", ""),
        ("Root", "added photos", "", "Streets", "", "1 photos"),
        ("Root", "changed a project", "", "Streets", "", "annotators_per_photo, blind"),
        ("Ben", "submitted", "Ben", "Streets", photo, ""),
        ("Root", "marked", "Ben", "Streets", photo, ""),
        ("Root", "disabled a person", "Ben", "", "", ""),
    ]
    with store.audit.lines(OPERATOR) as lines:
        assert [one.address for one in lines if one.what.startswith("signed")] == ["10.0.0.9"] * 2
    with store.audit.lines(OPERATOR, clock.now - timedelta(minutes=1)) as lines:
        assert [one.what for one in lines] == ["marked", "disabled a person"]


def test_what_fails_leaves_no_line(store: Store) -> None:
    ben = store.people.enter("Ben")
    before = told(store)
    with pytest.raises(NotAllowedError):
        store.people.set_password(ben, "Ben", "correct horse")
    with pytest.raises(InvalidError):
        store.people.add(OPERATOR, "Ben", None)
    with pytest.raises(NotAllowedError), store.audit.lines(ben):
        pass
    assert told(store) == before


def test_nobody_is_called_as_the_command_line(store: Store) -> None:
    with pytest.raises(InvalidError, match="Nobody can be called the command line"):
        store.people.enter(OPERATOR.name)


def test_the_audit_as_files(store: Store, url: str, tmp_path: Path) -> None:
    store.people.add(OPERATOR, "=HYPERLINK(1)", None)
    table, lines = tmp_path / "audit.csv", tmp_path / "audit.jsonl"
    main(["audit", "--url", url, "--out", str(table)])
    main(["audit", "--url", url, "--out", str(lines), "--format", "jsonl"])
    [row] = csv.DictReader(table.read_text("utf-8").splitlines())
    [line] = [json.loads(one) for one in lines.read_text("utf-8").splitlines()]
    assert (row["what"], row["person"]) == ("added a person", "'=HYPERLINK(1)")
    assert (line["what"], line["person"]) == ("added a person", "=HYPERLINK(1)")
    assert line["at"] == row["at"] == "2026-05-04T12:00:00+00:00"
    main(["audit", "--url", url, "--since", "2026-05-05", "--out", str(lines), "--format", "jsonl"])
    assert lines.read_text() == ""
    with pytest.raises(SystemExit):
        main(["audit", "--url", url, "--since", "yesterday"])
