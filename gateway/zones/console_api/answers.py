"""Every answer to the console. Moments are aware, in UTC; names of files are safe to show."""

from pathlib import Path

from pydantic import Field

from gateway.home.settings_file import File


class ConsoleKnows(File):
    """The settings needed by the console; `zone` is the local authority's time zone."""

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


class PasskeyOptions(File):
    """The options for the browser's passkey, as JSON; `name` is its future owner."""

    options: str
    name: str = ""


class OpenIdBegun(File):
    """The address of the OpenID provider, to which the browser goes next."""

    address: str


class Begun(File):
    """A completed login; `session` is for the person's browser alone."""

    session: str
    name: str


class Named(File):
    """Something with a name for people: a team, a provider, a data type."""

    id: str
    name: str


class Me(File):
    """The logged-in person, with rights."""

    name: str
    teams: tuple[Named, ...]
    may: frozenset[str]


class Done(File):
    """A completed act, in a sentence."""

    sentence: str


class SavedTold(File):
    """A saved filter of a list, as in an address."""

    name: str
    query: str


class Declining(File):
    """A refusal, in a sentence; `options` if the person's passkey has to sign first.

    `again`: the address for a new login for this act, for a person without a passkey. `status` is for
    programs. `fields` are the wrong fields of a form, each with its own sentence.
    """

    status: int = 403
    sentence: str = ""
    fields: dict[str, str] = Field(default_factory=dict)
    options: str = ""
    again: str = ""
