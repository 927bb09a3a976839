"""Validate the answers of isolated children: a hostile file may have captured the child.

Raises ExaminerLost for an impossible answer. Only the registry tells if a key or signer is the provider's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from gateway.examiner.child import ExaminerLost
from gateway.examiner.protocol import AgreementCopy, FileRefused, FoundKey, HeadingsDrop, KeyDrop, OpenRefused
from gateway.reasons import REASONS, told

_MOST_DETAIL = 80
_STAGES = ("open:", "key:", "agreement:")
_SSH_LINE = re.compile(r"(?P<algorithm>[a-z0-9@.-]{1,64}) (?P<blob>[A-Za-z0-9+/]{16,}={0,2})", re.ASCII)
_CERTIFICATE = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[\x20-\x7e]*\r?\n)*-----END PGP PUBLIC KEY BLOCK-----\s*",
    re.ASCII,
)


def believable_refusal(answer: FileRefused) -> FileRefused:
    """Return a refusal with a known reason and complete, printable details, in the gateway's own words."""
    why = answer.why
    words = [part for part in why.detail.values() if isinstance(part, str)]
    if not why.code.startswith(_STAGES) or why.code not in REASONS:
        raise ExaminerLost("the examining process gave a reason that there is not")
    if not all(len(part) <= _MOST_DETAIL and part.isprintable() for part in words):
        raise ExaminerLost("the examining process gave a reason in other words than ours")
    try:
        told(why.code, **why.detail)
    except (KeyError, TypeError):
        raise ExaminerLost("the examining process left a blank of its reason open") from None
    return FileRefused(reference=answer.reference, why=OpenRefused(code=why.code, detail=why.detail))


def believable_drop(
    answer: AgreementCopy | KeyDrop | HeadingsDrop,
) -> AgreementCopy | KeyDrop | HeadingsDrop:
    """Return a drop after checking that its key, if any, matches its fingerprint."""
    if isinstance(answer, KeyDrop) and not _fits(answer.key):
        raise ExaminerLost("the judging process gave another key than it says")
    return answer


def _fits(key: FoundKey) -> bool:
    """Return True where the material matches the fingerprint.

    For a certificate only the format is checked: every later use computes the fingerprint again.
    """
    if key.kind == "openpgp":
        return _CERTIFICATE.fullmatch(key.material) is not None
    line = _SSH_LINE.fullmatch(key.material)  # A drop neither renews nor revokes an SSH key.
    return line is not None and key.change == "new" and _ssh_fingerprint(line) == key.fingerprint


def _ssh_fingerprint(line: re.Match[str]) -> str | None:
    """Return the fingerprint of an OpenSSH line as OpenSSH shows it; None where the key type differs."""
    try:
        blob = base64.b64decode(line["blob"], validate=True)
    except binascii.Error:
        return None
    algorithm = line["algorithm"].encode()
    if not blob.startswith(len(algorithm).to_bytes(4, "big") + algorithm):
        return None
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
