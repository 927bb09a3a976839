"""Passkeys as the WebAuthn library asks for them and judges what they signed (W3C WebAuthn Level 3)."""

from __future__ import annotations

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

from gateway.mailboxes.hatch.guessing import GuessedError
from gateway.registry.passkeys import Passkey

_SECONDS = 300


class NotSignedError(GuessedError):
    """What came is not what that passkey signs for this challenge at this address."""

    def __init__(self) -> None:
        super().__init__("The passkey was not accepted. Try again, or ask for a new invitation.")


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that was made: its number, its public key (COSE), and how often it has signed."""

    credential: bytes
    public_key: bytes
    sign_count: int


def to_sign(origin: str, challenge: bytes, allowed: Sequence[bytes]) -> str:
    """What the browser is told so that a passkey signs: one of `allowed`, or any that it knows of."""
    options = generate_authentication_options(
        rp_id=_name(origin),
        challenge=challenge,
        timeout=_SECONDS * 1000,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def to_make(origin: str, challenge: bytes, name: str, organisation: str, known: Sequence[bytes]) -> str:
    """What the browser is told so that a passkey is made, on none of the devices that are `known`."""
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
    """The passkey that was made. NotSignedError where it is none."""
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
    """The number of the passkey that is said to have signed. NotSignedError where none is."""
    try:
        said = json.loads(assertion)["id"]
        return base64url_to_bytes(str(said))
    except (ValueError, TypeError, KeyError):
        raise NotSignedError from None


def check_signed(assertion: str, challenge: bytes, origin: str, passkey: Passkey) -> int:
    """How often the passkey has signed by now. NotSignedError where it did not sign this challenge."""
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
    """The relying party that an origin stands for: its host."""
    return urlsplit(origin).hostname or ""
