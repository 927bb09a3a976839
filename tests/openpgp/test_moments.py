"""What we read of a certificate, against Sequoia's own judgement at every moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pysequoia import Cert, verify

from gateway.errors import Refusal
from gateway.home.settings import OpenLimits
from gateway.model import Signature
from gateway.openpgp.certificates import CertificateRefused, pinned
from gateway.openpgp.components import newest_in_force, parts_of
from gateway.openpgp.judge import check_signature, parsed_senders, verified_late
from tests.openpgp.make import moments
from tests.openpgp.make.family import signs
from tests.openpgp.make.writer import Certificate, Key, Said, octets, signed, subpacket

FAMILY = 500
NOW = datetime(2026, 1, 1, tzinfo=UTC)
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
            # Sequoia lets a subkey sign that has not agreed to, where its binding is silent about uses.
            statement = newest_in_force(ours.said, at)
            agreed = ours.primary or (statement is not None and statement.is_backed(at))
            if signs(parts, ours, at) != (theirs and agreed):
                found.append((number, at, theirs))
    return found, good, bad


@pytest.mark.long
def test_a_key_counts_at_the_moments_at_which_it_counts_for_sequoia():
    found, good, bad = disagreements(range(FAMILY))
    assert found == []
    assert good > FAMILY
    assert bad > FAMILY


def test_a_key_that_never_agreed_to_sign_is_nobodys() -> None:
    """Whoever binds another's key, and speaks of uses on the primary key alone, would own what it signed."""
    made = [moments.certificate(number) for number in range(FAMILY)]
    found = [(one.written(), key) for one, key in made if parts_of(one.written()).adopted()]
    assert found
    for certificate, key in found:
        with pytest.raises(CertificateRefused, match="key:unbound-subkey"):
            pinned(certificate, Cert.from_bytes(certificate).fingerprint)
        senders = parsed_senders([certificate])
        signature = Signature(
            certificate=senders[0].fingerprint, signing_key=key.fingerprint.hex(), created_at=NOW
        )
        with pytest.raises(Refusal, match="open:wrong-signer"):
            check_signature(signature, senders, OpenLimits(), NOW)


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


@pytest.mark.parametrize(
    ("more", "late"),
    [
        (b"", "renewed"),
        (subpacket(3, octets(999 * 86_400, 4), critical=True), "renewed"),
        (subpacket(28, b"kim", critical=True), "renewed"),
        (subpacket(4, b"\1", critical=True), None),
        (subpacket(26, b"https://a.example", critical=True), None),
    ],
    ids=["nothing", "its own end", "its user id", "whether to export it", "a policy"],
)
def test_a_late_signature_counts_only_if_all_that_it_demands_is_understood(
    more: bytes, late: str | None
) -> None:
    born, day = NOW - timedelta(days=90), timedelta(days=1)
    key = Key(b"kim", born)
    said = [Said(made=NOW - day, flags=3), Said(made=born, flags=3, lasts=30 * day)]
    senders = parsed_senders([Certificate(key, user_ids={b"kim": said}).written()])
    message = signed(CONTENT, key, Said(made=NOW - 2 * day, more=more))
    found = verified_late(message, senders, OpenLimits(), NOW, None)
    assert (found and found.late) == late


@pytest.mark.parametrize(
    ("kind", "signs", "encrypts"),
    [
        ("RSAEncryptSign", True, True),
        ("RSASign", True, False),
        ("DSA", True, False),
        ("RSAEncrypt", False, True),
        ("ElGamalEncrypt", False, True),
        ("ElGamalEncryptSign", False, True),
        ("EdDSA", False, False),
    ],
)
def test_where_an_owner_states_no_use_the_kind_of_an_old_key_tells_it(
    kind: str, *, signs: bool, encrypts: bool
) -> None:
    born = NOW - timedelta(days=1)
    key = Key(b"kim", born)
    parts = parts_of(Certificate(key, user_ids={b"kim": [Said(made=born)]}).written())
    old = replace(parts, keys=(replace(parts.primary, kind=kind),))
    standing = old.standing(old.primary, NOW)
    assert (standing.bound, standing.can_sign, standing.can_encrypt) == (True, signs, encrypts)
