"""Verify signatures of passkeys by the WebAuthn library (W3C WebAuthn Level 3), for browsers' services."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from webauthn import generate_authentication_options, options_to_json, verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

SECONDS = 300.0
"""How long a challenge may be signed."""


def host_of(origin: str) -> str:
    """Return the host of an origin, by which WebAuthn names the site (the "relying party")."""
    return urlsplit(origin).hostname or ""


def signing_options(origin: str, challenge: bytes, allowed: Sequence[bytes] = ()) -> str:
    """Return WebAuthn options (JSON) that ask for a signature by one of the passkeys with the ids `allowed`.
    If `allowed` is empty, any passkey may sign.
    """
    options = generate_authentication_options(
        rp_id=host_of(origin),
        challenge=challenge,
        timeout=int(SECONDS * 1000),
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in allowed],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def verified_count(assertion: str, challenge: bytes, origin: str, key: bytes, count: int) -> int | None:
    """Check a passkey's signature of `challenge`; return the passkey's new count of signatures.
    Return None for a wrong passkey, challenge or origin. `assertion`: the browser's answer, JSON. `key`: the
    public key, COSE. `count`: the count after the passkey's previous signature.
    """
    try:
        return verify_authentication_response(
            credential=assertion,
            expected_challenge=challenge,
            expected_rp_id=host_of(origin),
            expected_origin=origin,
            credential_public_key=key,
            credential_current_sign_count=count,
            require_user_verification=True,
        ).new_sign_count
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError):
        return None
