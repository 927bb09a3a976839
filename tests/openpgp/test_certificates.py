"""What a certificate says of itself, and which certificates may be enrolled."""

import math
import random
from datetime import UTC, datetime, timedelta

import pysequoia.packet
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.openpgp import packets
from gateway.openpgp.certificates import (
    CertificateRefused,
    admit,
    armored,
    describe,
    grouped,
    merge,
    revoke,
)
from gateway.openpgp.rsa_numbers import is_of_infineon
from gateway.reasons import REASONS, sentence_and_step
from tests.openpgp import vectors
from tests.openpgp.gnupg import Gnupg
from tests.openpgp.make.surgery import joined, split
from tests.openpgp.make.writer import (
    Certificate,
    Key,
    Said,
    moment,
    number,
    octets,
    signature,
    signature_packet,
    subpacket,
    user_id_hashed,
)

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ADMITTED = {
    "alice": ("Ed25519", None),
    "bob": ("RSA", 3072),
    "carol": ("NIST P-256", None),
    "dora": ("Ed25519", None),
    "erin": ("Ed25519", None),
    "finn": ("Ed25519", None),
    "rory": ("RSA", 2048),
    "rosa": ("Ed25519", None),
    "subkey": ("Ed25519", None),
    "renewed": ("Ed25519", None),
    "renewed-rsa": ("RSA", 2048),
    "renewed-p256": ("NIST P-256", None),
    "renewed-only": ("Ed25519", None),
    "renewed-subkey": ("Ed25519", None),
    "gateway": ("Ed25519", None),
    "gateway-rsa": ("RSA", 3072),
    "gateway-p256": ("NIST P-256", None),
    "gateway-sequoia": ("Ed25519", None),
    "ivy": ("Ed25519", None),
}
REFUSED = {
    "expired": "key:expired",
    "jules": "key:expired",
    "kim": "key:expired",
    "lena": "key:expired",
    "superseded": "key:revoked",
    "retired": "key:revoked",
    "compromised": "key:revoked",
    "unsaid": "key:revoked",
    "silent": "key:revoked",
    "expired-and-revoked": "key:revoked",
    "renewed-then-compromised": "key:revoked",
    "renewed-then-superseded": "key:revoked",
    "sha1-bound": "key:old-hash",
    "rsa-1024": "key:weak",
    "certify-only": "key:cannot-sign",
    "subkey-expired": "key:cannot-sign",
    "subkey-revoked": "key:cannot-sign",
    "alice-grafted": "key:unbound-subkey",
}


def cert(name: str) -> bytes:
    return (vectors.KEYS / f"{name}.asc").read_bytes()


def parts(name: str) -> list[tuple[int, bytes]]:
    return split(packets.dearmored(cert(name)))


def refused(data: bytes, at: datetime = AT) -> str:
    with pytest.raises(CertificateRefused) as caught:
        admit(data, at)
    assert all(sentence_and_step(caught.value.code, **caught.value.detail))
    return caught.value.code


@pytest.mark.parametrize("name", ADMITTED)
def test_admitted(name):
    certificate = admit(cert(name), AT)
    assert (certificate.algorithm, certificate.bits) == ADMITTED[name]
    assert certificate.can_sign
    assert certificate.signing_keys
    assert not certificate.revoked
    assert len(certificate.user_ids) == 1
    assert name.removeprefix("the ") in certificate.user_ids[0]
    assert admit(packets.dearmored(cert(name)), AT) == certificate


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    assert refused(cert(name)) == REFUSED[name]


@pytest.mark.needs("gpg")
@pytest.mark.parametrize(
    ("curve", "shown"),
    [
        ("nistp384", "NIST P-384"),
        ("nistp521", "NIST P-521"),
        ("secp256k1", None),
        ("brainpoolP256r1", None),
    ],
)
def test_curves(curve, shown):
    with Gnupg() as gpg:
        gpg.make_key("curved", curve, use="sign", at=AT)
        made = gpg.certificate("curved")
    if shown is None:
        assert refused(made) == "key:unreadable-kind"
    else:
        assert admit(made, AT).algorithm == shown


def test_every_key_of_the_vectors_is_in_one_of_the_lists():
    names = {path.stem for path in vectors.KEYS.glob("*.asc")}
    assert names == set(ADMITTED) | set(REFUSED) | {"gateway-old", "stranger", "mallory"}


@pytest.mark.parametrize("name", [path.stem for path in vectors.KEYS.glob("*.key")])
def test_a_secret_key_is_called_one_whatever_else_is_wrong_with_it(name):
    secret = (vectors.KEYS / f"{name}.key").read_bytes()
    assert refused(secret) == "key:secret"
    assert refused(packets.dearmored(secret)) == "key:secret"
    assert refused(b"Dear admin,\n" + secret) == "key:secret"
    assert refused(cert("alice") + secret) == "key:secret"


@pytest.mark.parametrize(
    "kind", ["OPENSSH PRIVATE KEY", "RSA PRIVATE KEY", "PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
)
def test_any_private_key_is_a_secret_even_when_it_is_broken(kind):
    assert refused(f"-----BEGIN {kind}-----\nAAAA".encode()) == "key:secret"


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"hello", b"\xff" * 50, cert("alice")[:200], b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n\n",
     (vectors.read(vectors.FOLDER / "gpg-default.txt")).data, b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA x"],
)  # fmt: skip
def test_what_is_no_certificate(data):
    assert refused(data) == "key:not-a-certificate"


def test_an_overlong_file_is_no_certificate():
    assert refused(cert("alice") + b"\n" * 4 * 1024 * 1024) == "key:too-large"


def test_two_certificates_are_one_too_many():
    assert refused(cert("alice") + cert("bob")) == "key:several"
    assert refused(joined(parts("alice") + parts("bob"))) == "key:several"


def test_a_subkey_without_any_binding_is_seen():
    assert refused(joined(parts("alice")[:-1])) == "key:unbound-subkey"


def test_a_subkey_with_a_forged_binding_is_seen_wherever_it_stands():
    """A binding that names the right issuer and does not hold."""
    *start, (tag, subkey), (_, binding) = parts("alice")
    other = parts("mallory")[3][1]
    for order in ([(tag, subkey), (2, binding), (tag, other), (2, binding)],
                  [(tag, other), (2, binding), (tag, subkey), (2, binding)]):  # fmt: skip
        assert refused(joined([*start, *order])) == "key:unbound-subkey"


def test_a_user_id_that_was_changed_takes_the_certificate_with_it():
    changed = [(tag, body.replace(b"alice", b"elise") if tag == 13 else body) for tag, body in parts("alice")]
    assert refused(joined(changed)) == "key:not-acceptable"


def test_a_certificate_from_the_future():
    made = describe(cert("alice"), AT).created_at
    for ahead in (timedelta(minutes=5), timedelta(hours=5), timedelta(days=50)):
        assert refused(cert("alice"), made - ahead) == "key:from-the-future"
    assert admit(cert("alice"), made).can_sign


def test_it_warns_of_what_is_near_or_missing():
    expired = describe(cert("expired"), datetime(2026, 1, 10, tzinfo=UTC))
    assert expired.warnings == (f"It expires on {expired.expires_at:%Y-%m-%d}.",)
    assert any("never expires" in warning for warning in admit(cert("alice"), AT).warnings)
    assert any("cannot encrypt" in warning for warning in admit(cert("bob"), AT).warnings)


def test_a_certificate_that_is_out_of_force_can_still_be_described():
    assert describe(cert("compromised"), AT).revoked
    assert describe(cert("expired"), AT).expires_at < AT
    assert not describe(cert("expired"), AT).can_sign


def test_weak_names_what_is_weak():
    with pytest.raises(CertificateRefused) as caught:
        admit(cert("rsa-1024"), AT)
    assert caught.value.detail == {"algorithm": "RSA 1024"}


@pytest.mark.needs("gpg")
def test_dsa_is_weak():
    with Gnupg() as gpg:
        gpg.make_key("dsa", "dsa2048", use="sign", at=AT)
        assert refused(gpg.certificate("dsa"), AT + timedelta(hours=1)) == "key:weak"


@pytest.mark.needs("gpg")
def test_an_update_merges(tmp_path):
    """A new subkey, then a longer life, then a revocation, each over the version before."""
    with Gnupg() as gpg:
        gpg.make_key("school", expires="30d", at=AT)
        fingerprint = gpg.fingerprint("school")
        old = gpg.certificate("school")
        gpg.run("--quick-add-key", fingerprint, "ed25519", "sign", "never", at=AT)
        gpg.run("--quick-set-expire", fingerprint, "2y", at=AT + timedelta(seconds=1))
        newer = gpg.certificate("school")
        merged = merge(old, newer)
        assert merge(newer, old) == merged
        now = AT + timedelta(days=60)
        assert refused(old, now) == "key:expired"
        assert len(admit(merged, now).signing_keys) == len(admit(newer, now).signing_keys) == 2
        made = gpg.home / "openpgp-revocs.d" / f"{fingerprint}.rev"
        revocation = made.read_bytes().replace(b":-----BEGIN", b"-----BEGIN")
        revoked = revoke(merged, revocation)
        assert refused(revoked, now) == "key:revoked"
        assert refused(merge(newer, revoked), now) == "key:revoked"
        with pytest.raises(CertificateRefused, match="key:not-a-revocation"):
            revoke(cert("alice"), revocation)


@pytest.mark.needs("gpg")
@pytest.mark.parametrize(("is_genuine", "is_named"), [(True, True), (False, True), (False, False)])
def test_a_revocation_by_another_key_revokes_nothing(is_genuine: bool, is_named: bool) -> None:
    """Not even by a revoker named by the owner: nothing here has the certificate to verify it with."""
    with Gnupg() as gpg:
        for name in ("school", "revoker"):
            gpg.make_key(name, at=AT)
        before = gpg.certificate("school")
        named = f"addrevoker\n{gpg.fingerprint('revoker')}\ny\nsave\n"
        gpg.converse("--edit-key", "school", given=named.encode(), at=AT)
        made = gpg.converse("--desig-revoke", "school", given=b"y\n1\n\ny\n", at=AT)
        packet = bytearray(b"".join(map(bytes, pysequoia.packet.PacketPile.from_bytes(made))))
        packet[-1] ^= 0 if is_genuine else 1
        with pytest.raises(CertificateRefused, match="key:not-a-revocation"):
            revoke(gpg.certificate("school") if is_named else before, bytes(packet))


@pytest.mark.parametrize(("is_named", "code"), [(False, None), (True, "key:revoked")])
def test_a_stranger_revokes_nothing_unless_the_owner_named_them(is_named: bool, code: str | None) -> None:
    """Anybody may append a revocation to a certificate, which only its maker's certificate could verify."""
    stranger = Key(b"stranger", BORN)
    revoker = subpacket(12, bytes([0x80, 22]) + stranger.fingerprint, critical=True)
    own = written(direct=[Said(made=BORN, flags=3, more=revoker if is_named else b"")]).written()
    false = signature_packet(0x20, stranger, Said(made=BORN + DAY, reason=2), written().primary.hashed)
    first, *rest = split(own)
    data = joined([first]) + false + joined(rest)
    assert (admit(data, AT) and None if code is None else refused(data)) == code


@pytest.mark.needs("gpg")
@pytest.mark.parametrize("end", ["revoked", "expired", None])
def test_a_weak_subkey_that_its_owner_has_ended_does_no_harm(end: str | None) -> None:
    with Gnupg() as gpg:
        gpg.make_key("school", at=AT)
        fingerprint = gpg.fingerprint("school")
        gpg.run("--quick-add-key", fingerprint, "rsa1024", "encr", "7d" if end == "expired" else "0", at=AT)
        if end == "revoked":
            gpg.converse("--edit-key", "school", given=b"key 2\nrevkey\ny\n0\n\ny\nsave\n", at=AT)
        made, later = gpg.certificate("school"), AT + timedelta(days=8)
    if end is None:
        assert refused(made, later) == "key:weak"
    else:
        assert admit(made, later).can_sign


@pytest.mark.parametrize("revocation", [b"", b"hello", cert("alice"), cert("compromised")])
def test_what_is_no_revocation_revokes_nothing(revocation):
    with pytest.raises(CertificateRefused, match="key:not-a-revocation"):
        revoke(cert("alice"), revocation)


def test_another_certificate_does_not_merge():
    with pytest.raises(CertificateRefused, match="key:other-certificate"):
        merge(cert("alice"), cert("bob"))
    assert merge(cert("alice"), cert("alice")) == packets.dearmored(armored(cert("alice")))


def test_grouped():
    assert grouped("ab12cd34" * 5) == " ".join(["AB12 CD34"] * 5)


def test_every_code_has_words():
    codes = {code for code in REASONS if code.startswith("key:")}
    assert {*REFUSED.values(), "key:secret", "key:several", "key:not-a-certificate"} <= codes


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(ADMITTED)),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_damaged_certificate_is_admitted_as_the_same_or_refused(name, changes):
    """No change of single octets trips admission over, or makes another key of it."""
    data = bytearray(packets.dearmored(cert(name)))
    for at, value in changes:
        data[at % len(data)] = value
    try:
        admitted = admit(bytes(data), AT)
    except CertificateRefused:
        return
    known = admit(cert(name), AT)
    assert admitted.fingerprint == known.fingerprint
    assert set(admitted.signing_keys) <= set(known.signing_keys)
    assert set(admitted.encryption_keys) <= set(known.encryption_keys)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_octets_are_refused(data):
    with pytest.raises(CertificateRefused):
        admit(data, AT)


BORN = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def written(**more: object) -> Certificate:
    return Certificate(Key(b"zoe", BORN), **{"user_ids": {b"zoe": [Said(made=BORN, flags=3)]}, **more})


def armor_of(data: bytes) -> bytes:
    return pysequoia.armor(data, pysequoia.ArmorKind.PublicKey).encode()


def padded(own: bytes, count: int) -> bytes:
    """The same certificate with strangers' certifications, and with user ids that nobody confirmed."""
    parts = split(own)
    stranger, about = Key(b"stranger", BORN), written().primary.hashed + user_id_hashed(b"zoe")
    note = subpacket(20, bytes(4) + b"\0\3\3\x84a@b" + bytes(900))
    said = [Said(made=BORN + n * DAY, more=note) for n in range(count)]
    more = [(2, signature(0x10, stranger, one, about)) for one in said]
    more += [(13, b"made up %d" % n) for n in range(count)]
    at = next(n for n, (tag, _) in enumerate(parts) if tag == 13) + 2
    return joined(parts[:at] + more + parts[at:])


def test_strangers_cannot_keep_an_owner_s_renewal_or_revocation_out():
    own = written().written()
    known = armored(padded(own, 600))
    assert len(padded(own, 600)) > 500_000
    assert len(known) < 1_000
    renewed = written(direct=[Said(made=BORN + 3 * DAY, flags=3, lasts=900 * DAY)]).written()
    merged = merge(known, padded(renewed, 600))
    assert len(merged) < 1_000
    assert describe(merged, AT).user_ids == ("zoe",)
    primary, lost = written().primary, Said(made=BORN + 4 * DAY, reason=2)
    revocation = signature_packet(0x20, primary, lost, primary.hashed)
    assert describe(revoke(padded(own, 600), revocation), AT).revoked


def test_nothing_stays_that_the_owner_s_signatures_do_not_cover():
    own = written().written()
    parts = split(own)
    body = parts[2][1]
    end = 6 + int.from_bytes(body[4:6], "big")
    noise = subpacket(20, bytes(4) + b"\0\3\xc3\x50a@b" + bytes(50_000))
    stuffed = body[:end] + len(noise).to_bytes(2, "big") + noise + body[end + 2 :]
    data = joined([*parts[:2], (2, stuffed)])
    assert len(armored(data)) < 1_000
    assert admit(armored(data), AT).can_sign


@pytest.mark.parametrize("place", ["primary", "subkey"])
def test_a_key_of_version_5_is_told_as_one_that_cannot_be_checked(place: str) -> None:
    head = bytes([5]) + moment(AT) + bytes([8]) + octets(40, 4) + bytes(40)
    first, *rest = parts("alice")
    data = joined([first, *rest, (14, head)] if place == "subkey" else [(6, head), *rest])
    with pytest.raises(CertificateRefused) as caught:
        admit(data, AT)
    assert (caught.value.code, caught.value.detail) == ("key:unreadable-kind", {"algorithm": "version 5"})


@pytest.mark.long
def test_a_certificate_that_is_large_by_itself_is_refused():
    many = {b"zoe %d" % n: [Said(made=BORN, flags=3)] for n in range(3_000)}
    assert refused(written(user_ids=many).written()) == "key:too-large"


@pytest.mark.parametrize(("more", "code"), [(0, None), (1, "key:too-large")])
def test_a_certificate_has_256_kib_at_most(more: int, code: str | None) -> None:
    def sized(size: int) -> bytes:
        """A certificate with notes, as Sequoia writes it."""
        notes = (bytes(4) + b"\0\3" + octets(n, 2) + b"a@b" + bytes(n) for n in (*5 * [50_000], size))
        said = [
            Said(made=BORN + timedelta(seconds=at), flags=3, more=subpacket(20, note))
            for at, note in enumerate(notes)
        ]
        return bytes(pysequoia.Cert.from_bytes(written(user_ids={b"zoe": said}).written()))

    data = sized(10_000 + 256 * 1024 - len(sized(10_000)) + more)
    assert len(data) == 256 * 1024 + more
    assert (admit(data, AT) and None if code is None else refused(data)) == code


def test_keys_that_do_not_say_what_they_are_for_are_refused_with_the_remedy():
    silent = {"user_ids": {b"zoe": [Said(made=BORN)]}}
    assert refused(written(**silent).written()) == "key:no-uses"
    numbers = generate_private_key(65537, 2048).public_key().public_numbers()
    material = b"".join(number(octets(one, 256)) for one in (numbers.n, numbers.e))

    class RsaKey(Key):
        """A key that both signs and encrypts where nothing is said of its uses."""

        body = bytes([4]) + moment(BORN) + b"\1" + material

    subkey = (RsaKey(b"sub", BORN), [Said(made=BORN)], [])
    assert refused(written(**silent, subkeys=[subkey]).written()) == "key:no-uses"


@pytest.mark.parametrize("wrap", ["utf-16", "utf-8-sig"])
def test_a_certificate_that_was_saved_in_another_encoding_is_one(wrap):
    data = armor_of(written().written()).decode().encode(wrap)
    assert admit(data, AT).can_sign


def rsa(modulus: int, exponent: int, version: int = 4) -> bytes:
    """A certificate with an RSA key that signs nothing: its numbers alone are looked at."""
    numbers = b"".join(number(n.to_bytes((n.bit_length() + 7) // 8, "big")) for n in (modulus, exponent))
    length = octets(len(numbers), 4) if version == 6 else b""
    head = bytes([version]) + int(BORN.timestamp()).to_bytes(4, "big") + b"\x01"
    return joined([(6, head + length + numbers), (13, b"zoe")])


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("exponent", [1, 3, 17, 65_535, 65_536, 65_538])
def test_exponents_that_are_small_or_even_are_refused(exponent: int, version: int) -> None:
    with pytest.raises(CertificateRefused) as caught:
        admit(rsa((1 << 3071) | 12345, exponent, version), AT)
    assert (caught.value.code, caught.value.detail["algorithm"]) == (
        "key:weak",
        f"RSA with the exponent {exponent}",
    )


@pytest.mark.parametrize("version", [4, 6])
def test_a_short_modulus_is_refused_by_its_length(version: int) -> None:
    with pytest.raises(CertificateRefused) as caught:
        admit(rsa((1 << 1023) | 12345, 65_537, version), AT)
    assert (caught.value.code, caught.value.detail) == ("key:weak", {"algorithm": "RSA 1024"})


@pytest.mark.parametrize("version", [pysequoia.Profile.RFC4880, pysequoia.Profile.RFC9580])
@pytest.mark.parametrize(
    ("suite", "shown"), [("P256", "NIST P-256"), ("P384", "NIST P-384"), ("P521", "NIST P-521")]
)
def test_a_curve_has_one_name_in_both_versions_of_keys(
    suite: str, shown: str, version: pysequoia.Profile
) -> None:
    kind = getattr(pysequoia.CipherSuite, suite)
    key = pysequoia.Tsk.generate("oak <oak@x.invalid>", profile=version, cipher_suite=kind)
    assert admit(bytes(key.extract_certificate()), datetime.now(UTC)).algorithm == shown


def test_a_modulus_of_the_faulty_library_is_told_from_others():
    primorial = math.prod(n for n in range(2, 702) if all(n % d for d in range(2, int(n**0.5) + 1)))
    of_library = [
        pow(65_537, power, primorial) + k * primorial for power, k in ((123_457, 5 << 50), (987_653, 9 << 50))
    ]
    assert is_of_infineon(math.prod(of_library))
    with pytest.raises(CertificateRefused) as caught:
        admit(rsa(math.prod(of_library), 65_537), AT)
    assert "ROCA" in caught.value.detail["algorithm"]
    dice = random.Random(15_361)
    assert not any(is_of_infineon(dice.getrandbits(2048) | 1) for _ in range(20_000))
    for name in ("bob", "rory", "renewed-rsa"):
        assert admit(cert(name), AT).can_sign
