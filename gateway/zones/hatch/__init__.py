"""The hatch between the console and the inside: what may be asked through it, and what is answered.

A question is a POST over a Unix socket, its address the name of the question, its body JSON. The inside
believes nothing of it but who may ask: that somebody is logged in is proved by the secret of a session, which
their browser holds, and each act of weight by their passkey.
"""

from __future__ import annotations

import hashlib
import re
from typing import ClassVar

from gateway.home.settings_file import File

SOCKET = "inside"
"""The name of the socket in its folder."""
OF_AN_ACT = "act."
"""How the state begins of whoever logs in elsewhere once more, to confirm an act."""
STEP = re.compile(r"(?<!^)(?=[A-Z])")


class HatchQuestion(File):
    """Something that is asked. `origin` begins the address of the page, `address` is the browser's."""

    origin: str
    address: str

    @classmethod
    def path(cls) -> str:
        """Where it is asked."""
        return "/" + STEP.sub("-", cls.__name__).lower()


class OfPerson(HatchQuestion):
    """Something asked by somebody who is logged in; `session` is the secret that their browser holds."""

    session: str


class WeightyAct(OfPerson):
    """Something of weight: `assertion` is what the person's passkey signed for this very act, once it has."""

    assertion: str | None = None
    UNSIGNED: ClassVar[frozenset[str]] = frozenset({"assertion", "session", "origin", "address"})

    def signed_over(self) -> str:
        """What the passkey is asked to sign for: the act and all that belongs to it."""
        told = self.model_dump_json(exclude=set(self.UNSIGNED))
        return f"{self.path()} {hashlib.sha256(told.encode()).hexdigest()}"
