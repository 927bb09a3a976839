"""Taking off encryption and compression: chunks of AEAD, caps, and hostile octets."""

import base64
import io
import zlib
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESOCB3
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.home.settings import OpenLimits
from gateway.openpgp import containers, packets
from gateway.openpgp.containers import SessionKey
from gateway.openpgp.envelope import ANYONE, look, wrapped_for
from gateway.openpgp.interface import SealedSource
from gateway.openpgp.layers import decompressed
from gateway.openpgp.packets import FramingError
from tests.openpgp.make.surgery import compressed, joined, literal, padding, split

CHUNK = 64
PLAIN = bytes(range(256)) * 2 + b"and a rest"
SESSION = SessionKey(bytes(range(32)), None)


def sealed_chunks(mode: int) -> tuple[bytes, list[bytes], bytes]:
    """Head, chunks and last tag of an AEAD body (RFC 9580, 5.13.2) with chunks of 64 octets."""
    algorithm, nonce = {2: (AESOCB3, 15), 3: (AESGCM, 12)}[mode]
    head = bytes([2, 9, mode, 0]) + b"salt" * 8
    about = b"\xd2" + head[:4]
    derived = HKDF(SHA256(), 32 + nonce - 8, head[4:], about).derive(SESSION.key)
    aead, prefix = algorithm(derived[:32]), derived[32:]
    pieces = [PLAIN[at : at + CHUNK] for at in range(0, len(PLAIN), CHUNK)]
    chunks = [aead.encrypt(prefix + n.to_bytes(8, "big"), piece, about) for n, piece in enumerate(pieces)]
    total = about + len(PLAIN).to_bytes(8, "big")
    return head, chunks, aead.encrypt(prefix + len(chunks).to_bytes(8, "big"), b"", total)


@pytest.mark.parametrize("mode", [2, 3])
def test_all_chunks(mode):
    head, chunks, last = sealed_chunks(mode)
    assert containers.opened("seipd-2", head + b"".join(chunks) + last, SESSION) == PLAIN
    assert containers.opened("seipd-2", head + b"".join(chunks) + last, SESSION, whole=False) == PLAIN[:CHUNK]


@pytest.mark.parametrize("mode", [2, 3])
@pytest.mark.parametrize(
    "change",
    [
        lambda chunks: chunks[:-1],
        lambda chunks: chunks[1:],
        lambda chunks: [chunks[1], chunks[0], *chunks[2:]],
        lambda chunks: [chunks[0], *chunks],
        lambda chunks: [],
        lambda chunks: [chunks[0][:-1] + b"x", *chunks[1:]],
    ],
)
def test_chunks_that_are_missing_moved_repeated_or_changed(mode, change):
    head, chunks, last = sealed_chunks(mode)
    assert containers.opened("seipd-2", head + b"".join(change(chunks)) + last, SESSION) is None


def test_a_changed_head_or_a_wrong_key():
    head, chunks, last = sealed_chunks(2)
    body = b"".join(chunks) + last
    assert containers.opened("seipd-2", head[:10] + b"x" + head[11:] + body, SESSION) is None
    assert containers.opened("seipd-2", head + body, SessionKey(bytes(32), None)) is None
    with pytest.raises(Refusal, match="open:unsupported") as caught:
        containers.opened("seipd-2", b"\2\x09\1" + head[3:] + body, SESSION)
    assert "EAX" in caught.value.detail["feature"]
    with pytest.raises(Refusal, match="open:damaged"):
        containers.opened("seipd-2", b"\2\x09\2\x17" + head[4:] + body, SESSION)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_compression_comes_off(kind):
    message = literal(b"content")
    assert decompressed(compressed(message, kind), 1000)[0] == message
    assert decompressed(padding() + compressed(compressed(message, kind), kind), 1000)[0] == message


def test_a_compressed_packet_must_be_all_there_is():
    squeezed = split(compressed(literal(b"content")))[0][1]
    for body in (squeezed + b"more", squeezed[:-1], squeezed[:1], b""):
        with pytest.raises(Refusal, match="open:damaged"):
            decompressed(joined([(8, body)]), 1000)
    with pytest.raises(Refusal, match="open:too-large"):
        decompressed(compressed(literal(bytes(2000))), 1000)
    with pytest.raises(Refusal, match="open:not-one-file"):
        decompressed(_often(compressed, literal(b"content"), 5), 1000)


def _often(wrap, message: bytes, times: int) -> bytes:
    for _ in range(times):
        message = wrap(message)
    return message


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([1, 2, 11, 18, 60]), st.binary(max_size=300)), max_size=5),
    st.booleans(),
)
def test_packets_are_walked_as_they_are_written(parts, old):
    parts = [(tag % 16 if old else tag, body) for tag, body in parts]
    assert split(joined(parts, old=old)) == parts
    assert list(packets.tags(io.BytesIO(joined(parts, old=old)))) == [tag for tag, _ in parts]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 600))
def test_a_cut_message_is_never_walked_to_its_end(body, cut):
    whole = joined([(11, body)])
    if cut < len(whole):
        with pytest.raises(FramingError):
            list(packets.walk(whole[: max(1, cut)]))
        with pytest.raises(FramingError):
            list(packets.tags(io.BytesIO(whole[: max(1, cut)])))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=500), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.integers(0, 700))
def test_armor_comes_off(data, end, comment, cut):
    lines = [b"-----BEGIN PGP MESSAGE-----", *([b"Comment: x"] if comment else []), b""]
    lines += [*base64.encodebytes(data).splitlines(), b"=AAAA", b"-----END PGP MESSAGE-----", b""]
    whole = end.join(lines)
    assert packets.dearmored(whole) == data
    assert data.startswith(packets.dearmored_head(whole[: max(cut, 50)]))


@pytest.mark.parametrize("octets", [0, 1, 2])
def test_armor_comes_off_wherever_a_piece_ends(octets):
    data, piece = bytes(180_000) + b"\xff" * octets, 256 * 1024
    body = base64.encodebytes(data) + b"=AAAA\n"
    start, footer = b"-----BEGIN PGP MESSAGE-----\nComment: ", b"-----END PGP MESSAGE-----\n"
    for beyond in range(-12, len(footer) + 12):
        comment = b"x" * (piece + beyond - len(start + body + footer) - 2)
        whole = start + comment + b"\n\n" + body + footer
        assert packets.dearmored(whole) == data
        assert data.startswith(packets.dearmored_head(whole[:piece]))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300), start=st.sampled_from([b"", b"\x84\x5e\3" + bytes(8)]))
def test_any_octets_have_an_envelope_or_are_refused(tmp_path_factory, data, start):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(start + data)
    with suppress(Refusal):
        assert look(SealedSource.at(path, OpenLimits()), {"0" * 16}).recipients


@pytest.mark.parametrize("most", [100, 101])
def test_a_message_may_name_a_hundred_recipients(tmp_path, most):
    path = tmp_path / "sealed"
    wraps = [(packets.PKESK, b"\3" + number.to_bytes(8, "big") + b"\1" + b"\0\1\1") for number in range(most)]
    path.write_bytes(joined([*wraps, (packets.INTEGRITY_PROTECTED, b"\1" + bytes(40))]))
    sealed = SealedSource.at(path, OpenLimits())
    if most == 100:
        assert len(look(sealed, None).recipients) == most
    else:
        with pytest.raises(Refusal) as refused:
            look(sealed, None)
        assert (refused.value.code, dict(refused.value.detail)) == (
            "open:unsupported", {"feature": "more than 100 recipients"},
        )  # fmt: skip


def test_zlib_is_asked_for_little_at_a_time():
    """The memory for a bomb is bounded by the cap and not by what the bomb holds."""
    bomb = joined([(8, b"\2" + zlib.compress(bytes(200_000_000)))])
    with pytest.raises(Refusal, match="open:too-large"):
        decompressed(bomb, 10_000)


@pytest.mark.parametrize(
    ("body", "key_id"),
    [
        (b"\3" + bytes(range(8)) + b"\1", "0001020304050607"),
        (b"\3" + bytes(range(8)), "unknown"),
        (b"\6\x15\4" + bytes(range(20)) + b"\1", "0c0d0e0f10111213"),
        (b"\6\x21\6" + bytes(range(32)) + b"\1", "0001020304050607"),
        (b"\6\0\1", ANYONE),
        (b"\6", "unknown"),
        (b"\4\0\1", "unknown"),
        (b"", "unknown"),
    ],
)
def test_whom_a_session_key_is_for_is_read_in_two_versions(body: bytes, key_id: str) -> None:
    assert wrapped_for(body) == key_id


def test_a_session_key_in_pieces_is_damaged(tmp_path):
    path = tmp_path / "sealed"
    path.write_bytes(b"\xc1\xe9" + bytes(600))
    with pytest.raises(Refusal, match="open:damaged"):
        look(SealedSource.at(path, OpenLimits()), None)
