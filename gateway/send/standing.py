"""Tell a provider's standing, from the kit's record of sent files and the gateway's page on the provider."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from gateway.send.kit import Kit
from gateway.send.openpgp_key import load_key
from gateway.send.sent import ON_ITS_WAY, SentFiles

_WARN_DAYS = 60
_OPEN, _OVER = {"due", "not-due", "early"}, {"missing", "late"}


def standing(kit: Kit, page: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the standing of the kit's provider now, as `gateway send status --json` prints it.

    `page` is the gateway's page about the provider, as returned by `trust.told`. In the result, `counts` are
    the numbers of sent files by state, `waiting` are the files held or on the way, and `told` is `page`.
    """
    settings = kit.settings()
    with closing(SentFiles(kit.sent)) as files:
        rows = files.in_state()
    expires = load_key(settings.openpgp_key).expires_at
    left = None if expires is None else (expires - datetime.now(UTC)).days
    return {
        "provider": settings.provider,
        "counts": dict(Counter(str(one.state) for one in rows)),
        "waiting": [asdict(one) for one in rows if one.state in {"held", *ON_ITS_WAY}],
        "key_expires_at": expires,
        "key_expires_soon": left is not None and left <= _WARN_DAYS,
        "told": page,
    }


def in_words(found: dict[str, Any], command: str) -> Iterator[str]:
    """Yield a standing, as returned by `standing`, as lines of text. `command`: the kit's, for advice."""
    told = ", ".join(f"{number} {state}" for state, number in sorted(found["counts"].items()))
    yield f"{found['provider']}: {told or 'nothing was sent yet'}"
    for one in found["waiting"]:
        if one["state"] == "held":
            yield f"held: {one['name']}, reference {one['reference']} ({', '.join(one['codes'])})"
        else:
            yield f"on its way: {one['name']}, sealed {one['sealed_at']:%Y-%m-%d %H:%M} UTC"
    if found["key_expires_at"] is None:
        yield "your OpenPGP key never expires"
    else:
        soon = f": extend it with {command} renew" if found["key_expires_soon"] else ""
        yield f"your OpenPGP key expires on {found['key_expires_at']:%Y-%m-%d}{soon}"
    if found["told"] is not None:
        yield from _page_in_words(found["told"], command)


def _page_in_words(page: dict[str, Any], command: str) -> Iterator[str]:
    """Yield the lines of the gateway's page about the provider, late data first."""
    yield f"as the gateway told on {page['at']:%Y-%m-%d %H:%M} UTC:"
    if page["ratify"] is not None:
        yield f"  the agreement of {page['ratify']} is to be ratified: {command} ratify"
    late, due, received = list[str](), list[str](), list[str]()
    for flow in sorted(page["flows"], key=lambda flow: (flow["due"] is None, flow["due"])):
        came = "" if flow["last"] is None else f", last came on {flow['last']:%Y-%m-%d}"
        if flow["due"] is not None and flow["state"] in _OVER:
            late.append(f"  late: {flow['data_type']}, due on {flow['due']}{came}")
        elif flow["due"] is not None and flow["state"] in _OPEN:
            due.append(f"  due: {flow['data_type']}, on {flow['due']}{came}")
        elif flow["last"] is not None:
            received.append(f"  received: {flow['data_type']}{came}")
    yield from (*late, *due, *received)
    for reference in page["waiting"]:
        yield f"  waits: {reference}"
    names = {"ssh": "SSH key", "openpgp": "OpenPGP key"}
    for key in page["keys"]:
        until = "" if key["until"] is None else f", until {key['until']:%Y-%m-%d}"
        yield f"  {names.get(key['kind'], key['kind'])}: {key['state']}{until}"
