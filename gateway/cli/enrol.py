"""Enrolling one key: reading the file, judging it, storing it, logging it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import Session

from gateway.cli.console import who
from gateway.errors import GatewayError
from gateway.openpgp.certificates import Certificate, admit, armored
from gateway.receipts.leaf import Kind
from gateway.registry import keys, log
from gateway.registry.keys import OwnerKind
from gateway.registry.log import Entry

if TYPE_CHECKING:
    from gateway.sshkeys import SshKey

_KEY_FILE_BYTES = 1024**2


def read_key_file(file: Path) -> bytes:
    """The content of a key file. GatewayError where it cannot be read or is far too large for a key."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise GatewayError(f"{file} cannot be read: {error.strerror}") from None
    if len(data) > _KEY_FILE_BYTES:
        raise GatewayError(f"{file} is too large for a key")
    return data


def enrol_ssh(session: Session, owner_kind: OwnerKind, owner: str, file: Path, at: datetime) -> SshKey:
    """Store the SSH key in `file` for its owner. Refusal or GatewayError where it is not fit."""
    from gateway.sshkeys import admit_ssh  # noqa: PLC0415 - loads asyncssh

    key = admit_ssh(read_key_file(file))
    keys.add_key(
        session, owner_kind, owner, "ssh",
        fingerprint=key.fingerprint, material=key.line, at=at, by=who(),
    )  # fmt: skip
    log_key_change(session, "key-added", owner_kind, owner, key.fingerprint, at)
    return key


def enrol_openpgp(session: Session, provider: str, file: Path, at: datetime) -> Certificate:
    """Store the OpenPGP certificate in `file` for a provider. Refusal or GatewayError where it is not fit."""
    data = read_key_file(file)
    certificate = admit(data, at)
    keys.add_key(
        session, "provider", provider, "openpgp",
        fingerprint=certificate.fingerprint, material=armored(data).decode(), at=at, by=who(),
    )  # fmt: skip
    log_key_change(session, "key-added", "provider", provider, certificate.fingerprint, at)
    return certificate


def log_key_change(
    session: Session, kind: Kind, owner_kind: OwnerKind, owner: str, fingerprint: str, at: datetime
) -> None:
    """Put a change of a key on the log. Whose it is, for a member of staff, only the registry says."""
    fields = {"owner": owner_kind} | ({"provider": owner} if owner_kind == "provider" else {})
    log.append(session, [Entry(kind=kind, subject=fingerprint, fields=fields, actor=who())], at)
