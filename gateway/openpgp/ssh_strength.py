"""The strength that an SSH public key needs, on either side: before enrolment, and before a kit takes it."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import SSHPublicKeyTypes, load_ssh_public_key

from gateway.errors import Refusal
from gateway.openpgp.rsa_numbers import weakness

_LEAST_RSA_BITS = 2048


def check_strength(line: str, least_rsa_bits: int = _LEAST_RSA_BITS) -> int | None:
    """Return the bits of an RSA key in OpenSSH form, None for another kind. Refusal `key:weak`."""
    kind = line.split(maxsplit=1)[0]
    known = _loaded(line.encode(), kind)
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


def _loaded(line: bytes, kind: str) -> SSHPublicKeyTypes | None:
    """Return the key in an OpenSSH line; None for one on a security token. Refusal for an obsolete kind."""
    try:
        return load_ssh_public_key(line)
    except UnsupportedAlgorithm:
        # Keys held by a security token (sk-…) are not loaded here; they are Ed25519 or P-256.
        if kind.startswith(("sk-ssh-ed25519", "sk-ecdsa-sha2-nistp256")):
            return None
        raise Refusal("key:weak", algorithm=kind) from None
    except ValueError:
        raise Refusal("key:weak", algorithm=kind) from None
