"""Changes of keys by a person at the keyboard: each in one transaction, published afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.console import now, who
from gateway.cli.enrol import least_rsa_bits, verified_kinds
from gateway.errors import GatewayError, Refusal
from gateway.home import Home
from gateway.registry import keys
from gateway.registry.keys import Key, OwnerKind, Revocation

if TYPE_CHECKING:
    from gateway.keys.changes import Clerk


@contextmanager
def changing(home: Path) -> Iterator[Clerk]:
    """Open a clerk in one transaction; publish the consequences afterwards."""
    from gateway.keys.changes import Clerk, sign_head  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.processor.service import open_registrar  # noqa: PLC0415
    from gateway.publish.projection import publish_access  # noqa: PLC0415
    from gateway.record.reconsider import reconsider  # noqa: PLC0415

    at = now()
    with open_registrar(Home(home), lambda: at) as registrar:
        organisation = registrar.settings.organisation
        with registrar.registry.write() as session:
            clerk = Clerk(
                session=session,
                signing=registrar.signing,
                organisation=organisation,
                at=at,
                person=who(),
                languages=registrar.catalogue.agreement.languages,
            )
            yield clerk
            sign_head(clerk)
        publish_access(registrar.registry, registrar.home.published, at)
        reconsider(registrar)
        registrar.publish()


def taken_in(clerk: Clerk, owner_kind: OwnerKind, identifier: str, data: bytes, place: Home) -> str:
    """Take in the key of a file and return the result in words. Refusal or GatewayError for an unfit key."""
    from gateway.enrolment.key_file import is_ssh, judge, updated  # noqa: PLC0415 - loads asyncssh

    if owner_kind == "staff" and not is_ssh(data):
        raise Refusal("key:not-an-ssh-key")
    least, verified = least_rsa_bits(place), verified_kinds(place)
    known = None if is_ssh(data) else _known(clerk, identifier, data)
    if known is None:
        new = judge(data, clerk.at, least, verified)
        clerk.add(owner_kind, identifier, new, state="pending")
        return f"enrolled for {identifier}; it waits to be confirmed"
    update = updated(known.material.encode(), data, clerk.at, least, verified)
    if update is not None and update.change == "revoked":
        revocation: Revocation = "hard" if update.final else "soft"
        if known.may_be_revoked(revocation):
            clerk.revoke(known, revocation, new=update.new)
            return f"{identifier} has revoked this certificate; it no longer counts"
    if known.state in {"retired", "revoked"}:
        raise GatewayError(f"{identifier} has this certificate already, and it is {known.state}")
    if update is None:
        raise GatewayError(f"{identifier} has this certificate already, and nothing in the file is new")
    clerk.renew(known, update.new)
    return f"what is new in this certificate of {identifier} is taken over"


def _known(clerk: Clerk, identifier: str, data: bytes) -> Key | None:
    """Return the key of the certificate in `data`, if the provider has the key already; else None."""
    from gateway.openpgp.certificates import describe  # noqa: PLC0415 - loads the OpenPGP libraries

    known = keys.holder(clerk.session, "openpgp", describe(data, clerk.at).fingerprint)
    return known if known is not None and known.owner == identifier else None
