"""People who may sign in: `user add NAME`, `user list`, `user password NAME`, `user disable NAME`.

A password is made and shown once; its person can change it on the page. Disabling somebody, a new
password and `user sign-out NAME` end all their sessions.
"""

from __future__ import annotations

import argparse
import secrets
from contextlib import closing

from annotate.commands import add_url, opened
from annotate.people import OPERATOR


def add_arguments(options: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = options.add_subparsers(
        dest="action", required=True, metavar="add|list|password|disable|enable|sign-out"
    )
    for action, text in (
        ("add", "a new person, with a password that is shown once"),
        ("password", "a new password for a person, shown once"),
        ("disable", "keep a person from signing in; their work stays"),
        ("enable", "let a person sign in again"),
        ("sign-out", "end a person's sessions on all their browsers"),
    ):
        one = actions.add_parser(action, help=text)
        one.add_argument("name", help="the name that the person signs in with")
        if action == "add":
            one.add_argument("--owner", action="store_true", help="an administrator")
        add_url(one)
    add_url(actions.add_parser("list", help="everybody"))


def main(arguments: argparse.Namespace) -> None:
    """Run it."""
    with closing(opened(arguments, make=arguments.action == "add")) as store:
        people = store.people
        if arguments.action == "list":
            for one in people.all(OPERATOR):
                marks: list[str] = [one.person.role]
                marks += ["no password"] if not one.has_password else []
                marks += ["disabled"] if one.disabled else []
                print(f"{one.person.name}: {', '.join(marks)}")
        elif arguments.action in ("disable", "enable"):
            people.set_disabled(OPERATOR, arguments.name, arguments.action == "disable")
            print(f"{arguments.name} is {arguments.action}d.")
        elif arguments.action == "sign-out":
            ended = store.sign_ins.end_all(OPERATOR, arguments.name)
            print(f"{arguments.name} is signed out of {ended} sessions.")
        else:
            password = secrets.token_urlsafe(12)
            if arguments.action == "add":
                people.add(
                    OPERATOR, arguments.name, password, "owner" if arguments.owner else "annotator"
                )
            else:
                people.set_password(OPERATOR, arguments.name, password)
            print(f"The password of {arguments.name}, shown only now: {password}")
