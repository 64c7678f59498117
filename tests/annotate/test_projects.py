"""Projects, their photos' bytes, and what models suggest."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotate.errors import InvalidError, NotAllowedError, NotFoundError
from annotate.people import OPERATOR
from annotate.photo_folder import scan
from annotate.projects import ProjectSettings
from core.formats.record import Photo, Suggestion
from tests.annotate.store_helper import StoreHelper

DOG = Suggestion("1", (1.5, 2, 30, 40.25), "a dog", 0.75, "first model")


def photo(folder: Path, name: str, size: tuple[int, int] = (30, 20), turned: int = 1) -> None:
    exif = Image.Exif()
    exif[0x0112] = turned
    Image.new("RGB", size, (200, 100, 0)).save(folder / name, exif=exif)


def test_rules_are_kept_and_changed(helper: StoreHelper) -> None:
    settings = ProjectSettings(3, 4, "Draw what you see.", False, True, 15)
    owner = helper.store.people.add(OPERATOR, "Root", "correct horse", "owner")
    made = helper.store.projects.create(owner, "dogs", settings)
    assert helper.store.projects.get(owner, made.id) == made
    assert (made.name, made.settings) == ("dogs", settings)
    changed = helper.store.projects.change(owner, made.id, replace(settings, blind=True))
    assert helper.store.projects.named(owner, "dogs") == changed
    assert changed.settings.blind
    with pytest.raises(InvalidError, match="called dogs already"):
        helper.store.projects.create(owner, "dogs")
    with pytest.raises(NotFoundError, match="no project called cats; there are: dogs"):
        helper.store.projects.named(owner, "cats")
    for call in (
        lambda: helper.store.projects.create(helper.person(), "mine"),
        lambda: helper.store.projects.change(helper.person(), made.id, settings),
        lambda: helper.store.projects.add_photos(helper.person(), made.id, []),
        lambda: helper.store.projects.add_suggestions(helper.person(), made.id, {}),
        lambda: helper.store.photos.add_folder(owner, made.id, Path("/etc")),
        lambda: helper.store.photos.add_found(owner, made.id, Path("/etc"), []),
        lambda: helper.store.photos.upload(helper.person(), made.id, "a.png", png()),
    ):
        with pytest.raises(NotAllowedError):
            call()


def test_rules_that_cannot_be(helper: StoreHelper) -> None:
    wrong: list[dict[str, Any]] = [
        {"boxes_per_photo": 0},
        {"annotators_per_photo": 1.5},
        {"lease_minutes": 0},
        {"blind": 1},
        {"guidelines": "x" * 20_001},
    ]
    for rules in wrong:
        with pytest.raises(InvalidError):
            helper.store.projects.create(OPERATOR, "dogs", ProjectSettings(**rules))
    assert helper.store.projects.all(OPERATOR) == []


def test_photos_are_added_once(helper: StoreHelper) -> None:
    project = helper.project(photos=2)
    add = helper.store.projects.add_photos
    same = Photo("0.jpg", 100, 80, "f" * 64)
    assert add(OPERATOR, project, [same, Photo("new.jpg", 7, 9)]) == 1
    with pytest.raises(InvalidError, match=r"another photo called 0.jpg \(100 x 80\)"):
        add(OPERATOR, project, [Photo("newer.jpg", 7, 9), Photo("0.jpg", 80, 100)])
    assert helper.store.progress.project(OPERATOR, project).photos == 3
    for name in ("../0.jpg", "a/b.jpg", "a\\b.jpg", "C:x.jpg", "..", "", "a\0", "a\nb"):
        with pytest.raises(InvalidError):
            add(OPERATOR, project, [Photo(name, 7, 9)])


def test_a_folder_is_read_with_upright_sizes(tmp_path: Path) -> None:
    photo(tmp_path, "b.jpg", (30, 20), turned=6)
    photo(tmp_path, "a.PNG")
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xffbroken")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    photo(tmp_path / "deep" / "er", "d.jpg")
    scanned = scan(tmp_path)
    assert [(one.photo.name, one.photo.width, one.photo.height) for one in scanned.found] == [
        ("a.PNG", 30, 20),
        ("b.jpg", 20, 30),
    ]
    digest = hashlib.sha256((tmp_path / "a.PNG").read_bytes()).hexdigest()
    assert scanned.found[0].photo.sha256 == digest
    [(file, why)] = scanned.faults
    assert (file, scanned.below) == ("c.jpg", 1)
    assert why.startswith("The JPEG file is damaged")
    assert [one.file for one in scan(tmp_path, recursive=True).found] == [
        "a.PNG",
        "b.jpg",
        "deep/er/d.jpg",
    ]
    with pytest.raises(InvalidError, match="no folder"):
        scan(tmp_path / "nowhere")


def ids(helper: StoreHelper, project: int) -> dict[str, int]:
    listed = helper.store.progress.photos(OPERATOR, project)
    return {one.photo.name: one.photo.id for one in listed}


def test_photos_come_from_many_folders_and_nothing_vanishes(
    helper: StoreHelper, tmp_path: Path
) -> None:
    project, photos = helper.project(photos=0), helper.store.photos
    for batch, size in (("one", (30, 20)), ("two", (40, 20)), ("two/sub", (50, 20))):
        (tmp_path / batch).mkdir()
        photo(tmp_path / batch, "same.jpg", size)
        photo(tmp_path / batch, f"only {batch.replace('/', ' ')}.jpg", size)

    def add(batch: str) -> tuple[int, int, int]:
        found = scan(tmp_path / batch, recursive=True).found
        added = photos.add_found(OPERATOR, project, tmp_path / batch, found)
        return added.new, added.known, len(added.refused)

    assert add("one") == (2, 0, 0)
    # Of two other photos called same.jpg one has a folder to be told by.
    assert add("two") == (3, 0, 1)
    assert add("two") == (0, 3, 1)
    assert sorted(ids(helper, project)) == [
        "only one.jpg",
        "only two sub.jpg",
        "only two.jpg",
        "same.jpg",
        "sub_same.jpg",
    ]
    places = {
        "only one.jpg": "one/only one.jpg",
        "same.jpg": "one/same.jpg",
        "only two.jpg": "two/only two.jpg",
        "sub_same.jpg": "two/sub/same.jpg",
    }
    (tmp_path / "empty").mkdir()
    assert add("empty") == (0, 0, 0)
    assert photos.add_folder(OPERATOR, project, tmp_path / "empty") == 0
    for name, place in places.items():
        expected = (tmp_path / place).read_bytes()
        assert photos.bytes(OPERATOR, ids(helper, project)[name]) == expected


def test_bytes_come_from_the_projects_folders_and_nowhere_else(
    helper: StoreHelper, tmp_path: Path
) -> None:
    """A name leads to a file of the folder itself, unchanged, or to nothing."""
    folder = tmp_path / "photos"
    folder.mkdir()
    photo(tmp_path, "secret.jpg")
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photo(folder, name)
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    project = helper.project(photos=0, annotators_per_photo=2)
    photos = helper.store.photos
    found = scan(folder).found
    helper.store.projects.add_photos(OPERATOR, project, [one.photo for one in found])
    known = ids(helper, project)
    with pytest.raises(NotFoundError, match=r"a\.jpg is not here"):
        photos.bytes(OPERATOR, known["a.jpg"])
    assert photos.add_folder(OPERATOR, project, folder) == 3
    assert photos.bytes(OPERATOR, known["a.jpg"]) == (folder / "a.jpg").read_bytes()
    assert photos.add_found(OPERATOR, project, folder, found).linked == 1  # the link
    with pytest.raises(NotFoundError, match="not in its project's folder"):
        photos.bytes(OPERATOR, known["link.jpg"])
    photo(folder, "b.jpg", (31, 20))
    (folder / "c.jpg").rename(tmp_path / "c.jpg")
    for name, sentence in (("b.jpg", "has changed"), ("c.jpg", "cannot be read")):
        with pytest.raises(NotFoundError, match=sentence) as caught:
            photos.bytes(OPERATOR, known[name])
        assert str(tmp_path) not in str(caught.value)
    assert photos.add_folder(OPERATOR, project, tmp_path) == 1  # it was moved there
    assert photos.bytes(OPERATOR, known["c.jpg"]) == (tmp_path / "c.jpg").read_bytes()
    with pytest.raises(NotFoundError, match="no photo 99"):
        photos.bytes(OPERATOR, 99)


def png(size: tuple[int, int] = (30, 20)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size).save(file, "PNG")
    return file.getvalue()


def test_uploads_are_kept_in_the_store(helper: StoreHelper) -> None:
    project, upload = helper.project(photos=0), helper.store.photos.upload
    for path, size, expected in (
        ("a.png", (30, 20), (1, 0, 0)),
        ("a.png", (30, 20), (0, 1, 0)),
        ("deep/a.png", (30, 20), (0, 1, 0)),  # the same photo
        ("deep/a.png", (40, 20), (1, 0, 0)),
        ("../../a.png", (50, 20), (0, 0, 1)),
        ("a\0.png", (30, 20), (0, 0, 1)),
    ):
        added = upload(OPERATOR, project, path, png(size))
        assert (added.new, added.known, len(added.refused)) == expected, path
    [(path, why)] = upload(OPERATOR, project, "b.png", b"no photo").refused
    assert path == "b.png"
    assert why.startswith("The file is not a known picture")
    known = ids(helper, project)
    assert sorted(known) == ["a.png", "deep_a.png"]
    assert helper.store.photos.bytes(OPERATOR, known["deep_a.png"]) == png((40, 20))
    lone = helper.project(photos=0, name="brought in")
    helper.store.projects.add_photos(OPERATOR, lone, [Photo("x.png", 30, 20)])
    assert upload(OPERATOR, lone, "x.png", png()).linked == 1
    assert helper.store.photos.bytes(OPERATOR, ids(helper, lone)["x.png"]) == png()


def test_an_annotator_sees_the_photos_that_were_given(helper: StoreHelper) -> None:
    project, ada = helper.project(photos=2, suggestions=True), helper.person()
    task = helper.next(ada, project)
    other = helper.store.progress.photos(OPERATOR, project)[1].photo
    assert helper.store.projects.photo(ada, task.photo.id) == task.photo
    for call in (helper.store.projects.photo, helper.store.projects.suggestions):
        with pytest.raises(NotAllowedError, match="not given to you"):
            call(ada, other.id)


def test_suggestions_are_shown_where_the_project_allows(helper: StoreHelper) -> None:
    project, ada = helper.project(photos=1), helper.person()
    cat = replace(DOG, id="2", snippet="a cat", score=0.9)
    add = helper.store.projects.add_suggestions
    assert add(OPERATOR, project, {"0.jpg": [DOG, cat]}) == 2
    assert helper.next(ada, project).suggestions == ()
    settings = helper.store.projects.get(ada, project).settings
    helper.store.projects.change(OPERATOR, project, replace(settings, suggestions=True))
    task = helper.next(ada, project)
    assert task.suggestions == (cat, DOG)
    assert helper.store.projects.suggestions(ada, task.photo.id) == (cat, DOG)
    second = replace(DOG, model="second model", score=0.1)
    add(OPERATOR, project, {"0.jpg": [second]})
    add(OPERATOR, project, {"0.jpg": [replace(DOG, snippet="a hound")]})
    assert helper.next(ada, project).suggestions == (replace(DOG, snippet="a hound"), second)


def test_suggestions_that_cannot_be(helper: StoreHelper) -> None:
    project, ada = helper.project(photos=1, suggestions=True), helper.person()
    fine = replace(DOG, id="3")
    for name, wrong, sentence in (
        ("9.jpg", DOG, "no photo called 9.jpg"),
        ("0.jpg", replace(DOG, box=(0, 0, 101, 5)), "no area inside the photo"),
        ("0.jpg", replace(DOG, score=float("nan")), "finite"),
        ("0.jpg", replace(DOG, snippet=""), "blank"),
        ("0.jpg", replace(DOG, model=" "), "blank"),
        ("0.jpg", fine, "same identity"),
    ):
        proposed = {"0.jpg": [fine]}
        proposed[name] = [*proposed.get(name, []), wrong]
        with pytest.raises((InvalidError, NotFoundError), match=sentence):
            helper.store.projects.add_suggestions(OPERATOR, project, proposed)
    assert helper.next(ada, project).suggestions == ()
