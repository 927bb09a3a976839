"""The protocol of the console API: questions of the console, and answers of the inside.

A question is a POST over a Unix socket: its path is the name of the question, its body JSON. The inside
trusts only proofs of identity: a session's secret in the person's browser, and the passkey's signature for
each act needing confirmation. Answers are JSON: times are in UTC and say so, file names are safe to show.
"""

from typing import Any

from pydantic import Field

from gateway.home.settings import WebSettings
from gateway.home.settings_file import File

SOCKET = "inside"
"""The name of the socket in its folder."""
PAGE = 50
"""Rows of a page of a list, where nobody says how many."""
OF_AN_ACT = "act."
"""The prefix of the OpenID state in a login confirming an act."""
Given = str | int | bool | tuple[str, ...]
"""The value of one field of an act in a form, or of a page."""
Cell = str | int | float | bool | None
"""One value in a row of a list; a moment is RFC 3339 in UTC."""
Shown = dict[str, Any]
"""An answer, or a part of one, by name."""


class ConsoleQuestion(File):
    """A question of the console to the inside. `origin`: of the page asking; `address`: of the browser.

    `session` is the secret in a logged-in person's browser, or the credential of a program. `unattended`: the
    page asks without the person's doing, so the session is not prolonged. `fields`: further values, checked
    by the function that answers the question.
    """

    origin: str
    address: str
    session: str = ""
    unattended: bool = False
    fields: Shown = Field(default_factory=dict)


class ConsoleKnows(WebSettings):
    """The settings the console needs; `zone` is the local authority's time zone."""

    organisation: str
    zone: str
    openid: str | None
    security_txt: str | None
    accessibility: str | None


class Named(File):
    """Id of a team, provider, data type or the like, with the name for people."""

    id: str
    name: str


class Declining(File):
    """Refusal of a question, in a sentence. `status`: the HTTP status that programs get.

    `fields`: the wrong fields of a form, each with a sentence. `options`: WebAuthn options, if the person's
    passkey first has to sign. `again`: the address of a new login, if a person without a passkey first has to
    log in anew.
    """

    status: int = 403
    sentence: str = ""
    fields: dict[str, str] = Field(default_factory=dict)
    options: str = ""
    again: str = ""
