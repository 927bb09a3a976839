"""Complaints of doctor about keys: waiting, expiring, unused, unprotected, old."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from gateway.cli.complaints import Complaint, Together
from gateway.home import Home
from gateway.home.settings import KeyPolicy
from gateway.keys.notices import days_left, step_due
from gateway.model import counted
from gateway.registry import hosts, keys, providers, transfers
from gateway.registry.keys import Key
from gateway.secrets import secret_files

_PENDING = Together(
    "key",
    "waiting to be confirmed",
    "ring each owner, then: gateway keys confirm ID FPR; gateway keys list ID",
)
_EXPIRED = Together(
    "key", "that have expired: what they sign waits", "gateway keys add ID FILE, once they are renewed"
)
_ENDS = Together("key", "that end soon", "ask their owners to extend or replace them; gateway keys list")
_UNUSED = Together(
    "key", "not used for long, whose owners use another one", "gateway keys list; gateway keys retire ID FPR"
)
_UNUSED_LAST = Together(
    "key",
    "not used for long, each the only one that its owner is known to have",
    "ask the owners whether they are still needed; retiring them would lock the owners out",
)
Said = tuple[str, str]
"""The weakness, and the command or sentence for mending."""


def of_secrets(home: Home) -> Iterator[Said]:
    """Yield secrets without a passphrase."""
    bare = secret_files.unprotected(home)
    if bare:
        number = "1 secret is" if len(bare) == 1 else f"{len(bare)} secrets are"
        yield (
            f"{number} under no passphrase in {home.keys}: whoever copies that reads all",
            "gateway keys gateway protect",
        )


def of_hosts(session: Session, home: Home, own: str | None) -> Iterator[Complaint]:
    """Yield silent hosts, wrong clocks, and hosts behind with a key, as during a change of key."""
    found = hosts.known(session)
    held = {host.name: host.holds for host in found if host.is_at_work}
    if own is not None:
        held[own] = frozenset(secret_files.holding(home))
    known = keys.list_keys(session, "gateway", "gateway")
    over = {key.fingerprint[:16] for key in known if key.state in {"retired", "revoked"}}
    every = {one for one in frozenset[str]().union(*held.values()) if one.rpartition("/")[2] not in over}
    whole = next((name for name, there in held.items() if there >= every), "that has them")
    for name, there in held.items():
        if not there >= every:
            yield Complaint(
                "warning",
                f"host {name} lacks keys of the gateway that host {whole} has",
                f"at host {whole}: gateway hosts add {name} FILE; at host {name}: gateway hosts join FILE",
            )
    for host in found:
        if not host.is_at_work:
            yield Complaint(
                "fault",
                f"host {host.name} says nothing; {counted(host.spool, 'upload')} waited in its spool",
                "start it again; if it is lost, take its spool over: gateway hosts take-over; if it is to go "
                f"for good: gateway hosts remove {host.name}",
            )
        elif host.is_clock_wrong:
            yield Complaint(
                "fault",
                f"the clock of host {host.name} is {host.ahead_seconds:+.0f} s from the database's: "
                "what is uploaded there waits",
                "there: timedatectl set-ntp true, and see that the time is right",
            )


def of_keys(session: Session, home: Home, policy: KeyPolicy, at: datetime) -> Iterator[Complaint]:
    """Yield keys in need of attention, and files waiting for a key."""
    known = keys.list_keys(session)
    closed = {provider.id for provider in providers.list_providers(session) if provider.is_closed}
    owned: defaultdict[tuple[str, str, str], list[Key]] = defaultdict(list)
    for key in known:
        owned[key.owner_kind, key.owner, key.kind].append(key)
    for key in known:
        if key.owner_kind != "gateway" and not (key.owner_kind == "provider" and key.owner in closed):
            yield from _of_one(key, owned[key.owner_kind, key.owner, key.kind], policy, at)
    for said in _of_gateway([key for key in known if key.owner_kind == "gateway"], home, policy, at):
        yield Complaint("warning", *said)
    waiting = Counter(
        t.upload.provider for t in transfers.find(session, state="held") if t.waits_for == "key"
    )
    for provider, number in sorted(waiting.items()):
        yield Complaint(
            "warning",
            f"{counted(number, 'file')} of {provider} waiting for a key that is renewed or approved",
            f"gateway keys list {provider}; a renewed certificate: gateway keys add {provider} FILE",
        )


def _of_one(key: Key, alike: Sequence[Key], policy: KeyPolicy, at: datetime) -> Iterator[Complaint]:
    """Yield what is wrong with a key; `alike` are those of its kind that its owner has."""
    staff = " --staff" if key.owner_kind == "staff" else ""
    what = f"the {key.noun} {key.fingerprint[:23]} of {key.owner}"

    def complaint(text: str, mend: str, together: Together) -> Complaint:
        return Complaint("warning", f"{what} {text}", mend, key.owner, together)

    if key.state == "pending":
        mend = f"gateway keys confirm {key.owner} {key.fingerprint}{staff}"
        yield complaint("waits for approval", mend, _PENDING)
    if not key.is_in_force(at):
        return
    if key.expires_at is not None and key.expires_at <= at:
        mend = f"gateway keys add {key.owner} FILE, once it is renewed"
        yield complaint("has expired: what it signs waits", mend, _EXPIRED)
    elif step_due(key, at, policy.warn_days) is not None:
        left = counted(days_left(key, at) or 0, "day")
        yield complaint(f"ends in {left}", f"ask {key.owner} to extend or replace it", _ENDS)
    if not _used_lately(key, policy, at):
        replaced = any(_stands_in(other, key, policy, at) for other in alike)
        yield complaint(
            f"was not used for {counted(policy.unused_days, 'day')}",
            f"gateway keys retire {key.owner} {key.fingerprint}{staff} --why …" if replaced else _last(key),
            _UNUSED if replaced else _UNUSED_LAST,
        )


def _used_lately(key: Key, policy: KeyPolicy, at: datetime) -> bool:
    return (key.last_used_at or key.added_at) >= at - timedelta(days=policy.unused_days)


def _stands_in(other: Key, key: Key, policy: KeyPolicy, at: datetime) -> bool:
    """Return True if the owner of a key verifiably works with the other one, of the same kind."""
    in_use = other.last_used_at is not None and _used_lately(other, policy, at)
    return other.fingerprint != key.fingerprint and other.is_in_force(at) and in_use


def _last(key: Key) -> str:
    """Return the advice for a key whose loss might lock the owner out."""
    return f"ask {key.owner} whether it is still needed: no other is known to be in use to {key.use}; keep it"


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
