"""The gateway's own OpenPGP keys: generation, with statements about the log's key and the succession."""

from datetime import datetime

from gateway.home import Home
from gateway.model import GatewayKeyKind, NewKey
from gateway.openpgp.at_rest import lock
from gateway.openpgp.certificates import admit, grouped
from gateway.openpgp.sealer import certificate_of, clearsign, generate_gateway_key
from gateway.receipts.facts import log_key_statement
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
    """Make a new OpenPGP key of the gateway on disk, with a statement about the log's key.

    The key is unknown and unused until chosen. `known` is the passphrase protecting the key, or None.
    """
    secret = generate_gateway_key(organisation, now, kind)
    new = described(secret, now)
    # The secret comes last: its presence proves a complete statement.
    statement = clearsign(secret, log_key_statement(organisation, vkey))
    secret_files.write_secret(secret_files.statement_file(home, new.fingerprint), statement.encode())
    path = secret_files.secret_key_file(home, new.fingerprint)
    secret_files.write_secret(path, secret if known is None else lock(secret, known))
    return new


def described(secret: bytes, now: datetime) -> NewKey:
    """Return the public half of a secret key of the gateway, in the registry's form."""
    certificate = certificate_of(secret)
    shown = admit(certificate, now)
    return NewKey(
        kind="openpgp",
        fingerprint=shown.fingerprint,
        material=certificate.decode(),
        algorithm=shown.algorithm,
    )


def write_succession(home: Home, organisation: str, old_secret: bytes, new: NewKey, at: datetime) -> None:
    """Let the old key sign a statement naming the new one as successor; harmless where done before."""
    path = secret_files.succession_file(home, new.fingerprint)
    if not path.exists():
        text = succession_text(organisation, certificate_of(old_secret), new, at)
        secret_files.write_secret(path, clearsign(old_secret, text).encode())


def succession_text(organisation: str, old_certificate: bytes, new: NewKey, at: datetime) -> str:
    """Return the text signed by the old key, with the new certificate: one file proves the succession."""
    old = admit(old_certificate, at).fingerprint
    return (
        f"The gateway of {organisation} has a new OpenPGP key since {at:%Y-%m-%d}.\n\n"
        f"old-key: {old}\n"
        f"new-key: {new.fingerprint}\n\n"
        f"The new one, as it is read out on the telephone:\n\n    {grouped(new.fingerprint)}\n\n"
        "Encrypt to this certificate from now on:\n\n"
        f"{new.material}"
    )
