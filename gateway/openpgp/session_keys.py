"""The session key of one stored file, sealed to another certificate of ours than the file itself.

A stored file is evidence and stays as its sender sealed it, octet for octet. Where the key that it
was sealed to is to go, the key of that one message (RFC 9580, 5.1) is kept beside it instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from pysequoia import Cert, Tsk, decrypt, encrypt

from gateway.errors import Fault


def seal_session_key(session: bytes, certificate: bytes) -> str:
    """`session`, as `Opener.session_key` gives it, encrypted to `certificate`; armored."""
    return encrypt(bytes=session, recipients=[Cert.from_bytes(certificate)]).decode("ascii")


def open_session_key(sealed: bytes, secrets: Iterable[bytes]) -> bytes:
    """The session key in `sealed`. Fault where none of the secret keys opens it."""
    for secret in secrets:
        try:
            opened = decrypt(bytes=sealed, decryptor=Tsk.from_bytes(secret).decryptor()).bytes
        except RuntimeError:
            continue
        return opened or b""
    raise Fault("none of the keys given opens the session key of the stored file")
