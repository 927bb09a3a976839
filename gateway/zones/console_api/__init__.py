"""The protocol of the console API: questions of the console, and answers of the inside.

A question is a POST over a Unix socket: its path is the name of the question, its body JSON. The inside
trusts only proofs of identity: a session's secret in the person's browser, and the passkey's signature for
each act needing confirmation.
"""

import re

from gateway.home.settings_file import File

SOCKET = "inside"
"""The name of the socket in its folder."""
OF_AN_ACT = "act."
"""The prefix of the OpenID state in a login confirming an act."""
STEP = re.compile(r"(?<!^)(?=[A-Z])")


class ConsoleQuestion(File):
    """A question of the console to the inside. `origin`: of the page asking; `address`: of the browser."""

    origin: str
    address: str

    @classmethod
    def path(cls) -> str:
        """Return the question's URL path."""
        return "/" + STEP.sub("-", cls.__name__).lower()


class OfPerson(ConsoleQuestion):
    """A question by a logged-in person; `session` is the secret in the person's browser.

    `unattended`: the page asks without the person's doing, so the session is not prolonged.
    """

    session: str
    unattended: bool = False
