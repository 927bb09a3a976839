"""Signed, unencrypted messages: clearsigned text, and the output of `gpg --sign`."""

from collections.abc import Sequence
from datetime import datetime

from gateway.errors import Refusal
from gateway.home.settings import OpenLimits
from gateway.model import Signature
from gateway.openpgp import packets
from gateway.openpgp.embedded import verified_message
from gateway.openpgp.judge import check_signature, parsed_senders
from gateway.openpgp.layers import uncompressed
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned


def is_sealed(data: bytes) -> bool:
    """Return True for an encrypted message."""
    return _first_tag(data) in packets.ENCRYPTION


def open_signed(
    data: bytes, certificates: Sequence[bytes], limits: OpenLimits, now: datetime, cap: int
) -> tuple[bytes, Signature]:
    """Return the content of a signed message, at most `cap` bytes, and its signature.

    The rules are those for sealed files: one signature over everything, by one of `certificates` in force,
    made within the time window. Refusal otherwise.
    """
    if (kind := packets.kind_of(data)) is not None and kind[0] == "SIGNED MESSAGE":
        try:
            text, signature = verify_clearsigned(data.decode("utf-8-sig"), certificates, comments=True)
        except (SignatureInvalid, UnicodeDecodeError):
            raise Refusal("open:bad-signature") from None
        ended = check_signature(signature, parsed_senders(certificates), limits, now)
        if ended is not None:
            raise Refusal(ended)
        return text.encode(), signature
    try:
        message = data if packets.is_binary(data) else packets.dearmored(data)
    except packets.ArmorError:
        raise Refusal("open:damaged") from None
    senders = parsed_senders(certificates)
    verified = verified_message(uncompressed(message, cap), senders, limits, now)
    if verified.ended is not None:
        raise Refusal(verified.ended)
    return verified.content, verified.signature


def _first_tag(data: bytes) -> int | None:
    try:
        for packet in _framed(data if packets.is_binary(data) else packets.dearmored_head(data)):
            if not packets.is_ignored(packet):
                return packet
    except (packets.ArmorError, packets.FramingError):
        return None
    return None


def _framed(data: bytes) -> list[int]:
    """Return the tags of the packets at the start of `data`; the last may be cut off."""
    tags, position = [], 0
    while position < len(data):
        tag, start, length = packets.head(data, position)
        tags.append(tag)
        if length is None or not packets.is_ignored(tag):
            break
        position = start + length
    return tags
