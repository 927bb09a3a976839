"""A whole gateway whose sealed files lie in an S3 store: uploads, decisions, collecting, audit, retention."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import obstore
import pytest

from gateway.errors import Fault
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reopen
from gateway.home import Home
from gateway.processor import retention
from gateway.processor.service import open_processor, open_registrar
from gateway.store.objects import SMALL_BYTES, ObjectStore, client_of
from gateway.store.of_home import SealedFolder, store_of
from tests.clock import THIS_YEAR
from tests.commands import invoke
from tests.content import core_data
from tests.forking import forked
from tests.site import Party, Site
from tests.store.servers import Server
from tests.workshop import Workshop

pytestmark = pytest.mark.long

LATER = datetime(2040, 1, 1, tzinfo=UTC)


@dataclass
class Place:
    """A gateway on S3 with one school and one person, and the references of what was accepted and held."""

    site: Site
    oak: Party
    objects: ObjectStore
    accepted: str
    held: str

    def opens(self, home: Site) -> bytes:
        """What the file that was accepted holds, opened with the keys of this home."""
        content = core_data()
        asked = Reopen(reference=self.accepted, sha256=hashlib.sha256(content).hexdigest())
        with forked(), closing(Examiner(Home(home.home))) as examiner:
            descriptor, _ = examiner.reopen(asked)
        with os.fdopen(descriptor, "rb") as file:
            return file.read()


def _place(root: Path, weed: Server) -> Place:
    site = Site(root, workers=1)
    settings = site.home / "gateway.toml"
    settings.write_text(settings.read_text() + weed.table(root.name))
    oak, elm = site.provider("oak"), site.provider("elm", ratified=False)
    jane = site.staff("jane", "central-data-team")
    with site.running() as services:
        oak.put(services.intake, "core.xml.pgp", oak.seal(core_data(), site.certificate))
        elm.put(services.intake, "core.xml.pgp", elm.seal(core_data(2), site.certificate))
        oak.put(services.intake, "plain.csv", b"UPN,Surname\n")  # Of it an empty object stands in the place.
        oak.put(services.intake, "large.pgp", oak.seal(core_data(), site.certificate) + bytes(SMALL_BYTES))
        found = {(one["provider"], one["name"]): one for one in site.await_decided(4)}
        with jane.sftp(services.mailboxes) as session:
            (name,) = session.listdir("/central-data-team")
            assert session.open(f"/central-data-team/{name}").read() == core_data()
    accepted, held = found["oak", "core.xml.pgp"], found["elm", "core.xml.pgp"]
    assert (accepted["state"], held["state"]) == ("accepted", "held"), found
    assert found["oak", "plain.csv"]["state"] == found["oak", "large.pgp"]["state"] == "refused"
    objects = ObjectStore(client_of(weed.settings(root.name)), root)
    return Place(site, oak, objects, accepted["reference"], held["reference"])


@pytest.fixture(scope="module")
def place(weed: Server, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return _place(tmp_path_factory.mktemp("sqlite"), weed)


def faults(site: Site) -> list[str]:
    result = site.result("doctor", "--deep", "--json")
    return [one["what"] for one in json.loads(result.stdout) if one["severity"] == "fault"]


def test_files_are_in_the_store_and_nowhere_else(place: Place) -> None:
    assert len(list(place.objects.references())) == 4
    assert not list((place.site.home / "sealed").iterdir())
    assert (
        place.objects.digest(place.accepted) == place.site.json("transfers", "show", place.accepted)["sha256"]
    )


def test_a_backup_is_whole_and_may_be_looked_into_without_the_store(place: Place, tmp_path: Path) -> None:
    place.site.gateway("backup", str(tmp_path / "backup"))
    drill = restored(tmp_path / "backup", tmp_path / "drill", "--folder")
    assert isinstance(store_of(Home(drill.home)), SealedFolder)
    assert len(list((drill.home / "sealed").iterdir())) == 4
    assert not faults(drill)
    assert place.opens(drill) == core_data()


def test_a_home_restored_to_its_store_has_again_what_was_lost_there(
    place: Place, weed: Server, tmp_path: Path
) -> None:
    place.site.gateway("backup", str(tmp_path / "backup"))
    obstore.delete(place.objects.client, f"small/{place.accepted}")
    assert faults(place.site) == [f"sealed {place.accepted}: the file is missing"]
    again = restored(tmp_path / "backup", tmp_path / "again")
    assert not faults(again)
    assert not list((again.home / "sealed").iterdir())
    assert not faults(place.site)
    obstore.put(place.objects.client, f"small/{place.held}", b"another")
    refused = Site.__new__(Site)
    refused.root, refused.home = tmp_path, tmp_path / "third"
    assert f"another file under {place.held}" in refused.refused("restore", str(tmp_path / "backup"))
    obstore.put(
        place.objects.client,
        f"small/{place.held}",
        (tmp_path / "backup/sealed" / f"{place.held}.sealed").read_bytes(),
    )


def restored(backup: Path, home: Path, *options: str) -> Site:
    made = Site.__new__(Site)
    made.root, made.home = home.parent, home
    made.gateway("restore", str(backup), *options)
    return made


def test_after_a_rotation_files_open_with_the_new_key_alone(place: Place) -> None:
    place.site.gateway("keys", "gateway", "rotate", "--compromised")
    place.site.gateway("keys", "gateway", "reseal")
    assert place.accepted in set(place.objects.sessions())
    assert place.opens(place.site) == core_data()


def test_retention_removes_files_from_the_store_and_all_still_fits(place: Place) -> None:
    before = place.site.json("retention", "plan", "--on", "2040-01-01")["due"]
    assert {one["reference"] for one in before if one["what"] == "sealed"} >= {place.accepted}
    with open_registrar(Home(place.site.home), lambda: LATER) as registrar:
        assert retention.run(registrar, LATER, by="admin") is not None
    assert place.accepted not in set(place.objects.references())
    assert place.accepted not in set(place.objects.sessions())
    assert not [path for path in place.objects._paths("") if place.accepted in path]
    assert "everything fits" in place.site.gateway("log", "verify", "--sealed")


def test_a_store_that_overwrites_keeps_the_processor_from_starting(
    place: Place, weed: Server, rclone_server: Server
) -> None:
    settings = place.site.home / "gateway.toml"
    before = settings.read_text()
    settings.write_text(before.replace(weed.endpoint, rclone_server.endpoint))
    assert "it overwrites an object" in place.site.refused("process", "--once")
    settings.write_text(before)


def test_an_upload_whose_reference_another_host_took_gets_another(desk: Workshop, weed: Server) -> None:
    desk.home.settings.write_text(desk.home.settings.read_text() + weed.table("taken"))
    objects = ObjectStore(client_of(weed.settings("taken")), desk.root)
    oak = desk.provider("oak", years=THIS_YEAR)
    sealed = oak.seal(core_data(), desk.certificate)
    taken = desk.land(oak, sealed)
    obstore.put(objects.client, f"small/{taken}", b"of another host, which is about to put it on record")
    desk.process()
    (transfer,) = json.loads(desk.gateway("transfers", "list", "--json"))
    assert (transfer["state"], transfer["reference"] != taken) == ("accepted", True)
    assert objects.digest(transfer["reference"]) == hashlib.sha256(sealed).hexdigest()
    assert objects.digest(taken) != hashlib.sha256(sealed).hexdigest()
    # Killed before the spool was emptied, it is the same again.
    desk.home.spool.upload(taken).unlink(missing_ok=True)
    desk.land(oak, sealed, reference=taken)
    desk.process()
    assert [one["reference"] for one in json.loads(desk.gateway("transfers", "list", "--json"))] == [
        transfer["reference"]
    ]


def test_an_upload_whose_object_was_damaged_before_it_was_on_record_gets_another(
    desk: Workshop, weed: Server
) -> None:
    desk.home.settings.write_text(desk.home.settings.read_text() + weed.table("damaged"))
    objects = ObjectStore(client_of(weed.settings("damaged")), desk.root)
    oak = desk.provider("oak", years=THIS_YEAR)
    sealed = oak.seal(core_data(), desk.certificate)
    lost = desk.land(oak, sealed)
    note = {"sha256": hashlib.sha256(sealed).hexdigest()}
    obstore.put(objects.client, f"small/{lost}", sealed[:-1], attributes=note)
    desk.process()
    (transfer,) = json.loads(desk.gateway("transfers", "list", "--json"))
    assert (transfer["state"], transfer["reference"] != lost) == ("accepted", True)


def test_while_the_store_is_away_files_wait_and_nobody_is_refused(desk: Workshop, weed: Server) -> None:
    settings = desk.home.settings
    settings.write_text(settings.read_text() + weed.table("away").replace("seconds = 10", "seconds = 1"))
    oak = desk.provider("oak", years=THIS_YEAR)
    before = desk.send(oak, core_data())
    with open_processor(desk.home, desk.clock, examiners=desk.children.lent) as processor:
        with weed.standing_still(), pytest.raises(Fault, match="the sealed store cannot be written"):
            processor.drain()
        assert desk.state(before) == ""
        assert desk.home.spool.upload(before).exists()
    with weed.standing_still():
        with pytest.raises(Fault, match="does not answer"):
            desk.process()
        assert any("the store" in what for what in complaints(desk))
    desk.process()
    assert desk.state(before) == "accepted"


def complaints(desk: Workshop) -> list[str]:
    return [one["what"] for one in json.loads(invoke(desk.home.root, "doctor", "--json").stdout)]
