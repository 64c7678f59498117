"""`python -m annotate`: what its own commands print, and one sentence for what goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from annotate.__main__ import parser
from annotate.database import MIGRATIONS, Database
from annotate.errors import InvalidError
from annotate.people import OPERATOR
from annotate.store import Store

ROOT = Path(__file__).parents[2]
REVISIONS = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def run(*arguments: str) -> None:
    chosen = parser().parse_args(arguments)
    chosen.main(chosen)


def test_from_nothing_to_a_project_with_people(
    empty_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("--url", empty_url)
    for number in range(2):
        Image.new("RGB", (30, 20)).save(tmp_path / f"{number}.png")
    guidelines = tmp_path / "guidelines.txt"
    guidelines.write_text("Draw what you see.\n", "utf-8")
    run("migrate", *here)
    run("project", "create", "dogs", "--boxes", "3", "--guidelines", str(guidelines), *here)
    run("photos", "add", "dogs", str(tmp_path), *here)
    run("photos", "add", "dogs", str(tmp_path), *here)
    run("project", "list", *here)
    run("user", "add", "Ada", *here)
    run("user", "add", "Root", "--owner", *here)
    run("user", "password", "Ada", *here)
    run("user", "disable", "Root", *here)
    run("user", "list", *here)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        f"The store has schema {REVISIONS[-1]}.",
        "Made dogs.",
        "Added 2 photos to dogs; 0 were there already.",
        "Added 0 photos to dogs; 2 were there already.",
        "dogs: 2 photos, 0 complete; 0 of 18 submissions",
    ]
    assert lines[-3:] == ["Root is disabled.", "Ada: annotator", "Root: owner, disabled"]
    first, second = (line.split()[-1] for line in (lines[5], lines[7]))
    store = Store(empty_url)
    ada = store.people.verify("Ada", second)
    assert ada is not None
    assert store.people.verify("Ada", first) is None
    task = store.work.next_photo(ada, 1)
    assert task is not None
    assert store.photos.bytes(ada, task.photo.id) == (tmp_path / "0.png").read_bytes()
    assert store.projects.get(ada, 1).settings.guidelines == "Draw what you see.\n"
    store.close()


def test_what_goes_wrong_is_one_sentence(tmp_path: Path) -> None:
    run("migrate", "--url", f"sqlite:///{tmp_path / 'store.db'}")
    command = [sys.executable, "-m", "annotate", "photos", "add", "dogs", str(tmp_path)]
    done = subprocess.run(
        [*command, "--url", f"sqlite:///{tmp_path / 'store.db'}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert done.stderr == "error: There is no project called dogs; there are: none yet.\n"


def test_good_photos_are_added_and_the_others_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("--url", f"sqlite:///{tmp_path / 'store.db'}")
    for number, batch in enumerate(("one", "two", "two/deep", "none")):
        (tmp_path / batch).mkdir()
        if batch != "none":
            Image.new("RGB", (30 + number, 20)).save(tmp_path / batch / f"{number}.png")
    (tmp_path / "one" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    run("project", "create", "dogs", *here)
    run("photos", "add", "dogs", str(tmp_path / "one"), *here)
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "Added 1 photo to dogs; 0 were there already."
    assert err.startswith("Not taken: 1 of the files.\n  broken.jpg: The JPEG file is damaged")
    run("photos", "add", "dogs", str(tmp_path / "two"), *here)
    assert capsys.readouterr().out.splitlines() == [
        "Added 1 photo to dogs; 0 were there already.",
        "Passed over: 1 photo in folders below it (taken with --recursive).",
    ]
    run("photos", "add", "dogs", str(tmp_path / "two"), "--recursive", *here)
    assert capsys.readouterr().out == "Added 1 photo to dogs; 1 were there already.\n"
    with pytest.raises(InvalidError, match="has no photo that can be taken, so nothing was change"):
        run("photos", "add", "dogs", str(tmp_path / "none"), *here)
    store = Store(here[1])
    for one in store.progress.photos(OPERATOR, 1):
        assert store.photos.bytes(OPERATOR, one.photo.id)
    store.close()


def test_bench_fills_as_the_store_would(
    empty_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ("--photos", "150", "--annotations", "500", "--people", "10", "--runs", "12")
    run("bench", *small, "--json", str(tmp_path / "bench.json"), "--url", empty_url)
    assert "next photo" in capsys.readouterr().out
    figures = json.loads((tmp_path / "bench.json").read_text())
    assert set(figures) >= {"next photo", "save", "submit", "my progress", "totals"}
    assert all(0 < one["median"] <= one["p95"] for one in figures.values())
    from tests.annotate.test_work import recount

    store = Store(empty_url)
    recount(store, 1)
    store.close()


def test_a_question_mark_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As text, it would end the file's path: the store would lie elsewhere, in silence."""
    data = tmp_path / "what?mode=memory"
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    run("project", "create", "dogs")
    assert (data / "words-and-regions" / "annotations.db").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["what?mode=memory"]
    with pytest.raises(InvalidError, match="has a question mark"):
        run("project", "list", "--url", f"sqlite:///{tmp_path}/a?b.db")


def test_looking_writes_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So it works on a file system that can only be read."""
    run("project", "create", "dogs", "--url", url)

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("something was written")

    monkeypatch.setattr(Database, "write", refused)
    run("project", "list", "--url", url)
    run("user", "list", "--url", url)
    assert "dogs: 0 photos" in capsys.readouterr().out
