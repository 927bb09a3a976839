"""Every vector, by both engines, and by other programs for a second opinion."""

import base64
import collections
import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pysequoia.packet import PacketPile

from gateway.errors import Fault, Refusal
from gateway.home.settings import ProcessorSettings
from gateway.openpgp import judge, packets
from gateway.openpgp.certificates import describe
from gateway.openpgp.embedded import EmbeddedOpener
from gateway.openpgp.engines import find_opener
from gateway.openpgp.interface import Opener
from gateway.openpgp.judge import SignatureClaim, SigningKeyEnded, parsed_senders
from gateway.openpgp.layers import SecretKey, read_secret_keys, unwrapped
from gateway.openpgp.sop import SopOpener
from gateway.reasons import REASONS, sentence_and_step
from tests.openpgp import vectors
from tests.openpgp.make import surgery
from tests.openpgp.make.surgery import MARKER
from tests.openpgp.vectors import Vector

VECTORS = vectors.every()
SENDERS = {"alice": "gpg-default", "bob": "gpg-rsa3072", "carol": "gpg-p256", "dora": "sqop-default",
           "erin": "pgpy-ed25519", "finn": "sqop-version-6-sender"}  # fmt: skip
SIGNED = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
ENGINES = [
    pytest.param("sop", marks=pytest.mark.needs("sqop")),
    "embedded",
    pytest.param("auto", marks=pytest.mark.needs("sqop")),
]
_KEPT: dict[tuple[str, tuple[Path, ...]], Opener] = {}


def opener(engine: str, keys: list[Path]) -> Opener:
    """The engine for some keys; made once, as a service would."""
    at = (engine, tuple(keys))
    if at not in _KEPT:
        _KEPT[at] = _made(engine, keys)
    return _KEPT[at]


def _made(engine: str, keys: list[Path]) -> Opener:
    if engine == "auto":
        return find_opener(ProcessorSettings(), keys)
    program = shutil.which({"sop": "sqop"}.get(engine, engine)) or engine
    return EmbeddedOpener(keys) if engine == "embedded" else SopOpener(program, keys)


def outcome(engine: str, vector: Vector, folder: Path, senders: list[bytes] | None = None) -> str:
    """`open`, or the code of the refusal; what opens is also checked for what it says of itself."""
    sealed = folder / "sealed"
    sealed.write_bytes(vector.data)
    offered = vector.certificates() if senders is None else senders
    try:
        opened = opener(engine, vector.key_files()).open(sealed, offered, vector.limits, vector.at)
    except SigningKeyEnded as waits:
        os.close(waits.opened.content)
        return waits.code
    except Refusal as refusal:
        sentence_and_step(refusal.code, **refusal.detail)  # KeyError for a blank that nothing fills.
        return refusal.code
    with os.fdopen(opened.content, "rb") as content:
        assert content.tell() == 0
        data = content.read()
    assert opened.size == len(data)
    assert opened.sha256 == hashlib.sha256(data).hexdigest()
    assert b"T999000100001,Sample,Sam" in data
    assert data.startswith(b"UPN,")
    assert abs(opened.signature.created_at - vector.at) < timedelta(days=90)
    return "open"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_verdict(engine, vector, tmp_path):
    # What the engine at hand does not open, the program judges: together they say what it says.
    assert outcome(engine, vector, tmp_path) == vector.verdict("sop" if engine == "auto" else engine)


@pytest.mark.parametrize("armored", [False, True], ids=["binary", "armored"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("more", "code"),
    [
        (b"", "open"),
        (MARKER, "open"),
        (b"name,upn\n", "open:damaged"),
        (vectors.read(vectors.FOLDER / "gpg-default.txt").data, "open:not-one-file"),
        (surgery.literal(b"name,upn\n"), "open:not-one-file"),
    ],
    ids=["nothing", "marker", "text", "message", "literal"],
)
def test_nothing_may_follow_a_message_in_pieces(engine, more, code, armored, tmp_path):
    """As GnuPG writes one: sqop opens it and passes over the rest, so that a second file would be lost."""
    vector = vectors.read(vectors.FOLDER / "in-pieces.txt")
    data = vector.data + more
    if armored:
        data = b"-----BEGIN PGP MESSAGE-----\n\n" + base64.encodebytes(data) + b"-----END PGP MESSAGE-----\n"
    assert outcome(engine, replace(vector, data=data), tmp_path) == code


def test_there_are_many_vectors():
    assert len(VECTORS) >= 160


def test_every_refusal_of_opening_has_a_vector():
    ours = {code for code in REASONS if code.startswith("open:")}
    # Whether a file came before is for the registry to know; the others are no refusals, or told by
    # a scanner of malware, which looks at what opened, or of whom the login belongs to.
    told_elsewhere = {
        "open:malware",
        "open:replayed",
        "open:renewed-since",
        "open:unknown-login",
        "open:vouched-since",
    }
    assert ours - {vector.expect for vector in VECTORS} == told_elsewhere


def test_every_vector_has_a_verdict_that_is_ours():
    assert {vector.expect for vector in VECTORS} <= set(REASONS) | {"open"}


def test_every_difference_is_explained():
    for vector in VECTORS:
        for program, opinion in vector.others.items():
            same = (opinion == "open") == (vector.expect == "open")
            assert same == (program not in vector.others_why), f"{vector.name}: {program}"
        for verdict in vector.differs.values():
            assert " - " in verdict, vector.name


@pytest.mark.long
@pytest.mark.needs("sqop", "gosop", "rsop")
def test_other_programs_say_what_the_vectors_tell_of_them():
    found = {vector.name: vectors.opinion(vector, vector.data) for vector in VECTORS}
    assert found == {vector.name: vector.others for vector in VECTORS}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("other", SENDERS)
@pytest.mark.parametrize("signer", SENDERS)
def test_each_provider_with_the_key_of_each_other(engine, signer, other, tmp_path):
    vector = vectors.read(vectors.FOLDER / f"{SENDERS[signer]}.txt")
    offered = [(vectors.KEYS / f"{other}.asc").read_bytes()]
    expected = "open" if signer == other else "open:wrong-signer"
    assert outcome(engine, vector, tmp_path, offered) == expected


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("signer", SENDERS)
def test_the_signer_is_told_among_all_that_are_enrolled(engine, signer, tmp_path):
    vector = vectors.read(vectors.FOLDER / f"{SENDERS[signer]}.txt")
    (tmp_path / "sealed").write_bytes(vector.data)
    offered = [(vectors.KEYS / f"{name}.asc").read_bytes() for name in SENDERS]
    opened = opener(engine, vector.key_files()).open(tmp_path / "sealed", offered, vector.limits, vector.at)
    os.close(opened.content)
    certificate = describe((vectors.KEYS / f"{signer}.asc").read_bytes(), vector.at)
    assert opened.signature.certificate == certificate.fingerprint
    assert opened.signature.signing_key in certificate.signing_keys
    assert opened.signature.created_at == SIGNED


def descriptors() -> set[tuple[str, str]]:
    """Number and target of each open descriptor, but for the one that lists them."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add((path.name, str(path.readlink())))
    return found


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_no_descriptor_is_left_open(engine, tmp_path):
    before = descriptors()
    for vector in VECTORS:
        outcome(engine, vector, tmp_path)
    assert descriptors() - before == set()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "waits"),
    [
        ("expired-since", True),
        ("retired-before", True),
        ("expired-when-signed", True),
        ("subkey-expired", True),
        ("renewed-then-superseded", True),
        ("expired-forged", False),
        ("expired-and-revoked", False),
        ("retired-after", False),
        ("compromised-before", False),
    ],
)
def test_a_file_waits_whose_key_ended_after_it_was_signed(engine, name, waits, tmp_path):
    """What was good when it was made is handed on for a person or a renewed key to decide."""
    vector = next(vector for vector in VECTORS if vector.name == name)
    sealed = tmp_path / "sealed"
    sealed.write_bytes(vector.data)
    with pytest.raises(Refusal) as caught:
        opener(engine, vector.key_files()).open(sealed, vector.certificates(), vector.limits, vector.at)
    assert isinstance(caught.value, SigningKeyEnded) == waits
    if isinstance(caught.value, SigningKeyEnded):
        with os.fdopen(caught.value.opened.content, "rb") as content:
            assert content.read().startswith(b"UPN,")


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_signed_before_the_renewal_is_told_from_all_else(engine, tmp_path):
    late = collections.defaultdict(set)
    for vector in VECTORS:
        (tmp_path / "sealed").write_bytes(vector.data)
        try:
            opened = opener(engine, vector.key_files()).open(
                tmp_path / "sealed", vector.certificates(), vector.limits, vector.at
            )
        except SigningKeyEnded as waits:
            os.close(waits.opened.content)
        except Refusal:
            continue
        else:
            os.close(opened.content)
            late[opened.late].add(vector.name)
    # A renewal is on record where the certificate has what was said before it.
    assert late["renewed"] == {f"renewed-since-{kind}" for kind in ("renewed", "rsa", "p256", "text")}
    assert late["vouched"] == {f"renewed-since-{kind}" for kind in ("only", "subkey")}


@pytest.mark.needs("sqop")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("expired-when-signed", "open:key-expired"),
        ("expired-forged", "open:key-expired"),
        ("renewed-since-only", "open:wrong-signer"),
        ("wrong-signer", "open:wrong-signer"),
        ("not-signed", "open:not-signed"),
    ],
)
def test_a_file_too_large_to_look_into_is_judged_by_the_keys_on_record(name, code, tmp_path):
    vector = next(vector for vector in VECTORS if vector.name == name)
    (tmp_path / "sealed").write_bytes(vector.data)
    limits = vector.limits.model_copy(update={"embedded_sealed_bytes": 100})
    with pytest.raises(Refusal) as caught:
        opener("sop", vector.key_files()).open(tmp_path / "sealed", vector.certificates(), limits, vector.at)
    assert (caught.value.code, isinstance(caught.value, SigningKeyEnded)) == (code, False)


def test_the_arithmetic_agrees_with_every_engine():
    """Every signature that engines find good fits, and fits nothing else."""
    seen = collections.Counter()
    for vector in VECTORS:
        message, claims = _message(vector)
        for sender in (
            parsed_senders(vector.certificates()) if message is not None and len(claims) == 1 else ()
        ):
            key = sender.key(claims[0].issuer)
            if key is None or vector.expect != "open":
                continue
            signature = next(p.body(message) for p in packets.walk(message) if p.tag == packets.SIGNATURE)
            pile = PacketPile.from_bytes(bytes(sender.cert))
            public = next(p.body for p in pile if p.fingerprint == key.fingerprint)
            content = judge.literal(message)
            assert judge.signature_matches(signature, public, content), vector.name
            assert not judge.signature_matches(signature, public, content + b"x"), vector.name
            for at in (1, 3, 8, len(signature) - 1):
                changed = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
                assert not judge.signature_matches(changed, public, content), f"{vector.name}: {at}"
            assert not judge.signature_matches(signature[:-1], public, content), vector.name
            seen[key.algorithm] += 1
    assert set(seen) == {"Ed25519", "RSA", "NIST P-256"}


def _message(vector: Vector) -> tuple[bytes | None, tuple[SignatureClaim, ...]]:
    try:
        keys = [SecretKey(data) for data in read_secret_keys(vector.key_files())]
        message = unwrapped(vector.data, keys, vector.limits).message
        return message, judge.claims_of(message)
    except Refusal:
        return None, ()


@pytest.mark.parametrize(
    ("engine", "vector"),
    [
        pytest.param(engine, vector, id=f"{vector.name}-{engine}", marks=marks)
        for engine, marks in (("sop", pytest.mark.needs("sqop")), ("embedded", ()))
        for vector in VECTORS
        if vector.verdict(engine) == "open"
    ],
)
def test_what_was_opened_opens_again_without_its_sender(engine, vector, tmp_path):
    sealed = tmp_path / "sealed"
    sealed.write_bytes(vector.data)
    engine_now = opener(engine, vector.key_files())
    opened = engine_now.open(sealed, vector.certificates(), vector.limits, vector.at)
    again = engine_now.reopen(sealed, opened.sha256, vector.limits)
    with os.fdopen(opened.content, "rb") as first, os.fdopen(again, "rb") as second:
        assert first.read() == second.read()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "name", ["gpg-default", "flipped-body", "plain-text", "two-signed-messages", "not-for-us"]
)
def test_what_does_not_open_to_the_same_content_is_our_fault(engine, name, tmp_path):
    vector = vectors.read(vectors.FOLDER / f"{name}.txt")
    sealed = tmp_path / "sealed"
    sealed.write_bytes(vector.data)
    with pytest.raises(Fault):
        opener(engine, vector.key_files()).reopen(sealed, "0" * 64, vector.limits)
