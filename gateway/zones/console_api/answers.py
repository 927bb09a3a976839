"""Answers to the console with a type of their own. Moments are aware, in UTC; file names are safe to show."""

from pathlib import Path

from pydantic import Field

from gateway.home.settings_file import File


class ConsoleKnows(File):
    """The settings that the console needs; `zone` is the local authority's time zone."""

    organisation: str
    zone: str
    host: str
    port: int
    origin: str | None
    certificate: Path | None
    certificate_key: Path | None
    proxies: tuple[str, ...]
    openid: str | None
    security_txt: str | None
    accessibility: str | None


class Named(File):
    """Id and name, for people, of a team, provider, data type or the like."""

    id: str
    name: str


class Me(File):
    """The logged-in person, with teams and rights."""

    name: str
    teams: tuple[Named, ...]
    may: frozenset[str]


class SavedTold(File):
    """A saved filter of a list; `query` is the filter as in a URL."""

    name: str
    query: str


class Declining(File):
    """Refusal of a question, in a sentence; `options` where the person's passkey has to sign first.

    `again`: the address for a new login for this act, for a person without a passkey. `status` is for
    for programs. `fields` are the wrong fields of a form, each with a sentence.
    """

    status: int = 403
    sentence: str = ""
    fields: dict[str, str] = Field(default_factory=dict)
    options: str = ""
    again: str = ""
