"""Providers, and their keys for signing and logging in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from gateway.model.content import Stated
from gateway.model.kinds import FileKeyKind, ProviderKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Sending body in the registry. `dfe_number` is LA + establishment, 7 digits.

    `number` identifies a body with neither a DfE number nor a URN. `harmless` are column names listed as
    harmless by an administrator; `stated` are headings with meanings stated by the provider. `schools` are
    the DfE numbers or URNs of further schools the provider speaks for, as a multi-academy trust does.
    `closed_on` is the last day, None while open; `succeeded_by` the id of the successor.
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
        """True where recorded as closed: such a provider owes nothing and gets nothing new."""
        return self.closed_on is not None


@dataclass(frozen=True, slots=True)
class RatificationsThatCount:
    """Ratifications in force: of these academic years, of the text with this SHA-256, or of any text."""

    years: tuple[str, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """Public key judged acceptable. After `expires_at` the key cannot sign."""

    kind: FileKeyKind
    fingerprint: str
    material: str
    algorithm: str
    expires_at: datetime | None = None
