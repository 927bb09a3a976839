"""Open sealed files by Python packages alone: the engine for small files and small gateways.

`layers` removes encryption and compression under caps; pysequoia then verifies the signed message. Sequoia
alone decides on signatures, except late ones (`judge.verified_late`). pysequoia does not get the encrypted
message, because it refuses compressed ones (GnuPG's default), inflates without limit, and hides the time of a
signature.

The engine holds the content several times in memory: call it in a child process with limits on resources.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pysequoia import verify

from gateway.errors import Fault, Refusal, as_fault
from gateway.home.settings import OpenLimits
from gateway.model import Opened, Signature
from gateway.openpgp import judge, packets
from gateway.openpgp.containers import SessionKey
from gateway.openpgp.envelope import look, look_again
from gateway.openpgp.interface import UNREADABLE, Certs, Content, Opener, Sealed, SealedSource
from gateway.openpgp.judge import (
    Sender,
    SigningKeyEnded,
    Verified,
    check_signature,
    parsed_senders,
    verified_late,
)
from gateway.openpgp.layers import decompressed, read_secret_keys, secret_key, session_text, unwrapped
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned

SMALL_BYTES = 1024**2
_SMALL_CONTENT_BYTES = 16 * 1024**2
T = TypeVar("T")


class EmbeddedOpener:
    """Opener by pysequoia and PGPy within this process. ConfigurationError for an unusable secret key."""

    name = "embedded"

    def __init__(self, secret_keys: Sequence[Path | bytes]) -> None:
        self._keys = [secret_key(data) for data in read_secret_keys(secret_keys)]
        self._key_ids = frozenset().union(*(key.key_ids for key in self._keys))

    def open(self, sealed: Sealed, senders: Certs, limits: OpenLimits, now: datetime) -> Opened:
        """Open a sealed file signed by one of `senders`; arguments and errors are those of `Opener.open`.
        A file larger than `limits.embedded_sealed_bytes` is refused.
        """
        source = SealedSource.at(sealed, limits)
        look(source, self._key_ids)
        parsed = parsed_senders(senders)
        inside = unwrapped(source.read(limits), self._keys, limits)
        verified = verified_message(inside.message, parsed, limits, now, inside.opened_by)
        with Content(limits.embedded_content_bytes) as content:
            content.write(verified.content)
            made = content.finish()
        return verified.as_opened(made, self.name, inside.opened_by)

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """Return the session key of a file as CIPHER:HEX; None if no key of the gateway fits."""
        return session_text(look_again(sealed, limits), self._keys)

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """Open again a file accepted earlier, by the contract of `Opener.reopen`; return the descriptor."""
        known = None if session is None else SessionKey.read(session)
        try:
            inside = unwrapped(SealedSource.at(sealed, limits).read(limits), self._keys, limits, known)
            with Content(limits.embedded_content_bytes) as content:
                content.write(judge.literal(inside.message))
                return content.finish_as(sha256)
        except Refusal as refusal:
            raise Fault(f"the stored file does not open any more: {refusal.code}") from refusal


class BySizeOpener:
    """Opener that uses the engine `at_hand` for sealed files of up to 1 MiB, and `program` for all others.
    Starting a program costs more than opening a small file. Both engines keep the contract of `Opener`, so
    either may open a file; but a file the embedded engine refuses is judged afresh by the program.
    """

    def __init__(self, at_hand: Opener, program: Opener) -> None:
        self.name = program.name
        self._at_hand = at_hand
        self._program = program

    def open(self, sealed: Sealed, senders: Certs, limits: OpenLimits, now: datetime) -> Opened:
        """Open a sealed file signed by one of `senders`, with the engine for the size of the file."""
        return self._first(sealed, limits, lambda opener, caps: opener.open(sealed, senders, caps, now))

    def reopen(self, sealed: Sealed, sha256: str, limits: OpenLimits, session: bytes | None = None) -> int:
        """Open again a file accepted earlier, by the contract of `Opener.reopen`; return the descriptor."""
        return self._first(sealed, limits, lambda opener, caps: opener.reopen(sealed, sha256, caps, session))

    def session_key(self, sealed: Sealed, limits: OpenLimits) -> bytes | None:
        """Return the session key of a file as CIPHER:HEX; None if no key of the gateway fits."""
        return self._program.session_key(sealed, limits)

    def _first(self, sealed: Sealed, limits: OpenLimits, ask: Callable[[Opener, OpenLimits], T]) -> T:
        with as_fault(UNREADABLE):
            is_small = sealed.stat().st_size <= SMALL_BYTES
        if not is_small:
            return ask(self._program, limits)
        cap = min(_SMALL_CONTENT_BYTES, limits.embedded_content_bytes)
        try:
            return ask(self._at_hand, limits.model_copy(update={"embedded_content_bytes": cap}))
        except SigningKeyEnded:
            raise
        except (Refusal, Fault, MemoryError):
            return ask(self._program, limits)


def verified_message(
    message: bytes, senders: Sequence[Sender], limits: OpenLimits, now: datetime, addressee: str | None = None
) -> Verified:
    """Verify a signed message; return the content and the signature.
    `addressee` is the fingerprint of the certificate the message was sealed to, if any. Refusal for
    anything except one literal with one good signature by one of `senders`.
    """
    claims, verified, at_signature = judge.claims_of(message), None, True
    try:
        verified = verify(bytes=message, store=lambda _: [sender.cert for sender in senders])
    except RuntimeError as error:  # A broken message may end before its signature.
        at_signature = str(error).startswith("Signature verification failed")
    if verified is None or not verified.valid_sigs:
        late = verified_late(message, senders, limits, now, addressee) if at_signature else None
        if late is not None:
            return late
        why = judge.refusal(message, senders, limits, now, addressee)
        raise why if at_signature else judge.unread(why)
    # The one valid signature, with the times from its packet.
    if len(verified.valid_sigs) != 1:
        raise Refusal("open:not-one-file")
    valid = verified.valid_sigs[0]
    own = [claim for claim in claims if claim.issuer in {valid.signing_key, valid.signing_key[-16:]}]
    if len(own) != 1 or own[0].created_at is None:
        raise Refusal("open:not-one-file")
    if not own[0].is_for(addressee):
        raise Refusal("open:meant-for-others")
    signature = Signature(
        certificate=valid.certificate,
        signing_key=valid.signing_key,
        created_at=own[0].created_at,
        expires_at=own[0].expires_at,
    )
    ended = check_signature(signature, senders, limits, now)
    return Verified(signature=signature, ended=ended, content=verified.bytes or b"")


# Signed messages that are not encrypted: clearsigned text, and the output of `gpg --sign`.


def open_signed(
    data: bytes, certificates: Sequence[bytes], limits: OpenLimits, now: datetime, cap: int
) -> tuple[bytes, Signature]:
    """Return the content of a signed message, up to `cap` bytes, and the signature.
    Raises Refusal unless there is exactly one signature, over the whole content, by one of `certificates` in
    force, and made within the time window of `limits`.
    """
    senders = parsed_senders(certificates)
    if (kind := packets.kind_of(data)) is not None and kind[0] == "SIGNED MESSAGE":
        try:
            text, signature = verify_clearsigned(data.decode("utf-8-sig"), certificates, comments=True)
        except (SignatureInvalid, UnicodeDecodeError):
            raise Refusal("open:bad-signature") from None
        content, ended = text.encode(), check_signature(signature, senders, limits, now)
    else:
        message = data if packets.is_binary(data) else packets.dearmored(data)
        verified = verified_message(decompressed(message, cap)[0], senders, limits, now)
        content, signature, ended = verified.content, verified.signature, verified.ended
    if ended is not None:
        raise Refusal(ended)
    return content, signature
