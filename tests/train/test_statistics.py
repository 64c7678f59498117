"""`train statistics`: streams of every shape, counts by hand, bounds, the report and its page."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest

from train.__main__ import main
from train.benchmarks.statistics import bench_statistics
from train.data import DataError
from train.sentence_statistics import streams
from train.sentence_statistics.counting import (
    Counted,
    Distinct,
    Statistics,
    counted,
    perplexity_on,
    telling_words,
)
from train.sentence_statistics.streams import sentences_of

SAID = ['a "red" dog, é', "two men", "C:\\", "the sea"]
SHAPES = {
    "visual genome": json.dumps(
        [
            {"id": 1, "regions": [{"x": 1, "phrase": SAID[0]}, {"phrase": SAID[1], "y": 2}]},
            {"id": 2, "regions": [{"phrase": SAID[2]}, {"phrase": SAID[3]}]},
        ]
    ),
    "coco": json.dumps(
        {"images": [{"id": 1, "file_name": "caption"}],
         "annotations": [{"image_id": 1, "caption": text} for text in SAID]}, ensure_ascii=False
    ),
    "karpathy": json.dumps(
        {"images": [{"sentences": [{"tokens": ["x"], "raw": text} for text in SAID]}]}, indent=1
    ),
    "lines": "".join(json.dumps({"photo": "a.jpg", "sentence": text}) + "\n" for text in SAID),
    "lists": json.dumps({"file": "a.jpg", "sentences": SAID}, indent=2),
    "table": 'photo,sentence\na.jpg,"a ""red"" dog, é"\na.jpg,two men\na.jpg,C:\\\na.jpg,the sea\n',
    "tokens": "".join(f"a.jpg#{n}\t{text}\n" for n, text in enumerate(SAID)),
    "numbered": "".join(f"179765\t{text}\n" for text in SAID),
    "plain": "\n".join(SAID),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_streams(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut anywhere into blocks, packed or not."""
    path = tmp_path / "said"
    path.write_text(SHAPES[shape], encoding="utf-8")
    packed = tmp_path / "said.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for block in (1 << 20, 40, 7, 1):
        monkeypatch.setattr(streams, "BLOCK", block)
        assert list(sentences_of(path)) == SAID
    assert list(sentences_of(packed)) == SAID


def test_streams_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "said.json"
    with pytest.raises(DataError, match="is not there; expected a file of sentences"):
        list(sentences_of(path))
    path.write_text('[{"regions": []}]')
    with pytest.raises(DataError, match="has no sentence; expected JSON with one of phrase"):
        list(sentences_of(path))
    path.write_text(SHAPES["visual genome"][:-20])
    with pytest.raises(DataError, match="ends in the middle of its JSON"):
        list(sentences_of(path))


def test_counts_by_hand() -> None:
    found = counted("x", ["A dog runs.", "a dog", "", "A DOG!"])
    assert (found.sentences, found.words.total, found.kinds) == (3, 7, 3)
    assert found.lengths == {3: 1, 2: 2}
    assert found.mean_length == pytest.approx(7 / 3)
    assert (found.length_at(0.5), found.length_at(0.95)) == (2, 3)
    assert found.share_unique == pytest.approx(2 / 3)
    # a 3, dog 3, runs 1 of 7
    wanted = -2 * 3 / 7 * math.log2(3 / 7) - 1 / 7 * math.log2(1 / 7)
    assert found.words.entropy() == pytest.approx(wanted)
    assert found.words.coverage([1, 2, 10]) == pytest.approx({1: 3 / 7, 2: 6 / 7, 10: 1})
    assert found.pairs.counts == {
        ("<s>", "a"): 3, ("a", "dog"): 3, ("dog", "</s>"): 2, ("dog", "runs"): 1,
        ("runs", "</s>"): 1,
    }  # fmt: skip
    assert found.triples.counts == {("a", "dog", "runs"): 1}
    assert found.exponent() is None  # of seven words


def test_the_growth_of_the_vocabulary() -> None:
    """After 1,000 words, 2,000, ..., and at the end; a law that is exact is found."""
    found = counted("x", [f"w{n} dog" for n in range(1500)])
    assert found.growth == [(1000, 501), (2000, 1001), (3000, 1501)]
    law = Statistics("x", growth=[(100, 10), (10_000, 100), (1_000_000, 1_000)])
    assert law.exponent() == pytest.approx(0.5)


def test_the_rarest_are_let_go() -> None:
    one = Counted(4)
    one.add([*"aaaaabbbbcde"])
    assert one.counts == {"a": 5, "b": 4}
    assert (one.total, one.dropped) == (12, 3)
    assert one.coverage([2]) == pytest.approx({2: 9 / 12})
    # At most too high: the three stand as kinds of their own, which they were.
    exact = -5 / 12 * math.log2(5 / 12) - 4 / 12 * math.log2(4 / 12) + 3 / 12 * math.log2(12)
    assert one.entropy() == pytest.approx(exact)


def test_many_distinct_texts_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = Distinct(), Distinct()
    for n in range(3000):
        few.add(str(n % 1000))
    assert (few.count(), few.exact) == (1000, True)
    monkeypatch.setattr(Distinct, "EXACT", 1000)
    for n in range(200_000):
        many.add(str(n % 150_000))
    assert not many.exact
    assert many.count() == pytest.approx(150_000, rel=0.02)


def test_a_language_model_by_hand() -> None:
    model = counted("x", ["a"])
    # pair 1 of 1, word 1 of 2 (the end is the other), any word 1 of 2; twice
    p = 0.65 * 1 + 0.3 / 2 + 0.05 / 2
    assert perplexity_on(model, ["a"]) == pytest.approx(1 / p)
    # "b" follows nothing and is not known; after it no pair is known either
    unknown, end = 0.05 / 2, 0.3 / 2 + 0.05 / 2
    assert perplexity_on(model, ["b"]) == pytest.approx(1 / math.sqrt(unknown * end))


def test_telling_words() -> None:
    photos = counted("photos", ["a man is running"] * 30)
    regions = counted("regions", ["a man"] * 60)
    assert {word for word, _ in telling_words(photos, regions, 2)} == {"is", "running"}
    told = dict(telling_words(photos, regions, 4))
    back = dict(telling_words(regions, photos, 4))
    assert told["man"] == pytest.approx(-back["man"])
    assert told["man"] < 0 < told["is"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two sides, into a report, figures and a page whose texts are only text."""
    one, other = tmp_path / "one.json", tmp_path / "other.txt"
    one.write_text(json.dumps([{"phrase": f"a </script> w{n}"} for n in range(2000)]))
    other.write_text("two men talk\nthe sea\n")
    main(["statistics", str(one), str(other), "--names", "<b>one", "the other",
          "--out", str(tmp_path / "out")])  # fmt: skip
    text = (tmp_path / "out" / "statistics.md").read_text()
    assert text in capsys.readouterr().out
    assert "| unique sentences, in 100 | 100.0 | 100.0 |" in text
    figures = json.loads((tmp_path / "out" / "statistics.json").read_text())
    assert figures["sides"][1]["words"] == 5
    assert set(figures["perplexity"]) == {
        "<b>one on <b>one", "<b>one on the other", "the other on <b>one",
        "the other on the other",
    }  # fmt: skip
    page = (tmp_path / "out" / "statistics.html").read_text()
    own = page.replace(streams_free(page), "")
    assert "<b>" not in own
    assert own.count("</script>") == 2
    assert own.count('<div id="p') == 5
    main(["statistics", str(other), "--out", str(tmp_path / "alone")])
    assert "Perplexity" not in (tmp_path / "alone" / "statistics.md").read_text()
    with pytest.raises(SystemExit, match=r"names are 'x'; expected 2, each another one"):
        main(["statistics", str(one), str(other), "--names", "x", "--out", str(tmp_path / "n")])


def streams_free(page: str) -> str:
    """plotly's own script, which stands in the page."""
    from train.sentence_statistics.page import _PLOTLY

    script = _PLOTLY.read_text(encoding="utf-8")
    assert script in page
    return script


def test_the_benchmark_counts_alike() -> None:
    found = bench_statistics(regions=90)
    ours, plain = found["ours"], found["json.load and Counter"]
    assert ours["sentences_words_vocabulary"] == plain["sentences_words_vocabulary"]
    assert ours["sentences_words_vocabulary"][0] == 90
