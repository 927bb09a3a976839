"""A captured intake can only lie about itself: what it puts into the spool costs no other upload anything.

In process, with `claim_waiting` alone where that tells; the whole processor decides beside a thousand odd
files in `test_a_thousand_odd_files_keep_no_good_one_waiting`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.home import REFERENCE
from gateway.homes.demo.parties import Party
from gateway.processor.claim import claim_waiting
from gateway.registry import transfers
from gateway.zones.spool import new_reference, reserve_reference
from tests.content import core_data
from tests.site import until
from tests.workshop import Desk, login_of

GIB = 1024**3
MUTATIONS = 1_000
Odd = Callable[["Captured"], None]


class Captured:
    """An intake in an attacker's hands: it writes into the spool what it likes."""

    def __init__(self, desk: Desk, oak: Party) -> None:
        self.desk, self.oak, self.spool = desk, oak, desk.home.spool
        self.reference = new_reference("oak", desk.now)

    @property
    def record(self) -> Path:
        return self.spool.record(self.reference)

    @property
    def content(self) -> Path:
        return self.spool.sealed(self.reference)

    def valid(self) -> dict[str, object]:
        """What intake would write."""
        return {
            "reference": self.reference, "provider": "oak", "name": "x.csv.pgp", "folder": "in", "size": 4,
            "sha256": hashlib.sha256(b"data").hexdigest(), "started_at": self.desk.now.isoformat(),
            "landed_at": self.desk.now.isoformat(), "ssh_key": login_of(self.oak), "client": "",
            "withheld": False, "looks_like": "",
        }  # fmt: skip

    def write(self, **said: object) -> None:
        """A record that says something else, with content."""
        self.content.write_bytes(b"data")
        self.record.write_text(json.dumps({**self.valid(), **said}))


def _mutation(seed: int) -> Odd:
    """One of endlessly many records that intake would not write, or would hardly write."""

    def write(captured: Captured) -> None:
        chance = random.Random(seed)
        record = captured.valid()
        captured.content.write_bytes(b"data")
        for _ in range(chance.randint(1, 3)):
            key = chance.choice(list(record) or ["x"])
            match chance.randrange(5):
                case 0:
                    record.pop(key, None)
                case 1:
                    record[chance.choice(["extra", "Size", "", "__class__"])] = chance.choice(VALUES)
                case _:
                    record[key] = chance.choice(VALUES)
        text = json.dumps(record).encode()
        if chance.random() < 0.3:
            place = chance.randrange(len(text))
            text = text[:place] + chance.choice([b"", b"\0", b"\xff", b'"', b"[" * 9_000]) + text[place + 1 :]
        captured.record.write_bytes(text)

    return write


VALUES: list[object] = [
    None, True, False, -1, 0, 1, 2**31, 2**53, 2**63, 2**64, 10**400, -(10**19), 1.5, 1e308, "", "x", "zz",
    "2026-09-01T10:00:00", "2026-09-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 1788000000,
    "2026-09-01T10:00:00+99:99", "in", "keys", "agreement", "out", "../../etc/passwd", "a/b", "a\0b",
    "\ud800", "\u202e", "A" * 300, "A" * 15_000, "f" * 64, "F" * 64, "0" * 63, "SHA256:" + "A" * 43, [], [[]],
    {}, {"a": {}}, "oak", "elm", "nobody", "-", "o" * 33, "260901-oak-AAAAA", "260901-elm-AAAAA",
    "secret-key",
]  # fmt: skip


def fifo(captured: Captured) -> None:
    os.mkfifo(captured.record)


def fifo_as_content(captured: Captured) -> None:
    captured.write()
    captured.content.unlink()
    os.mkfifo(captured.content)


def endless(captured: Captured) -> None:
    captured.record.symlink_to("/dev/zero")


def endless_content(captured: Captured) -> None:
    captured.write()
    captured.content.unlink()
    captured.content.symlink_to("/dev/zero")


def device(captured: Captured) -> None:
    with contextlib.suppress(PermissionError):
        os.mknod(captured.record, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def link_to_a_secret(captured: Captured) -> None:
    captured.record.symlink_to(captured.desk.home.keys / "log.pem")


def content_linked_to_a_secret(captured: Captured) -> None:
    captured.write()
    captured.content.unlink()
    captured.content.symlink_to(captured.desk.home.keys / "log.pem")


def socket_(captured: Captured) -> None:
    here = Path.cwd()
    os.chdir(captured.record.parent)  # A socket's path has little room.
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind(captured.record.name)
    finally:
        os.chdir(here)


def folder(captured: Captured) -> None:
    captured.record.mkdir()


def folder_as_content(captured: Captured) -> None:
    captured.write()
    captured.content.unlink()
    captured.content.mkdir()


def sparse_record(captured: Captured) -> None:
    captured.record.touch()
    os.truncate(captured.record, 1024 * GIB)


def sparse_content(captured: Captured) -> None:
    captured.write()
    os.truncate(captured.content, GIB)


def content_with_a_hole(captured: Captured) -> None:
    captured.write()
    with captured.content.open("r+b") as file:
        file.seek(512 * 1024)
        file.write(b"end")


def no_content(captured: Captured) -> None:
    captured.write()
    captured.content.unlink()


def withheld_with_content(captured: Captured) -> None:
    captured.write(withheld=True)


def naive_time(captured: Captured) -> None:
    captured.write(landed_at="2026-09-01T10:00:00")


def negative_size(captured: Captured) -> None:
    captured.write(withheld=True, size=-1)
    captured.content.write_bytes(b"")


def digest_zz(captured: Captured) -> None:
    captured.write(withheld=True, sha256="zz")
    captured.content.write_bytes(b"")


def beyond_every_number(captured: Captured) -> None:
    captured.write(withheld=True, size=2**70)
    captured.content.write_bytes(b"")


def a_name_with_nothing_in_it(captured: Captured) -> None:
    captured.write(name="a\0b.csv")


def another_providers(captured: Captured) -> None:
    captured.write(provider="elm")


def nobodys(captured: Captured) -> None:
    captured.reference = new_reference("nobody", captured.desk.now)
    captured.write(provider="nobody")


def further_fields(captured: Captured) -> None:
    captured.write(approved=True)


ODD: list[Odd] = [
    fifo, fifo_as_content, endless, endless_content, device, link_to_a_secret, content_linked_to_a_secret,
    socket_, folder, folder_as_content, sparse_record, sparse_content, content_with_a_hole, no_content,
    withheld_with_content, naive_time, negative_size, digest_zz, beyond_every_number,
    a_name_with_nothing_in_it, another_providers, nobodys, further_fields,
]  # fmt: skip


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Party]]:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    oak = desk.provider("oak", years=("2026-27",))
    desk.provider("elm", years=("2026-27",))
    yield desk, oak
    desk.close()


@pytest.fixture
def captured(enrolled: tuple[Desk, Party]) -> Iterator[Captured]:
    made = Captured(*enrolled)
    yield made
    landed = made.spool.landed
    landed.unlink() if landed.is_symlink() else shutil.rmtree(landed)
    landed.mkdir()


def claimed(captured: Captured) -> set[str]:
    """Claim what waits; the references that are on record then."""
    with captured.desk.registrar() as registrar:
        claim_waiting(registrar)
    with captured.desk.registry.read() as session:
        return {transfer.upload.reference for transfer in transfers.find(session)}


def good(captured: Captured) -> list[str]:
    """Files that land before and after, in whatever order the folder gives them."""
    return [captured.desk.land(captured.oak, b"good %d" % n, f"good {n}") for n in range(3)]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
def test_what_intake_should_never_have_made_is_set_aside_alone(captured: Captured, odd: Odd) -> None:
    odd(captured)
    before = set(stored(captured))
    sent = good(captured)
    known = claimed(captured)
    assert known.issuperset(sent)
    assert captured.reference not in known
    assert not os.path.lexists(captured.record)
    assert set(stored(captured)) - before == set(sent), "something of it is stored inside"


@pytest.mark.timeout(30)
def test_a_folder_that_is_a_link_gives_nothing_inside_away(captured: Captured) -> None:
    """Linked to the sealed store, with a record that fits: the one copy inside would be removed."""
    (reference,) = [captured.desk.land(captured.oak, b"kept", "kept")]
    record = captured.spool.record(reference).read_bytes()
    claimed(captured)
    sealed = captured.desk.home.sealed(reference)
    captured.spool.landed.rmdir()
    captured.spool.landed.symlink_to(sealed.parent)
    (sealed.parent / f"{reference}.json").write_bytes(record)  # As if the link were made between two looks.
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        claimed(captured)
    (sealed.parent / f"{reference}.json").unlink()
    assert sealed.read_bytes() == b"kept"


@pytest.mark.timeout(30)
def test_a_file_larger_than_any_upload_may_be_does_not_come_in(captured: Captured) -> None:
    captured.write()
    with captured.desk.registrar() as registrar:
        most = registrar.limits.intake.sealed_bytes
    os.truncate(captured.content, most + 1)
    sent = good(captured)
    assert claimed(captured).issuperset(sent)
    assert captured.reference not in stored(captured)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("days", [-400, -1, 1, 400])
def test_the_time_of_landing_is_the_kernels_where_intake_lies(captured: Captured, days: int) -> None:
    captured.write(landed_at=(captured.desk.now + timedelta(days=days)).isoformat())
    claimed(captured)
    landed_at = captured.desk.transfer(captured.reference).upload.landed_at
    assert abs(landed_at - captured.desk.now) < timedelta(minutes=2)


@pytest.mark.timeout(120)
def test_a_login_that_is_not_the_providers_is_for_a_person_to_look_at(captured: Captured) -> None:
    sealed = captured.oak.seal(core_data(77), captured.desk.certificate)
    captured.write(ssh_key="SHA256:" + "B" * 43, size=len(sealed), sha256=hashlib.sha256(sealed).hexdigest())
    captured.content.write_bytes(sealed)
    captured.desk.process()
    assert captured.desk.state(captured.reference) == "held"
    assert "open:unknown-login" in captured.desk.codes(captured.reference)


@pytest.mark.timeout(300)
def test_a_thousand_odd_files_keep_no_good_one_waiting(captured: Captured) -> None:
    desk, oak = captured.desk, captured.oak
    chance = random.Random(14)
    kinds = [one for one in ODD if one is not sparse_content]
    sent = []
    began = datetime.now(UTC)
    for number in range(MUTATIONS):
        captured.reference = reserve_reference(captured.spool, "oak", desk.now)
        (chance.choice(kinds) if chance.random() < 0.2 else _mutation(number))(captured)
        if number % 100 == 0:
            sent.append(desk.send(oak, core_data(1_000 + number), f"good {number}.xml.pgp"))
    desk.process()
    print(f"decided in {(datetime.now(UTC) - began).total_seconds():.0f} s")
    assert [desk.state(one) for one in sent] == ["accepted"] * len(sent)
    left = {path.suffix for path in captured.spool.landed.iterdir() if not REFERENCE.fullmatch(path.stem)}
    assert left == {".aside"}
    assert list(captured.spool.landed.glob("*.json")) == []
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


@pytest.mark.timeout(120)
def test_the_service_goes_on_while_odd_files_come_in(captured: Captured) -> None:
    """The real processor, woken by each of them; and by what its own folder is replaced with."""
    desk, oak = captured.desk, captured.oak
    command = [sys.executable, "-m", "gateway", "process", "--home", str(desk.home.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        assert service.stdout.readline().startswith("ready")
        for odd in ODD:
            if odd is not sparse_content:
                captured.reference = reserve_reference(captured.spool, "oak", desk.now)
                odd(captured)
        landed = captured.spool.landed
        landed.rename(landed.with_name("away"))
        landed.symlink_to(desk.home.root / "sealed")
        time.sleep(1)
        landed.unlink()
        landed.with_name("away").rename(landed)
        sent = [desk.send(oak, core_data(9_000 + number), f"late {number}.xml.pgp") for number in range(2)]
        until(lambda: all(desk.state(one) == "accepted" for one in sent), "both", 60)
        until(lambda: list(landed.glob("*.json")) == [], "an odd file was left lying", 30)
        service.terminate()
        assert service.wait(30) == 0


def stored(captured: Captured) -> list[str]:
    return [path.stem for path in (captured.desk.home.root / "sealed").iterdir()]
