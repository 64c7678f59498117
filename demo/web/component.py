"""One base for all components: a `gr.HTML` whose behaviour is an ES module, served as it is.

A file's address is its path in the package: `demo/pages/align/static/examples.js` is served at
`/demo/pages/align/static/examples.js`, so relative imports mean the same to a browser and to Node.
Only what lies in folders named `static` is served.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

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


def component(
    module: str,
    name: str,
    value: Any = None,
    events: tuple[str, ...] = (),
    classes: tuple[str, ...] = (),
    **settings: Any,
) -> gr.HTML:
    """A component whose element is filled by static/`name`.js beside a Python module.

    module    the Python module's `__file__`
    name      with - for _ it is also the element's class
    events    names of those that its script triggers; each becomes a method, as Gradio's own
    classes   further classes of the element
    settings  further ones of `gr.HTML`; those that it does not know are the script's `props`

    The script exports `mount`, made by static/component.js. A function and no subclass of
    `gr.HTML`: beside a subclass Gradio would write a .pyi file.
    """
    # Gradio knows a component's own events by their quoted names in this text.
    quoted = " ".join(f"'{event}'" for event in events)
    named = " ".join((*classes, name.replace("_", "-")))
    return gr.HTML(
        value,
        html_template=f'<div class="{named}"></div>',
        js_on_load=(
            f"import(new URL('{static(module)}/{name}.js', document.baseURI))"
            ".then(({mount}) => mount({element, props, trigger, upload, watch}));"
            f" // {quoted}"
        ),
        apply_default_css=False,
        **settings,
    )
