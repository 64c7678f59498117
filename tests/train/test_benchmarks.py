"""The ranking benchmark, small: its peers agree with the product and its figures are sums."""

import json
import mmap
from pathlib import Path

import pytest

from tests.train.test_commands import run
from train.benchmarks import ranking as bench_ranking
from train.benchmarks import speed as bench


def test_the_figures_hold_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_ranking, "SAMPLE_PAIRS", 30)
    monkeypatch.setattr(bench_ranking, "SAMPLE_SENTENCES", 2)
    figures = bench_ranking.bench_flickr8k(photos=12)  # asserts that the peers agree
    assert (figures["photos"], figures["sentences"]) == (12, 60)
    assert 400 < figures["words"] < 1100  # 60 sentences of about 12 words
    assert figures["share_of_product_rate"] > 0


def test_a_peer_that_differs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_ranking, "SAMPLE_PAIRS", 3)
    monkeypatch.setattr(bench_ranking, "_by_pairs", lambda *_: 9.0)
    with pytest.raises(AssertionError):
        bench_ranking.bench_flickr8k(photos=10)


def test_memory_growth_is_measured() -> None:
    size = 40 * 2**20
    with mmap.mmap(-1, size) as fresh:  # no malloc, which may hand out what earlier tests freed
        growth = bench_ranking._growth_mb(lambda: fresh.write(b"x" * size))
    if growth is None:
        pytest.skip("this system tells no peak of memory")
    assert 30 < growth < 100  # the map, and the bytes that are written to it


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"flickr8k": {"photos": 3}, "coco": bench_ranking.bench_coco(photos=4, share=0.5)}
    monkeypatch.setattr(bench, "bench_ranking", lambda: small)
    monkeypatch.setattr(bench, "bench_steps", lambda *_: pytest.fail("not asked for"))
    run(monkeypatch, "bench", "ranking", "--threads", 1, "--json", tmp_path / "out.json")
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["flickr8k"] == {"photos": 3}
    assert figures["coco"]["photos_run"] == 2
    assert "1 threads" in figures["machine"]
