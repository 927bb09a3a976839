"""Answers to the console, each of its own type. Moments are aware, in UTC; file names are safe to show."""

from pathlib import Path

from pydantic import Field

from gateway.home.settings_file import File


class ConsoleKnows(File):
    """The settings the console needs; `zone` is the local authority's time zone."""

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
    """Id of a team, provider, data type or the like, with its name for people."""

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
    """Refusal of a question, in a sentence. `options`: for the signature the passkey must give first.

    `again`: the address for a new login for this act, for a person without a passkey. `status` is for
    programs. `fields`: the wrong fields of a form, each with a sentence.
    """

    status: int = 403
    sentence: str = ""
    fields: dict[str, str] = Field(default_factory=dict)
    options: str = ""
    again: str = ""
