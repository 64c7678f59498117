"""Endpoints for programs: a job of the set's, with its arguments' types, as Gradio publishes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any

import gradio as gr
from gradio.context import get_blocks_context
from gradio.events import api
from pydantic import ValidationError, validate_call

from core.errors import UserError


def publish(job: Callable[..., Any], name: str, description: str) -> None:
    """The endpoint `/name`, with the job's arguments and their types.

    An argument of a wrong type, and what the page would say in red, become its error.
    """
    names = list(signature(job).parameters)
    checked = validate_call(job)

    @wraps(job)
    def endpoint(*values: Any) -> Any:
        try:
            return checked(*values)
        except ValidationError as error:
            wrong = error.errors()[0]
            said = f"{names[int(wrong['loc'][0])]}: {wrong['msg']}."
        except UserError as error:
            said = str(error)
        raise gr.Error(said, print_exception=False)

    made = api(endpoint, api_name=name, api_description=description)
    # The API's page names an argument by its component's label, which would be "1st".
    blocks = get_blocks_context()
    assert blocks is not None
    [event] = [one for one in blocks.fns.values() if one.api_name == made["api_name"]]
    for argument, part in zip(names, event.inputs, strict=True):
        vars(part)["label"] = argument
    for part in event.outputs:
        vars(part)["label"] = name
