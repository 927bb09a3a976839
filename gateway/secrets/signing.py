"""Load the gateway's signing keys: OpenPGP for people, the log's key for machines."""

from dataclasses import dataclass
from typing import Self

from gateway.home import Home
from gateway.home.settings import Settings
from gateway.log.checkpoint import LogKey
from gateway.openpgp.sealer import certificate_of
from gateway.secrets import secret_files


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
        """Load the signing keys of a home. ConfigurationError names a missing key."""
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
