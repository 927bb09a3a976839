"""What came in the clear is never written down."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
import subprocess
import time
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.upload import load_unfinished
from gateway.zones.sealing import ENOUGH_BYTES, is_public, is_sealed, looks_like
from tests.intake.running import SEALED, Running, sealed
from tests.waiting import eventually

MARKER = b"the-marker-of-a-pupil"
PLAIN = b"Surname,Forename,UPN\n" + (MARKER + b",x,y\n") * 120_000

CLEAR = {
    "csv": b"Surname,Forename\nZz,Yy\n" * 400,
    "csv in UTF-8 that starts with a letter": "Élève,Prénom\nZz,Yy\n".encode() * 400,
    "csv in Latin-1 that starts with a letter": "Élève,Prénom\nZz,Yy\n".encode("latin-1") * 400,
    "csv with a byte order mark": b"\xef\xbb\xbf" + b"Surname,Forename\n" * 400,
    "csv in UTF-16": "Surname,Forename\n".encode("utf-16") * 400,
    "xml": b'<?xml version="1.0"?><CTfile></CTfile>' * 200,
    "xlsx": b"PK\x03\x04" + bytes(5_000),
    "xls": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(5_000),
    "pdf": b"%PDF-1.7\n" + bytes(5_000),
    "gzip": bytes.fromhex("1f8b08") + bytes(5_000),
    "jpeg": bytes.fromhex("ffd8ffe0") + bytes(5_000),
    "png": bytes.fromhex("89504e470d0a1a0a") + bytes(5_000),
    "blanks, then text": b"\r\n" * 2_000 + b"Surname",
    "many blanks": b"\n" * 10_000,
    "a letter around an armored message": b"Dear all,\n-----BEGIN PGP MESSAGE-----\n\nwV4D\n" * 200,
    "signed only, binary": bytes.fromhex("900d03000816") + bytes(5_000),
    "compressed only": bytes.fromhex("a302") + bytes(5_000),
    "literal only": bytes.fromhex("cb1b62") + bytes(5_000),
    "signed only, armored": b"-----BEGIN PGP MESSAGE-----\n\n"
    + base64.b64encode(bytes.fromhex("900d03000816") + bytes(90))
    + b"\n",
    "clearsigned": b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nSurname\n" * 100,
    "a secret key": b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ\n" * 100,  # pragma: allowlist secret
    "an armor line and no armor": b"-----BEGIN PGP MESSAGE-----\nSurname,Forename\n" * 200,
    "without a session key": bytes.fromhex("c9ff00001000") + bytes(5_000),
}

ENCRYPTED = {
    "to a key, current form": SEALED + bytes(100),
    "to a key, old form, as GnuPG writes it": bytes.fromhex("85010c03") + bytes(300),
    "to a key, old form, short": bytes.fromhex("845e03") + bytes(100),
    "to a key, version 6": bytes.fromhex("c12106") + bytes(100),
    "to a password": bytes.fromhex("c32e05") + bytes(100),
    "protected, without a session key": bytes.fromhex("d2ff0000100001") + bytes(100),
    "a marker first": bytes.fromhex("ca03504750") + SEALED + bytes(100),
    "armored": b"-----BEGIN PGP MESSAGE-----\n\n" + base64.b64encode(SEALED + bytes(100)) + b"\n",
    "armored with headers, in DOS lines": b"-----BEGIN PGP MESSAGE-----\r\nVersion: 1\r\nComment: a\r\n\r\n"
    + base64.b64encode(SEALED + bytes(100)),
    "armored after a byte order mark and blanks": b"\xef\xbb\xbf\r\n\n-----BEGIN PGP MESSAGE-----\n\n"
    + base64.b64encode(SEALED + bytes(100)),
}


ARMORED = b"-----BEGIN PGP MESSAGE-----\n\n" + base64.encodebytes(SEALED + bytes(300))
ENCRYPTED |= {
    "armored, saved as UTF-16": ARMORED.decode().encode("utf-16"),
    "armored, saved as UTF-16 the other way round": b"\xfe\xff" + ARMORED.decode().encode("utf-16-be"),
    "armored, saved as UTF-16 without a mark": ARMORED.decode().encode("utf-16-le"),
    "armored in lines of old Macs": ARMORED.replace(b"\n", b"\r"),
    "armored in lines ended twice over": ARMORED.replace(b"\n", b"\r\r\n"),
    "armored as the only part": ARMORED.replace(b"MESSAGE-", b"MESSAGE, PART 1/1-"),
}


@pytest.mark.parametrize("kind", CLEAR)
def test_clear(kind: str) -> None:
    assert is_sealed(CLEAR[kind][:ENOUGH_BYTES]) is not True
    whole = CLEAR[kind][:ENOUGH_BYTES]
    assert is_sealed(whole) is False or len(whole) >= ENOUGH_BYTES


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_encrypted(kind: str) -> None:
    content = ENCRYPTED[kind]
    assert is_sealed(content) is True
    for length in range(len(content)):
        assert is_sealed(content[:length]) is not False, length


@pytest.mark.parametrize(("characters", "known"), [(11, None), (12, True), (13, True), (15, True)])
def test_an_armored_message_is_known_by_its_first_twelve_characters(
    characters: int, known: bool | None
) -> None:
    body = base64.b64encode(SEALED + bytes(100))[:characters]
    assert is_sealed(b"-----BEGIN PGP MESSAGE-----\n\n" + body) is known


def test_the_packet_behind_any_number_of_markers_decides() -> None:
    shortest = b"\xabPGP"  # In the old form, of indeterminate length.
    assert is_sealed(shortest * (ENOUGH_BYTES // len(shortest))) is None
    assert is_sealed(shortest * 1_000 + SEALED) is True
    assert is_sealed(shortest * 1_000 + bytes.fromhex("cb1b62") + bytes(96)) is False


@given(st.binary(max_size=ENOUGH_BYTES + 10))
def test_an_answer_does_not_change_with_more_bytes(content: bytes) -> None:
    whole = is_sealed(content)
    for length in range(0, len(content), 37):
        part = is_sealed(content[:length])
        assert part is None or part == whole


@pytest.mark.parametrize(
    "content",
    [
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n",
        b"\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n",
        b"ssh-ed25519 AAAA",
        b"---- BEGIN SSH2 PUBLIC KEY ----\n",
        bytes.fromhex("9833046601") + bytes(60),
        SEALED + bytes(60),
    ],
)
def test_public_things(content: bytes) -> None:
    assert is_public(content) is True
    for length in range(len(content)):
        assert is_public(content[:length]) is not False, length


@pytest.mark.parametrize(
    "content",
    [
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ\n",  # pragma: allowlist secret
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n",  # pragma: allowlist secret
        b"PuTTY-User-Key-File-3: ssh-ed25519\n",
        bytes.fromhex("9458046601") + bytes(60),
        b"Surname,Forename\n" * 10,
    ],
)
def test_no_public_things(content: bytes) -> None:
    assert is_public(content) is False


OTHERWISE = {
    "a ZIP file with a password": b"PK\x03\x04\x14\0\x01\0" + bytes(100),
    "a workbook with a password": bytes.fromhex("d0cf11e0a1b11ae1")
    + bytes(1000)
    + "EncryptedPackage".encode("utf-16-le"),
    "a PDF with a password": b"%PDF-1.7\n1 0 obj <</Encrypt 5 0 R>>",
    "age": b"age-encryption.org/v1\n-> X25519 abc\n",
    "S/MIME": b"MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMIAG",
    "openssl": b"Salted__" + bytes(range(100)),
}


@pytest.mark.parametrize("kind", OTHERWISE)
def test_what_is_encrypted_in_another_way_is_not_called_clear(kind: str) -> None:
    assert is_sealed(OTHERWISE[kind].ljust(ENOUGH_BYTES, b"\xa7")) is False
    assert looks_like(OTHERWISE[kind], whole=True) == "other-encryption"


def test_what_nobody_knows_is_not_called_clear() -> None:
    noise = hashlib.shake_256(b"noise").digest(ENOUGH_BYTES)
    assert looks_like(noise, whole=False) == "unknown"
    assert looks_like(CLEAR["without a session key"][:ENOUGH_BYTES], whole=False) == "unknown"


def test_a_message_in_something_else_is_not_called_clear() -> None:
    """Nobody may be told that pupils' data went unprotected, where it was only packed or pasted."""
    letter = b"Dear all,\n\n"
    armored, quoted = ARMORED.removesuffix(b"\n"), ARMORED.replace(b"\n", b"\n> ")
    for start in (
        letter + armored,
        b"> " + quoted,
        armored.replace(b"\n", b""),
        armored.rpartition(b"-----")[2],
        armored.replace(b"-----", b"- -----"),
        armored.replace(b"-----", "\N{EM DASH}---".encode()),
        armored.replace(b"\n", "\N{NO-BREAK SPACE}\n".encode()),
        b"\x1f\x8b\x08\x08" + bytes(6) + b"census.xml.gpg\0\x03",
    ):
        assert is_sealed(start.ljust(ENOUGH_BYTES, b"\n")) is False
        assert looks_like(start, whole=True) == "unknown"
    assert looks_like(letter + CLEAR["signed only, armored"], whole=True) == ""


def zipped(*names: str, bytes_of_each: int = 40) -> bytes:
    """Return a ZIP archive of files that cannot be packed any smaller."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for name in names:
            packed.writestr(name, SEALED + hashlib.shake_256(name.encode()).digest(bytes_of_each))
    return archive.getvalue()


def mail(*names: str, body: str = "Dear all,", headers: int = 1) -> bytes:
    """Return an e-mail with files attached in Base64, after `headers` lines of servers on its way."""
    message = EmailMessage()
    for number in range(headers):
        message.add_header("Received", f"from {number}.example by relay.example; " + "x" * 60)
    message.set_content(body, cte="base64")
    for name in names:
        message.add_attachment(ARMORED, maintype="application", subtype="octet-stream", filename=name)
    return bytes(message)


CUT_OFF = zipped("census.xml.gpg").partition(b"PK\1\2")[0]
CUT_OFF_CLEAR = zipped("a.csv").partition(SEALED)[0] + b"Surname,File\nZz,census.xml.gpg\n" * 40
PGP_MIME = b"multipart/mixed", b"multipart/encrypted"
INSIDE: dict[str, tuple[bytes, str]] = {
    "a ZIP of one message": (zipped("a/census.xml.gpg"), "unknown"),
    "a ZIP of one message, cut off": (zipped("CENSUS.GPG").partition(b"PK\1\2")[0], "unknown"),
    "a ZIP of messages": (zipped("a/", "a/census.xml.PGP", "a/sen.csv.asc", "a/.DS_Store"), "unknown"),
    "a ZIP with a clear file": (zipped("census.xml.gpg", "sen.csv"), ""),
    "a large ZIP with a clear file": (zipped("census.xml.gpg", "sen.csv", bytes_of_each=50_000), ""),
    "a ZIP of a clear file with an odd name": (zipped("my.gpg.csv"), ""),
    "a ZIP cut off": (CUT_OFF, "unknown"),
    "a ZIP of a clear file that names a message, cut off": (CUT_OFF_CLEAR, ""),
    "a gzip of a clear file that names a message": (b"\x1f\x8b\x08\x08" + bytes(6) + b"my.gpg.csv\0\3", ""),
    "a mail with a message": (mail("census.csv.gpg"), "unknown"),
    "a mail with many headers": (mail("census.csv.gpg", headers=100), "unknown"),
    "a mail with a clear file, too": (mail("census.csv.gpg", "sen.csv"), ""),
    "a signed mail": (mail("signature.asc").replace(b"LS0t", b"LS0u"), ""),
    "a mail": (mail(), ""),
    "a mail that is a message": (mail(body=ARMORED.decode()), "unknown"),
    "a mail in PGP/MIME": (mail("encrypted.asc").replace(*PGP_MIME), "unknown"),
    "a mail that is no PGP/MIME": (mail("sen.csv").replace(*PGP_MIME), ""),
}


@pytest.mark.parametrize("kind", INSIDE)
def test_an_archive_or_mail_is_called_clear_if_a_file_in_it_is(intake: Running, kind: str) -> None:
    with intake.paramiko() as client, client.open("/in/pupils", "wb") as file:
        file.write(INSIDE[kind][0])
    assert (intake.only().withheld, intake.only().looks_like) == (True, INSIDE[kind][1])


def test_an_archive_of_which_one_file_has_a_password_is_clear() -> None:
    archive = bytearray(zipped("census.xml", "sen.csv"))
    assert looks_like(bytes(archive), whole=True) == ""
    archive[6] |= 1
    for found in re.finditer(b"PK\1\2", bytes(archive)):
        assert looks_like(bytes(archive), whole=True) == ""
        archive[found.start() + 8] |= 1
    assert looks_like(bytes(archive), whole=True) == "other-encryption"


@pytest.mark.parametrize("kind", sorted(set(CLEAR) - {"a secret key", "without a session key"}))
def test_data_looks_like_nothing_about_keys(kind: str) -> None:
    assert looks_like(CLEAR[kind][:ENOUGH_BYTES], whole=len(CLEAR[kind]) <= ENOUGH_BYTES) == ""


@pytest.mark.parametrize(
    "content",
    [
        CLEAR["a secret key"],
        b"\xef\xbb\xbf\n-----BEGIN PGP PRIVATE KEY BLOCK-----\n",  # pragma: allowlist secret
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n",  # pragma: allowlist secret
        b"-----BEGIN RSA PRIVATE KEY-----\n",  # pragma: allowlist secret
        b"-----BEGIN PRIVATE KEY-----\n",  # pragma: allowlist secret
        b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n",  # pragma: allowlist secret
        b"PuTTY-User-Key-File-3: ssh-ed25519\n",
        bytes.fromhex("9458046601") + bytes(60),
    ],
)
def test_a_secret_key_is_known_by_its_beginning(content: bytes) -> None:
    assert looks_like(content[:ENOUGH_BYTES], whole=False) == "secret-key"


def test_eight_bytes_tell_what_a_packet_is_and_seven_do_not() -> None:
    for packet, kind in (("9833046601", "public"), ("9458046601", "secret-key"), ("cb1b62", "")):
        start = bytes.fromhex(packet)
        assert looks_like(start.ljust(8, b"\0"), whole=False) == kind
        assert looks_like(start.ljust(7, b"\0"), whole=False) == "unknown"


@pytest.mark.parametrize(("high", "clear"), [(33, True), (34, False)])
@pytest.mark.parametrize("letter", [b"\x80", b"\xff"])
def test_text_in_an_old_encoding_is_of_plain_letters_for_the_most(
    letter: bytes, high: int, clear: bool
) -> None:
    text = b"N" + letter * high + b"a" * (99 - high)
    assert (looks_like(text, whole=True) == "") is clear


@pytest.mark.parametrize("cut", range(4))
def test_text_is_text_wherever_its_first_piece_ends(cut: int) -> None:
    text = ("\N{BOOKS}" * 1_024).encode()
    assert looks_like(text[: len(text) - cut], whole=False) == ""


def test_a_signature_beside_its_data_is_not_taken_for_one_alone() -> None:
    signature = bytes.fromhex("c20a0400") + bytes(8)
    assert looks_like(signature, whole=True) == "public"
    assert looks_like(signature, whole=False) == ""
    assert looks_like(signature + bytes.fromhex("cb1b62") + PLAIN[:100], whole=True) == ""
    armored = b"-----BEGIN PGP SIGNATURE-----\n\niIgE\n=AbCd\n-----END PGP SIGNATURE-----\n"
    assert looks_like(armored, whole=True) == "public"
    assert looks_like(armored + PLAIN[:100], whole=True) == ""


def holds_marker(root: Path) -> bool:
    return any(MARKER in path.read_bytes() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["pupils.csv", "pupils.csv.filepart"])
@pytest.mark.parametrize("restart", [False, True])
def test_a_file_in_the_clear_lands_withheld(intake: Running, name: str, restart: bool) -> None:
    with intake.paramiko() as client:
        with client.open(f"/in/{name}", "wb") as file:
            file.write(PLAIN)
        assert client.stat(f"/in/{name}").st_size == len(PLAIN)
    if restart:
        intake.stop()
        intake.start()
    if name != "pupils.csv":
        with intake.paramiko() as client:
            client.rename(f"/in/{name}", "/in/pupils.csv")
    upload = intake.only()
    assert upload.withheld
    assert upload.size == len(PLAIN)
    assert upload.sha256 == hashlib.sha256(PLAIN).hexdigest()
    assert intake.content(upload) == b""
    assert not holds_marker(intake.home.root)
    with intake.paramiko() as client:
        assert client.stat("/in/pupils.csv").st_size == len(PLAIN)


def test_of_a_cut_off_file_in_the_clear_nothing_is_kept(intake: Running) -> None:
    with intake.paramiko() as client:
        held = client.open("/in/pupils.csv", "wb")
        held.write(PLAIN)
        held.flush()
        assert client.stat("/in/pupils.csv").st_size == len(PLAIN)
        time.sleep(0.2)  # Blocks are stored behind.
        assert not holds_marker(intake.home.root)
    with intake.paramiko() as client:
        eventually(lambda: client.listdir("/in") == [])
    assert intake.partial() == []
    assert not holds_marker(intake.home.root)
    assert intake.landed() == []


@pytest.mark.parametrize("piece", [1, 7, 5_000])
def test_in_small_pieces_too(intake: Running, piece: int) -> None:
    with intake.paramiko() as client, client.open("/in/pupils.csv", "wb", bufsize=0) as file:
        for start in range(0, 40 * piece, piece):
            file.write(PLAIN[start : start + piece])
    assert intake.only().withheld
    assert intake.content(intake.only()) == b""


def test_going_back_in_a_file_in_the_clear_is_declined(intake: Running) -> None:
    with intake.paramiko() as client:
        file = client.open("/in/pupils.csv", "wb")
        file.write(PLAIN[:10_000])
        file.seek(0)
        with pytest.raises(PermissionError, match="without encryption"):
            file.write(PLAIN[:10_000])
        file.close()
        assert client.listdir("/in") == []
    assert intake.landed() == []
    assert not holds_marker(intake.home.root)


@pytest.mark.parametrize("content", [b"", b"\xc1", b"-----BEGIN PGP"])
def test_the_beginning_of_nothing_is_kept(intake: Running, content: bytes) -> None:
    with intake.paramiko() as client, client.open("/in/short", "wb") as file:
        file.write(content)
    assert not intake.only().withheld
    assert intake.content(intake.only()) == content


def test_a_sealed_file_is_kept(intake: Running) -> None:
    content = sealed(100_000)
    with intake.paramiko() as client, client.open("/in/x", "wb") as file:
        file.write(content)
    assert not intake.only().withheld
    assert intake.content(intake.only()) == content


def test_pupil_data_in_the_folder_of_keys_is_withheld(intake: Running) -> None:
    with intake.paramiko() as client:
        for folder in ("keys", "agreement"):
            with client.open(f"/{folder}/pupils.csv", "wb") as file:
                file.write(PLAIN)
        with client.open("/keys/new.asc", "wb") as file:
            file.write(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n")
    assert [upload.withheld for upload in intake.landed()] == [True, True, False]
    assert not holds_marker(intake.home.root)


def test_what_it_looked_like_is_handed_over_though_nothing_of_it_is(intake: Running) -> None:
    certificate = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n"
    with intake.paramiko() as client:
        for folder, content in (
            ("in", CLEAR["a secret key"]),
            ("keys", CLEAR["a secret key"]),
            ("in", PLAIN),
        ):
            with client.open(f"/{folder}/file", "wb", bufsize=0) as file:
                for start in range(0, 6_000, 3):
                    file.write(content[start : start + 3])
        with client.open("/in/oak.asc.filepart", "wb") as file:
            file.write(certificate)
    intake.stop()
    intake.start()
    with intake.paramiko() as client:
        client.rename("/in/oak.asc.filepart", "/in/oak.asc")
    uploads = intake.landed()
    assert [upload.looks_like for upload in uploads] == ["secret-key", "secret-key", "", "public"]
    assert {intake.content(upload) for upload in uploads} == {b""}


def test_a_label_of_something_withheld_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "a.data").touch()
    (tmp_path / "a.json").write_text(
        '{"folder":"in","name":"a","started_at":"2026-01-01T00:00:00Z","whole":true,'
        '"withheld":true,"size":7,"sha256":"00"}'
    )
    (upload,) = load_unfinished(tmp_path)
    assert (upload.size, upload.sha256, upload.label.withheld) == (7, "00", True)


@pytest.mark.needs("gpg")
@pytest.mark.parametrize("options", [[], ["--armor"], ["--textmode"], ["--throw-keyids"], ["-z", "0"]])
def test_what_gnupg_writes(tmp_path: Path, options: list[str]) -> None:
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--trust-model", "always"]

    def call(*arguments: str) -> bytes:
        return subprocess.run([*gpg, *arguments], input=PLAIN, capture_output=True, check=True).stdout

    subprocess.run([*gpg, "--passphrase", "", "--quick-generate-key", "test@example.org"], check=True)
    try:
        assert (
            is_sealed(call(*options, "--sign", "--encrypt", "-r", "test@example.org")[:ENOUGH_BYTES]) is True
        )
        assert is_sealed(call(*options, "--encrypt", "-r", "test@example.org")[:ENOUGH_BYTES]) is True
        assert is_sealed(call(*options, "--sign")[:ENOUGH_BYTES]) is False
        assert is_sealed(call("--clearsign")[:ENOUGH_BYTES]) is False
        assert is_public(call("--clearsign")[:ENOUGH_BYTES]) is True
        assert is_public(call("--export")[:ENOUGH_BYTES]) is True
        for armor in ([], ["--armor"]):
            assert looks_like(call(*armor, "--export-secret-keys"), whole=True) == "secret-key"
            assert looks_like(call(*armor, "--export"), whole=True) == "public"
            assert looks_like(call(*armor, "--detach-sign"), whole=True) == "public"
            assert looks_like(call(*armor, "--sign", "-z", "0")[:ENOUGH_BYTES], whole=False) == ""
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)
