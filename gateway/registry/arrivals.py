"""What has arrived, of which kind and when: the question behind `flows status`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.registry.tables import DeclarationRow, TransferRow

Arrival = tuple[str, str, datetime]
"""Flow, data type, and when it landed or went."""


def arrivals(
    session: Session, *, since: datetime, provider: str | None = None
) -> Mapping[str, Sequence[Arrival]]:
    """The accepted transfers of each provider from `since` on, those declared to have gone otherwise too."""
    found: defaultdict[str, list[Arrival]] = defaultdict(list)
    uploads = select(
        TransferRow.provider, TransferRow.flow, TransferRow.data_type, TransferRow.landed_at
    ).where(
        TransferRow.state == "accepted",
        col(TransferRow.data_type).is_not(None),
        TransferRow.landed_at >= since,
    )
    declared = select(
        DeclarationRow.provider, DeclarationRow.flow, DeclarationRow.data_types, DeclarationRow.goes_at
    ).where(DeclarationRow.state == "accepted", DeclarationRow.goes_at >= since)
    if provider is not None:
        uploads = uploads.where(TransferRow.provider == provider)
        declared = declared.where(DeclarationRow.provider == provider)
    for sender, flow, data_type, at in session.exec(uploads):
        found[sender].append((flow or "", data_type or "", at))
    for sender, flow, data_types, at in session.exec(declared):
        found[sender] += [(flow or "", data_type, at) for data_type in data_types.split()]
    return found
