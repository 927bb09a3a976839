"""Passkeys by the WebAuthn library: options for browsers, and verification (W3C WebAuthn Level 3)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.mailboxes.console_api.challenges import GuessedError
from gateway.registry.passkeys import Passkey

_SECONDS = 300


class NotSignedError(GuessedError):
    """The answer is not the passkey's signature of the challenge at the console's address."""

    def __init__(self) -> None:
        super().__init__("The passkey was not accepted. Try again, or ask for a new invitation.")


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A new passkey: credential id, public key (COSE), and count of signatures."""

    credential: bytes
    public_key: bytes
    sign_count: int


def to_sign(origin: str, challenge: bytes, allowed: Sequence[bytes]) -> str:
    """Return the browser's options (JSON) to sign with one of `allowed`, or with any passkey if empty."""
    options = generate_authentication_options(
        rp_id=_name(origin),
        challenge=challenge,
        timeout=_SECONDS * 1000,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def to_make(origin: str, challenge: bytes, name: str, organisation: str, known: Sequence[bytes]) -> str:
    """Return the browser's options (JSON) to make a passkey, excluding the `known` devices."""
    options = generate_registration_options(
        rp_id=_name(origin),
        rp_name=organisation,
        user_name=name,
        user_id=name.encode(),
        challenge=challenge,
        timeout=_SECONDS * 1000,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return options_to_json(options)


def made(attestation: str, challenge: bytes, origin: str) -> NewPasskey:
    """Return the verified new passkey. NotSignedError if verification fails."""
    try:
        found = verify_registration_response(
            credential=attestation,
            expected_challenge=challenge,
            expected_rp_id=_name(origin),
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise NotSignedError from None
    return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count)


def credential_in(assertion: str) -> bytes:
    """Return the credential id claimed by an assertion. NotSignedError if unreadable."""
    try:
        said = json.loads(assertion)["id"]
        return base64url_to_bytes(str(said))
    except (ValueError, TypeError, KeyError):
        raise NotSignedError from None


def check_signed(assertion: str, challenge: bytes, origin: str, passkey: Passkey) -> int:
    """Return the passkey's new count of signatures. NotSignedError unless it signed the challenge."""
    try:
        found = verify_authentication_response(
            credential=assertion,
            expected_challenge=challenge,
            expected_rp_id=_name(origin),
            expected_origin=origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise NotSignedError from None
    return found.new_sign_count


def _name(origin: str) -> str:
    """Return the relying party of an origin: its host."""
    return urlsplit(origin).hostname or ""
