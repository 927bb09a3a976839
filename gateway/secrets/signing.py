"""The gateway's signing keys: OpenPGP for people, the log's key for machines."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from gateway.errors import Fault
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.log.checkpoint import LogKey
from gateway.openpgp.sealer import certificate_of, clearsign_each, sign_each
from gateway.secrets import secret_files

_CANNOT_SIGN = "the gateway's OpenPGP key cannot sign; is the clock right?"


@dataclass(frozen=True, slots=True)
class Signing:
    """The signing keys of a home, loaded once. `vkey` is the log's verifier key."""

    openpgp: bytes
    fingerprint: str
    certificate: str
    log_key: LogKey
    log_statement: str
    origin: str
    vkey: str
    key_set: str = ""

    @classmethod
    def load(cls, home: Home, settings: Settings) -> Self:
        """Read the keys. ConfigurationError names a missing one."""
        fingerprint, key_set = secret_files.signing_fingerprint(home), home.key_set
        openpgp = secret_files.openpgp_secret(home, fingerprint)
        log_key = secret_files.log_key_of(home, key_set)
        found = cls(
            openpgp=openpgp,
            fingerprint=fingerprint,
            certificate=certificate_of(openpgp).decode(),
            log_key=log_key,
            log_statement=secret_files.log_statement(home, fingerprint),
            origin=settings.log_origin,
            vkey=log_key.vkey(settings.log_origin),
            key_set=key_set,
        )
        if fingerprint != secret_files.signing_fingerprint(home):  # Changed between the two reads.
            return cls.load(home, settings)
        return found

    def clearsign(self, text: str) -> str:
        """Return `text` signed for people, verifiable with any OpenPGP program.

        Fault if the key cannot sign, for example with a clock set before the key was made.
        """
        return self.clearsign_each([text])[0]

    def clearsign_each(self, texts: Iterable[str]) -> list[str]:
        """Return each text as signed by `clearsign`, faster than one by one."""
        try:
            return clearsign_each(self.openpgp, texts)
        except RuntimeError:
            raise Fault(_CANNOT_SIGN) from None

    def sign_each(self, data: Iterable[bytes]) -> list[bytes]:
        """Return an armored detached signature over each of `data`. Fault if the key cannot sign."""
        try:
            return sign_each(self.openpgp, data)
        except RuntimeError:
            raise Fault(_CANNOT_SIGN) from None
