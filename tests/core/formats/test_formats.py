"""Round trips of whole projects through every format, and files that must be refused."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.formats import FORMATS, FormatError, ReadOptions, jsonl, predictions, table
from core.formats.record import Annotation, Photo, Project, Submission, Suggestion
from tests.core.formats.strategies import projects, texts

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BOAT = Annotation("b1", (10.0, 20.5, 40.0, 60.25), '=a red boat, "big"\r\n', 0, "edited", 2.5)
SEA = Annotation("b2", (0.0, 0.0, 100.0, 80.0), "the sea", 1)
SMALL = Project(
    "harbour",
    photos=(Photo("a.jpg", 100, 80, "ab"), Photo("empty.jpg", 30, 20)),
    annotators=("Ada", "Ben", "Cyn"),
    submissions=(
        Submission("w1", "a.jpg", "Ada", "submitted", (BOAT, SEA), seconds=9.0),
        Submission("w2", "a.jpg", "Ben", "skipped", reason="too dark"),
        Submission("w3", "a.jpg", "Cyn", "submitted", (replace(SEA, order=0),), bad="asleep"),
    ),
)


def by_photo(project: Project) -> Project:
    """Submissions in the order of their photos; people in the order of their submissions."""
    places = {photo.name: place for place, photo in enumerate(project.photos)}
    submissions = tuple(sorted(project.submissions, key=lambda s: places[s.photo]))
    people = tuple(dict.fromkeys(submission.annotator for submission in submissions))
    return replace(project, submissions=submissions, annotators=people)


def without_settings(project: Project, name: str, sentences: bool = True) -> Project:
    photos = tuple(
        replace(photo, suggestions=(), sentences=photo.sentences if sentences else ())
        for photo in project.photos
    )
    return Project(name, photos=photos, submissions=project.submissions)


def counted(project: Project) -> Project:
    """Only submissions that count and have boxes, without their times."""
    kept = [s for s in project.submissions if s.counts and s.annotations]
    return replace(
        project,
        submissions=tuple(
            replace(s, reason="", started=None, finished=None, seconds=0) for s in kept
        ),
    )


def only_words_and_places(project: Project, times: bool) -> Project:
    """What Web Annotation carries: besides, neither ids nor provenance nor seconds; `finished`."""
    finished = {s.id: s.finished if times else None for s in project.submissions}
    kept = by_photo(counted(project)).submissions
    submissions = tuple(
        replace(
            submission,
            id=f"imported {number}",
            finished=finished[submission.id],
            annotations=tuple(
                Annotation(str(order), a.box, a.snippet, order)
                for order, a in enumerate(submission.annotations)
            ),
        )
        for number, submission in enumerate(kept)
    )
    photos = tuple(replace(photo, sha256="") for photo in project.photos)
    return replace(project, photos=photos, submissions=submissions)


CARRIED = {
    "jsonl": lambda project: project,
    "csv": lambda project: by_photo(without_settings(project, "imported", False)),
    "coco": lambda project: by_photo(counted(without_settings(project, project.name))),
    "visual-genome": lambda project: by_photo(counted(without_settings(project, "imported"))),
    "web-annotation": lambda project: by_photo(
        only_words_and_places(without_settings(project, "imported", False), True)
    ),
    "entities": lambda project: by_photo(
        only_words_and_places(without_settings(project, "imported"), False)
    ),
}
CARRIED["label-studio"] = lambda project: by_photo(
    only_words_and_places(without_settings(project, "imported", False), False)
)
CLOSE = {"to rounding": {"rel": 1e-12, "abs": 1e-9}, "whole pixels": {"rel": 0, "abs": 1.5}}
"""width = right - left is rounded, and so is left + width; a whole pixel is one at least."""


def boxes_of(project: Project) -> list[float]:
    return [edge for s in project.submissions for a in s.annotations for edge in a.box]


def without_boxes(project: Project) -> Project:
    return replace(
        project,
        submissions=tuple(
            replace(s, annotations=tuple(replace(a, box=(0, 0, 1, 1)) for a in s.annotations))
            for s in project.submissions
        ),
    )


@pytest.mark.parametrize("name", FORMATS)
@SOME
@given(project=projects())
@example(project=SMALL)
def test_round_trip(name: str, project: Project) -> None:
    one = FORMATS[name]
    back = one.read(one.write(project), ReadOptions())
    expected = CARRIED[name](project)
    if one.carries.boxes == "exact":
        assert back == expected
    else:
        close = CLOSE[one.carries.boxes]
        assert boxes_of(back) == pytest.approx(boxes_of(expected), **close)
        assert without_boxes(back) == without_boxes(expected)


def test_every_field_is_carried_by_jsonl() -> None:
    kept = {one.name for one in fields(jsonl._Head)} - {"version"}
    assert kept == {one.name for one in fields(Project)}


@SOME
@given(cell=st.one_of(texts(), st.text()))
@example(cell="'")
@example(cell="'tis")
@example(cell="''=1")
def test_no_cell_is_a_formula_and_every_cell_comes_back(cell: str) -> None:
    safe = table.neutralised(cell)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert table.restored(safe) == cell


@SOME
@given(project=projects())
@example(project=SMALL)
def test_no_formula_in_any_cell_of_a_file(project: Project) -> None:
    text = FORMATS["csv"].write(project).decode()
    for row in csv.reader(io.StringIO(text, newline="")):
        assert len(row) == len(table.COLUMNS)
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)


def test_a_spreadsheets_file_of_seven_columns() -> None:
    data = (
        "\ufeffsnippet,photo,width,height,x0,y0,x1,y1,colour\n'tis,a.jpg,9,9,1,2,3,4,red\n".encode()
    )
    project = FORMATS["csv"].read(data, ReadOptions(project="p", annotator="Ada"))
    annotation = Annotation("0", (1.0, 2.0, 3.0, 4.0), "'tis", 0)
    assert project.photos == (Photo("a.jpg", 9, 9),)
    assert project.submissions == (
        Submission("imported 0", "a.jpg", "Ada", "submitted", (annotation,)),
    )


def test_coco_of_another_tool() -> None:
    data = {
        "info": {"description": "COCO 2014 Dataset"},
        "images": [{"id": 9, "file_name": "a.jpg", "width": 10, "height": 10, "flickr_url": ""}],
        "annotations": [
            {"id": 1, "image_id": 9, "bbox": [2, 3, 8.5, 4], "caption": "a dog", "iscrowd": 0}
        ],
    }
    project = FORMATS["coco"].read(json.dumps(data).encode(), ReadOptions())
    [submission] = project.submissions
    assert submission.annotator == "imported"
    assert submission.annotations[0].box == (2.0, 3.0, 10.0, 7.0)  # 2 + 8.5 leaves by half a pixel


def test_visual_genomes_own_file_takes_sizes_from_outside() -> None:
    region = {"region_id": 7, "image_id": 1, "phrase": "a dog", "x": 1, "y": 2, "width": 3}
    data = json.dumps([{"id": 1, "regions": [{**region, "height": 4}]}, {"id": 2, "regions": []}])
    sizes = {"1.jpg": (10, 20), "2.jpg": (30, 40)}
    project = FORMATS["visual-genome"].read(data.encode(), ReadOptions(sizes=sizes))
    assert project.photos == (Photo("1.jpg", 10, 20), Photo("2.jpg", 30, 40))
    assert project.submissions[0].annotations[0].box == (1.0, 2.0, 4.0, 6.0)
    with pytest.raises(FormatError, match=r"^\$\[0\]: The size of photo '1.jpg' is neither in"):
        FORMATS["visual-genome"].read(data.encode(), ReadOptions())


def test_web_annotations_of_another_tool() -> None:
    item = {
        "type": "Annotation",
        "body": [{"type": "TextualBody", "value": "a dog", "purpose": "tagging"}],
        "creator": "Ada",
        "target": {
            "source": {"id": "https://example.org/photos/a%20b.jpg?full"},
            "selector": {"type": "FragmentSelector", "value": "xywh=1,2,3.5,4"},
        },
    }
    read = FORMATS["web-annotation"].read
    for data in (item, [item], {"type": "AnnotationPage", "items": [item]}):
        project = read(json.dumps(data).encode(), ReadOptions(sizes={"a b.jpg": (10, 10)}))
        assert project.annotators == ("Ada",)
        assert project.submissions[0].annotations[0].box == (1.0, 2.0, 4.5, 6.0)


WHOLE = FORMATS["jsonl"].write(SMALL)


def jsonl_with(change: str, to: str) -> bytes:
    text = WHOLE.decode()
    assert text.count(change) >= 1
    return text.replace(change, to, 1).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "^line 1: Invalid JSON: EOF"),
        (b"{}", "line 1: Expected the line that begins"),
        (
            jsonl_with('"version":2', '"version":3'),
            "line 1.project.version: .* 1 or 2",
        ),
        (jsonl_with('"blind":true', '"blind":1'), "line 1.project.blind: .*boolean, not 1"),
        (jsonl_with('"lease_minutes":60', '"lease_minutes":0'), "line 1: lease_minutes is 0; exp"),
        (jsonl_with('"width":100', '"width":"100"'), "line 2.photo.width: .*integer, not '100'"),
        (jsonl_with('"width":100', '"breadth":100'), "line 2.photo.width: This key is missing"),
        (jsonl_with('"name":"empty.jpg"', '"name":"a.jpg"'), "line 3.photo: .*stands there twice"),
        (jsonl_with('"a.jpg"', '"../a.jpg"'), "line 2.photo: .*'../a.jpg' is a path"),
        (jsonl_with('"photo":"a.jpg"', '"photo":"b.jpg"'), "line 4.submission: .*not among"),
        (jsonl_with("10.0,", "-10.0,"), r"line 4.submission.annotations\[0\]: The box \(-10,"),
        (jsonl_with("10.0,", "NaN,"), r"line 4.submission.annotations\[0\]: .*finite"),
        (jsonl_with('"id":"b2"', '"id":"b1"'), "line 4.submission: Two boxes .* same identity"),
        (jsonl_with('"id":"w2"', '"id":"w1"'), "line 5.submission: Submission id 'w1'"),
        (jsonl_with('"annotator":"Ben"', '"annotator":"Ada"'), "line 5.submission: 'Ada' has a"),
        (jsonl_with('"state":"submitted"', '"state":"skipped"'), "line 4.submission: A skipped"),
        (jsonl_with('"started":null', '"started":"2020-01-01T00:00:00"'), "has no zone"),
        (WHOLE.rsplit(b"\n", 2)[0] + b"\n", "line 5: .* after 2 submissions; .* 3"),
        (WHOLE + b"\n", "line 7: Invalid JSON"),
    ],
)
def test_refused_json_lines(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        FORMATS["jsonl"].read(data)


COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 10}],
    "annotations": [{"image_id": 1, "bbox": [1, 1, 2, 2], "caption": "x"}],
}
PAGE = {
    "type": "AnnotationPage",
    "items": [
        {
            "type": "Annotation",
            "body": {"type": "TextualBody", "value": "x"},
            "target": {
                "source": "a.jpg",
                "selector": {"type": "FragmentSelector", "value": "xywh=percent:1,1,2,2"},
            },
        }
    ],
}
HEADER = "photo,width,height,annotator,state,x0,y0,x1,y1,snippet\n"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("coco", "[]", r"^\$: "),
        ("coco", {"images": []}, r"^\$\.annotations: This key is missing"),
        (
            "coco",
            COCO | {"annotations": [COCO["annotations"][0] | {"bbox": [1, 1, 2]}]},
            r"^\$\.annotations\[0\]\.bbox\[3\]: ",
        ),
        (
            "coco",
            COCO | {"annotations": [COCO["annotations"][0] | {"bbox": [1, 1, 20, 2]}]},
            r"^\$\.annotations\[0\]: The box \(1, 1, 21, 3\)",
        ),
        (
            "coco",
            COCO | {"annotations": [COCO["annotations"][0] | {"image_id": 2}]},
            r"^\$\.annotations\[0\]: Image id 2 is not among",
        ),
        (
            "coco",
            COCO | {"annotations": [COCO["annotations"][0] | {"caption": " "}]},
            r"^\$\.annotations\[0\]: A snippet is blank",
        ),
        ("coco", COCO | {"images": COCO["images"] * 2}, r"^\$\.images\[1\]: Image id 1 stands"),
        ("visual-genome", "{}", r"^\$: "),
        (
            "visual-genome",
            [{"id": 1, "regions": [{"phrase": "x", "x": 1, "y": 1, "width": 1}]}],
            r"^\$\[0\]\.regions\[0\]\.height: This key is missing",
        ),
        ("web-annotation", PAGE, r"selector\.value: 'xywh=percent:1,1,2,2'; expected xywh=pixel"),
        ("web-annotation", {"type": "Manifest"}, r"^\$: "),
        ("csv", "", "^line 1: The file is empty"),
        ("csv", "photo,width\n", "^line 1: There is no column 'height'"),
        ("csv", HEADER + "a.jpg,9\n", "^line 2: There are 2 cells; expected 10"),
        ("csv", HEADER + "a.jpg,9,nine,,,,,,,\n", "^line 2: height: .*, not 'nine'"),
        ("csv", HEADER + "a.jpg,9,9,Ada,,1,2,,4,x\n", "^line 2: One of x0"),
        ("csv", HEADER + "a.jpg,9,9,Ada,,1,2,3,4,\n", "^line 2: A snippet is blank"),
        ("csv", HEADER + "a.jpg,9,9,Ada,gone,1,2,3,4,x\n", "^line 2: state: .*, not 'gone'"),
        ("csv", HEADER + 'a.jpg,9,9,A,,1,2,3,4,"x\ny"\na.jpg,8,9,,,,,,,\n', "^line 4: The size"),
        ("csv", HEADER + 'a.jpg,9,9,A,,1,2,3,4,"x\n', "^line 2: This is not CSV"),
        ("csv", b"photo\n\xff", "^line 2: Byte 6 is not UTF-8"),
    ],
)
def test_refused_files(name: str, data: object, message: str) -> None:
    if not isinstance(data, bytes):
        data = (data if isinstance(data, str) else json.dumps(data)).encode()
    with pytest.raises(FormatError, match=message):
        FORMATS[name].read(data, ReadOptions(sizes={"a.jpg": (10, 10), "1.jpg": (10, 10)}))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A format and a file of it with a piece changed, or any bytes at all."""
    name = draw(st.sampled_from(sorted(FORMATS)))
    if draw(st.integers(0, 3)) == 0:
        return name, draw(st.binary(max_size=40))
    data = FORMATS[name].write(SMALL)
    start = draw(st.integers(0, len(data)))
    end = start + draw(st.integers(0, 12))
    pieces = [
        b"",
        b"null",
        b"-1",
        b"1e999",
        b"9" * 5000,
        b'"',
        b"[[",
        b"\xff",
        b"true",
        b"NaN",
        b"\0",
    ]
    return name, data[:start] + draw(st.sampled_from(pieces) | st.binary(max_size=4)) + data[end:]


@settings(max_examples=400, deadline=None)
@given(file=damaged())
@example(file=("jsonl", b"[" * 100_000))
@example(file=("coco", b"[" * 100_000))
@example(file=("csv", b"\0,\r\n"))
def test_any_bytes_give_a_project_or_a_format_error(file: tuple[str, bytes]) -> None:
    name, data = file
    try:
        project = FORMATS[name].read(data, ReadOptions())
    except FormatError:
        return
    # What was taken can be kept.
    assert FORMATS["jsonl"].read(FORMATS["jsonl"].write(project)) == project


def prediction(**changes: object) -> bytes:
    line = {"photo": "a.jpg", "box": [1, 2, 100.5, 4], "caption": "x", "score": -1.5, "model": "m"}
    return json.dumps(line | changes).encode()


def test_predictions_become_suggestions() -> None:
    old = Suggestion("old", (0.0, 0.0, 1.0, 1.0), "y", 0.0, "other")
    project = replace(SMALL, photos=(replace(SMALL.photos[0], suggestions=(old,)), SMALL.photos[1]))
    for _ in range(2):  # twice the same file changes nothing
        found = predictions.read(prediction() + b"\n", project.photos)
        project = predictions.suggest(project, found)
    kept, new = project.photos[0].suggestions
    assert kept == old
    assert (new.box, new.snippet, new.score, new.model) == ((1.0, 2.0, 100.0, 4.0), "x", -1.5, "m")
    assert predictions.read(b"", project.photos) == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"photo": "b.jpg"}, "^line 2: Photo 'b.jpg' is not among"),
        ({"box": [1, 2, 1, 4]}, "^line 2: The box"),
        ({"photo": "empty.jpg", "box": [1, 2, 3, 4], "score": float("nan")}, "^line 2: .* finite"),
        ({"score": "1"}, "^line 2.score: "),
        ({"caption": ""}, "^line 2: .* blank"),
        ({"colour": "red"}, "^line 2.colour: This key is not known"),
        ({}, "^line 2: The region of line 1 stands here again"),
    ],
)
def test_refused_predictions(changes: dict[str, object], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        predictions.read(prediction() + b"\n" + prediction(**changes), SMALL.photos)
