"""What the viewer is asked, and what it answers: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.model import Basis, Counting, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """One content of which a view is to be made, or counts, whose descriptor goes along."""

    reference: str
    basis: Basis | Counting
    kind: Literal["viewing"] = "viewing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewed:
    """A view as it was made; it follows as a descriptor of anonymous memory, if it is not the content."""

    reference: str
    view: View
    kind: Literal["viewed"] = "viewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingRecords:
    """One content of which is asked who is in each record; its descriptor goes along."""

    reference: str
    kind: Literal["naming-records"] = "naming-records"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsNamed:
    """Who is in each record, in the order of a view: UPNs, and names as `classify.person_names` writes them.

    A record that names nobody has neither.
    """

    reference: str
    records: list[tuple[list[str], list[str]]]
    kind: Literal["records-named"] = "records-named"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPart:
    """One content, whose descriptor goes along, to seal to a provider whose part of a file it is.

    The rest is as in `SealCopy`.
    """

    reference: str
    signer: str
    recipients: tuple[str, ...]
    now: datetime
    kind: Literal["seal-part"] = "seal-part"
