"""Signed heads: the C2SP forms, the signatures, the witnesses, and every bit of them."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import ConfigurationError
from gateway.log.checkpoint import (
    CheckpointError,
    LogKey,
    VerifierKey,
    checkpoint,
    read_checkpoint,
    unbase64,
)
from tests.log.made import KEY, ORIGIN, VKEY, cosign, witness_vkey

ROOT = bytes(range(32))
TEXT = checkpoint(ORIGIN, 40, ROOT, KEY)
WITNESS = LogKey.load(LogKey.generate())
WITNESS_VKEY = witness_vkey(WITNESS, "witness.example/w1")
SEEN = datetime(2026, 11, 24, 15, 0, 7, tzinfo=UTC)

# The example of Go's golang.org/x/mod/sumdb/note: a note of another implementation.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
NEUMANN_SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)


def test_a_checkpoint_has_the_lines_that_c2sp_tells() -> None:
    origin, size, root, blank, signature, end = TEXT.split("\n")
    assert (origin, size, blank, end) == (ORIGIN, "40", "", "")
    assert base64.b64decode(root) == ROOT
    dash, name, blob = signature.split(" ")
    assert (dash, name) == ("\u2014", ORIGIN)
    assert base64.b64decode(blob)[:4] == VerifierKey.read(VKEY).key_id


def test_it_is_read_back() -> None:
    read = read_checkpoint(TEXT, [VKEY])
    assert (read.origin, read.size, read.root, read.cosignatures) == (ORIGIN, 40, ROOT, ())


def test_a_verifier_key_and_a_signature_of_go_are_understood() -> None:
    key = VerifierKey.read(NEUMANN)
    assert str(key) == NEUMANN
    blob = unbase64(NEUMANN_SIGNATURE)
    assert blob[:4] == key.key_id
    assert key.verify(blob[4:], NEUMANN_TEXT.encode())
    assert not key.verify(blob[4:], NEUMANN_TEXT.encode() + b" ")


def test_every_flipped_bit_is_refused() -> None:
    raw = TEXT.encode()
    for place in range(len(raw)):
        for bit in range(8):
            spoilt = bytearray(raw)
            spoilt[place] ^= 1 << bit
            try:
                text = spoilt.decode()
            except UnicodeDecodeError:
                continue
            with pytest.raises(CheckpointError):
                read_checkpoint(text, [VKEY])


def test_every_truncation_is_refused() -> None:
    for length in range(len(TEXT)):
        with pytest.raises(CheckpointError):
            read_checkpoint(TEXT[:length], [VKEY])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        TEXT + "\n",
        TEXT.replace("\n40\n", "\n040\n"),
        TEXT.replace("\n40\n", "\n-1\n"),
        TEXT.replace("\n\n", "\nan extension line\n\n"),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\u2014", "-"),
        TEXT + "\u2014 unknown.example not-base64\n",
        TEXT + "\u2014 unknown.example AAAA\n" * 40,
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        read_checkpoint(text, [VKEY])


def test_no_key_trusts_nothing() -> None:
    with pytest.raises(CheckpointError, match="not signed by a known key"):
        read_checkpoint(TEXT, [])


def test_another_key_of_the_same_name_is_unknown() -> None:
    other = LogKey.load(LogKey.generate())
    with pytest.raises(CheckpointError, match="not signed by a known key"):
        read_checkpoint(TEXT, [other.vkey(ORIGIN)])
    assert read_checkpoint(TEXT, [other.vkey(ORIGIN), VKEY]).size == 40


def test_a_key_of_another_name_does_not_speak_for_this_log() -> None:
    body = TEXT.rpartition("\n\n")[0] + "\n"
    note = body + "\n" + KEY.signature_line("other.example/log", 1, KEY.sign(body.encode()))
    with pytest.raises(CheckpointError, match="not signed by a known key of this log"):
        read_checkpoint(note, [KEY.vkey("other.example/log")])


def test_a_bad_line_of_a_known_key_refuses_the_whole_note() -> None:
    second = LogKey.load(LogKey.generate())
    bad = TEXT + second.signature_line(ORIGIN, 1, second.sign(b"something else"))
    assert read_checkpoint(bad, [VKEY]).size == 40
    with pytest.raises(CheckpointError, match="not good"):
        read_checkpoint(bad, [VKEY, second.vkey(ORIGIN)])


def test_the_lines_may_stand_in_any_order() -> None:
    second = LogKey.load(LogKey.generate())
    body = TEXT.rpartition("\n\n")[0] + "\n"
    other = second.signature_line("other.example", 1, second.sign(body.encode()))
    keys = [VKEY, second.vkey("other.example")]
    assert read_checkpoint(TEXT + other, keys).size == 40
    assert read_checkpoint(TEXT.replace("\n\n", f"\n\n{other}"), keys).size == 40


def signed(body: str) -> str:
    """A note with a good signature over whatever `body` is."""
    return f"{body}\n" + KEY.signature_line(ORIGIN, 1, KEY.sign(body.encode()))


ENCODED = base64.b64encode(ROOT).decode()


@pytest.mark.parametrize(
    "note",
    [
        signed(f"{ORIGIN}\n40\n"),
        signed(f"{ORIGIN}\n40\n{ENCODED}\nextension\n"),
        signed(f"{ORIGIN}\n040\n{ENCODED}\n"),
        signed(f"{ORIGIN}\n40\n{base64.b64encode(ROOT[:31]).decode()}\n"),
        signed(f"\n40\n{ENCODED}\n"),
        signed(f"{ORIGIN}\x07\n40\n{ENCODED}\n"),
        signed(f"{ORIGIN}\n40\n{ENCODED}\n").replace("\n\n", "\n"),
        signed(f"{ORIGIN}\n40\n{ENCODED}\n") + f"\u2014 {ORIGIN}\tx AAAA\n",
        signed(f"{ORIGIN}\n40\n{ENCODED}\n") + "\u2014 a+b AAAA\n",
        signed(f"{ORIGIN}\n40\n{ENCODED}\n") + "\u2014 unknown.example " + "A" * 4 * 20_000 + "\n",
    ],
)
def test_a_note_in_another_form_is_refused_though_signed(note: str) -> None:
    assert read_checkpoint(signed(f"{ORIGIN}\n40\n{ENCODED}\n"), [VKEY]).size == 40
    with pytest.raises(CheckpointError):
        read_checkpoint(note, [VKEY])


def vkey_of(name: str, material: bytes) -> str:
    key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4].hex()
    return f"{name}+{key_id}+{base64.b64encode(material).decode()}"


def test_a_verifier_key_is_ed25519_and_has_a_name() -> None:
    public = VerifierKey.read(VKEY).public
    assert VerifierKey.read(vkey_of(ORIGIN, b"\x01" + public)).public == public
    for name, material in [
        (ORIGIN, b"\x02" + public),
        (ORIGIN, b"\x01" + public + b"x"),
        ("", b"\x01" + public),
        ("a b", b"\x01" + public),
    ]:
        with pytest.raises(CheckpointError):
            VerifierKey.read(vkey_of(name, material))


def test_lines_of_unknown_keys_are_ignored() -> None:
    assert read_checkpoint(cosign(TEXT, "witness.example/w1", WITNESS, SEEN), [VKEY]).cosignatures == ()


def test_a_witness_states_when_it_saw_the_head() -> None:
    both = cosign(TEXT, "witness.example/w1", WITNESS, SEEN)
    (seen,) = read_checkpoint(both, [VKEY, WITNESS_VKEY]).cosignatures
    assert seen == ("witness.example/w1", SEEN)


def test_a_witness_alone_does_not_sign_for_the_log() -> None:
    both = cosign(TEXT, "witness.example/w1", WITNESS, SEEN)
    with pytest.raises(CheckpointError, match="not signed by a known key"):
        read_checkpoint(both, [WITNESS_VKEY])
    named_like_the_log = cosign(TEXT, ORIGIN, WITNESS, SEEN)
    with pytest.raises(CheckpointError, match="not signed by a known key"):
        read_checkpoint(named_like_the_log, [witness_vkey(WITNESS, ORIGIN)])


@pytest.mark.parametrize("seconds", [2**40, 2**63, 2**64 - 1])
def test_a_witness_that_states_a_time_that_there_is_not_refuses_the_note(seconds: int) -> None:
    """In one line, whoever made it; a time of the year 36812 is no time of ours."""

    class Late(datetime):
        def timestamp(self) -> float:
            return seconds

    both = cosign(TEXT, "witness.example/w1", WITNESS, Late(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(CheckpointError, match="states a time"):
        read_checkpoint(both, [VKEY, WITNESS_VKEY])


def test_a_changed_cosignature_of_a_known_witness_refuses_the_note() -> None:
    both = cosign(TEXT, "witness.example/w1", WITNESS, SEEN)
    head, _, blob = both.rstrip("\n").rpartition(" ")
    raw = bytearray(base64.b64decode(blob))
    raw[11] ^= 1  # the last byte of the time
    spoilt = f"{head} {base64.b64encode(raw).decode()}\n"
    with pytest.raises(CheckpointError, match="cosignature"):
        read_checkpoint(spoilt, [VKEY, WITNESS_VKEY])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "a+b",
        "+".join(["", *VKEY.split("+", 1)[1:]]),
        VKEY.replace(ORIGIN, "other.example/log"),
        VKEY[:-1],
        f"{ORIGIN}+00000000+{VKEY.split('+', 2)[2]}",
        "sp ace+" + VKEY.split("+", 1)[1],
    ],
    ids=["empty", "two-parts", "no-name", "other-name", "cut", "other-id", "space"],
)
def test_what_is_not_a_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(CheckpointError):
        VerifierKey.read(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_a_key_has_a_name_that_fits_a_note(name: str) -> None:
    with pytest.raises(CheckpointError):
        KEY.vkey(name)


@pytest.mark.parametrize("text", ["AA", "AB==", "AA==\n", " AA==", "AA-_", "é"])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(CheckpointError):
        unbase64(text)


def test_a_log_key_is_an_ed25519_key() -> None:

    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for pem in (b"", b"nonsense", other):
        with pytest.raises(ConfigurationError):
            LogKey.load(pem)


def test_keys_are_fresh_and_survive_storage() -> None:
    pem = LogKey.generate()
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----")  # pragma: allowlist secret
    assert LogKey.load(pem).vkey(ORIGIN) == LogKey.load(pem).vkey(ORIGIN)
    assert LogKey.load(LogKey.generate()).vkey(ORIGIN) != LogKey.load(pem).vkey(ORIGIN)
