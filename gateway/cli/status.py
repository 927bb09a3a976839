"""status: print the state of the gateway, for people and monitoring."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.text import Text
from sqlmodel import Session

from gateway.cli.commands import HomeOption, JsonOption, fails_clearly
from gateway.cli.console import now, out, print_json, rfc3339
from gateway.cli.console import registry as open_registry
from gateway.errors import ConfigurationError
from gateway.home import Home, policy_digest
from gateway.home.settings import Listen, load_settings
from gateway.model import counted
from gateway.record import policy_proposals as proposals
from gateway.record.snapshot import Snapshot, problems, take
from gateway.registry.hosts import Host
from gateway.secrets import passphrase, secret_files
from gateway.zones.places import answers, page_answers, place_of, processor_is_at_work

_CONNECT_SECONDS = 3.0
_SHOWN_DAYS = 60
_FEW = 3
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


@fails_clearly
def status(
    home: HomeOption,
    each: Annotated[bool, "--all", "Name each of many that are alike."] = False,
    as_json: JsonOption = False,
) -> None:
    """Say whether the services are reached, what waits, and what runs out. Exit 1 where all is not well."""
    place = Home(home)
    settings = load_settings(place)
    with open_registry(home) as registry:
        snapshot = take(place, registry, now())
        with registry.read() as session:
            policies = policies_standing(session, place)
    asked = {
        "intake": _place(place, "intake", settings.intake),
        "mailboxes": _place(place, "mailboxes", settings.mailboxes),
    }
    services = {
        "intake": answers(asked["intake"].host, asked["intake"].port, _CONNECT_SECONDS),
        "processor": processor_is_at_work(place),
        "mailboxes": answers(asked["mailboxes"].host, asked["mailboxes"].port, _CONNECT_SECONDS),
    }
    if settings.web.origin is not None:
        asked["web"] = Listen(host=settings.web.host, port=settings.web.port)
        services["web"] = page_answers(settings.web, _CONNECT_SECONDS)
    found = [f"service-down:{name}" for name, up in services.items() if not up]
    found += problems(snapshot, settings.watch)
    try:  # If no passphrase is stored, whether the secrets open is not known.
        if secret_files.is_protected(place) and passphrase.is_at_hand(place):
            secret_files.log_key(place)
    except (ConfigurationError, OSError):
        found.append("secrets-closed")
    if as_json:
        seen = dataclasses.asdict(snapshot) | {"oldest": snapshot.oldest}
        seen["hosts"] = [{**host, "holds": sorted(host["holds"])} for host in seen["hosts"]]
        seen["reasons"] = [
            {"state": state, "code": code, "transfers": count}
            for (state, code), count in sorted(snapshot.reasons.items())
        ]
        seen["expiries"] = [
            {"owner_kind": owner_kind, "owner": owner, "kind": kind, "days": days}
            for (owner_kind, owner, kind), days in snapshot.expiries.items()
        ]
        told_first = {"well": not found, "wrong": found, "services": services, "policies": policies}
        print_json(told_first | seen)
    else:
        up = "  ".join(f"{name} {'up' if up else 'DOWN'}" for name, up in services.items())
        down = (
            f"            {name} was looked for on port {where.port} of {where.host}"
            for name, where in asked.items()
            if not services[name]
        )
        named = [*policies_told(policies)[1:], *map(_host, snapshot.hosts)]
        for line in (f"services    {up}", *down, *named, *_lines(snapshot, found, each=each)):
            out.print(Text(line))
    if found:
        raise typer.Exit(1)


def policies_standing(session: Session, place: Home) -> dict[str, Any]:
    """Return the policies in force and the proposed ones, by digest; `edited`: True if the draft differs from
    both.
    """
    past, found = proposals.loaded(session), proposals.proposal(session)
    draft = policy_digest(place.policies) if place.policies.is_dir() else None
    known = {*past[-1:], *([found.digest] if found else [])}
    return {
        "in_force": past[-1] if past else None,
        "proposed": None if found is None else found.digest,
        "proposed_by": None if found is None else found.by,
        "approved_by": None if found is None else found.approved_by,
        "begins": None if found is None else rfc3339(found.begins),
        "late": found is not None and found.is_late(now()),
        "edited": bool(past) and draft not in known,
    }


def policies_told(found: dict[str, Any]) -> list[str]:
    """Return the state of the policies, as returned by `policies_standing`, as lines of text."""
    lines = [f"in force    {found['in_force'] or 'policies/ as it is when the gateway first starts'}"]
    if found["proposed"] is not None:
        state = f"approved by {found['approved_by']}" if found["approved_by"] else "waits for a second person"
        state += f", from {found['begins']}"
        if found["late"]:
            state += ", AND YET NOT IN FORCE: gateway doctor says why"
        lines.append(f"proposed    {found['proposed']} by {found['proposed_by']}: {state}")
    if found["edited"]:
        lines.append("edited      policies/ differs from these and decides nothing: gateway policy propose")
    return lines


def _host(host: Host) -> str:
    said = "at work" if host.is_at_work else f"SILENT for {_time(host.silent_seconds)}"
    rounds = ", does the rounds" if host.leads else ""
    waits = f", {counted(host.spool, 'upload')} in its spool" if host.spool else ""
    oldest = f", the oldest for {_time(host.oldest_seconds)}" if host.spool else ""
    clock = f", its clock is {host.ahead_seconds:+.0f} s off" if host.is_clock_wrong else ""
    return f"host        {host.name} {said}{rounds}{waits}{oldest}{clock}"


def _place(home: Home, service: str, configured: Listen) -> Listen:
    """Return a service's address as noted by `gateway run`, or else as configured."""
    known = place_of(home, service)
    return configured if known is None else Listen(host=known[0], port=known[1])


def _lines(snapshot: Snapshot, found: list[str], *, each: bool) -> Iterator[str]:
    yield "transfers   " + "  ".join(f"{state} {count}" for state, count in snapshot.states.items())
    if snapshot.held:
        waits = (f"for a {waits_for} {count}" for waits_for, count in sorted(snapshot.held.items()))
        yield "held        " + "  ".join(waits)
    for (state, code), count in sorted(snapshot.reasons.items()):
        if state == "held":
            yield f"            {code} {count}"
    oldest = "nothing" if snapshot.oldest is None else f"the oldest for {_time(snapshot.oldest)}"
    yield f"waiting     {oldest}; {snapshot.spool} in the spool, {snapshot.states['landed']} claimed"
    for part, (free, size) in snapshot.disks.items():
        yield f"disk        {part}: {free / 1024**3:.1f} GiB of {size / 1024**3:.1f} free"
    ending = {key: days for key, days in snapshot.expiries.items() if days < _SHOWN_DAYS}
    yield from expiries_in_words(ending, each=each)
    yield from (f"web hook    {name}: {why}" for name, why in snapshot.hooks.items() if why)
    yield f"log         {counted(snapshot.log_entries, 'entry', 'entries')}"
    yield "all is well" if not found else "look at     " + "  ".join(found)


def expiries_in_words(ending: Mapping[tuple[str, str, str], float], *, each: bool) -> Iterator[str]:
    """Yield lines on keys that end soon. `each`: False to put many keys of the same kind on one line.
    `ending`: the days left until an owner's last key ends, by kind of owner, owner, and kind of key.
    """
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for (owner_kind, owner, kind), days in sorted(ending.items(), key=lambda key: key[1]):
        ends = "has ended" if days < 0 else f"ends in {counted(round(days), 'day')}"
        groups.setdefault((owner_kind, kind), []).append((owner, ends))
    for (owner_kind, kind), keys in groups.items():
        if each or len(keys) <= _FEW:
            for owner, ends in keys:
                whose = f"{owner_kind} {owner}".strip()
                yield f"key         the last {kind} key of {whose} {ends}"
        else:
            first = f"first that of {keys[0][0]}, which {keys[0][1]}"
            yield f"key         the last {kind} keys of {len(keys)} {owner_kind}s end: {first}; each: --all"


def _time(seconds: float) -> str:
    for name, length in _UNITS:
        if seconds >= length:
            return counted(round(seconds / length), name)
    return f"{seconds:.0f} s"
