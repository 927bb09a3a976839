"""Receipts of sent files: fetch, verify against the gateway's key and log, and keep."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import paramiko

from gateway.errors import GatewayError
from gateway.home import shown_name
from gateway.send.files import make_anew
from gateway.send.kit import Kit
from gateway.send.sent import SentFile
from gateway.send.trust import fetched
from gateway.verify.verify_files import verify_receipt_files
from gateway.verify.verify_receipts import check_receipt, read_text

Decided = Literal["accepted", "held", "refused"]
FOLDER = "/receipts"
_REPLAYED = "open:replayed"
_JSON = re.compile(r"\.(\d{6}-[a-z0-9-]+-[0-9A-Z]{5})\.json")


@dataclass(frozen=True, slots=True)
class Proved:
    """A verified receipt: its statement about a file, and its path in the kit."""

    reference: str
    state: Decided
    reasons: tuple[dict[str, str], ...]
    path: Path

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the reasons in the receipt."""
        return tuple(reason["code"] for reason in self.reasons)


def outcome(kit: Kit, sftp: paramiko.SFTPClient, names: Sequence[str], sent: SentFile) -> Proved | None:
    """Return the outcome of a file by its receipts at the gateway; None if not decided yet.
    After a broken session a file may have been uploaded twice. The second upload is refused as a replay, and
    the receipt of the first counts. The file is refused only if all uploads were refused as replays: content
    signed twice within a second has one signature. GatewayError for a false receipt.
    """
    start = f"{shown_name(sent.remote)}."
    own = sorted(name for name in names if name.startswith(start))
    found = [_kept(kit, sftp, name, sent) for name in own if _JSON.fullmatch(name[len(start) - 1 :])]
    first = [proved for proved in found if _REPLAYED not in proved.codes]
    if first or not found:
        return first[-1] if first else None
    landed = [name for name in own if name.endswith(".landed")]
    return found[-1] if len(found) >= len(landed) else None


def _kept(kit: Kit, sftp: paramiko.SFTPClient, name: str, sent: SentFile) -> Proved:
    """Fetch a receipt as text and as JSON, verify both, and only then store them in the kit."""
    with tempfile.TemporaryDirectory(dir=kit.root, prefix=".receipt-") as aside:
        forms = {}
        for one in (f"{name.removesuffix('.json')}.txt", name):
            data = fetched(sftp, f"{FOLDER}/{one}")
            if data is not None:
                forms[one] = data
                make_anew(Path(aside) / one, data)
        proved = _proved(kit, Path(aside) / name, sent)
        for one, data in forms.items():
            make_anew(kit.receipts / one, data)
    return replace(proved, path=kit.receipts / name)


def _proved(kit: Kit, path: Path, sent: SentFile) -> Proved:
    texts = [other for other in (path.with_suffix(".txt"), kit.log_keys) if other.exists()]
    for verdict in verify_receipt_files([path, *texts], kit.trusted()):
        if not verdict.good:
            raise GatewayError(
                f"the receipt {verdict.file} is not genuine, ring the authority: {verdict.lines[0]}"
            )
    receipt: dict[str, Any] = check_receipt(read_text(path)).receipt
    is_own = receipt.get("provider") == kit.settings().provider
    if (
        not is_own
        or receipt.get("sha256") != sent.sealed_sha256
        or receipt.get("state") not in get_args(Decided)
    ):
        raise GatewayError(f"the receipt {path.name} is for another file: ring the authority")
    return Proved(str(receipt["reference"]), receipt["state"], tuple(receipt["reasons"]), path)


def kept(kit: Kit, sent: SentFile) -> Proved | None:
    """Return the outcome of a file by the receipt stored in the kit; None if no receipt is stored."""
    return _proved(kit, kit.receipts / sent.receipt, sent) if sent.receipt else None
