"""A year of 300 schools and every flow, put into the registry in bulk."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session

from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import school_days
from gateway.registry.tables import ProviderRow, TransferRow

SCHOOLS = 300
START = datetime(2025, 9, 1, tzinfo=UTC)


def fill(session: Session, catalogue: Catalogue, *, until: date) -> int:
    """300 schools that send everything on its day from September 2025 on; how many files that is."""
    names = [f"school-{n:03}" for n in range(SCHOOLS)]
    rows = [
        {"id": name, "name": name, "kind": "school", "dfe_number": f"999{2000 + n}", "suspended": False,
         "added_at": START}
        for n, name in enumerate(names)
    ]  # fmt: skip
    session.connection().execute(insert(ProviderRow), rows)
    files = [row for n, name in enumerate(names) for row in _sent(n, name, catalogue, until)]
    session.connection().execute(insert(TransferRow), files)
    return len(files)


def arrived(
    session: Session, provider: str, data_type: str, day: date, *, enrolled: datetime = START
) -> None:
    """One accepted file of one school."""
    if session.get(ProviderRow, provider) is None:
        session.add(ProviderRow(id=provider, name=provider, kind="school", added_at=enrolled))
        session.flush()
    flow = "student-core" if data_type in {"attendance", "exclusions"} else data_type
    session.add(TransferRow(**_row(provider, f"000{day:%m%d}-{data_type[:3]}", flow, data_type, day)))


def _sent(n: int, name: str, catalogue: Catalogue, until: date) -> list[dict[str, Any]]:
    days = [day for day in school_days(catalogue.calendar, frozenset()) if day <= until]
    sent = [("student-core", "student-core", day) for day in days]
    sent += [("student-core", "attendance", day) for day in days if day.weekday() == 4]
    for flow in catalogue.flows.flow[1:5]:
        sent += [(flow.id, flow.id, day) for day in days[:: len(days) // 3]]
    return [_row(name, f"{n:03}{m:04}", flow, kind, day) for m, (flow, kind, day) in enumerate(sent)]


def _row(name: str, number: str, flow: str, data_type: str, day: date) -> dict[str, Any]:
    at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(seconds=int(number[:3]))
    return {
        "reference": f"{day:%y%m%d}-{name}-{number}", "provider": name, "name": "file.pgp", "folder": "in",
        "state": "accepted", "size": 1, "sha256": "0" * 64, "started_at": at, "landed_at": at, "ssh_key": "x",
        "client": "", "withheld": False, "looks_like": "", "decided_at": at, "flow": flow,
        "data_type": data_type,
    }  # fmt: skip
