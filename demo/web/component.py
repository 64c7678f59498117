"""How a `gr.HTML` gets its behaviour: an ES module that is served as it is.

A file's address is its path in the package: `demo/pages/align/static/viewer.js` is served at
`/demo/pages/align/static/viewer.js`, so relative imports mean the same to a browser and to Node.
Only what lies in folders named `static` is served.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def static(module: str) -> str:
    """A Python module's `__file__` -> the address of the folder `static` beside it."""
    return f"demo/{(Path(module).parent / 'static').relative_to(PACKAGE).as_posix()}"


def static_folders() -> dict[str, Path]:
    """Address -> folder, of all files that anybody may read."""
    return {
        f"demo/{folder.relative_to(PACKAGE).as_posix()}": folder
        for folder in sorted(PACKAGE.rglob("static"))
        if folder.is_dir()
    }


def on_load(folder: str, module: str, *events: str) -> str:
    """JavaScript that hands a component to `mount` of a module served under the address `folder`.

    The events are not needed to run: Gradio knows a component's own events by their quoted names.
    """
    return (
        f"import(new URL('{folder}/{module}', document.baseURI))"
        ".then(({mount}) => mount({element, props, trigger, upload, watch}));"
        f" // {' '.join(events)}"
    )
