"""Weak numbers are refused in SSH keys as in certificates."""

import math

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.enrolment.key_file import admit_ssh
from gateway.errors import Refusal

PRIMES = [n for n in range(2, 702) if all(n % d for d in range(2, int(n**0.5) + 1))]


def line(modulus: int, exponent: int) -> bytes:
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def test_an_ssh_key_with_a_small_exponent_is_refused():
    modulus = rsa.generate_private_key(65_537, 2048).public_key().public_numbers().n
    assert admit_ssh(line(modulus, 65_537)).algorithm == "RSA 2048"
    with pytest.raises(Refusal) as caught:
        admit_ssh(line(modulus, 3))
    assert caught.value.detail["algorithm"] == "RSA with the exponent 3"


def test_an_ssh_key_of_the_faulty_library_is_refused():
    product = math.prod(PRIMES)
    halves = [pow(65_537, power, product) + (k << 50) * product for power, k in ((123_457, 5), (987_653, 9))]
    with pytest.raises(Refusal) as caught:
        admit_ssh(line(math.prod(halves), 65_537))
    assert "ROCA" in caught.value.detail["algorithm"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_an_ssh_key_that_was_saved_in_another_encoding_is_one(encoding):
    modulus = rsa.generate_private_key(65_537, 2048).public_key().public_numbers().n
    assert admit_ssh(line(modulus, 65_537).decode().encode(encoding)).algorithm == "RSA 2048"


def test_a_short_ssh_key_is_refused_by_its_length():
    modulus = rsa.generate_private_key(65_537, 1024).public_key().public_numbers().n
    with pytest.raises(Refusal) as caught:
        admit_ssh(line(modulus, 65_537))
    assert (caught.value.code, caught.value.detail) == ("key:weak", {"algorithm": "RSA 1024"})
