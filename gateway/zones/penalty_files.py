"""Read and write the files in which a service lists penalised sources, and learns of lifted penalties.

intake      spool/penalties.json       published/lifted.json    across the wall
mailboxes   mailboxes/penalties.json   mailboxes/lifted.json    both inside

penalties.json lists the penalised sources with the end of each penalty; the inside only displays this list.
lifted.json lists the sources whose penalties a person has lifted, with the time of lifting. The processor
copies intake's list to mailboxes/intake.json for the console, which reaches no spool, and lifts the penalties
that the log records as lifted.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

from pydantic import AfterValidator, AwareDatetime, Field

from gateway.home import Home, Published, Spool
from gateway.home.settings_file import File
from gateway.zones.spool import read_small

F = TypeVar("F", bound=File)
_MOST_LIFTED = 256
_MOST_BYTES = 4 * 1024**2
_LIST, _LIFT = "penalties.json", "lifted.json"
_IPV6_PREFIX = 64  # One household or organisation has at least so many addresses.


def source_of(address: str) -> str:
    """Return the source of an address: an IPv4 address itself, or the /64 network of an IPv6 address."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "0.0.0.0"  # noqa: S104 - a peer without an address, such as a local socket
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, _IPV6_PREFIX), strict=False))


def as_source(given: str) -> str:
    """Return the source that an address or network is, or belongs to. ValueError for any other text."""
    network = ipaddress.ip_network(given)
    return source_of(str(network[0])) if network.num_addresses == 1 else str(network)


class Listed(File):
    """penalties.json: when the penalty of each source ends. A source is an address or a network."""

    until: dict[Annotated[str, AfterValidator(as_source)], AwareDatetime] = Field(default={})


class Lifted(File):
    """lifted.json: the sources whose penalties were lifted, each with the time of lifting."""

    at: dict[str, AwareDatetime] = Field(default={})

    def with_one(self, source: str, now: datetime) -> Lifted:
        """Return the list with one more source; if the list gets too long, the oldest source is left out."""
        at = {**{known: when for known, when in self.at.items() if known != source}, source: now}
        return Lifted(at=dict(list(at.items())[-_MOST_LIFTED:]))


class PenaltyFiles(NamedTuple):
    """Paths of two files of a service: the list of penalised sources, and the list of lifted penalties."""

    listed: Path
    lifted: Path

    def read_lifted(self) -> Lifted:
        """Return the lifted penalties; none if the file is missing. ValueError if the file is invalid."""
        return _read(self.lifted, Lifted)

    def read_listed(self) -> Listed:
        """Return the penalised sources; none if the file is missing. ValueError if the file is invalid."""
        return _read(self.listed, Listed)

    def write_listed(self, listed: Listed) -> None:
        """Replace the list of penalties, without syncing: the list is useless after the service's end."""
        aside = self.listed.with_name(f".{self.listed.name}.new")
        aside.write_text(listed.model_dump_json(), "utf-8")
        aside.replace(self.listed)


def _read(path: Path, kind: type[F]) -> F:
    try:
        return kind.model_validate_json(read_small(path, _MOST_BYTES))
    except FileNotFoundError:
        return kind()


def of_home(home: Home) -> dict[str, PenaltyFiles]:
    """Return the penalty files of intake and of the mailboxes, by service."""
    return {"intake": of_intake(home.spool, home.published), "mailboxes": of_mailboxes(home)}


def seen_inside(home: Home) -> dict[str, PenaltyFiles]:
    """Return the penalty files by service, for processes inside that cannot reach the spool.
    For intake, the copies in mailboxes/ are returned.
    """
    return of_home(home) | {"intake": PenaltyFiles(home.mailboxes / "intake.json", home.mailboxes / _LIFT)}


def of_intake(spool: Spool, published: Published) -> PenaltyFiles:
    """Return the penalty files of intake."""
    return PenaltyFiles(spool.root / _LIST, published.root / _LIFT)


def of_mailboxes(home: Home) -> PenaltyFiles:
    """Return the penalty files of the mailboxes service."""
    return PenaltyFiles(home.mailboxes / _LIST, home.mailboxes / _LIFT)
