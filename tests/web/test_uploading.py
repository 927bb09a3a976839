"""Uploads at the web door: tus 1.0, and the rules of SFTP's door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from gateway.home import Home
from tests.intake.running import SEALED, sealed
from tests.web.doors import TUS, Doors, Secretary, doors_of, said


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    with doors_of(Home(tmp_path / "home")) as doors:
        yield doors


@pytest.fixture
def ann(doors: Doors) -> Secretary:
    ann = doors.secretary()
    assert ann.log_in() == 204
    return ann


def test_a_file_in_parts_lands_as_by_sftp(doors: Doors, ann: Secretary) -> None:
    content = sealed(3_000_000)
    reference = ann.put("Übung core.xml.pgp", content)
    landed = doors.intake.only()
    assert (landed.reference, landed.provider, landed.name) == (reference, "avon", "Übung core.xml.pgp")
    assert (landed.folder, landed.client, landed.withheld) == ("in", "web", False)
    assert landed.ssh_key.startswith("SHA256:")
    assert doors.intake.content(landed) == content
    assert doors.intake.partial() == []


def test_an_upload_that_was_cut_off_goes_on_where_it_stopped(doors: Doors, ann: Secretary) -> None:
    content = sealed(2_500_000)
    place = ann.begin("core.pgp", len(content)).headers["location"]
    assert ann.append(place, 0, content[:1_000_000]).status_code == 204
    doors.intake.stop()  # Whatever intake knew in memory is gone, the login too.
    doors.intake.start()
    assert ann.log_in() == 204
    told = ann.client.head(place, headers=TUS)
    assert (told.status_code, told.headers["upload-offset"]) == (200, "1000000")
    assert told.headers["upload-length"] == str(len(content))
    assert ann.append(place, 0, content[:500_000]).status_code == 409
    assert ann.append(place, 1_000_000, content[1_000_000:2_000_000]).status_code == 204
    last = ann.append(place, 2_000_000, content[2_000_000:])
    assert doors.intake.content(doors.intake.only()) == content
    again = ann.client.head(place, headers=TUS)  # For whoever did not get the last answer.
    assert again.headers["gateway-reference"] == last.headers["gateway-reference"]


@pytest.mark.parametrize(
    "content",
    [
        b"UPN,Name\n" * 1000,
        b"PK\x03\x04" + bytes(9000),
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n" * 200,
        b"\x85",
    ],
    ids=["text", "archive", "a key in /in", "too short to tell"],
)
def test_what_is_not_sealed_leaves_nothing(doors: Doors, ann: Secretary, content: bytes) -> None:
    place = ann.begin("core.csv", len(content)).headers["location"]
    answer = ann.append(place, 0, content)
    assert (answer.status_code, "Encrypt the file first" in said(answer)) == (415, True)
    assert ann.client.head(place, headers=TUS).status_code == 404
    assert (doors.intake.partial(), doors.intake.landed()) == ([], [])


def test_a_first_part_that_tells_nothing_is_not_taken(doors: Doors, ann: Secretary) -> None:
    place = ann.begin("core.pgp", 100_000).headers["location"]
    assert ann.append(place, 0, SEALED[:4]).status_code == 400
    assert all(path.stat().st_size == 0 for path in doors.intake.partial())


def test_a_public_key_goes_to_keys(doors: Doors, ann: Secretary) -> None:
    key = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n" * 10
    place = ann.begin("new.asc", len(key), folder="keys").headers["location"]
    assert ann.append(place, 0, key).status_code == 204
    assert doors.intake.only().folder == "keys"


@pytest.mark.parametrize(
    ("name", "more", "status"),
    [
        ("../keys/x.asc", {}, 403),
        ("a/b", {}, 403),
        ("a\nb.pgp", {}, 403),
        (".hidden", {}, 403),
        ("x.filepart", {}, 403),
        ("é" * 200, {}, 403),
        ("agreement.txt", {"folder": "agreement"}, 403),
        ("x.pgp", {"folder": "receipts"}, 400),
        ("x.pgp", {"folder": "in/made"}, 400),
    ],
)
def test_names_are_those_of_sftp(ann: Secretary, name: str, more: dict[str, str], status: int) -> None:
    assert ann.begin(name, 1000, **more).status_code == status


def test_limits_are_those_of_sftp(tmp_path: Path) -> None:
    limits = {"sealed_bytes": 50_000, "unfinished_uploads": 2, "uploads_per_day": 2}
    with doors_of(Home(tmp_path / "home"), **limits) as doors:
        ann = doors.secretary()
        assert ann.log_in() == 204
        assert ann.begin("big.pgp", 50_001).status_code == 413
        begun = [ann.begin(f"{number}.pgp", 1000) for number in range(3)]
        assert [one.status_code for one in begun] == [201, 201, 429]
        assert "unfinished" in said(begun[2])
        for one in begun[:2]:
            assert ann.client.delete(one.headers["location"], headers=TUS).status_code == 204
        ann.put("a.pgp", sealed(1000))
        ann.put("b.pgp", sealed(1000))
        assert "today" in said(ann.begin("c.pgp", 1000))


def test_more_than_was_told_is_not_taken(doors: Doors, ann: Secretary) -> None:
    place = ann.begin("core.pgp", 10_000).headers["location"]
    assert ann.append(place, 0, sealed(10_001)).status_code == 413
    assert doors.intake.landed() == []


def test_another_provider_finds_none_of_it(doors: Doors, ann: Secretary) -> None:
    place = ann.begin("core.pgp", 10_000).headers["location"]
    bob = doors.secretary("birch")
    assert bob.log_in() == 204
    assert bob.client.head(place, headers=TUS).status_code == 404
    assert bob.append(place, 0, sealed(5_000)).status_code == 404
    assert bob.client.delete(place, headers=TUS).status_code == 404
    reference = ann.put("other.pgp", sealed(1000))
    folder = doors.intake.home.published.provider("avon") / "receipts"
    (folder / f"other.pgp.{reference}.txt").write_text("a receipt")
    assert ann.client.get(f"/api/receipts/{reference}").text == "a receipt"
    assert bob.client.get(f"/api/receipts/{reference}").status_code == 404
    assert bob.client.get("/api/sent").json() == []
    assert {one["name"] for one in ann.client.get("/api/sent").json()} == {"core.pgp", "other.pgp"}


def test_only_what_is_published_for_the_provider_is_told(doors: Doors, ann: Secretary) -> None:
    published = doors.intake.home.published
    for folder, text in ((published.common / "agreement", "common"), (published.pages("avon"), "avon's own")):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("agreement.txt", "notice-1.txt", "status.html", "calendar.ics", "log.json"):
            (folder / name).write_text(text)
    told = {
        place: ann.client.get(f"/api/{place}").text
        for place in ("agreement/agreement.txt", "pages/status.html", "log")
    }
    assert told == {
        "agreement/agreement.txt": "common",
        "pages/status.html": "avon's own",
        "log": "avon's own",
    }
    for place in (
        "agreement/notice-1.txt", "agreement/status.html", "pages/calendar.ics", "pages/log.json",
        "keys/status.html", "pages/..%2fstatus.html", "log/checkpoint",
    ):  # fmt: skip
        assert ann.client.get(f"/api/{place}").status_code == 404, place
    bob = doors.secretary("birch")
    assert bob.client.get("/api/log").status_code == 401
    assert bob.log_in() == 204
    assert [bob.client.get(f"/api/{place}").status_code for place in ("pages/status.html", "log")] == [
        404,
        404,
    ]


def test_tus_tells_what_it_offers(doors: Doors, ann: Secretary) -> None:
    offered = ann.client.options("/api/uploads")
    assert offered.headers["tus-version"] == "1.0.0"
    assert offered.headers["tus-extension"] == "creation,termination"
    assert offered.headers["tus-max-size"] == str(doors.intake.limits.sealed_bytes)
    place = ann.begin("core.pgp", 10_000).headers["location"]
    assert ann.append(place, 0, sealed(10_000), **{"tus-resumable": "0.2.2"}).status_code == 412
    assert ann.append(place, 0, sealed(10_000), **{"content-type": "text/plain"}).status_code == 400
    assert "core" not in place


def test_both_doors_share_one_shelf(doors: Doors, ann: Secretary) -> None:
    own = asyncssh.read_private_key(doors.intake.provider("avon")).export_public_key()
    doors.publish("avon", ann.line, own.decode())
    place = ann.begin("core.pgp", 10_000).headers["location"]
    content = sealed(10_000)
    assert ann.append(place, 0, content[:6_000]).status_code == 204
    with doors.intake.paramiko() as sftp:
        assert sftp.stat("/in/core.pgp").st_size == 6_000
        with sftp.open("/in/next.pgp", "wb") as file:
            file.write(sealed(500))
    assert "next.pgp" in {one["name"] for one in ann.client.get("/api/sent").json()}
