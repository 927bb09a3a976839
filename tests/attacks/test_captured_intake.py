"""A captured intake can only lie about itself: what it puts into the spool costs no other upload anything.

In process, with `claim_waiting` alone where that tells; the whole processor decides beside a thousand odd
files in `test_a_thousand_odd_files_keep_no_good_one_waiting`.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.home import REFERENCE
from gateway.homes.demo.parties import Party
from gateway.processor.claim import claim_waiting
from gateway.registry import transfers
from gateway.zones.spool import BadFileError, read_handed_over, reserve_reference
from tests.attacks.odd_uploads import ODD, SPARSE, Captured, Odd, mutation
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.ending import ending
from tests.sealed import sealed_file
from tests.site import until
from tests.workshop import Desk

MUTATIONS = 1_000


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Party]]:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.provider("elm", years=THIS_YEAR)
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


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.__name__)
def test_what_intake_should_never_have_made_is_set_aside_alone(captured: Captured, odd: Odd) -> None:
    odd(captured)
    before = set(stored(captured))
    sent = good(captured)
    known = claimed(captured)
    assert known.issuperset(sent)
    assert captured.reference not in known
    assert not os.path.lexists(captured.file)
    assert not os.path.lexists(captured.record)
    assert set(stored(captured)) - before == set(sent), "something of it is stored inside"


def test_a_folder_that_is_a_link_gives_nothing_inside_away(captured: Captured) -> None:
    """Linked to the sealed store, with a record that fits: the one copy inside would be removed."""
    (reference,) = [captured.desk.land(captured.oak, b"kept", "kept")]
    landed = captured.spool.upload(reference).read_bytes()
    claimed(captured)
    sealed = sealed_file(captured.desk.home, reference)
    captured.spool.landed.rmdir()
    captured.spool.landed.symlink_to(sealed.parent)
    (sealed.parent / f"{reference}.landed").write_bytes(landed)  # As if the link were made between two looks.
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        claimed(captured)
    (sealed.parent / f"{reference}.landed").unlink()
    assert sealed.read_bytes() == b"kept"


def test_a_file_larger_than_any_upload_may_be_does_not_come_in(captured: Captured) -> None:
    captured.write_two()
    with captured.desk.registrar() as registrar:
        most = registrar.limits.intake.sealed_bytes
    os.truncate(captured.content, most + 1)
    sent = good(captured)
    assert claimed(captured).issuperset(sent)
    assert captured.reference not in stored(captured)


@pytest.mark.parametrize(("size", "is_one"), [(2**53 - 1, True), (2**53, False)])
def test_no_size_counts_that_json_does_not_hold_exactly(captured: Captured, size: int, is_one: bool) -> None:
    captured.write(size=size)
    with nullcontext() if is_one else pytest.raises(BadFileError, match="size"):
        assert read_handed_over(captured.spool, captured.reference)[0].size == size


@pytest.mark.parametrize("days", [-400, -1, 1, 400])
def test_the_time_of_landing_is_the_kernels_where_intake_lies(captured: Captured, days: int) -> None:
    captured.write(landed_at=(captured.desk.now + timedelta(days=days)).isoformat())
    claimed(captured)
    landed_at = captured.desk.transfer(captured.reference).upload.landed_at
    assert abs(landed_at - datetime.now(UTC)) < timedelta(minutes=2)


@pytest.mark.parametrize("said", ["", "0" * 64])
def test_the_digest_is_of_what_is_stored_whatever_intake_says(captured: Captured, said: str) -> None:
    captured.write(b"data", size=4, sha256=said)
    claimed(captured)
    assert captured.desk.transfer(captured.reference).upload.sha256 == hashlib.sha256(b"data").hexdigest()


def test_a_login_that_is_not_the_providers_is_for_a_person_to_look_at(captured: Captured) -> None:
    sealed = captured.oak.seal(core_data(77), captured.desk.certificate)
    said = {"size": len(sealed), "sha256": hashlib.sha256(sealed).hexdigest()}
    captured.write(sealed, ssh_key="SHA256:" + "B" * 43, **said)
    captured.desk.process()
    assert captured.desk.state(captured.reference) == "held"
    assert "open:unknown-login" in captured.desk.codes(captured.reference)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_thousand_odd_files_keep_no_good_one_waiting(captured: Captured) -> None:
    desk, oak = captured.desk, captured.oak
    chance = random.Random(14)
    kinds = [one for one in ODD if one not in SPARSE]
    sent = []
    began = datetime.now(UTC)
    for number in range(MUTATIONS):
        captured.reference = reserve_reference(captured.spool, "oak", desk.now)
        (chance.choice(kinds) if chance.random() < 0.2 else mutation(number))(captured)
        if number % 100 == 0:
            sent.append(desk.send(oak, core_data(1_000 + number), f"good {number}.xml.pgp"))
    desk.process()
    print(f"decided in {(datetime.now(UTC) - began).total_seconds():.0f} s")
    assert [desk.state(one) for one in sent] == ["accepted"] * len(sent)
    left = {path.suffix for path in captured.spool.landed.iterdir() if not REFERENCE.fullmatch(path.stem)}
    assert left == {".aside"}
    assert odd_left(captured.spool.landed) == []
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


@pytest.mark.long
def test_the_service_goes_on_while_odd_files_come_in(captured: Captured) -> None:
    """The real processor, woken by each of them; and by what its own folder is replaced with."""
    desk, oak = captured.desk, captured.oak
    command = [sys.executable, "-m", "gateway", "process", "--home", str(desk.home.root)]
    with ending(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as service:
        assert service.stdout is not None
        assert service.stdout.readline().startswith("ready")
        for odd in ODD:
            if odd not in SPARSE:
                captured.reference = reserve_reference(captured.spool, "oak", desk.now)
                odd(captured)
        landed = captured.spool.landed
        landed.rename(landed.with_name("away"))
        landed.symlink_to(desk.home.root / "sealed")
        time.sleep(1)
        landed.unlink()
        landed.with_name("away").rename(landed)
        sent = [desk.send(oak, core_data(9_000 + number), f"late {number}.xml.pgp") for number in range(2)]
        until(lambda: all(desk.state(one) == "accepted" for one in sent), "both")
        until(lambda: odd_left(landed) == [], "an odd file was left lying")
        service.terminate()
        assert service.wait(60) == 0


def stored(captured: Captured) -> list[str]:
    return [path.stem for path in (captured.desk.home.root / "sealed").iterdir()]


def odd_left(landed: Path) -> list[Path]:
    return [path for path in landed.iterdir() if path.suffix in {".json", ".landed"}]
