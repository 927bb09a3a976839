"""Who sends, and the keys that they sign and log in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from gateway.model.content import Stated
from gateway.model.kinds import FileKeyKind, ProviderKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A body that sends, as the registry knows it. `dfe_number` is LA + establishment, 7 digits; `number`
    the one by which a body that has neither it nor a URN is known.

    `harmless` are the names of columns that an administrator has listed as harmless for it; `stated` the
    headings that it has said the meaning of itself. `schools` are
    the DfE numbers or URNs of those for which it speaks beside itself, as a multi-academy trust does.
    `closed_on` is its last day, None while it is open; `succeeded_by` the id of the provider that took its
    place.
    """

    id: str
    name: str
    kind: ProviderKind
    dfe_number: str | None = None
    urn: str | None = None
    number: str | None = None
    suspended: bool = False
    ratified: bool = False
    harmless: tuple[str, ...] = ()
    stated: Stated = ()
    schools: tuple[str, ...] = ()
    closed_on: date | None = None
    succeeded_by: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it is on record that it has closed: it owes nothing, and gets nothing new."""
        return self.closed_on is not None


@dataclass(frozen=True, slots=True)
class RatificationsThatCount:
    """Which ratifications count: those of these academic years, of the text with this SHA-256, or of any."""

    years: tuple[str, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A public key that was judged and found fit. `expires_at`: from when on it cannot sign."""

    kind: FileKeyKind
    fingerprint: str
    material: str
    algorithm: str
    expires_at: datetime | None = None
