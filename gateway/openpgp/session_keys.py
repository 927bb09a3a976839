"""Keep the session key of a stored file, sealed to another certificate of the gateway.

A stored file is evidence and stays as sealed by its sender, octet for octet. When its recipient key must go,
the key of the one message (RFC 9580, 5.1) is kept beside the file.
"""

from collections.abc import Iterable

from pysequoia import Cert, Tsk, decrypt, encrypt

from gateway.errors import Fault


def seal_session_key(session: bytes, certificate: bytes) -> str:
    """Return `session`, from `Opener.session_key`, encrypted to `certificate`; armored."""
    return encrypt(bytes=session, recipients=[Cert.from_bytes(certificate)]).decode("ascii")


def open_session_key(sealed: bytes, secrets: Iterable[bytes]) -> bytes:
    """Return the session key in `sealed`. Fault if no secret key opens it."""
    for secret in secrets:
        try:
            opened = decrypt(bytes=sealed, decryptor=Tsk.from_bytes(secret).decryptor()).bytes
        except RuntimeError:
            continue
        return opened or b""
    raise Fault("none of the keys given opens the session key of the stored file")
