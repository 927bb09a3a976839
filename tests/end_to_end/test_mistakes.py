"""Everything a school can get wrong in its guide has an outcome, and a sentence that helps."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pysequoia
import pytest

from tests.content import census, core_data
from tests.end_to_end.conftest import Scene
from tests.site import Party
from tests.waiting import until

SSH = asyncssh.generate_private_key("ssh-ed25519")
ELSEWHERE = pysequoia.Tsk.generate("Somebody Else <else@example.invalid>")


def outcome(scene: Scene, name: str, data: bytes, *, folder: str = "/in") -> dict[str, Any]:
    """Upload, and the transfer once it is decided."""
    before = {t["reference"] for t in scene.site.transfers()}
    scene.oak.put(scene.services.intake, f"{folder}/{name}", data)

    def decided() -> dict[str, Any] | None:
        new = [t for t in scene.site.transfers() if t["reference"] not in before]
        return new[0] if new and new[0]["state"] != "landed" else None

    return until(decided, f"the outcome of {name}")


def receipt(scene: Scene, transfer: dict[str, Any]) -> str:
    """The text receipt, as the school fetches it."""
    name = f"/receipts/{transfer['name']}.{transfer['reference']}.txt"
    return scene.oak.get(scene.services.intake, name).decode()


def sealed_elsewhere(scene: Scene) -> bytes:
    return scene.oak.seal(core_data(2), str(ELSEWHERE.extract_certificate()))


def signed_by_another(scene: Scene) -> bytes:
    certificate = pysequoia.Cert.from_bytes(scene.site.certificate.encode())
    return pysequoia.encrypt(bytes=core_data(3), recipients=[certificate], signer=ELSEWHERE.signer())


def not_signed(scene: Scene) -> bytes:
    certificate = pysequoia.Cert.from_bytes(scene.site.certificate.encode())
    return pysequoia.encrypt(bytes=core_data(4), recipients=[certificate])


def with_a_password(_: Scene) -> bytes:
    return pysequoia.encrypt(bytes=core_data(5), passwords=["secret"])


@pytest.mark.long
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda _: b"", "open:empty"),
        (lambda _: core_data(1), "open:not-encrypted"),
        (sealed_elsewhere, "open:not-for-us"),
        (signed_by_another, "open:wrong-signer"),
        (not_signed, "open:not-signed"),
        (with_a_password, "open:password-only"),
        (lambda scene: scene.oak.seal(core_data(6), scene.site.certificate)[:-40], "open:damaged"),
    ],
    ids=["empty", "plain", "wrong-recipient", "wrong-signer", "unsigned", "password", "cut-off"],
)
def test_a_file_that_cannot_be_taken_is_refused_in_words_that_help(
    scene: Scene, make: Any, code: str
) -> None:
    transfer = outcome(scene, f"{code.partition(':')[2]}.pgp", make(scene))
    assert transfer["state"] == "refused"
    (reason,) = transfer["reasons"]
    assert reason["code"] == code
    assert re.fullmatch(r"\d+(\.\d+){0,2}", reason["clause"])
    text = " ".join(receipt(scene, transfer).split())
    assert "Your file was REFUSED" in text
    assert reason["sentence"] in text
    assert reason["next_step"] in text


SECRET = bytes(ELSEWHERE)
CERTIFICATE = bytes(ELSEWHERE.extract_certificate())


@pytest.mark.long
@pytest.mark.parametrize(
    ("folder", "data", "code"),
    [
        ("/in", SECRET, "key:secret"),
        ("/in", str(ELSEWHERE).encode(), "key:secret"),
        ("/in", SSH.export_private_key(), "key:secret"),
        ("/keys", SECRET, "key:secret"),
        ("/keys", SSH.export_private_key(), "key:secret"),
        ("/in", CERTIFICATE, "key:not-data"),
        ("/in", SSH.export_public_key(), "key:not-data"),
        (
            "/in",
            pysequoia.sign(ELSEWHERE.signer(), b"x", mode=pysequoia.SignatureMode.DETACHED),
            "key:not-data",
        ),
        ("/in", CERTIFICATE + core_data(9) * 200, "open:not-encrypted"),
        ("/keys", core_data(10), "key:in-the-clear"),
        ("/keys", b"", "open:empty"),
        ("/agreement", b"", "open:empty"),
    ],
    ids=[
        "secret", "secret-armored", "ssh-secret", "secret-in-keys", "ssh-secret-in-keys", "cert", "ssh",
        "signature", "certificate-then-data", "data-in-keys", "empty-in-keys", "empty-in-agreement",
    ],
)  # fmt: skip
def test_a_key_in_the_wrong_place_and_data_among_the_keys_are_told_apart(
    scene: Scene, folder: str, data: bytes, code: str
) -> None:
    transfer = outcome(scene, "file", data, folder=folder)
    assert (transfer["state"], transfer["reasons"][0]["code"]) == ("refused", code)
    text = receipt(scene, transfer)
    alarm = code in {"open:not-encrypted", "key:in-the-clear"}
    assert ("data protection lead" in " ".join(text.split())) == alarm
    assert (".pub" in text) == (code == "key:secret")
    assert "everything fits" in scene.site.gateway("log", "verify")


def test_data_among_the_keys_is_shown_where_it_belongs(scene: Scene) -> None:
    sealed = scene.oak.seal(core_data(11), scene.site.certificate)
    transfer = outcome(scene, "core.xml.pgp", sealed, folder="/keys")
    assert (transfer["state"], transfer["reasons"][0]["code"]) == ("refused", "key:not-a-key")
    assert "put it into /in" in " ".join(receipt(scene, transfer).split())


def test_the_same_file_twice_is_answered_with_the_earlier_reference(scene: Scene) -> None:
    sealed = scene.oak.seal(census(7), scene.site.certificate)
    first = outcome(scene, "census.xml.pgp", sealed)
    second = outcome(scene, "census.xml.pgp", sealed)
    assert (first["state"], second["state"]) == ("accepted", "refused")
    assert second["reasons"][0]["code"] == "open:replayed"
    assert first["reference"] in receipt(scene, second)


def test_the_same_content_sealed_afresh_is_a_new_transfer(scene: Scene) -> None:
    first = outcome(scene, "c.xml.pgp", scene.oak.seal(census(8), scene.site.certificate))
    # A signature is told apart by its second.
    until(lambda: _another_second(first), "another second")
    again = outcome(scene, "c.xml.pgp", scene.oak.seal(census(8), scene.site.certificate))
    assert (first["state"], again["state"]) == ("accepted", "accepted")


def _another_second(transfer: dict[str, Any]) -> bool:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.now(UTC).replace(microsecond=0) > datetime.fromisoformat(transfer["landed_at"])


def test_a_kind_that_no_flow_lists_is_held_and_can_be_released(scene: Scene) -> None:
    data = scene.oak.seal(b"Dear governors, the minutes of our meeting follow.", scene.site.certificate)
    transfer = outcome(scene, "minutes.txt.pgp", data)
    assert (transfer["state"], transfer["reasons"][0]["code"]) == ("held", "classify:unknown")
    release = ("held", "release", transfer["reference"], "--why", "asked for by telephone")
    assert "nobody has said yet what the file is" in scene.site.refused(*release)
    scene.site.gateway(*release, "--as", "student-core", "--team", "central-data-team")
    (released,) = [t for t in scene.site.transfers() if t["reference"] == transfer["reference"]]
    assert (released["state"], released["teams"]) == ("accepted", ["central-data-team"])
    assert "Your file was ACCEPTED" in receipt(scene, transfer)


@pytest.mark.parametrize(
    "name", ["two words.pgp", "ñandú & Łódź (1).pgp", "学校.pgp", "-rf.pgp", "a'b\"c.pgp", "x" * 200 + ".pgp"]
)
def test_names_that_people_use_work(scene: Scene, name: str) -> None:
    transfer = outcome(
        scene, name, scene.oak.seal(core_data(len(name) + ord(name[0])), scene.site.certificate)
    )
    assert transfer["state"] == "accepted"
    with scene.oak.sftp(scene.services.intake) as session:
        assert name in session.listdir("/in")
        assert [n for n in session.listdir("/receipts") if transfer["reference"] in n]


@pytest.mark.parametrize("name", ["a\nb.pgp", "a\x1b[31mb.pgp", "y" * 256])
def test_names_that_cannot_be_used_are_denied_with_a_sentence(scene: Scene, name: str) -> None:
    with scene.oak.sftp(scene.services.intake) as session, pytest.raises(OSError, match="name"):
        session.putfo(io.BytesIO(b"x"), f"/in/{name}")


@pytest.mark.parametrize("path", ["/out/a.pgp", "/receipts/a.pgp", "/elsewhere/a.pgp", "/in/sub/a.pgp"])
def test_a_wrong_folder_is_denied(scene: Scene, path: str) -> None:
    with (
        scene.oak.sftp(scene.services.intake) as session,
        pytest.raises((PermissionError, FileNotFoundError)),
    ):
        session.putfo(io.BytesIO(b"x"), path)


def test_a_key_that_is_not_enrolled_does_not_get_in(scene: Scene, tmp_path: Path) -> None:
    stranger = Party("oak", tmp_path / "stranger")
    with pytest.raises(paramiko.AuthenticationException):
        stranger.put(scene.services.intake, "/in/a.pgp", b"x")


def test_a_provider_that_is_not_enrolled_does_not_get_in(scene: Scene, tmp_path: Path) -> None:
    stranger = Party("elm", tmp_path / "elm")
    with pytest.raises(paramiko.AuthenticationException):
        stranger.put(scene.services.intake, "/in/a.pgp", b"x")
