"""What doctor says of keys: waiting, expiring, unused, unprotected, old."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from gateway.cli.console import counted
from gateway.home import Home
from gateway.keys.warnings import days_left, step_due
from gateway.registry import keys, transfers
from gateway.registry.keys import Key
from gateway.secrets import secret_files
from gateway.settings import KeyPolicy

Said = tuple[str, str]
"""What is weak, and the command or the sentence that mends it."""


def of_secrets(home: Home) -> Iterator[Said]:
    """Secrets that are under no passphrase."""
    bare = secret_files.unprotected(home)
    if bare:
        number = "1 secret is" if len(bare) == 1 else f"{len(bare)} secrets are"
        yield (
            f"{number} under no passphrase in {home.keys}: whoever copies that reads all",
            "gateway keys gateway protect",
        )


def of_keys(session: Session, home: Home, policy: KeyPolicy, at: datetime) -> Iterator[Said]:
    """Keys on record that somebody should look at, and files that wait for one."""
    known = keys.list_keys(session)
    for key in known:
        if key.owner_kind != "gateway":
            yield from _of_one(key, policy, at)
    yield from _of_gateway([key for key in known if key.owner_kind == "gateway"], home, policy, at)
    waiting = Counter(
        t.upload.provider for t in transfers.find(session, state="held") if t.waits_for == "key"
    )
    for provider, number in sorted(waiting.items()):
        yield (
            f"{counted(number, 'file')} of {provider} waiting for a key that is renewed or approved",
            f"gateway keys list {provider}; a renewed certificate: gateway keys add {provider} FILE",
        )


def _of_one(key: Key, policy: KeyPolicy, at: datetime) -> Iterator[Said]:
    staff = " --staff" if key.owner_kind == "staff" else ""
    what = f"the {'SSH' if key.kind == 'ssh' else 'OpenPGP'} key {key.fingerprint[:23]} of {key.owner}"
    if key.state == "pending":
        yield f"{what} waits for approval", f"gateway keys confirm {key.owner} {key.fingerprint}{staff}"
    if not key.is_in_force(at):
        return
    if key.expires_at is not None and key.expires_at <= at:
        yield (
            f"{what} has expired: what it signs waits",
            f"gateway keys add {key.owner} FILE, once it is renewed",
        )
    elif step_due(key, at, policy.warn_days) is not None:
        yield (
            f"{what} ends in {counted(days_left(key, at) or 0, 'day')}",
            f"ask {key.owner} to extend or replace it",
        )
    if (key.last_used_at or key.added_at) < at - timedelta(days=policy.unused_days):
        yield (
            f"{what} was not used for {counted(policy.unused_days, 'day')}",
            f"gateway keys retire {key.owner} {key.fingerprint}{staff}",
        )


def _of_gateway(known: Sequence[Key], home: Home, policy: KeyPolicy, at: datetime) -> Iterator[Said]:
    for key in known:
        held = secret_files.secret_key_file(home, key.fingerprint).exists()
        if key.state in {"retired", "revoked"} and held:
            yield (
                f"the secret half of the gateway's key {key.fingerprint[:16]}, {key.state}, is still here",
                f"gateway keys gateway reseal; gateway keys gateway destroy {key.fingerprint}",
            )
        if key.state == "active" and key.added_at < at - timedelta(days=policy.rotate_days):
            age = counted(policy.rotate_days, "day")
            yield (
                f"the gateway's key {key.fingerprint[:16]} is older than {age}",
                "gateway keys gateway rotate",
            )
