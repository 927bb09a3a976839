"""Keys as shown in listings: end of use, and warnings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from gateway.cli.console import counted
from gateway.home.settings import KeyPolicy
from gateway.keys.warnings import days_left, step_due
from gateway.registry.keys import Key


def key_row(key: Key, at: datetime, policy: KeyPolicy) -> dict[str, Any]:
    """Return a key as shown in listings."""
    unused = key.is_in_force(at) and (key.last_used_at or key.added_at) < at - timedelta(
        days=policy.unused_days
    )
    return dataclasses.asdict(key) | {
        "provider": key.owner if key.owner_kind == "provider" else None,
        "in_force": key.is_in_force(at),
        "until": key.until,
        "days_left": days_left(key, at),
        "warning": step_due(key, at, policy.warn_days),
        "unused": unused,
        "notes": list(_notes(key, at, policy, unused=unused)),
    }


def _notes(key: Key, at: datetime, policy: KeyPolicy, *, unused: bool) -> Iterator[str]:
    if key.state == "pending" or (key.unconfirmed and key.is_in_force(at)):
        staff = " --staff" if key.owner_kind == "staff" else ""
        yield f"waits: gateway keys confirm {key.owner} FPR{staff}, once it is read out to you"
    if key.why:
        yield f"{key.state}: {key.why}"
    if unused:
        yield f"not used for {counted(policy.unused_days, 'day')}"
    if key.state in {"active", "retiring"} and key.expires_at is not None and key.expires_at <= at:
        yield "expired: what it signs waits"
    elif key.is_in_force(at) and step_due(key, at, policy.warn_days) is not None:
        yield f"ends in {counted(days_left(key, at) or 0, 'day')}"
