"""Open signed messages that are not encrypted: clearsigned text, and the output of `gpg --sign`."""

from collections.abc import Sequence
from contextlib import suppress
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
    """Return True for an encrypted message, armored or binary."""
    with suppress(packets.FramingError):
        binary = data if packets.is_binary(data) else packets.dearmored_head(data)
        return packets.first(binary)[0] in packets.ENCRYPTION
    return False


def open_signed(
    data: bytes, certificates: Sequence[bytes], limits: OpenLimits, now: datetime, cap: int
) -> tuple[bytes, Signature]:
    """Return the content of a signed message, up to `cap` bytes, and its signature.
    There must be one signature over all, by one of `certificates` in force, made within the time window.
    Raises Refusal otherwise.
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
    except packets.FramingError:
        raise Refusal("open:damaged") from None
    senders = parsed_senders(certificates)
    verified = verified_message(uncompressed(message, cap), senders, limits, now)
    if verified.ended is not None:
        raise Refusal(verified.ended)
    return verified.content, verified.signature
