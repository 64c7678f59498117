"""README.md's snippet for programs runs against a server and prints what it promises."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_readmes_client_snippet(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    [snippet] = [s for s in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "Client(" in s]
    snippet = snippet.replace("http://127.0.0.1:7860", server)
    monkeypatch.chdir(ROOT)
    exec(compile(snippet, "README.md", "exec"), {})
    assert re.search(r"\[\d+, \d+, \d+, \d+\]", capsys.readouterr().out)
