"""`train ground`: what a set says is what the model says, and a stopped run goes on."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.alignment.grounding import GroundingConfig
from core.captioning.captioner import Captioner, TrainedCaptioner
from core.captioning.recurrences import CaptionerConfig
from core.checkpoints import load_checkpoint, save_captioner
from core.describer import Describer
from core.formats import FORMATS, ReadOptions, read_file
from core.groundings.analysis import analyse
from core.groundings.export import Export
from core.groundings.reader import GroundingSet
from core.groundings.schema import GroundingError, arrays_of, fingerprint
from core.language.vocabulary import Vocabulary
from core.results import Look, Reading, align, locate
from core.vision.images import read
from train import ground
from train.data import CaptionSet, DataError, read_captions
from train.features import FeatureStore, write_features
from train.grounding_stages import Grounder, GroundingOptions
from train.phrase_kinds import kind_of


@pytest.fixture(scope="module")
def captions(tiny_flickr: Path) -> CaptionSet:
    """Six photos; the first has a sentence more, which the model cannot read."""
    found = read_captions(tiny_flickr, "dev", None, None)
    sentences = [
        (*group, "zzz 123") if k == 0 else group for k, group in enumerate(found.sentences)
    ]
    sentences = [tuple(f"{s} dog on grass" for s in group) for group in sentences]
    sentences[0] = (*sentences[0][:2], "zzz 123")
    return replace(found, sentences=tuple(sentences))


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    random_checkpoint: Path,
    tiny_flickr: Path,
    captions: CaptionSet,
) -> Path:
    out = tmp_path_factory.mktemp("set") / "dev.sqlite"
    phrases = ground.read_boxed(tiny_flickr / "phrases.json", "exact")
    kept = {name: phrases[name] for name in captions.names}
    ground.ground(load_checkpoint(random_checkpoint), captions, kept, out)
    return out


@pytest.fixture(scope="module")
def groundings(made: Path) -> Iterator[GroundingSet]:
    opened = GroundingSet(made)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def describer(random_checkpoint: Path) -> Describer:
    return Describer.load(random_checkpoint)


def eq8(reading: Reading, look: Look) -> float:
    """Eq. 8 by hand, divided by the known words as the cosine model wants it."""
    assert reading.contextual is not None
    return float((reading.contextual @ look.vectors.T)[reading.known].max(axis=1).mean())


def test_it_holds_what_the_networks_say(
    groundings: GroundingSet, describer: Describer, captions: CaptionSet
) -> None:
    assert len(groundings) == 6
    for photo in (0, 5):
        look, kept = describer.look(read(captions.paths[photo])), groundings.look(photo)
        assert (kept.width, kept.height) == (80, 64)
        np.testing.assert_allclose(kept.boxes, look.boxes, atol=1e-5)
        np.testing.assert_allclose(kept.vectors, look.vectors, atol=1e-3)
    reading, kept = describer.read(captions.sentences[1][0]), groundings.reading(3)
    assert kept.words == reading.words
    assert kept.known.tolist() == reading.known.tolist()
    np.testing.assert_allclose(kept.vectors, reading.vectors, atol=1e-3)


def test_ranks_and_best_matches_are_those_of_brute_force(
    groundings: GroundingSet, describer: Describer
) -> None:
    owner, readings = {}, {}
    for photo in range(6):
        for candidate in groundings.open(photo).own:
            if candidate.readable:
                owner[candidate.sentence] = photo
                readings[candidate.sentence] = describer.read(candidate.text)
    assert sorted(owner) == [0, 1, *range(3, 13)]
    looks = [groundings.look(photo) for photo in range(6)]
    scores = {(p, s): eq8(readings[s], looks[p]) for p in range(6) for s in owner}
    for photo in range(6):
        opened = groundings.open(photo)
        best = max(scores[photo, s] for s, p in owner.items() if p == photo)
        rivals = [s for s, p in owner.items() if p != photo and scores[photo, s] >= best]
        assert opened.card.rank == 1 + len(rivals)
        wanted = sorted((scores[photo, s] for s in owner), reverse=True)[:5]
        assert [c.score for c in opened.retrieved] == pytest.approx(wanted, abs=1e-5)
        for candidate in opened.own:
            if candidate.readable:
                s = candidate.sentence
                assert candidate.score == pytest.approx(scores[photo, s], abs=1e-5)
                assert candidate.rank == sum(scores[p, s] >= scores[photo, s] for p in range(6))
    photos = [score for _, score in groundings.found_photos(4)]
    assert photos == pytest.approx(sorted((scores[p, 4] for p in range(6)), reverse=True)[:5])


def test_regions_are_those_of_the_align_page_with_its_prior(
    groundings: GroundingSet, random_checkpoint: Path, captions: CaptionSet, tmp_path: Path
) -> None:
    """A prior and neighbours move words to other regions, here and there alike; ranks stay."""
    numbers = GroundingConfig(prior=2.0, image_objectness=5.0, neighbours=0.5)
    checkpoint = replace(load_checkpoint(random_checkpoint), grounding=numbers)
    out = tmp_path / "prior.sqlite"
    ground.ground(checkpoint, captions, {}, out)
    preferring, describer = GroundingSet(out), Describer(checkpoint)
    moved = 0
    for photo in (0, 5):
        look = describer.look(read(captions.paths[photo]))
        for mine, plain in zip(preferring.open(photo).own, groundings.open(photo).own, strict=True):
            assert (mine.rank, mine.score) == (plain.rank, plain.score)
            if mine.readable:
                there = align(look, describer.read(mine.text))
                kept = preferring.open(photo).look
                np.testing.assert_allclose(kept.prior, look.prior, atol=1e-5)
                np.testing.assert_allclose(kept.vectors, look.vectors, atol=1e-3)
                found = locate(kept, preferring.reading(mine.sentence), 0.0).regions
                assert found.tolist() == there.regions.tolist()
                before = locate(
                    groundings.look(photo), groundings.reading(mine.sentence), 0.0
                ).regions
                moved += int((found != before).sum())
    assert moved > 0
    preferring.close()


def test_a_sentence_that_cannot_be_read_is_kept_as_it_is(groundings: GroundingSet) -> None:
    own = groundings.open(0).own
    assert [c.readable for c in own] == [True, True, False]
    assert own[2].text == "zzz 123"
    with pytest.raises(GroundingError, match="cannot read"):
        groundings.reading(2)


def test_phrases_are_counted_as_by_evaluate_ground(
    groundings: GroundingSet, random_checkpoint: Path, tiny_flickr: Path, captions: CaptionSet
) -> None:
    from train.data import read_phrases
    from train.evaluate import evaluate_ground, phrase_regions

    photos = [
        p for p in read_phrases(tiny_flickr / "phrases.json", "exact") if p.name in captions.names
    ]
    checkpoint = load_checkpoint(random_checkpoint)
    found = list(phrase_regions(checkpoint, tiny_flickr / "images", photos))
    share = evaluate_ground(checkpoint, found)["recall_at_1"] / 100
    assert analyse(groundings).recall["phrases"] == pytest.approx(share, abs=1e-3)


class StoppedError(Exception):
    """Power is gone."""


@pytest.mark.parametrize("stage", ["sentences", "rank", "phrases", "complete"])
def test_a_stopped_run_goes_on_to_the_same_set(
    stage: str,
    made: Path,
    tmp_path: Path,
    random_checkpoint: Path,
    tiny_flickr: Path,
    captions: CaptionSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint, out = load_checkpoint(random_checkpoint), tmp_path / "dev.sqlite"
    phrases = ground.read_boxed(tiny_flickr / "phrases.json", "exact")
    kept = {name: phrases[name] for name in captions.names}

    def stop(*_: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(ground.GroundingWriter if stage == "complete" else Grounder, stage, stop)
        with pytest.raises(StoppedError):
            ground.ground(checkpoint, captions, kept, out)
    with pytest.raises(GroundingError, match="not finished"):
        GroundingSet(out)
    monkeypatch.setattr(checkpoint.encoder, "encode", stop)  # photos are not looked at again
    ground.ground(checkpoint, captions, kept, out)
    for one, other in zip(arrays_of(out), arrays_of(made), strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert told(out) == told(made)
    ground.ground(checkpoint, captions, kept, out)  # complete: nothing happens


def told(path: Path) -> str:
    """All a set says, hashed."""
    groundings = GroundingSet(path)
    texts = [str(groundings.open(k)) for k in range(len(groundings))]
    texts += [FORMATS["jsonl"].write(Export(groundings).project).decode(), str(analyse(groundings))]
    groundings.close()
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def test_galleries_part_a_set(
    tmp_path: Path, random_checkpoint: Path, captions: CaptionSet, describer: Describer
) -> None:
    """Four and two photos: ranks never count a photo of another gallery."""
    out = tmp_path / "parted.sqlite"
    ground.ground(
        load_checkpoint(random_checkpoint), captions, {}, out, options=GroundingOptions(4, 3)
    )
    groundings = GroundingSet(out)
    for photo in range(6):
        gallery = range(4) if photo < 4 else range(4, 6)
        opened = groundings.open(photo)
        assert len(opened.retrieved) == 3
        for candidate in opened.own:
            if candidate.readable:
                reading = describer.read(candidate.text)
                own = eq8(reading, opened.look)
                scores = [eq8(reading, groundings.look(p)) for p in gallery]
                assert candidate.rank == sum(score >= own - 1e-7 for score in scores)
                found = groundings.found_photos(candidate.sentence)
                assert {p for p, _ in found} <= set(gallery)
    groundings.close()


def test_another_source_or_checkpoint_is_refused(
    made: Path, random_checkpoint: Path, captions: CaptionSet
) -> None:
    checkpoint = load_checkpoint(random_checkpoint)
    fewer = CaptionSet(captions.names[:3], captions.paths[:3], captions.sentences[:3])
    with pytest.raises(GroundingError, match="other photos"):
        ground.ground(checkpoint, fewer, {}, made)
    before = fingerprint(checkpoint)
    assert before == fingerprint(load_checkpoint(random_checkpoint))
    checkpoint.alignment.region_projection.bias.data[0] += 1
    assert fingerprint(checkpoint) != before


def test_features_of_another_encoder_are_refused(
    tmp_path: Path, random_checkpoint: Path, captions: CaptionSet
) -> None:
    checkpoint, folder = load_checkpoint(random_checkpoint), tmp_path / "features"
    write_features(checkpoint.encoder, captions.names, captions.paths, folder)
    described = json.loads((folder / "names.json").read_text())
    (folder / "names.json").write_text(json.dumps({**described, "encoder": "torchvision:x"}))
    with pytest.raises(DataError, match="of the encoder torchvision:x"):
        ground.ground(checkpoint, captions, {}, tmp_path / "x.sqlite", FeatureStore(folder))


def test_captions_are_those_of_the_captioner(
    tmp_path: Path, random_checkpoint: Path, captions: CaptionSet
) -> None:
    """The same from the photos and from stored features, which keep float16."""
    words = ("dog", "grass", "runs")
    speaking = shutil.copytree(random_checkpoint, tmp_path / "speaking")
    torch.manual_seed(3)
    config = CaptionerConfig(608, len(words) + 1, word_dimension=8, hidden_dimension=8)
    trained = TrainedCaptioner(Captioner(config).eval(), Vocabulary(words, [5] * 3))
    save_captioner(speaking, "image", trained)
    checkpoint, folder = load_checkpoint(speaking), tmp_path / "features"
    write_features(checkpoint.encoder, captions.names, captions.paths, folder)
    describer = Describer(checkpoint)
    for name, stored in (("fresh", None), ("stored", FeatureStore(folder))):
        ground.ground(checkpoint, captions, {}, tmp_path / f"{name}.sqlite", stored)
        groundings = GroundingSet(tmp_path / f"{name}.sqlite")
        for photo in (0, 5):
            [said] = describer.describe(describer.look(read(captions.paths[photo])), regions=[0])
            assert groundings.open(photo).caption == said.sentences[0].text
        groundings.close()


def test_what_was_exported_can_be_grounded_again(
    groundings: GroundingSet, tmp_path: Path, captions: CaptionSet
) -> None:
    for one in FORMATS.values():
        path = tmp_path / f"set{one.ending}"
        path.write_bytes(one.write(Export(groundings, "people").project))
        again = ground.captions_of(
            read_file(path, ReadOptions(storable=False)).photos, captions.paths[0].parent
        )
        assert (again.names, again.paths) == (captions.names, captions.paths)
        assert again.sentences == (captions.sentences if one.carries.sentences else ((),) * 6)
        boxed = ground.read_boxed(path, "exact")
        [phrase] = boxed[captions.names[0]]
        original = groundings.open(0).phrases[0]
        assert phrase.words == original.words
        np.testing.assert_allclose(phrase.boxes * [80, 64, 80, 64], original.boxes, atol=1e-4)


def asked(**values: object) -> argparse.Namespace:
    names = "data images captions records phrases features photos encoder_weights"
    nothing = dict.fromkeys(names.split())
    usual = {
        "split": "dev",
        "sizes": "exact",
        "gallery": 9,
        "retrieved": 2,
        "threads": 1,
        "device": "cpu",
    }
    return argparse.Namespace(**{**nothing, **usual, **values})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"out": Path("x.db")}, "expected a name that ends in .sqlite"),
        ({"out": Path("x.sqlite"), "gallery": 0}, "gallery is 0"),
        ({"out": Path("x.sqlite"), "records": Path("r")}, "--records needs --images"),
        ({"out": Path("x.sqlite")}, "no data set named"),
    ],
)
def test_bad_options_are_told(values: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        ground.main(asked(**values))


@pytest.mark.parametrize(
    ("phrase", "kind"),
    [
        ("The two young men", "people"),
        ("a red T-shirt", "clothing"),
        ("dogs", "animals"),
        ("her hair", "body parts"),
        ("an old bicycle", "vehicles"),
        ("the grassy field", "scene"),
        ("a gizmo", "other"),
        ("", "other"),
    ],
)
def test_kinds_of_phrases(phrase: str, kind: str) -> None:
    assert kind_of(phrase) == kind
