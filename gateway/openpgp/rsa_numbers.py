"""Detect weak RSA keys by their numbers, at any length."""

_LEAST_EXPONENT = 65_537
_PRIMES = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip


def weakness(modulus: int, exponent: int) -> str | None:
    """Return the weakness of a key, in words for people; None if none is visible."""
    if exponent < _LEAST_EXPONENT or not exponent & 1:
        return f"RSA with the exponent {exponent}"
    if is_of_infineon(modulus):
        return "RSA made by a faulty chip (ROCA)"
    return None


def is_of_infineon(modulus: int) -> bool:
    """Return True for a modulus from a library with factorable keys (CVE-2017-15361, "ROCA").

    Such primes are powers of 65537 modulo all small primes, and so is their product; only one in hundreds of
    millions of other moduli is.
    """
    return all(modulus % prime in powers for prime, powers in _POWERS)


def _powers(prime: int) -> frozenset[int]:
    found, power = set[int](), 1
    while power not in found:
        found.add(power)
        power = power * 65_537 % prime
    return frozenset(found)


_POWERS = tuple((prime, _powers(prime)) for prime in _PRIMES)
