"""The main job: a school uploads a sealed file, the right team collects it, a receipt comes back."""

from __future__ import annotations

from tests.content import core_data
from tests.site import Party, Site
from tests.waiting import until


def test_a_file_reaches_its_team_and_a_receipt_comes_back(site: Site) -> None:
    oak = site.provider("oak")
    jane = site.staff("jane", "central-data-team")
    sam = site.staff("sam", "early-years")
    content = core_data()
    with site.running() as services:
        oak.put(services.intake, "core.xml.pgp", oak.seal(content, site.certificate))
        (transfer,) = site.await_decided(1)
        assert (transfer["state"], transfer["flow"]) == ("accepted", "student-core"), transfer
        with jane.sftp(services.mailboxes) as session:
            assert "central-data-team" in session.listdir("/")
            (name,) = session.listdir("/central-data-team")
        assert name.endswith(f"_oak_student-core_2026-06-15_{transfer['reference']}.xml")
        assert jane.get(services.mailboxes, f"/central-data-team/{name}") == content
        with sam.sftp(services.mailboxes) as session:
            assert session.listdir("/early-years") == []
        path = f"/receipts/core.xml.pgp.{transfer['reference']}.txt"
        receipt = until(lambda: _found(oak, services.intake, path), "the receipt").decode()
    assert "Your file was ACCEPTED" in receipt
    events = [event["kind"] for event in site.json("transfers", "show", transfer["reference"])["events"]]
    assert next(one for one in events if one != "landed") == "decided"
    assert events[-1] == "collected"


def _found(party: Party, place: tuple[str, int], path: str) -> bytes | None:
    try:
        return party.get(place, path)
    except FileNotFoundError:
        return None
