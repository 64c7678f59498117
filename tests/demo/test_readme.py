"""The snippets of docs/api.md for programs run against a server and print what the page says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_client_snippets(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    snippets = [s for s in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "Client(" in s]
    assert len(snippets) == 2
    monkeypatch.chdir(ROOT)
    for snippet in snippets:
        exec(compile(snippet.replace("http://127.0.0.1:7860", server), "docs/api.md", "exec"), {})
        assert re.search(r"\[\d+, \d+, \d+, \d+\]", capsys.readouterr().out)
