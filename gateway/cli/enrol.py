"""Enrolling one key: reading the file, judging it, storing it, logging it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text
from sqlmodel import Session

from gateway.cli.console import out, plain, who
from gateway.home import Home
from gateway.home.settings import load_settings, read_toml
from gateway.model import NewKey
from gateway.registry import keys
from gateway.registry.keys import OwnerKind

if TYPE_CHECKING:
    from gateway.openpgp.verified_kinds import VerifiedKinds


def least_rsa_bits(place: Home) -> int:
    """Return the shortest RSA key allowed by the policies, in bits."""
    from gateway.policy.method_schema import MethodsFile  # noqa: PLC0415 - few commands judge a key

    return read_toml(place.policies_in_force / "methods.toml", MethodsFile).strength.rsa_bits


def verified_kinds(place: Home) -> VerifiedKinds:
    """Return the kinds of post-quantum keys verified by the engines of a home."""
    from gateway.openpgp.verified_kinds import VerifiedKinds  # noqa: PLC0415 - few commands judge a key

    return VerifiedKinds(load_settings(place).processor)


def show_key(data: bytes, at: datetime) -> None:
    """Print the fingerprint and facts of the key in a file; nothing for no key."""
    from gateway.enrolment.key_file import described  # noqa: PLC0415 - loads asyncssh

    for label, value in described(data, at):
        out.print(Text(f"{label:>14}  {plain(value)}"), soft_wrap=True)


def store_key(
    session: Session, owner_kind: OwnerKind, owner: str, new: NewKey, at: datetime, *, state: keys.KeyState
) -> None:
    """Put a key on record, in the name of the person at the keyboard."""
    from gateway.record.enroller import Enroller  # noqa: PLC0415 - few of those that show keys enrol one

    Enroller(session=session, by=who(), at=at).add_key(owner_kind, owner, new, state=state)
