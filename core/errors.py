"""Errors that are meant for people."""


class UserError(Exception):
    """What a person did, or gave, cannot work; the message is one plain sentence that names the
    thing, its value and what was expected.

    Commands print it and end with status 2; pages show it. Whatever is not a `UserError` is a fault
    of the program: it goes to the log.
    """
