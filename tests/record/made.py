"""Values for tests of the pure steps: keys, opened files, uploads, all about one moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.model import Opened, Signature, Upload
from gateway.registry.keys import Key

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CERTIFICATE = "a" * 40
SIGNING_KEY = "b" * 40

_KEY = Key(
    owner_kind="provider",
    owner="oak",
    kind="openpgp",
    fingerprint=CERTIFICATE,
    material="the certificate",
    algorithm="Curve25519",
    state="active",
    added_at=NOW,
    added_by="admin",
    expires_at=None,
    not_before=None,
    not_after=None,
    ended_at=None,
    ended_by=None,
    why=None,
    revocation=None,
    warned_days=None,
    dropped_as=None,
    last_used_at=None,
    uses=0,
)


def day(number: float) -> datetime:
    """So many days after now; before it where that is negative."""
    return NOW + timedelta(days=number)


def key(**fields: Any) -> Key:
    """A key in force, but for these fields; those that name a moment are given in days from now."""
    moments = {name for name in ("expires_at", "not_before", "not_after", "ended_at") if name in fields}
    return replace(_KEY, **{name: day(it) if name in moments else it for name, it in fields.items()})


def opened(*, signed: float = -1, by: str = CERTIFICATE, sha256: str = "c" * 64, **more: Any) -> Opened:
    """An opened file that was signed so many days from now."""
    signature = Signature(certificate=by, signing_key=SIGNING_KEY, created_at=day(signed))
    return Opened(content=-1, size=7, sha256=sha256, signature=signature, engine="embedded", **more)


def upload(reference: str = "261124-oak-00001", **more: Any) -> Upload:
    """A file of the provider oak that landed now."""
    fields: dict[str, Any] = {
        "reference": reference,
        "provider": "oak",
        "name": "core.xml.pgp",
        "folder": "in",
        "size": 70,
        "sha256": "d" * 64,
        "started_at": NOW,
        "landed_at": NOW,
        "ssh_key": "SHA256:test",
    }
    return Upload(**(fields | more))
