"""How a `gr.HTML` gets its behaviour: an ES module that is served as it is."""

from __future__ import annotations

STATIC = "web-static"
"""The address under which annotate/web/static is served."""


def on_load(folder: str, module: str, *events: str) -> str:
    """JavaScript that hands a component to `mount` of a module served under the address `folder`.

    The events are not needed to run: Gradio knows a component's own events by their quoted names.
    """
    return (
        f"import(new URL('{folder}/{module}', document.baseURI))"
        ".then(({mount}) => mount({element, props, trigger, upload, watch}));"
        f" // {' '.join(events)}"
    )
