"""Projects, their photos' bytes, and what models suggest."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotate.errors import InvalidError, NotAllowedError, NotFoundError
from annotate.people import OPERATOR
from annotate.photo_folder import photos_in
from annotate.projects import Settings
from core.formats.record import Photo, Suggestion
from tests.annotate.people import Crew

DOG = Suggestion("1", (1.5, 2, 30, 40.25), "a dog", 0.75, "first model")


def photo(folder: Path, name: str, size: tuple[int, int] = (30, 20), turned: int = 1) -> None:
    exif = Image.Exif()
    exif[0x0112] = turned
    Image.new("RGB", size, (200, 100, 0)).save(folder / name, exif=exif)


def test_rules_are_kept_and_changed(crew: Crew) -> None:
    settings = Settings(3, 4, "Draw what you see.", False, True, 15)
    owner = crew.store.people.add(OPERATOR, "Root", "correct horse", "owner")
    made = crew.store.projects.create(owner, "dogs", settings)
    assert crew.store.projects.get(owner, made.id) == made
    assert (made.name, made.settings, made.has_folder) == ("dogs", settings, False)
    changed = crew.store.projects.change(owner, made.id, replace(settings, blind=True))
    assert crew.store.projects.named(owner, "dogs") == changed
    assert changed.settings.blind
    with pytest.raises(InvalidError, match="called dogs already"):
        crew.store.projects.create(owner, "dogs")
    with pytest.raises(NotFoundError, match="no project called cats; there are: dogs"):
        crew.store.projects.named(owner, "cats")
    for call in (
        lambda: crew.store.projects.create(crew.person(), "mine"),
        lambda: crew.store.projects.change(crew.person(), made.id, settings),
        lambda: crew.store.projects.add_photos(crew.person(), made.id, []),
        lambda: crew.store.projects.add_suggestions(crew.person(), made.id, {}),
        lambda: crew.store.projects.set_folder(owner, made.id, Path("/etc")),
    ):
        with pytest.raises(NotAllowedError):
            call()


def test_rules_that_cannot_be(crew: Crew) -> None:
    wrong: list[dict[str, Any]] = [
        {"boxes_per_photo": 0},
        {"annotators_per_photo": 1.5},
        {"lease_minutes": 0},
        {"blind": 1},
        {"guidelines": "x" * 20_001},
    ]
    for rules in wrong:
        with pytest.raises(InvalidError):
            crew.store.projects.create(OPERATOR, "dogs", Settings(**rules))
    assert crew.store.projects.all(OPERATOR) == []


def test_photos_are_added_once(crew: Crew) -> None:
    project = crew.project(photos=2)
    add = crew.store.projects.add_photos
    same = Photo("0.jpg", 100, 80, "f" * 64)
    assert add(OPERATOR, project, [same, Photo("new.jpg", 7, 9)]) == 1
    with pytest.raises(InvalidError, match=r"another photo called 0.jpg \(100 x 80\)"):
        add(OPERATOR, project, [Photo("newer.jpg", 7, 9), Photo("0.jpg", 80, 100)])
    assert crew.store.progress.project(OPERATOR, project).photos == 3
    for name in ("../0.jpg", "a/b.jpg", "a\\b.jpg", "C:x.jpg", "..", "", "a\0", "a\nb"):
        with pytest.raises(InvalidError):
            add(OPERATOR, project, [Photo(name, 7, 9)])


def test_a_folder_is_read_with_upright_sizes(tmp_path: Path) -> None:
    photo(tmp_path, "b.jpg", (30, 20), turned=6)
    photo(tmp_path, "a.PNG")
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "folder.jpg").mkdir()
    found = list(photos_in(tmp_path))
    assert [(one.name, one.width, one.height) for one in found] == [
        ("a.PNG", 30, 20),
        ("b.jpg", 20, 30),
    ]
    assert found[0].sha256 == hashlib.sha256((tmp_path / "a.PNG").read_bytes()).hexdigest()
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xffbroken")
    with pytest.raises(InvalidError, match=r"c.jpg: The JPEG file is damaged"):
        list(photos_in(tmp_path))
    with pytest.raises(InvalidError, match="no folder"):
        list(photos_in(tmp_path / "nowhere"))


def test_bytes_come_from_the_projects_folder_and_nowhere_else(crew: Crew, tmp_path: Path) -> None:
    """A name leads to a file of the folder itself, unchanged, or to nothing."""
    folder = tmp_path / "photos"
    folder.mkdir()
    secret = tmp_path / "secret.jpg"
    photo(tmp_path, "secret.jpg")
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photo(folder, name)
    (folder / "link.jpg").symlink_to(secret)
    project = crew.project(photos=0, annotators_per_photo=2)
    projects = crew.store.projects
    projects.add_photos(OPERATOR, project, list(photos_in(folder)))
    ids = {one.photo.name: one.photo.id for one in crew.store.progress.photos(OPERATOR, project)}
    with pytest.raises(NotFoundError, match="no folder"):
        projects.photo_bytes(OPERATOR, ids["a.jpg"])
    projects.set_folder(OPERATOR, project, folder)
    assert projects.get(OPERATOR, project).has_folder
    assert projects.photo_bytes(OPERATOR, ids["a.jpg"]) == (folder / "a.jpg").read_bytes()
    with pytest.raises(NotFoundError, match="not in its project's folder"):
        projects.photo_bytes(OPERATOR, ids["link.jpg"])
    photo(folder, "b.jpg", (31, 20))
    (folder / "c.jpg").unlink()
    for name, sentence in (("b.jpg", "has changed"), ("c.jpg", "cannot be read")):
        with pytest.raises(NotFoundError, match=sentence) as caught:
            projects.photo_bytes(OPERATOR, ids[name])
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises(NotFoundError, match="no photo 99"):
        projects.photo_bytes(OPERATOR, 99)


def test_an_annotator_sees_the_photos_that_were_given(crew: Crew) -> None:
    project, ada = crew.project(photos=2, suggestions=True), crew.person()
    task = crew.next(ada, project)
    other = crew.store.progress.photos(OPERATOR, project)[1].photo
    assert crew.store.projects.photo(ada, task.photo.id) == task.photo
    for call in (crew.store.projects.photo, crew.store.projects.suggestions):
        with pytest.raises(NotAllowedError, match="not given to you"):
            call(ada, other.id)


def test_suggestions_are_shown_where_the_project_allows(crew: Crew) -> None:
    project, ada = crew.project(photos=1), crew.person()
    cat = replace(DOG, id="2", snippet="a cat", score=0.9)
    add = crew.store.projects.add_suggestions
    assert add(OPERATOR, project, {"0.jpg": [DOG, cat]}) == 2
    assert crew.next(ada, project).suggestions == ()
    settings = crew.store.projects.get(ada, project).settings
    crew.store.projects.change(OPERATOR, project, replace(settings, suggestions=True))
    task = crew.next(ada, project)
    assert task.suggestions == (cat, DOG)
    assert crew.store.projects.suggestions(ada, task.photo.id) == (cat, DOG)
    second = replace(DOG, model="second model", score=0.1)
    add(OPERATOR, project, {"0.jpg": [second]})
    add(OPERATOR, project, {"0.jpg": [replace(DOG, snippet="a hound")]})
    assert crew.next(ada, project).suggestions == (replace(DOG, snippet="a hound"), second)


def test_suggestions_that_cannot_be(crew: Crew) -> None:
    project, ada = crew.project(photos=1, suggestions=True), crew.person()
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
            crew.store.projects.add_suggestions(OPERATOR, project, proposed)
    assert crew.next(ada, project).suggestions == ()
