"""What we read of a certificate, against Sequoia's own judgement at every moment."""

from datetime import UTC, datetime

from pysequoia import Cert, verify

from gateway.openpgp.components import parts_of
from tests.openpgp.make import moments
from tests.openpgp.make.writer import Key, Said, signed

FAMILY = 500
CONTENT = b"UPN,Surname\r\n"


def by_sequoia(cert: Cert, key: Key, at) -> bool:
    """Whether Sequoia takes a signature that the key made at a moment."""
    try:
        return bool(verify(bytes=signed(CONTENT, key, Said(made=at)), store=lambda _: [cert]).valid_sigs)
    except RuntimeError:
        return False


def disagreements(numbers) -> tuple[list, int, int]:
    """Certificates and moments about which we differ; how often both said yes, and how often no."""
    found, good, bad = [], 0, 0
    for number in numbers:
        made, key = moments.certificate(number)
        cert = Cert.from_bytes(made.written())
        parts = parts_of(bytes(cert))
        ours = next(one for one in parts.keys if one.fingerprint == key.fingerprint.hex())
        for at in moments.moments(number):
            theirs = by_sequoia(cert, key, at)
            good, bad = good + theirs, bad + (not theirs)
            if parts.signs(ours, at) != theirs:
                found.append((number, at, theirs))
    return found, good, bad


def test_a_key_counts_at_the_moments_at_which_it_counts_for_sequoia():
    found, good, bad = disagreements(range(FAMILY))
    assert found == []
    assert good > FAMILY
    assert bad > FAMILY


def test_expiry_and_revocation_are_shown_as_sequoia_has_them_today():
    now, dated = datetime.now(UTC), 0
    for number in range(FAMILY):
        made, _ = moments.certificate(number)
        cert = Cert.from_bytes(made.written())
        parts = parts_of(bytes(cert))
        standing = parts.standing(parts.primary, now)
        assert (standing.revoked is not None) == cert.is_revoked, number
        try:
            expiry = cert.expiration
        except RuntimeError:  # Sequoia names one only where it accepts the certificate at all.
            assert not standing.bound, number
            continue
        assert standing.expires_at == expiry, number
        dated += expiry is not None
    assert dated > FAMILY / 4
