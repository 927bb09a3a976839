"""Over real servers, under every agreement that ships: uploaded, decided, collected, and receipted."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified
from gateway.policy.catalogue import Catalogue
from tests.agreements.specimens import plain_signatures, table
from tests.site import Party, Site
from tests.waiting import until

pytestmark = pytest.mark.long

NUMBER = "9994002"


def specimen(folder: Path, catalogue: Catalogue) -> tuple[str, bytes]:
    """The first kind of data that goes to a team, and a file of it."""
    rules = load_rules(folder)
    for signature in plain_signatures(rules):
        content = table(rules, signature, NUMBER)
        found = classify(BytesIO(content), "a.csv", ClassifyLimits(), rules)
        flow = catalogue.flow_of(signature.type)
        if (
            isinstance(found, Classified)
            and found.data_type == signature.type
            and flow is not None
            and flow.of(signature.type).teams
        ):
            return signature.type, content
    raise AssertionError("no kind of data is told by its columns alone")


def sender(site: Site, catalogue: Catalogue, kind: str) -> Party:
    party = site.provider("gwyn", kind=kind, ratified=False, dfe_number=NUMBER)
    if catalogue.bodies.of(kind).ratifies:
        roles = [("--role", each.role) for each in catalogue.agreement.signatory] or [()]
        for role in roles:
            site.gateway("agreement", "ratify", party.name, "--signatory", "The Head", *role)
    return party


def test_a_file_reaches_its_team_and_a_receipt_comes_back(
    folder: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    site = Site(tmp_path, "--policies", str(folder))
    data_type, content = specimen(folder, catalogue)
    flow = catalogue.flow_of(data_type)
    assert flow is not None
    school = sender(site, catalogue, flow.senders[0])
    teams = flow.of(data_type).teams
    jane = site.staff("jane", *teams)
    with site.running() as services:
        school.put(services.intake, "file.csv.pgp", school.seal(content, site.certificate))
        (transfer,) = site.await_decided(1)
        assert (transfer["state"], transfer["flow"]) == ("accepted", flow.id), transfer
        assert {reason["clause"] for reason in transfer["reasons"]} <= catalogue.agreement.clauses.keys()
        with jane.sftp(services.mailboxes) as session:
            (team, *_) = transfer["teams"]
            name = next(name for name in session.listdir(f"/{team}") if not name.endswith(".about.txt"))
        assert jane.get(services.mailboxes, f"/{team}/{name}")
        path = f"/receipts/file.csv.pgp.{transfer['reference']}.txt"
        receipt = until(lambda: _found(school, services.intake, path), "the receipt").decode()
    assert catalogue.wording.name(data_type) in " ".join(receipt.split())
    assert "everything fits" in site.gateway("log", "verify")


def _found(party: Party, place: tuple[str, int], path: str) -> bytes | None:
    try:
        return party.get(place, path)
    except FileNotFoundError:
        return None
