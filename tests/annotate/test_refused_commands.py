"""Every command of `python -m annotate`, given what cannot work: one sentence, and nothing made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from annotate.__main__ import main
from annotate.store import Store

ROOT = Path(__file__).parents[2]
READING = (
    ("project", "list"),
    ("photos", "add", "dogs", "{empty}"),
    ("user", "list"),
    ("user", "password", "Ada"),
    ("user", "disable", "Ada"),
    ("export", "--project", "dogs", "--format", "jsonl", "--out", "{tmp}/out.jsonl"),
    ("agreement", "--project", "dogs"),
    ("statistics", "--project", "dogs"),
    ("import", "{jsonl}", "--format", "predictions", "--project", "dogs"),
)


@dataclass
class Done:
    """What a command printed, and how it ended."""

    returncode: int
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`python -m annotate ARGUMENTS` in this process: starting one takes seconds."""

    def ran(*arguments: str, home: Path) -> Done:
        monkeypatch.setenv("XDG_DATA_HOME", str(home))
        capsys.readouterr()
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
        else:
            code = 0
        assert isinstance(code, int)
        return Done(code, capsys.readouterr().err)

    return ran


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """What a person may name by mistake."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.jsonl").write_text('{"photo": "a.png", "box": [0, 0, 1, 1]}\n', "utf-8")
    (tmp_path / "text.txt").write_text("neither photo nor JSON\n", "utf-8")
    Image.new("RGB", (30, 20)).save(tmp_path / "photo.png")
    store = Store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    store.close()
    return {
        "tmp": str(tmp_path),
        "empty": str(tmp_path / "empty"),
        "jsonl": str(tmp_path / "file.jsonl"),
        "text": str(tmp_path / "text.txt"),
        "photo": str(tmp_path / "photo.png"),
        "below": str(tmp_path / "text.txt" / "below"),  # no permission, even for root
        "missing": str(tmp_path / "missing"),
        "url": f"sqlite:///{tmp_path}/store.db",
    }


def assert_one_sentence(done: Done, *named: str) -> None:
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    assert len(errors) == 1, done.stderr
    assert lines[-1] == errors[0], "the sentence comes last"
    for name in named:
        assert name in errors[0]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_store_that_is_not_there_is_not_made(
    command: tuple[str, ...], places: dict[str, str], tmp_path: Path, run: Run
) -> None:
    before = sorted(tmp_path.rglob("*"))
    filled = [part.format(**places) for part in command]
    done = run(*filled, "--url", f"sqlite:///{tmp_path}/other.db", home=tmp_path / "home")
    assert_one_sentence(done, f"There is no store {tmp_path}/other.db")
    done = run(*filled, home=tmp_path / "home")
    assert_one_sentence(done, f"There is no store {tmp_path}/home/words-and-regions/annotations.db")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (("project", "create", "dogs", "--guidelines", "{missing}"), "{missing}"),
        (("project", "create", "dogs", "--guidelines", "{empty}"), "{empty}"),
        (("project", "create", "dogs", "--guidelines", "{photo}"), "{photo}"),
        (("project", "create", "dogs", "--boxes", "0"), "0"),
        (("project", "create", "dogs", "--boxes", "five"), "five"),
        (("import", "{missing}", "--format", "jsonl", "--project", "p"), "{missing}"),
        (("import", "{empty}", "--format", "jsonl", "--project", "p"), "{empty}"),
        (("import", "{photo}", "--format", "jsonl", "--project", "p"), "{photo}"),
        (("import", "{text}", "--format", "coco", "--project", "p"), "{text}"),
        (("import", "{text}", "--format", "csv", "--project", "p"), "{text}"),
        (("import", "{text}", "--format", "nonsense", "--project", "p"), "nonsense"),
        (("import", "{jsonl}", "--format", "coco", "--photos", "{missing}"), "{missing}"),
        (("statistics", "--annotations", "{missing}"), "{missing}"),
        (("agreement", "--annotations", "{empty}"), "{empty}"),
        (("agreement", "--annotations", "{photo}"), "{photo}"),
        (("export", "--project", "none", "--format", "csv", "--out", "{below}"), "none"),
        (("nonsense",), "nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_read_is_named(
    command: tuple[str, ...],
    named: str,
    places: dict[str, str],
    tmp_path: Path,
    run: Run,
) -> None:
    filled = [part.format(**places) for part in command]
    url = () if command[0] == "nonsense" else ("--url", places["url"])
    done = run(*filled, *url, home=tmp_path / "home")
    assert_one_sentence(done, named.format(**places))


@pytest.mark.parametrize("folder", ["missing", "text"])
def test_photos_of_no_folder(folder: str, places: dict[str, str], tmp_path: Path, run: Run) -> None:
    here = ("--url", places["url"])
    assert run("project", "create", "dogs", *here, home=tmp_path).returncode == 0
    done = run("photos", "add", "dogs", places[folder], *here, home=tmp_path)
    assert_one_sentence(done, places[folder])


def test_a_place_where_nothing_can_be_written(
    places: dict[str, str], tmp_path: Path, run: Run
) -> None:
    here = ("--url", places["url"])
    assert run("project", "create", "dogs", *here, home=tmp_path).returncode == 0
    below = places["below"]
    out = ("--project", "dogs", "--format", "csv", "--out", below)
    assert_one_sentence(run("export", *out, *here, home=tmp_path), below)
    done = run("statistics", "--project", "dogs", "--json", below, *here, home=tmp_path)
    assert_one_sentence(done, below)
    assert_one_sentence(run("project", "create", "dogs", home=Path(below)), below)
    unmade = run("project", "create", "dogs", "--url", f"sqlite:///{below}", home=tmp_path)
    assert_one_sentence(unmade)


@pytest.mark.parametrize("url", ["nonsense", "mysql://here/x", "sqlite://", "postgres+other://x"])
def test_urls_that_name_no_store(url: str, tmp_path: Path, run: Run) -> None:
    assert_one_sentence(run("project", "list", "--url", url, home=tmp_path), "expected sqlite:///")


def test_a_file_that_is_no_database(places: dict[str, str], tmp_path: Path, run: Run) -> None:
    done = run("project", "list", "--url", f"sqlite:///{places['photo']}", home=tmp_path)
    assert_one_sentence(done, "damaged or no database")


def test_commands_need_no_torch(tmp_path: Path) -> None:
    """Importing it takes seconds; the store and its files need no model."""
    code = (
        "import sys\n"
        "from annotate.__main__ import COMMANDS, parser\n"
        "for command in COMMANDS:\n"
        "    try:\n"
        "        parser().parse_args([command, '--help'])\n"
        "    except SystemExit:\n"
        "        pass\n"
        "import annotate.agreement, annotate.exchange, annotate.statistics\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('torch', 'gradio')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
