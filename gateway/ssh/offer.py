"""Choose the algorithms to offer to a client: weak ones to a few clients, quantum-safe ones where known."""

import ipaddress
import re
from collections.abc import Iterable, Sequence

import asyncssh

from gateway.home.settings import AlsoOffer

# Safe against future decryption of recorded sessions by a quantum computer (FIPS 203, ML-KEM).
QUANTUM_SAFE = b"mlkem768x25519-sha256"
# In OpenSSH since 9.9; still missing in many other clients.
_HAS_IT = re.compile(rb"SSH-2\.0-OpenSSH_(9\.9|\d{2,}\.)")
# Sent by every OpenSSH this recent, and not by programs only named like it.
_STRICT = b"kex-strict-c-v00@openssh.com"


def can_do_more(version: bytes) -> bool:
    """Return True for the version of a client that knows the quantum-safe key exchange: OpenSSH 9.9 on."""
    return _HAS_IT.match(version) is not None


def safe_only(theirs: Sequence[bytes]) -> bool:
    """Return True if a client, by its list of algorithms, is to be offered only the quantum-safe exchange.
    A client that knows the exchange but is configured without it gets the common offer.
    """
    return QUANTUM_SAFE in theirs or _STRICT not in theirs


def is_of_host_keys(algorithm: bytes | str) -> bool:
    """Return True for the name of an RSA signature algorithm of host keys."""
    return algorithm in {b"rsa-sha2-512", b"rsa-sha2-256", "rsa-sha2-512", "rsa-sha2-256"}


def needs_rsa(offers: Sequence[AlsoOffer]) -> bool:
    """Return True if an offer needs an RSA host key, because old libraries know no other kind."""
    return any(is_of_host_keys(name) for offer in offers for name in offer.algorithms)


class AlsoOffered:
    """The weak algorithms allowed by an administrator for some clients."""

    def __init__(self, offers: Sequence[AlsoOffer], host_key: asyncssh.SSHKey | None = None) -> None:
        """Take `host_key`, the RSA host key, if an offer needs one: see `needs_rsa`."""
        self._offers = offers
        self.host_key = host_key

    def to(self, address: str) -> tuple[bytes, ...]:
        """Return the algorithms offered in addition to a client at an address."""
        names = [name for offer in self._offers if _from(offer, address) for name in offer.algorithms]
        return tuple(dict.fromkeys(name.encode() for name in names))

    def admits(self, address: str, provider: str, used: bytes) -> bool:
        """Return True if a provider may log in from an address with the weak algorithm `used`."""
        return any(
            _from(offer, address) and used.decode() in offer.algorithms and offer.provider in {None, provider}
            for offer in self._offers
        )


def _from(offer: AlsoOffer, address: str) -> bool:
    return not offer.networks or is_within(address, offer.networks)


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Return True for an IP address, with or without a zone, in one of these networks."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    return any(known.version == one.version and known in one for one in map(ipaddress.ip_network, networks))
