"""A law pack is signed, verified, put into the draft, replayed, and warned of before it ends."""

import shutil
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from gateway.cli.complaints import of_law
from gateway.errors import GatewayError
from gateway.home.settings import Settings
from gateway.log.checkpoint import LogKey
from gateway.model import Provider, Released
from gateway.policy.catalogue import load_catalogue
from gateway.policy.explain import render
from gateway.policy.faults import PolicyFault
from gateway.policy.timescale import agenda, coming_requirements, standing_of, status
from gateway.publish.provider_page import page
from gateway.publish.standing import ProviderFacts
from gateway.record.policies_in_force import install, note_beside, sign, verified
from tests.commands import invoke
from tests.policies import POLICIES

PUBLISHER = "gateway.example/law"
NEXT = """academic_year = "2027-28"
first = 2027-09-01
last = 2028-08-31
extends = "2026-27"
"""


@pytest.fixture
def key() -> LogKey:
    return LogKey.load(LogKey.generate())


@pytest.fixture
def pack(tmp_path: Path, key: LogKey) -> Path:
    path = tmp_path / "law-2027-28.toml"
    path.write_text(NEXT, "utf-8")
    note_beside(path).write_text(sign(path, PUBLISHER, key), "utf-8")
    return path


def note(pack: Path) -> str:
    return note_beside(pack).read_text("utf-8")


def test_a_signed_pack_stands_in_the_draft_beside_the_others(pack: Path, key: LogKey, tmp_path: Path):
    policies = shutil.copytree(POLICIES, tmp_path / "policies")
    before = load_catalogue(policies).digest
    install(pack, note(pack), (key.vkey(PUBLISHER),), policies)
    catalogue = load_catalogue(policies)
    assert [each.academic_year for each in catalogue.law] == ["2025-26", "2026-27", "2027-28"]
    assert catalogue.digest != before
    assert catalogue.law[-1].layouts.keys() == catalogue.law[0].layouts.keys()


def test_a_pack_of_a_stranger_or_changed_since_is_not_installed(pack: Path, key: LogKey):
    stranger = LogKey.load(LogKey.generate())
    for publishers in ((), (stranger.vkey(PUBLISHER),)):
        with pytest.raises(GatewayError):
            verified(pack, pack.read_bytes(), note(pack), publishers)
    signed = note(pack)
    pack.write_text(NEXT.replace("2028-08-31", "2029-08-31"), "utf-8")
    with pytest.raises(GatewayError, match="does not sign"):
        verified(pack, pack.read_bytes(), signed, (key.vkey(PUBLISHER),))


def test_the_head_of_a_log_signs_no_pack(pack: Path, key: LogKey):
    with pytest.raises(GatewayError, match="ends in /law"):
        sign(pack, "gateway.example/log", key)


def test_a_pack_with_a_fault_is_not_put_into_the_draft(pack: Path, key: LogKey, tmp_path: Path):
    policies = shutil.copytree(POLICIES, tmp_path / "policies")
    pack.write_text(NEXT.replace('"2026-27"', '"2031-32"'), "utf-8")
    signed = sign(pack, PUBLISHER, key)
    with pytest.raises(GatewayError, match="no pack 2031-32"):
        install(pack, signed, (key.vkey(PUBLISHER),), policies)
    assert not (policies / pack.name).exists()


def test_doctor_warns_sixty_days_before_the_last_pack_ends():
    catalogue = load_catalogue(POLICIES)
    assert list(of_law(catalogue, date(2027, 7, 1))) == []
    (complaint,) = of_law(catalogue, date(2027, 7, 2))
    assert "31 August 2027" in complaint.what
    assert list(of_law(load_catalogue(POLICIES / "cwm-alarch"), date(2027, 7, 2))) == []


def test_september_says_what_january_will_ask_for():
    catalogue = load_catalogue(POLICIES)
    told = {on: each.says for each, on in coming_requirements(catalogue, date(2026, 9, 7))}
    assert "young carers" in told[date(2027, 1, 21)]
    assert date(2026, 10, 1) in told
    later = [on for _, on in coming_requirements(catalogue, date(2026, 11, 2))]
    assert later == [date(2027, 1, 21), None]


def test_a_school_reads_in_september_on_its_page_what_january_will_ask_for():
    catalogue = load_catalogue(POLICIES)
    oak = Provider(id="oak", name="Oak", kind="school", dfe_number="9992000", ratified=True)

    def page_on(day: date) -> str:
        facts = ProviderFacts(
            settings=Settings(organisation="Anyshire"), provider=oak, catalogue=catalogue,
            at=datetime.combine(day, time(9), UTC),
            due=list(agenda(oak, status(oak, [], catalogue, day), catalogue, day)), files=(), waiting=(),
            own_keys=(), ratified=(), to_ratify=None,
        )  # fmt: skip
        return page(facts)

    september, april = page_on(date(2026, 9, 7)), page_on(date(2027, 4, 20))
    assert "School Census, 21 January 2027" in september
    assert "young carers" in september
    assert "young carers" not in april


def test_a_decision_is_explained_with_the_names_of_today_beside_those_of_the_agreement():
    catalogue = load_catalogue(POLICIES)
    reason = catalogue.reason_under("12.6", "policy:allowed", title="KS2", sender="DfE", recipient="LA")
    told = render(Released(flow="ks2", teams=(), reasons=(reason,)), catalogue)
    assert "where the agreement says NCA Tools, it is today: the NCA Portal" in told
    assert "Key to Success" not in told
    census = catalogue.reason_under(
        "12.2", "policy:allowed", title="census", sender="schools", recipient="LA"
    )
    assert "it is today" not in render(Released(flow="x", teams=(), reasons=(census,)), catalogue)


def test_flows_are_listed_with_the_names_of_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    result = invoke(None, "flows", "list")
    told = " ".join(result.output.split())
    assert "NCA Tools, it is today: the NCA Portal" in told
    assert "School Admissions Code" not in told


def test_a_pack_is_past_in_force_or_coming():
    packs = load_catalogue(POLICIES).law
    states = [standing_of(each, packs, date(2026, 11, 28)) for each in packs]
    assert states == ["past", "in force"]
    assert standing_of(packs[-1], packs, date(2028, 1, 1)) == "in force beyond its days"


def test_what_was_verified_is_installed_however_the_pack_changes_meanwhile(
    pack: Path, key: LogKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    policies, signed = shutil.copytree(POLICIES, tmp_path / "policies"), pack.read_bytes()

    def changing(_policies: Path) -> list[PolicyFault]:
        pack.write_text("changed by whoever may write it", "utf-8")
        return []

    monkeypatch.setattr("gateway.record.policies_in_force.check", changing)
    install(pack, note(pack), (key.vkey(PUBLISHER),), policies)
    assert (policies / pack.name).read_bytes() == signed
