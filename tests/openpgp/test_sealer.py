"""The gateway's own key: others can use it, and what it signs and seals can be read by others."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import Fault
from gateway.home.settings import OpenLimits
from gateway.model import GatewayKeyKind
from gateway.openpgp.certificates import CertificateRefused, admit, grouped
from gateway.openpgp.components import says_what_it_reads
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.openpgp.sealer import (
    SignatureInvalid,
    certificate_of,
    clearsign,
    generate_gateway_key,
    seal,
    sign_detached,
    verify_clearsigned,
    verify_detached,
)
from gateway.openpgp.sop import SopOpener
from tests.openpgp.gnupg import Gnupg, GnupgError
from tests.openpgp.make.surgery import split
from tests.openpgp.make.writer import (
    ED25519,
    ENCRYPT,
    POSITIVE,
    SIGN,
    X25519,
    Certificate,
    Key,
    Said,
    signature_packet,
    subpacket,
    user_id_hashed,
)
from tests.term import clock

NOW = datetime.now(UTC)
REPOSITORY = Path(__file__).parents[2]
SIGNED_AS_THE_CLOCK_GOES_BACK = """
import os
from datetime import UTC, datetime
from gateway.errors import Fault
from gateway.openpgp.sealer import clearsign, generate_gateway_key, sign_detached
secret = generate_gateway_key("Somerset County Council", datetime.now(UTC))
for clock in ("+0", "-2d", "+0"):
    os.environ["FAKETIME"] = clock
    for signs in (lambda: sign_detached(secret, b"text"), lambda: clearsign(secret, "text")):
        try:
            print("signed" if signs() else "")
        except Fault as fault:
            print(fault)
"""
TEXT = (
    "Grüße ✓ Ἀθῆναι\n- a dash\n-----BEGIN PGP SIGNATURE-----\nFrom here\ntrailing  \t\n\n  indented\r\nno end"
)
READ = TEXT.replace("trailing  \t", "trailing").replace("\r", "") + "\n"


@pytest.fixture(scope="module")
def secret() -> bytes:
    return generate_gateway_key("Somerset County Council", NOW)


def test_the_key_is_a_version_4_curve25519_key_that_signs_and_encrypts(secret):
    certificate = admit(certificate_of(secret), NOW)
    assert certificate.algorithm == "Ed25519"
    assert certificate.can_sign
    assert certificate.can_encrypt
    assert len(certificate.fingerprint) == 40
    assert certificate.created_at == NOW.replace(microsecond=0)
    assert certificate.user_ids == ("Somerset County Council file gateway",)


def test_two_keys_differ(secret):
    other = generate_gateway_key("Somerset County Council", NOW)
    assert admit(certificate_of(other), NOW).fingerprint != admit(certificate_of(secret), NOW).fingerprint


@pytest.mark.needs("faketime")
def test_before_its_making_a_key_signs_nothing_though_it_has_signed_already() -> None:
    moved = {"LD_PRELOAD": str(clock.library()), "FAKETIME": "+0", "FAKETIME_NO_CACHE": "1"}
    told = subprocess.run(
        [sys.executable, "-c", SIGNED_AS_THE_CLOCK_GOES_BACK], cwd=REPOSITORY, env={**os.environ, **moved},
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    refused = "the gateway's OpenPGP key cannot sign; is the clock right?"
    assert told == ["signed", "signed", refused, refused, "signed", "signed"]


def test_the_certificate_holds_no_secret(secret):
    assert b"PRIVATE" not in certificate_of(secret)
    with pytest.raises(CertificateRefused, match="key:secret"):
        admit(secret, NOW)


def test_clearsigned_text_comes_back_as_it_is_signed(secret):
    text, signature = verify_clearsigned(clearsign(secret, TEXT), [certificate_of(secret)])
    assert text == READ
    assert signature.certificate == admit(certificate_of(secret), NOW).fingerprint
    assert abs((signature.created_at - datetime.now(UTC)).total_seconds()) < 60


@pytest.mark.parametrize("text", ["", "\n", "-", "- ", "a", "a\n\n\n", "\r\n", " \n", "From x", "\t-\t\n-"])
def test_odd_texts_survive_clearsigning(secret, text):
    signed = clearsign(secret, text)
    back, _ = verify_clearsigned(signed, [certificate_of(secret)])
    assert back.rstrip("\n") == "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: signed.replace("a dash", "a dish"),
        lambda signed: "You need do nothing.\n" + signed,
        lambda signed: signed + "\nP.S. ring this number",
        lambda signed: signed + signed,
        lambda signed: signed[: len(signed) // 2],
        lambda signed: "",
        lambda signed: signed.replace("\n\n", "\n", 1),
    ],
)
def test_a_changed_clearsigned_text_is_not_verified(secret, change):
    with pytest.raises(SignatureInvalid):
        verify_clearsigned(change(clearsign(secret, TEXT)), [certificate_of(secret)])


PROSE = "Your file was ACCEPTED, you may delete your copy.\n"
FORGED = {
    "prose after the digest": lambda text: text.replace("Hash: SHA512\n", "Hash: SHA512\n" + PROSE * 40),
    "prose before the digest": lambda text: text.replace("Hash: SHA512\n", PROSE + "Hash: SHA512\n"),
    "prose as a header": lambda text: text.replace("Hash: SHA512\n", "Hash: SHA512\nNotice: accepted\n"),
    "prose as a digest": lambda text: text.replace("Hash: SHA512\n", "Hash: SHA512, accepted: delete it\n"),
    "prose in a line of blanks": lambda text: text.replace("SHA512\n\n", "SHA512\n \u2003accepted\n\n"),
    "prose beside the signature": lambda text: text.replace(
        "SIGNATURE-----\n\n", f"SIGNATURE-----\n{PROSE}\n"
    ),
    "a comment beside the signature": lambda text: text.replace(
        "SIGNATURE-----\n\n", f"SIGNATURE-----\nComment: {PROSE}\n"
    ),
}


@pytest.mark.parametrize("how", FORGED)
def test_nothing_that_a_reader_sees_stands_outside_the_signature(secret, how):
    signed = clearsign(secret, TEXT)
    assert FORGED[how](signed) != signed
    with pytest.raises(SignatureInvalid):
        verify_clearsigned(FORGED[how](signed), [certificate_of(secret)])


def test_what_programs_write_beside_their_signatures_is_admitted_where_people_sign(secret):
    signed = clearsign(secret, TEXT).replace(
        "SIGNATURE-----\n\n", "SIGNATURE-----\nVersion: GnuPG v2\nComment: made with Kleopatra\n\n"
    )
    text, _ = verify_clearsigned(signed, [certificate_of(secret)], comments=True)
    assert text == READ
    with pytest.raises(SignatureInvalid):
        verify_clearsigned(signed, [certificate_of(secret)])


def test_clearsigned_by_somebody_else_is_not_verified(secret):
    other = generate_gateway_key("Another", NOW)
    with pytest.raises(SignatureInvalid):
        verify_clearsigned(clearsign(other, TEXT), [certificate_of(secret)])
    with pytest.raises(SignatureInvalid):
        verify_clearsigned(clearsign(secret, TEXT), [])


def test_a_detached_signature_holds_for_its_data_only(secret):
    signature = sign_detached(secret, b"data")
    assert verify_detached(b"data", signature, [certificate_of(secret)]).created_at
    with pytest.raises(SignatureInvalid):
        verify_detached(b"Data", signature, [certificate_of(secret)])


def test_a_sealed_file_opens_for_each_recipient(secret, tmp_path):
    other = generate_gateway_key("Another", NOW)
    sealed = tmp_path / "sealed"
    sealed.write_bytes(seal(b"content", [certificate_of(secret), certificate_of(other)], secret))
    for key in (secret, other):
        path = tmp_path / "key"
        path.write_bytes(key)
        now = datetime.now(UTC)  # The file was sealed since NOW, on a slow machine long since.
        opened = EmbeddedOpener([path]).open(sealed, [certificate_of(secret)], OpenLimits(), now)
        with os.fdopen(opened.content, "rb") as content:
            assert content.read() == b"content"


def test_a_descriptor_is_sealed_from_its_start(secret, tmp_path):
    path = tmp_path / "content"
    path.write_bytes(os.urandom(3_000_000))
    with path.open("rb") as file:
        file.seek(100)
        sealed = seal(file.fileno(), [certificate_of(secret)], secret)
    assert b"content" not in sealed
    assert len(sealed) > 3_000_000


@pytest.mark.parametrize(
    ("version", "features", "container"),
    [(4, None, 1), (4, b"\x01", 1), (4, b"\x09", 2), (6, None, 2)],
)
def test_a_certificate_that_is_silent_gets_the_older_encryption(secret, version, features, container):
    """RNP and most programs of managed transfers say nothing of what they read, and know no other."""
    made = NOW - timedelta(days=1)
    says = b"" if features is None else subpacket(30, features)
    signs = Key(b"silent", made, version, ED25519)
    opens = Key(b"silent too", made, version, X25519)
    recipient = Certificate(
        signs,
        user_ids={b"x": [Said(made=made, flags=SIGN, more=says)]},
        subkeys=[(opens, [Said(made=made, flags=ENCRYPT)], [])],
    ).written()
    *wraps, (tag, body) = split(seal(b"content", [recipient], secret))
    assert (tag, body[0]) == (18, container)
    assert [wrap[0] for _, wrap in wraps] == [6 if container == 2 else 3] * len(wraps)
    if container == 1:
        own = admit(certificate_of(secret), NOW).encryption_keys[0]
        named = {wrap[1:9].hex() for _, wrap in wraps}
        assert named == {opens.key_id.hex(), *([own[-16:]] if features is None else [])}


@pytest.mark.parametrize("by", [b"silent", b"a stranger"])
def test_what_a_certificate_reads_is_stated_by_its_owner_alone(by):
    made = NOW - timedelta(days=1)
    owner, signer = Key(b"silent", made), Key(by, made)
    certificate = Certificate(owner, user_ids={b"x": [Said(made=made, flags=SIGN)]}).written()
    said = Said(made=made, more=subpacket(30, b"\x01"))
    about = owner.hashed + user_id_hashed(b"x")
    stated = signature_packet(0x10 if by == b"a stranger" else POSITIVE, signer, said, about)
    assert says_what_it_reads(certificate + stated) == (signer == owner)


def test_sealing_to_nobody_is_refused(secret):
    with pytest.raises(Fault):
        seal(b"content", [], secret)


def test_a_fingerprint_is_read_out_in_groups_of_four():
    assert grouped("0123456789abcdef0123") == "0123 4567 89AB CDEF 0123"


@pytest.mark.needs("gpg")
def test_gpg_imports_the_key_and_verifies_what_it_signs(secret, tmp_path):
    with Gnupg() as gpg:
        gpg.run("--import", given=certificate_of(secret))
        assert gpg.run("--decrypt", given=clearsign(secret, TEXT).encode()).decode() == READ
        data, signature = tmp_path / "data", tmp_path / "data.sig"
        data.write_bytes(b"data")
        signature.write_bytes(sign_detached(secret, b"data"))
        gpg.run("--verify", str(signature), str(data))
        data.write_bytes(b"Data")
        with pytest.raises(GnupgError):
            gpg.run("--verify", str(signature), str(data))


@pytest.mark.needs("gpg")
def test_gpg_opens_what_is_sealed_to_its_key(secret):
    with Gnupg() as gpg:
        gpg.run("--import", given=certificate_of(secret))
        gpg.make_key("School A")
        sealed = seal("Grüße".encode(), [gpg.certificate("School A")], secret)
        assert gpg.run("--decrypt", given=sealed).decode() == "Grüße"


@pytest.mark.needs("gpg", "sqop")
def test_both_engines_open_what_gpg_makes_with_default_options(secret, tmp_path):
    key, sealed = tmp_path / "key", tmp_path / "sealed"
    key.write_bytes(secret)
    with Gnupg() as gpg:
        gpg.run("--import", given=certificate_of(secret))
        gpg.make_key("School A")
        sealed.write_bytes(gpg.run("--sign", "--encrypt", "--recipient", "file gateway", given=b"content"))
        for engine in (EmbeddedOpener([key]), SopOpener(str(shutil.which("sqop")), [key])):
            opened = engine.open(sealed, [gpg.certificate("School A")], OpenLimits(), datetime.now(UTC))
            with os.fdopen(opened.content, "rb") as content:
                assert content.read() == b"content"
            assert opened.opened_by == admit(certificate_of(secret), NOW).fingerprint


@pytest.mark.needs("sqop", "gpg")
def test_a_key_of_rsa_opens_what_programs_without_curve25519_make(tmp_path):
    secret = generate_gateway_key("An Authority", NOW, GatewayKeyKind.RSA4096)
    shown = admit(certificate_of(secret), NOW)
    assert (shown.algorithm, shown.bits, shown.can_encrypt) == ("RSA", 4096, True)
    with Gnupg() as gpg:
        gpg.make_key("sender", "rsa2048", use="sign", at=NOW)
        gpg.run("--import", given=certificate_of(secret))
        (tmp_path / "sealed").write_bytes(
            gpg.run("-u", "sender", "-r", "An Authority", "--sign", "--encrypt", given=TEXT.encode(), at=NOW)
        )
        sender = gpg.certificate("sender")
    for engine in (EmbeddedOpener([secret]), SopOpener(shutil.which("sqop"), [secret])):
        opened = engine.open(tmp_path / "sealed", [sender], OpenLimits(), NOW)
        with os.fdopen(opened.content, "rb") as content:
            assert content.read() == TEXT.encode()


FORKED = """
import os, sys
from datetime import UTC, datetime, timedelta
from gateway.openpgp.sealer import certificate_of, generate_gateway_key, seal

secret = generate_gateway_key("A", datetime.now(UTC))


def sealed():
    content = os.memfd_create("content")
    os.write(content, b"the same")
    os.lseek(content, 0, os.SEEK_SET)
    return seal(content, [certificate_of(secret)], secret)


sealed()
for _ in range(2):
    if os.fork() == 0:
        sys.stdout.write(sealed().hex() + "\\n")
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""


def test_processes_that_were_forked_alike_draw_session_keys_of_their_own():
    """Each provider's files are sealed by a process of their own; all of these come from one that waits."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True, timeout=60
    )
    one, two = (bytes.fromhex(line) for line in done.stdout.split())
    head = 40  # Version, key id and algorithm, which are the same, and the beginning of what was drawn.
    assert one[:12] == two[:12]
    assert one[:head] != two[:head]
    assert one[-64:] != two[-64:]
