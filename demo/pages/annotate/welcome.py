"""The first start: somebody has to own the projects."""

from __future__ import annotations

from annotate.store import Store


def welcome(store: Store) -> str:
    """Make an owner where there is none -> what to tell whoever started the server, this once."""
    made = store.people.first_administrator()
    if made is None:
        return ""
    person, password = made
    return (
        f"Owner of the annotation projects: {person.name}, password {password} (shown only now; "
        f"`python -m annotate user password {person.name} --url ...` makes another)"
    )
