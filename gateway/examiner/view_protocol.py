"""Requests to the viewer and its answers: plain values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.model import Basis, Counting, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """Content, sent as a descriptor, to make a view or counts of."""

    reference: str
    basis: Basis | Counting
    kind: Literal["viewing"] = "viewing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """View made, following as a descriptor of anonymous memory unless the content is the view."""

    reference: str
    view: View
    kind: Literal["viewed"] = "viewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingRecords:
    """Content, sent as a descriptor, to list the persons of each record of."""

    reference: str
    kind: Literal["naming-records"] = "naming-records"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsNamed:
    """Persons in each record, in the order of a view: UPNs, and names as in `classify.person_names`.

    A record naming nobody has neither.
    """

    reference: str
    records: list[tuple[list[str], list[str]]]
    kind: Literal["records-named"] = "records-named"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPart:
    """Content, sent as a descriptor: a provider's part of a file, to seal to the provider.

    The rest is as in `SealCopy`.
    """

    reference: str
    signer: str
    recipients: tuple[str, ...]
    now: datetime
    kind: Literal["seal-part"] = "seal-part"
