"""What a file is called in a mailbox, and what a client's path means. Pure.

    /  /TEAM  /TEAM/DATE_PROVIDER_FLOW_REF.ext  /held  /held/DATE_PROVIDER_held_REF.ext
    /removed  /removed/TEAM  /removed/TEAM/DATE_PROVIDER_FLOW_REF.ext

Every name is made here, of characters that every client can store; so a path is either one of
these or it means nothing, and no part of it ever becomes a path on disk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.home import REFERENCE
from gateway.registry.deliveries import Delivery
from gateway.ssh.answers import NO_SUCH_FILE, Declined

HELD = "held"
REMOVED = "removed"
_FILE = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}_[a-z0-9-]+_[a-z0-9-]+_(?P<reference>{REFERENCE.pattern})\.[a-z0-9.]+",
    re.ASCII,
)
_EXTENSION = re.compile(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class MailboxPlace:
    """The root (both None), a folder (`name` None), or something in a folder.

    `removed`: of what the team has removed, and may still put back.
    """

    folder: str | None = None
    name: str | None = None
    removed: bool = False


def file_name(delivery: Delivery) -> str:
    """The name of a delivery: the UTC date it landed, who sent it, as what, its reference."""
    known = _EXTENSION.fullmatch(delivery.extension)
    extension = delivery.extension if known else "bin"
    flow = HELD if delivery.team is None else delivery.flow or "unknown"
    return f"{delivery.landed_at:%Y-%m-%d}_{delivery.provider}_{flow}_{delivery.reference}.{extension}"


def reference_in(name: str) -> str | None:
    """The reference in the name of a file, if it is one; whether that file is there is another matter."""
    found = _FILE.fullmatch(name)
    return found["reference"] if found else None


def place_of(raw: bytes) -> MailboxPlace:
    """The place that a client's path means. Declined with "no such file" where there can be none."""
    try:
        parts = _parts(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Declined(NO_SUCH_FILE) from None
    removed = parts[:1] == [REMOVED]
    folder, name, *further = [*(parts[1:] if removed else parts), None, None]
    if any(further):
        raise Declined(NO_SUCH_FILE)
    return MailboxPlace(folder, name, removed)


def canonical(raw: bytes) -> bytes:
    """The canonical form of any path, whether or not something can be there (SFTP REALPATH)."""
    return ("/" + "/".join(_parts(raw.decode("utf-8", "surrogateescape")))).encode("utf-8", "surrogateescape")


def _parts(path: str) -> list[str]:
    """The parts of a path from the root, without `.`, `..` and empty parts."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return parts
