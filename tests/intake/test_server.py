"""The service as a whole: logging in, putting a file, getting a receipt."""

import hashlib

from tests.intake.running import SEALED, Running

CONTENT = SEALED + bytes(range(256)) * 1000


def test_a_file_lands_with_its_record(intake: Running) -> None:
    with intake.paramiko() as client, client.open("/in/pupils.csv.gpg", "wb") as file:
        file.write(CONTENT)
    upload = intake.only()
    assert intake.content(upload) == CONTENT
    assert upload.provider == "avon"
    assert upload.name == "pupils.csv.gpg"
    assert upload.folder == "in"
    assert upload.size == len(CONTENT)
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert upload.ssh_key.startswith("SHA256:")
    assert "paramiko" in upload.client
    assert upload.started_at <= upload.landed_at
    assert intake.partial() == []


def test_receipts_are_listed_and_fetched(intake: Running) -> None:
    receipts = intake.home.published.provider("avon") / "receipts"
    (receipts / "pupils.csv.250101-avon-00000.txt").write_text("accepted\n")
    with intake.paramiko() as client:
        assert client.listdir("/receipts") == ["pupils.csv.250101-avon-00000.txt"]
        with client.open("/receipts/pupils.csv.250101-avon-00000.txt") as file:
            assert file.read() == b"accepted\n"
