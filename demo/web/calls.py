"""Which of Gradio's own addresses lead somewhere: to the rest Gradio answers 500, with a traceback
in the log, or begins to answer and breaks off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

INSIDE = "/gradio_api/"
NO_ENDPOINT = "There is no such endpoint."
NO_SESSION = "There is no such session, or it has ended."


class Calls:
    """The endpoints and sessions of the pages; `blocks` is told once they are laid out."""

    def __init__(self) -> None:
        self.blocks: gr.Blocks | None = None

    def absent(self, path: str, query: Mapping[str, str], body: Any = None) -> str | None:
        """What there is not, of a GET's query or a POST's JSON; None where Gradio may answer."""
        way, *rest = path.removeprefix(INSIDE).strip("/").split("/")
        if self.blocks is None or not path.startswith(INSIDE):
            return None
        if [way, *rest] == ["queue", "data"]:
            # Without a session Gradio itself says what is missing.
            session = query.get("session_hash")
            return None if session is None or session in self._sessions else NO_SESSION
        if way == "call" and body is None:
            return None if rest and self._is_event(rest[-1]) else NO_SESSION
        if way in ("run", "call") or [way, *rest] == ["queue", "join"]:
            name = rest[-1] if rest else ""
            return None if self._is_endpoint(name, body) else NO_ENDPOINT
        return None

    def lacking(self, path: str, body: Any) -> str | None:
        """What a call that leads somewhere lacks; None where it lacks nothing."""
        if self.blocks is None or not path.startswith(INSIDE):
            return None
        fn = self._endpoint(path.rstrip("/").rpartition("/")[2], body)
        data = body.get("data") if isinstance(body, dict) else None
        if fn is None or not isinstance(data, list) or len(data) >= len(fn.inputs):
            return None
        return f"data has {len(data)} values; expected {len(fn.inputs)}."

    def _is_endpoint(self, name: str, body: Any) -> bool:
        return self._endpoint(name, body) is not None or not isinstance(body, dict)

    def _endpoint(self, name: str, body: Any) -> Any:
        """By its number where the body has one, else by its name."""
        assert self.blocks is not None
        number = body.get("fn_index") if isinstance(body, dict) else None
        if number is None:
            found = (fn for fn in self.blocks.fns.values() if fn.api_name == name)
            return next(found, None)
        return self.blocks.fns.get(number) if isinstance(number, int) else None

    @property
    def _sessions(self) -> Any:
        assert self.blocks is not None
        return self.blocks._queue.pending_messages_per_session

    def _is_event(self, event: str) -> bool:
        """Whether an event waits, runs, or has an answer that nobody took yet."""
        assert self.blocks is not None
        queue = self.blocks._queue
        return (
            event in queue.event_ids_to_events
            or event in self._sessions
            or any(event in events for events in queue.pending_event_ids_session.values())
        )
