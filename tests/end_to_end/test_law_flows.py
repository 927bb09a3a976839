"""A county switches flows of the law on: until then each return waits, and after it each reaches its team."""

from __future__ import annotations

import pytest

from tests.end_to_end.test_interruptions import land
from tests.layouts.returns_of_law import FLOWS, RETURNS
from tests.policies import enact
from tests.site import Site

pytestmark = pytest.mark.long

SEEN = ("central-data-team", "admissions-and-entitlements", "education-welfare", "exclusions", "sen")


def test_returns_of_the_law_wait_until_a_county_switches_their_flows_on(site: Site) -> None:
    oak = site.provider("oak", dfe_number="9991234")
    staff = {team: site.staff(f"from-{team}", team) for team in SEEN}
    sealed = {f"{name}.pgp": oak.seal(content, site.certificate) for name, (_, _, content) in RETURNS.items()}
    land(site, oak, sealed)
    site.gateway("process", "--once")
    waiting = site.transfers()
    assert {each["state"] for each in waiting} == {"held"}
    for each in waiting:
        (reason,) = [one for one in each["reasons"] if one["code"] == "classify:law-return"]
        assert "does not take such returns by this gateway yet" in reason["sentence"]
    for flow in FLOWS:
        site.gateway("policy", "optional", "switch", flow, "on")
    site.gateway("policy", "confirm", "--yes")
    enact(site.home)
    assert {row["state"] for row in site.json("policy", "optional", "list")} == {"on"}
    sent_again = {
        f"again-{name}.pgp": oak.seal(content + b"\n", site.certificate)
        for name, (_, _, content) in RETURNS.items()
    }
    land(site, oak, sent_again)
    site.gateway("process", "--once")
    taken = {
        each["name"].removeprefix("again-").removesuffix(".pgp"): each
        for each in site.transfers("--state", "accepted")
    }
    assert taken.keys() == RETURNS.keys()
    for name, (data_type, teams, _) in RETURNS.items():
        assert (taken[name]["data_type"], set(taken[name]["teams"])) == (data_type, teams)
    with site.running() as services:
        for team, person in staff.items():
            with person.sftp(services.mailboxes) as session:
                found = session.listdir(f"/{team}")
            names = {name for name, (_, teams, _) in RETURNS.items() if team in teams}
            shown = {name.split("_")[-1].partition(".")[0] for name in found}
            # Those that waited go on as well, once they are judged by the policies now in force.
            waited = {each["reference"] for each in waiting if each["name"].removesuffix(".pgp") in names}
            again = {taken[name]["reference"] for name in names}
            assert again <= shown <= again | waited
