"""Errors that are meant for people."""


class UserError(Exception):
    """What a person did, or gave, cannot work; the message is one plain sentence that names the
    thing, its value and what was expected.

    Commands print it and end with status 2; pages show it. Whatever is not a `UserError` is a fault
    of the program: it goes to the log.
    """


class InvalidError(UserError):
    """A value that cannot be taken: the sentence names it and what was expected."""


def shown(value: object, most: int = 60) -> str:
    """A value out of a file as a message shows it: on one line, its beginning where it is long."""
    if isinstance(value, int) and abs(value) >= 10**most:
        return "a huge number"
    text = " ".join(str(value).split())
    return text if len(text) <= most else text[:most] + "..."
