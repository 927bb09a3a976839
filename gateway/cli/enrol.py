"""Enrolling one key: reading the file, judging it, storing it, logging it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from sqlmodel import Session

from gateway.cli.console import out, plain, who
from gateway.cli.key_files import read_key_file
from gateway.errors import Refusal
from gateway.home import Home
from gateway.home.settings import load_settings, read_toml
from gateway.model import NewKey
from gateway.registry import keys
from gateway.registry.keys import OwnerKind

if TYPE_CHECKING:
    from gateway.openpgp.certificates import Certificate
    from gateway.openpgp.verified_kinds import VerifiedKinds

RING = "Ring the provider on a number you know and let them read the fingerprint to you."
THEN = "Then: gateway keys confirm {} FPR, with each fingerprint that was read out; until then no key counts."


def least_rsa_bits(place: Home) -> int:
    """The shortest RSA key that the policy takes."""
    from gateway.policy.method_schema import MethodsFile  # noqa: PLC0415 - few commands judge a key

    return read_toml(place.policies_in_force / "methods.toml", MethodsFile).strength.rsa_bits


def verified_kinds(place: Home) -> VerifiedKinds:
    """The kinds of post-quantum keys that the engines of a home verify."""
    from gateway.openpgp.verified_kinds import VerifiedKinds  # noqa: PLC0415 - few commands judge a key

    return VerifiedKinds(load_settings(place).processor)


def enrol_ssh(
    session: Session, place: Home, owner_kind: OwnerKind, owner: str, file: Path, at: datetime
) -> NewKey:
    """Store the SSH key in `file` for its owner. Refusal or GatewayError where it is not fit."""
    from gateway.enrolment.key_file import of_ssh  # noqa: PLC0415 - loads asyncssh
    from gateway.enrolment.ssh_keys import admit_ssh  # noqa: PLC0415

    key = of_ssh(admit_ssh(read_key_file(file), least_rsa_bits(place)))
    store_key(session, owner_kind, owner, key, at, state="pending" if owner_kind == "provider" else "active")
    return key


def enrol_openpgp(session: Session, place: Home, provider: str, file: Path, at: datetime) -> NewKey:
    """Store the OpenPGP certificate in `file` for a provider. Refusal or GatewayError where it is not fit."""
    from gateway.enrolment.key_file import of_certificate  # noqa: PLC0415 - loads asyncssh
    from gateway.openpgp.certificates import admit  # noqa: PLC0415

    data = read_key_file(file)
    key = of_certificate(data, admit(data, at, least_rsa_bits(place), verified_kinds(place)))
    store_key(session, "provider", provider, key, at, state="pending")
    return key


def show_key(data: bytes, at: datetime) -> None:
    """Print what to read out and what to know about the key in a file; nothing where it is none."""
    for label, value in described(data, at):
        out.print(Text(f"{label:>14}  {value}"), soft_wrap=True)


def described(data: bytes, at: datetime) -> list[tuple[str, str]]:
    """What to read out and what to know about the key in a file, fit or not; nothing where it is none."""
    from gateway.enrolment.key_file import is_ssh, of_ssh  # noqa: PLC0415 - loads asyncssh
    from gateway.enrolment.ssh_keys import admit_ssh  # noqa: PLC0415
    from gateway.openpgp.certificates import describe  # noqa: PLC0415

    try:
        if is_ssh(data):
            key = of_ssh(admit_ssh(data))
            return [("SSH key", key.fingerprint), ("algorithm", key.algorithm)]
        return _described(describe(data, at))
    except Refusal:
        return []


def _described(certificate: Certificate) -> list[tuple[str, str]]:
    from gateway.openpgp.certificates import grouped  # noqa: PLC0415

    bits = f" {certificate.bits}" if certificate.bits else ""
    uses = [
        word for word, able in (("sign", certificate.can_sign), ("encrypt", certificate.can_encrypt)) if able
    ]
    expires = f"{certificate.expires_at:%Y-%m-%d}" if certificate.expires_at else "never"
    return [
        ("fingerprint", grouped(certificate.fingerprint)),
        ("algorithm", f"{certificate.algorithm}{bits}"),
        ("made", f"{certificate.created_at:%Y-%m-%d}"),
        ("expires", expires),
        ("can", ", ".join(uses) or "nothing"),
        *(("user id", plain(user_id)) for user_id in certificate.user_ids),
        *(("note", warning) for warning in certificate.warnings),
        *([("note", "It is REVOKED by its owner.")] if certificate.revoked else []),
    ]


def store_key(
    session: Session, owner_kind: OwnerKind, owner: str, new: NewKey, at: datetime, *, state: keys.KeyState
) -> None:
    """Put a key on record, in the name of the person at the keyboard."""
    from gateway.record.enroller import Enroller  # noqa: PLC0415 - few of those that show keys enrol one

    Enroller(session=session, by=who(), at=at).add_key(owner_kind, owner, new, state=state)
