"""`python -m annotate agreement | statistics | export | import` on files and stores."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotate.__main__ import parser
from annotate.errors import InvalidError, NotFoundError
from annotate.people import OPERATOR
from annotate.store import Store
from core.formats import FORMATS, FormatError, ReadOptions
from core.formats.contents import contents_of, counted
from core.formats.record import Annotation, Photo, Project, Submission, Suggestion
from tests.annotate.store_helper import StoreHelper

TWO = Project(
    "harbour",
    photos=(Photo("a.jpg", 100, 80), Photo("empty.jpg", 30, 20)),
    annotators=("Ada", "Ben"),
    submissions=tuple(
        Submission(
            person,
            "a.jpg",
            person,
            "submitted",
            (Annotation("0", (10.0, 10.0, 30.0, right), "a red boat", 0, seconds=2.0),),
        )
        for person, right in (("Ada", 30.0), ("Ben", 50.0))  # 400 / 800: IoU 0.5
    ),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "two.jsonl"
    path.write_bytes(FORMATS["jsonl"].write(TWO))
    return path


@pytest.fixture
def url(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


def run(*arguments: object) -> None:
    chosen = parser().parse_args([str(argument) for argument in arguments])
    chosen.main(chosen)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def stored(url: str, name: str) -> Project:
    store = Store(url)
    try:
        return store.records(OPERATOR, store.projects.named(OPERATOR, name).id)
    finally:
        store.close()


def test_agreement(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("agreement", "--no-meteor", "--annotations", file, "--json", tmp_path / "out.json")
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["overall"]["mean_iou"] == pytest.approx(0.5)
    assert figures["overall"]["share_at_threshold"] == 1
    assert figures["pairs"][0]["people"] == ["Ada", "Ben"]
    assert figures["snippets"]["bleu_1"] == pytest.approx(100, abs=1e-4)
    assert "matched at IoU 0.5         100.00%" in capsys.readouterr().out


def test_statistics_of_a_store(
    url: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("import", file, "--format", "jsonl", "--url", url)
    run("statistics", "--url", url, "--project", "harbour", "--json", tmp_path / "out.json")
    figures = json.loads((tmp_path / "out.json").read_text())
    assert (figures["snippets"], figures["words"]["mean"]) == (2, 3)
    assert "commonest: a red boat (2)" in capsys.readouterr().out


@pytest.mark.parametrize("name", FORMATS)
def test_export_and_import(name: str, url: str, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("export", "--annotations", file, "--format", name, "--out", out)
    run("import", out, "--format", name, "--url", url, "--project", "again")
    back = stored(url, "again")
    assert [photo.name for photo in back.photos] == ["a.jpg", "empty.jpg"]
    assert [s.annotations[0].snippet for s in back.submissions] == ["a red boat"] * 2
    run("import", out, "--format", name, "--annotations", tmp_path / "new.jsonl")
    assert FORMATS["jsonl"].read((tmp_path / "new.jsonl").read_bytes()).photos == TWO.photos


def test_a_wrong_file_changes_nothing(url: str, file: Path) -> None:
    good = file.read_text()
    file.write_text(good.replace("50.0", "500.0"))  # the last line's box leaves the photo
    with pytest.raises(FormatError, match=r"two\.jsonl, line 5\.submission\.annotations\[0\]: The"):
        run("import", file, "--format", "jsonl", "--url", url)
    with pytest.raises(NotFoundError, match="none yet"):
        stored(url, "harbour")


def test_a_name_that_is_taken_changes_nothing(url: str, file: Path) -> None:
    run("import", file, "--format", "jsonl", "--url", url)
    with pytest.raises(InvalidError, match="choose another name"):
        run("import", file, "--format", "jsonl", "--url", url)
    assert stored(url, "harbour") == TWO
    new = file.with_name("new.jsonl")
    new.write_bytes(b"kept")
    with pytest.raises(InvalidError, match="is there already"):
        run("import", file, "--format", "jsonl", "--annotations", new)
    assert new.read_bytes() == b"kept"


def test_sizes_come_from_the_photos_folder(url: str, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "7.jpg"), np.zeros((20, 30, 3), np.uint8))
    region = {"phrase": "a dog", "x": 1, "y": 2, "width": 29, "height": 4}
    export = tmp_path / "genome.json"
    export.write_text(json.dumps([{"id": 7, "regions": [region]}]))
    run("import", export, "--format", "visual-genome", "--photos", photos, "--url", url)
    project = stored(url, "genome")
    assert project.photos == (Photo("7.jpg", 30, 20),)
    assert project.submissions[0].annotations[0].box == (1, 2, 30, 6)
    (photos / "7.jpg").write_bytes(b"no photo")
    with pytest.raises(FormatError, match=r"genome\.json, 7\.jpg: "):
        run("import", export, "--format", "visual-genome", "--photos", photos, "--url", url)
    with pytest.raises(InvalidError, match="no folder"):
        run("import", export, "--format", "visual-genome", "--photos", tmp_path / "x")


def test_predictions(url: str, file: Path, tmp_path: Path) -> None:
    lines = tmp_path / "model.jsonl"
    line = {"photo": "a.jpg", "box": [1, 2, 3, 4], "caption": "a boat", "score": 0.5, "model": "m"}
    lines.write_text(json.dumps(line) + "\n")
    run("import", file, "--format", "jsonl", "--url", url)
    run("import", lines, "--format", "predictions", "--url", url, "--project", "harbour")
    run("import", lines, "--format", "predictions", "--annotations", file)
    for project in (stored(url, "harbour"), FORMATS["jsonl"].read(file.read_bytes())):
        [suggestion] = project.photos[0].suggestions
        assert (suggestion.box, suggestion.snippet) == ((1.0, 2.0, 3.0, 4.0), "a boat")
        assert project.submissions == TWO.submissions


def test_what_is_missing_is_said(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="add --project NAME, one of: none yet"):
        run("statistics", "--url", url)
    with pytest.raises(FormatError, match=r"gone\.jsonl: The file cannot be read: No such file"):
        run("statistics", "--annotations", tmp_path / "gone.jsonl")
    (tmp_path / "two.jsonl").write_bytes(FORMATS["jsonl"].write(TWO))
    with pytest.raises(FormatError, match="The file cannot be written"):
        run(
            "export",
            *("--annotations", tmp_path / "two.jsonl", "--format", "csv"),
            *("--out", tmp_path / "gone" / "out.csv"),
        )


def test_every_format_reads_an_empty_project_back() -> None:
    empty = Project("empty")
    for one in FORMATS.values():
        assert one.read(one.write(empty), ReadOptions(project="empty")) == empty


def test_what_a_format_leaves_out_is_said(
    helper: StoreHelper, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every export says how much its file holds, by counting the file, and names the rest."""
    project = helper.project(photos=3, annotators_per_photo=2)
    ada, ben = helper.person("Ada"), helper.person("Ben")
    bad = helper.done(ada, project)
    for who in (ada, ben):
        helper.done(who, project)
    helper.skip(ben, helper.next(ben, project))
    helper.store.review.mark_bad(OPERATOR, bad.assignment, "copied")
    hound = Suggestion("1", (1, 2, 30, 40), "a hound", 0.5, "a model")
    helper.store.projects.add_suggestions(OPERATOR, project, {"0.jpg": [hound]})
    records = helper.store.records(OPERATOR, project)
    assert helper.store.progress.contents(OPERATOR, project) == contents_of(records)
    for one in FORMATS.values():
        out = tmp_path / f"out{one.ending}"
        run("export", "--format", one.name, "--project", "horses", "--out", str(out), "--url", url)
        first, *more = capsys.readouterr().out.splitlines()
        held = one.read(out.read_bytes())
        snippets = sum(len(submission.annotations) for submission in held.submissions)
        assert first.endswith(f": 3 photos, {counted(len(held.submissions), 'submission')}, "
                              f"{counted(snippets, 'snippet')}"), one.name  # fmt: skip
        missing = ["1 submission marked as bad (2 snippets), 1 skipped photo"]
        missing = [] if one.carries.states == "yes" else missing
        missing += [] if one.carries.settings == "yes" else ["1 suggestion"]
        said = f"Left out, as {one.name} has no place for it: {', '.join(missing)}."
        assert more == ([said] if missing else [])


def test_small_faults_of_published_data(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boxes as Visual Genome's own file has them, on a photo of 640 x 426."""
    monkeypatch.chdir(tmp_path)

    def region(number: int, x: float, y: float, width: float, height: float) -> dict[str, object]:
        box = {"x": x, "y": y, "width": width, "height": height}
        return {"region_id": number, "image_id": 7, "phrase": f"thing {number}", **box}

    regions = [
        region(1, 10, 20, 30, 40),
        region(2, 480, -2, 10, 35),  # two pixels over the upper edge
        region(3, 5, -904, 10, 25),  # wholly outside
        region(4, 50, 50, 0, 10),  # no width
        region(5, 600, 400, 100, 100),  # over the lower right corner
        region(6, 0, 0, 640.5, 426),  # within the pixel that other tools' counting costs
        region(7, 1, 1, 5, 5) | {"phrase": " "},
    ]
    photo = {"id": 7, "file_name": "7.jpg", "width": 640, "height": 426, "regions": regions}
    file = tmp_path / "genome.json"
    file.write_text(json.dumps([photo]))
    with pytest.raises(
        FormatError, match=r"regions\[1\]: The box \(480, -2, 490, 33\) has no area"
    ):
        run("import", file, "--url", url)
    run("import", file, "--url", url, "--faults", "clip", "--project", "clipped")
    told = capsys.readouterr().out
    assert "5 faults: 2 boxes clipped, 3 regions left out; genome.json.faults.csv lists" in told
    [work] = stored(url, "clipped").submissions
    assert {one.snippet: one.box for one in work.annotations} == {
        "thing 1": (10, 20, 40, 60),
        "thing 2": (480, 0, 490, 33),
        "thing 5": (600, 400, 640, 426),
        "thing 6": (0, 0, 640, 426),
    }
    report = rows_of(tmp_path / "genome.json.faults.csv")
    assert [(one["where"], one["fate"]) for one in report] == [
        ("$[0].regions[1]", "clipped"),
        ("$[0].regions[2]", "skipped"),
        ("$[0].regions[3]", "skipped"),
        ("$[0].regions[4]", "clipped"),
        ("$[0].regions[6]", "skipped"),
    ]
    assert (report[0]["photo"], report[0]["box"], report[0]["kept"]) == (
        "7.jpg",
        "480 -2 490 33",
        "480 0 490 33",
    )
    assert "A snippet is blank" in report[4]["fault"]
    run("import", file, "--url", url, "--faults", "skip", "--project", "s", "--report", "r.csv")
    [work] = stored(url, "s").submissions
    assert [one.snippet for one in work.annotations] == ["thing 1", "thing 6"]
    assert len(rows_of(tmp_path / "r.csv")) == 5

    # Lines are named where the file has lines.
    rows = "photo,width,height,x0,y0,x1,y1,snippet\na.jpg,9,9,1,2,3,4,x\na.jpg,9,9,-5,2,3,4,y\n"
    (tmp_path / "rows.csv").write_text(rows)
    run("import", "rows.csv", "--url", url, "--faults", "clip", "--project", "rows")
    [line] = rows_of(tmp_path / "rows.csv.faults.csv")
    assert (line["where"], line["kept"]) == ("line 3", "0 2 3 4")
