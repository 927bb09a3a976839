"""Local copies of the authority's policies in force, and of the gateway's facts about this provider.

Both are fetched in each session, accepted only with the gateway's signature, and kept; older ones than those
kept are refused. `checked-by.json` records their dates.
"""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import paramiko

from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.send.files import make_anew
from gateway.send.kit import Kit
from gateway.send.told import PageTold
from gateway.send.trust import fetched

_SHOWN = "/agreement/policies.asc"
NONE = "the gateway shows no policies that its present key has signed, so nothing can be checked now"
_MOST_BYTES = 8 * 1024 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}\.(toml|txt)")


def keep(kit: Kit, sftp: paramiko.SFTPClient, page: PageTold | None) -> None:
    """Keep the policies now in force, and the facts about this provider from the gateway's `page`."""
    known = _known(kit)
    if page is not None and page.provider and page.at.isoformat() > known.get("page_at", ""):
        known |= {"page_at": page.at.isoformat(), "provider": page.provider}
    known |= _newer(kit, sftp, known)
    if known != _known(kit):
        make_anew(_file(kit), json.dumps(known).encode())


def kept(kit: Kit, folder: Path) -> dict[str, Any] | None:
    """Write the kept policies into a folder; return the facts about the provider, or None without policies.

    The facts are empty before the gateway has told them.
    """
    known = _known(kit)
    if "files" not in known:
        return None
    for name, text in known["files"].items():
        (folder / name).write_text(text, "utf-8")
    provider: dict[str, Any] = known.get("provider", {})
    return provider


def has_kept(kit: Kit) -> bool:
    """Return True once the authority's policies were fetched."""
    return "files" in _known(kit)


def holds_text(kit: Kit, text: str) -> bool:
    """Return True if a text is one of the policies signed by the gateway, with any line ends."""
    texts = (body for name, body in _known(kit).get("files", {}).items() if name.endswith(".txt"))
    return any(body.split() == text.split() for body in texts)


def _newer(kit: Kit, sftp: paramiko.SFTPClient, known: dict[str, Any]) -> dict[str, Any]:
    try:
        status = sftp.stat(_SHOWN)
    except FileNotFoundError:
        return {}  # A gateway before 0.3.
    seen = [status.st_size, status.st_mtime]
    if seen == known.get("seen"):
        return {}
    data = fetched(sftp, _SHOWN, _MOST_BYTES) or b""
    try:
        text, _ = verify_clearsigned(data.decode("utf-8", "replace"), [kit.current_certificate()])
        told = json.loads(text)
        at = datetime.fromisoformat(told["at"]).isoformat()
    except (SignatureInvalid, ValueError, TypeError, KeyError):
        return {}  # Signed by the previous key, for a moment; or unsigned; or not policies.
    if at <= known.get("policies_at", ""):
        return {}
    files = {name: body for name, body in told["files"].items() if _NAME.fullmatch(name)}
    return {"seen": seen, "policies_at": told["at"], "files": files}


def _file(kit: Kit) -> Path:
    return kit.root / "checked-by.json"


def _known(kit: Kit) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(_file(kit).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return known
