"""Which algorithms a client is offered beside those for all, and what those that can do more are offered."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

import asyncssh

from gateway.home.settings import AlsoOffer

# Safe also against a quantum computer that opens recorded sessions one day (FIPS 203, ML-KEM).
QUANTUM_SAFE = b"mlkem768x25519-sha256"
# OpenSSH has it since 9.9. Many other clients do not have it yet.
_HAS_IT = re.compile(rb"SSH-2\.0-OpenSSH_(9\.9|\d{2,}\.)")
# Every OpenSSH of this age says so; programs that only call themselves one do not.
_STRICT = b"kex-strict-c-v00@openssh.com"


def can_do_more(version: bytes) -> bool:
    """Whether a client that announces itself so knows the quantum-safe exchange."""
    return _HAS_IT.match(version) is not None


def safe_only(theirs: Sequence[bytes]) -> bool:
    """Whether such a client is offered the quantum-safe exchange only, by the list of its own.

    One whose configuration leaves it out gets what others get: it would find nothing in common.
    """
    return QUANTUM_SAFE in theirs or _STRICT not in theirs


def is_of_host_keys(algorithm: bytes | str) -> bool:
    """Whether an algorithm that can be offered besides is one by which a host key signs."""
    return algorithm in {b"rsa-sha2-512", b"rsa-sha2-256", "rsa-sha2-512", "rsa-sha2-256"}


def needs_rsa(offers: Sequence[AlsoOffer]) -> bool:
    """Whether a host key of RSA is to be shown to somebody: old libraries know no other."""
    return any(is_of_host_keys(name) for offer in offers for name in offer.algorithms)


class AlsoOffered:
    """The weak algorithms that an administrator allows for some clients."""

    def __init__(self, offers: Sequence[AlsoOffer], host_key: asyncssh.SSHKey | None = None) -> None:
        """`host_key` is the one of RSA, where one of the offers needs it: see `needs_rsa`."""
        self._offers = offers
        self.host_key = host_key

    def to(self, address: str) -> tuple[bytes, ...]:
        """The algorithms that a client from `address` is offered besides."""
        names = [name for offer in self._offers if _from(offer, address) for name in offer.algorithms]
        return tuple(dict.fromkeys(name.encode() for name in names))

    def admits(self, address: str, provider: str, used: bytes) -> bool:
        """Whether `provider` may log in from `address` over a connection that uses the weak `used`."""
        return any(
            _from(offer, address) and used.decode() in offer.algorithms and offer.provider in {None, provider}
            for offer in self._offers
        )


def _from(offer: AlsoOffer, address: str) -> bool:
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return not offer.networks
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    networks = [ipaddress.ip_network(network) for network in offer.networks]
    return not networks or any(known.version == one.version and known in one for one in networks)
