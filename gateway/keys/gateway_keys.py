"""The gateway's own OpenPGP keys: making one, with its statement about the log's key and its successions."""

from __future__ import annotations

from datetime import datetime

from gateway.home import Home
from gateway.model import GatewayKeyKind, NewKey
from gateway.openpgp.at_rest import lock
from gateway.openpgp.certificates import admit, grouped
from gateway.openpgp.sealer import certificate_of, clearsign, generate_gateway_key
from gateway.receipts.receipt import log_key_statement
from gateway.secrets import secret_files


def make_gateway_key(
    home: Home,
    organisation: str,
    vkey: str,
    now: datetime,
    known: str | None,
    *,
    kind: GatewayKeyKind = GatewayKeyKind.CURVE25519,
) -> NewKey:
    """A fresh OpenPGP key of the gateway on disk, with its statement about the log's key.

    It signs nothing and nobody knows of it until it is chosen. `known` is the passphrase it is put
    under; None for none.
    """
    secret = generate_gateway_key(organisation, now, kind)
    new = described(secret, now)
    # The secret comes last: where it is, its statement is, and both are of our making.
    statement = clearsign(secret, log_key_statement(organisation, vkey))
    secret_files.write_secret(secret_files.statement_file(home, new.fingerprint), statement.encode())
    path = secret_files.secret_key_file(home, new.fingerprint)
    secret_files.write_secret(path, secret if known is None else lock(secret, known))
    return new


def described(secret: bytes, now: datetime) -> NewKey:
    """The public half of a secret key of the gateway, as the registry keeps it."""
    certificate = certificate_of(secret)
    shown = admit(certificate, now)
    return NewKey(
        kind="openpgp",
        fingerprint=shown.fingerprint,
        material=certificate.decode(),
        algorithm=shown.algorithm,
    )


def write_succession(home: Home, organisation: str, old_secret: bytes, new: NewKey, at: datetime) -> None:
    """Have the old key name the new one as its successor; harmless where it has."""
    path = secret_files.succession_file(home, new.fingerprint)
    if not path.exists():
        text = succession_text(organisation, certificate_of(old_secret), new, at)
        secret_files.write_secret(path, clearsign(old_secret, text).encode())


def succession_text(organisation: str, old_certificate: bytes, new: NewKey, at: datetime) -> str:
    """What the old key signs. The new certificate is in it, so that one file proves all."""
    old = admit(old_certificate, at).fingerprint
    return (
        f"The gateway of {organisation} has a new OpenPGP key since {at:%Y-%m-%d}.\n\n"
        f"old-key: {old}\n"
        f"new-key: {new.fingerprint}\n\n"
        f"The new one, as it is read out on the telephone:\n\n    {grouped(new.fingerprint)}\n\n"
        "Encrypt to this certificate from now on:\n\n"
        f"{new.material}"
    )
