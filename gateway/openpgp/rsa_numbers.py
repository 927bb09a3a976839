"""Find weak keys: OpenPGP RSA keys by their numbers, and SSH keys of providers and of the gateway."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from gateway.errors import Refusal

_LEAST_EXPONENT = 65_537
_PRIMES = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip


def weakness(modulus: int, exponent: int) -> str | None:
    """Return an RSA key's weakness, in words for people; None if none is found."""
    if exponent < _LEAST_EXPONENT or not exponent & 1:
        return f"RSA with the exponent {exponent}"
    if is_of_infineon(modulus):
        return "RSA made by a faulty chip (ROCA)"
    return None


def is_of_infineon(modulus: int) -> bool:
    """Return True for a modulus made by Infineon's faulty library (CVE-2017-15361, "ROCA").
    Modulo small primes, such a modulus is always a power of 65537. Of other moduli, one in hundreds of
    millions has that form by chance.
    """
    return all(modulus % prime in powers for prime, powers in _POWERS)


_POWERS = tuple((prime, frozenset(pow(65_537, n, prime) for n in range(prime))) for prime in _PRIMES)
_LEAST_RSA_BITS = 2048


def check_strength(line: str, least_rsa_bits: int = _LEAST_RSA_BITS) -> int | None:
    """Return the bits of the RSA key in an OpenSSH key line, or None for other kinds. Refusal if weak."""
    kind = line.split(maxsplit=1)[0]
    try:
        known = load_ssh_public_key(line.encode())
    except (UnsupportedAlgorithm, ValueError) as error:
        # Keys held by a security token (sk-…) are not loaded here; they are Ed25519 or P-256.
        is_token = kind.startswith(("sk-ssh-ed25519", "sk-ecdsa-sha2-nistp256"))
        if is_token and isinstance(error, UnsupportedAlgorithm):
            return None
        raise Refusal("key:weak", algorithm=kind) from None
    if isinstance(known, DSAPublicKey):
        raise Refusal("key:weak", algorithm=kind)
    if not isinstance(known, RSAPublicKey):
        return None
    if known.key_size < max(least_rsa_bits, _LEAST_RSA_BITS):
        raise Refusal("key:weak", algorithm=f"RSA {known.key_size}")
    numbers = known.public_numbers()
    if (weak := weakness(numbers.n, numbers.e)) is not None:
        raise Refusal("key:weak", algorithm=weak)
    return known.key_size
