"""Passkeys of the console by the WebAuthn library: made, and proved by their signatures."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from webauthn import generate_registration_options, options_to_json, verify_registration_response
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
from gateway.zones.passkeys import SECONDS, count_signed, host_of


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


def to_make(origin: str, challenge: bytes, name: str, organisation: str, known: Sequence[bytes]) -> str:
    """Return the browser's options (JSON) to make a passkey, excluding the `known` devices."""
    options = generate_registration_options(
        rp_id=host_of(origin),
        rp_name=organisation,
        user_name=name,
        user_id=name.encode(),
        challenge=challenge,
        timeout=int(SECONDS * 1000),
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
            expected_rp_id=host_of(origin),
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
    count = count_signed(assertion, challenge, origin, passkey.public_key, passkey.sign_count)
    if count is None:
        raise NotSignedError
    return count
