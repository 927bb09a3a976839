"""A passkey made of software: it signs as an authenticator does, and whatever a test wants it to."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_PRESENT, _VERIFIED, _WITH_KEY = 0x01, 0x04, 0x40


class SoftKey:
    """One credential (ES256) for one relying party. `verified`: the person showed finger or PIN."""

    def __init__(self, *, verified: bool = True) -> None:
        self.credential = secrets.token_bytes(32)
        self._secret = ec.generate_private_key(ec.SECP256R1())
        self._flags = _PRESENT | (_VERIFIED if verified else 0)
        self._signed = 0

    def made(self, options: str, origin: str) -> str:
        """The answer to `navigator.credentials.create`."""
        point = self._secret.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        key = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cbor2.dumps(cose)
        told = self._told(origin, self._flags | _WITH_KEY) + key
        response = {"attestationObject": cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": told})}
        return self._answer(response, _client_data("webauthn.create", options, origin))

    def ssh_line(self, host: str) -> str:
        """The public key in OpenSSH's form, as that of a token for the web door of a host."""
        point = self._secret.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
        parts = (kind, b"nistp256", point, f"ssh:{host}".encode())
        blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return f"{kind.decode()} {b64encode(blob).decode()}\n"

    def signed(
        self,
        options: str,
        origin: str,
        *,
        party: str | None = None,
        handle: str = "",
        count: int | None = None,
    ) -> str:
        """The answer to `navigator.credentials.get`; `party` where it is that of another origin."""
        self._signed = self._signed + 1 if count is None else count
        told = self._told(party or origin, self._flags)
        client = _client_data("webauthn.get", options, origin)
        signature = self._secret.sign(told + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {"authenticatorData": told, "signature": signature}
        return self._answer(response | ({"userHandle": handle.encode()} if handle else {}), client)

    def _told(self, origin: str, flags: int) -> bytes:
        name = hashlib.sha256((urlsplit(origin).hostname or "").encode()).digest()
        return name + bytes([flags]) + self._signed.to_bytes(4, "big")

    def _answer(self, response: dict[str, bytes], client: bytes) -> str:
        shown = {name: _base64(value) for name, value in response.items()}
        name = _base64(self.credential)
        whole = {"id": name, "rawId": name, "type": "public-key"}
        return json.dumps({**whole, "response": {**shown, "clientDataJSON": _base64(client)}})


def _client_data(kind: str, options: str, origin: str) -> bytes:
    return json.dumps(
        {"type": kind, "challenge": json.loads(options)["challenge"], "origin": origin, "crossOrigin": False}
    ).encode()


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
