"""Providers are listed, close, convert, merge, and are put right; what is theirs stays theirs."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlmodel import select

from gateway.publish.everything import publish_all
from gateway.registry import providers, rolls
from gateway.registry.tables import ContactRow, PupilRow
from tests.clock import THIS_YEAR
from tests.content import census, core_data
from tests.corpus.children import csv
from tests.corpus.schools import ELM, OAK, core
from tests.site import Site
from tests.workshop import Desk

YEARS = THIS_YEAR
LA_SCHOOLS = "Local authority maintained schools"
GIAS = f""""URN","LA (code)","EstablishmentNumber","EstablishmentName","TypeOfEstablishment (name)",\
"EstablishmentTypeGroup (name)","EstablishmentStatus (name)","PhaseOfEducation (name)","TelephoneNum"
"100001","999","2001","Oak Primary School","Community school","{LA_SCHOOLS}","Open","Primary",""
"100002","999","2002","Château School","Voluntary aided school","{LA_SCHOOLS}","Open","Primary",\
"01823 555002"
"100003","999","4003","St Mary's Academy",\
"Academy converter","Academies","Open, but proposed to close","Primary",""
"100004","999","2004","Old School","Community school","{LA_SCHOOLS}","Closed","Primary",""
"100005","999","6005","The House","Other independent school","Independent schools","Open","Not applicable",""
"100006","999","2006","Oak Primary School","Community school","{LA_SCHOOLS}","Open","Primary",""
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"), workers=1)


def listed(site: Site) -> dict[str, tuple[str, str | None]]:
    return {row["id"]: (row["kind"], row["dfe_number"]) for row in site.json("providers", "list")}


def test_the_register_of_schools_is_taken_as_it_is(site: Site, tmp_path: Path) -> None:
    register = tmp_path / "edubasealldata.csv"
    register.write_bytes(GIAS.encode("cp1252"))
    foreseen = site.gateway("providers", "import", str(register), "--dry-run")
    assert "would be: 4 new" in foreseen
    assert listed(site) == {}
    site.gateway("providers", "import", str(register))
    assert listed(site) == {
        "chateau-school": ("school", "9992002"),
        "oak-primary-school-2001": ("school", "9992001"),
        "oak-primary-school-2006": ("school", "9992006"),
        "st-marys-academy": ("academy", "9994003"),
    }
    assert site.json("providers", "show", "chateau-school")["contacts"] == [
        {"provider": "chateau-school", "role": "school office", "email": None, "telephone": "01823 555002"}
    ]
    again = site.gateway("providers", "import", str(register))
    assert "done: 4 as on record" in again
    assert "passed over: 1 line (closed)" in again
    register.write_bytes(GIAS.replace("St Mary's Academy", "St Mary's").encode("cp1252"))
    assert "1 changed" in site.gateway("providers", "import", str(register))
    assert site.json("providers", "show", "st-marys-academy")["name"] == "St Mary's"
    assert "everything fits" in site.gateway("log", "verify")


def test_a_list_with_a_mistake_enrols_nobody_and_names_every_line(site: Site, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("id;name;kind;dfe_number\nash;Ash;school;12\nfir;Fir;;9992111\nyew;Yew;school;9992112\n")
    said = site.refused("providers", "import", str(wrong))
    assert "line 2: a DfE number is 7 digits" in said
    assert "line 3: nothing tells whether it is a school or an academy" in said
    wrong.write_text("id,name,kind,ssh_key\nyew,Yew,school,gone.pub\n")
    assert "line 2: " in site.refused("providers", "import", str(wrong))
    wrong.write_text("what\nash\n")
    assert "no column is called name" in site.refused("providers", "import", str(wrong))
    wrong.write_text("x" * 200_000)
    assert "line 1: this is no CSV" in site.refused("providers", "import", str(wrong))
    assert not {"ash", "fir", "yew"} & set(listed(site))


def test_two_providers_of_one_number_are_refused_unless_one_follows_the_other(site: Site) -> None:
    site.gateway("providers", "add", "ash", "--name", "Ash", "--kind", "school", "--dfe-number", "9992050")
    again = ("providers", "add", "ash-new", "--name", "Ash", "--kind", "academy", "--dfe-number", "9992050")
    said = site.refused(*again)
    assert "ash has the DfE number 9992050 already" in said
    assert "gateway providers convert ash --kind academy" in said
    site.gateway("providers", "add", "fir", "--name", "Fir", "--kind", "school")
    assert "already" in site.refused("providers", "set", "fir", "--dfe-number", "9992050")
    assert "ash is open" in site.refused(*again, "--succeeds", "ash")
    site.gateway("providers", "close", "ash", "--why", "a sponsor takes it over")
    assert "already" in site.refused(*again)
    site.gateway(*again, "--succeeds", "ash")
    assert site.json("providers", "show", "ash")["succeeded_by"] == "ash-new"
    assert [site.json("providers", "show", one)["succeeds"] for one in ("ash", "ash-new")] == [[], ["ash"]]
    assert "succeeds" in site.gateway("providers", "show", "ash-new")
    third = site.refused("providers", "merge", "ash", "fir", "--why", "amalgamated")
    assert "ash-new took the place of ash already" in third


def test_a_mistake_is_removed_as_long_as_nothing_was_sent(site: Site) -> None:
    party = site.provider("mistaek")
    site.gateway("providers", "set", "mistaek", "--contact", "data manager", "--email", "a@school.example")
    site.gateway("providers", "remove", "mistaek", "--why", "mistyped")
    assert "mistaek" not in listed(site)
    assert not (site.home / "published" / "providers" / "mistaek").exists()
    options = ("--ssh-key", str(party.ssh_public), "--openpgp-key", str(party.certificate))
    site.gateway("providers", "add", "mistake", "--name", "Mistake", "--kind", "school", *options)
    assert "everything fits" in site.gateway("log", "verify")


def test_a_provider_once_on_legal_hold_is_not_removed_with_what_it_was_told(site: Site) -> None:
    site.provider("claimed")
    for done in ("place", "lift"):
        site.gateway("legal-holds", done, "--provider", "claimed", "--why", "claim 18")
        assert "has legal holds" in site.refused("providers", "remove", "claimed", "--why", "mistyped")
    assert "claimed" in listed(site)


def test_a_provider_with_a_notice_on_legal_hold_is_not_removed(site: Site) -> None:
    site.provider("told")
    notice = next((site.home / "published" / "providers" / "told" / "receipts").glob("key-notice.*.txt"))
    site.gateway("legal-holds", "place", notice.name.split(".")[1], "--why", "claim 20")
    assert "has legal holds" in site.refused("providers", "remove", "told", "--why", "mistyped")
    assert notice.exists()


def test_a_provider_whose_keys_stay_with_intake_is_not_removed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.provider("stays")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", Mock(side_effect=PermissionError(13, "Permission denied")))
        assert "Permission denied" in site.refused("providers", "remove", "stays", "--why", "mistyped")
    assert "stays" in listed(site)
    assert (site.home / "published" / "providers" / "stays" / "authorized_keys").read_text()
    site.gateway("providers", "remove", "stays", "--why", "mistyped")
    assert "stays" not in listed(site)
    assert not [path for path in (site.home / "published").rglob("*") if "stays" in str(path)]


def test_a_removal_that_was_cut_off_leaves_nothing_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.provider("oak", years=YEARS)
    publish_all(desk.home, desk.now)
    with monkeypatch.context() as cut:
        cut.setattr(shutil, "rmtree", cut_off_where_there_is_something)
        desk.gateway("providers", "remove", "oak", "--why", "mistyped", code=1)
    assert (desk.home.published.root / ".removed-oak" / "authorized_keys").exists()
    publish_all(desk.home, desk.now)
    assert not (desk.home.published.root / ".removed-oak").exists()


def test_a_removal_that_was_cut_off_before_its_commit_leaves_the_provider_and_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.provider("oak", years=YEARS)
    publish_all(desk.home, desk.now)
    rename = Path.rename

    def cut_off(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if moved.name == ".removed-oak":
            raise OSError(5, "cut off")
        return moved

    with monkeypatch.context() as cut:
        cut.setattr(Path, "rename", cut_off)
        desk.gateway("providers", "remove", "oak", "--why", "mistyped", code=1)
    assert (desk.home.published.root / ".removed-oak" / "authorized_keys").exists()
    publish_all(desk.home, desk.now)
    assert not (desk.home.published.root / ".removed-oak").exists()
    assert (desk.home.published.provider("oak") / "authorized_keys").read_text()


def cut_off_where_there_is_something(path: Path, **_options: object) -> None:
    if path.exists():
        raise OSError(5, "cut off")


def test_a_contact_is_a_role_and_never_half_given(site: Site) -> None:
    site.gateway("providers", "add", "yew", "--name", "Yew", "--kind", "school")
    change = ("providers", "set", "yew")
    assert "--contact ROLE" in site.refused(*change, "--email", "a@school.example")
    assert "an e-mail address looks like" in site.refused(*change, "--contact", "head", "--email", "a b")
    assert "give an e-mail address or" in site.refused(*change, "--contact", "head")
    site.gateway(*change, "--contact", "head", "--telephone", "01823 555 123", "--why", "they rang")
    shown = site.json("providers", "show", "yew")
    assert [one["telephone"] for one in shown["contacts"]] == ["01823 555 123"]
    assert [event["why"] for event in shown["history"]][-1] == "they rang"
    site.gateway(*change, "--forget-contact", "head")
    assert site.json("providers", "show", "yew")["contacts"] == []


def test_who_converts_a_school_without_its_new_urn_is_told_how_to_give_it(site: Site) -> None:
    told = "if it has a new URN: gateway providers set {} --urn NUMBER"
    for name, *urn in (("elm", "--urn", "100778"), ("box",)):
        site.gateway("providers", "add", name, "--name", name.title(), "--kind", "school")
        said = site.gateway("providers", "convert", name, "--kind", "academy", "--why", "converted", *urn)
        assert (told.format(name) in said) is not bool(urn)


def test_a_school_becomes_an_academy_and_keeps_keys_history_and_receipts(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS, dfe_number=OAK)
    sent = desk.send(oak, csv(core(LAESTAB=OAK)), "core.csv.pgp")
    desk.process()
    why = ("--why", "converted on 1 September")
    desk.gateway("providers", "convert", "oak", "--kind", "academy", "--urn", "100777", *why)
    assert "oak is academy already" in desk.gateway(
        "providers", "convert", "oak", "--kind", "academy", *why, code=1
    )
    desk.pass_time(hours=1)
    after = desk.send(oak, csv(core(LAESTAB=OAK)), "as an academy.csv.pgp")
    desk.process()
    shown = json.loads(desk.gateway("providers", "show", "oak", "--json"))
    assert (shown["kind"], shown["urn"], len(shown["keys"])) == ("academy", "100777", 2)
    assert shown["history"][-1]["why"] == "converted on 1 September"
    assert [desk.state(each) for each in (sent, after)] == ["accepted", "accepted"]


@pytest.mark.parametrize("door", ["set", "convert", "import"])
def test_what_came_under_a_number_that_is_on_record_later_goes_on_then(
    desk: Desk, tmp_path: Path, door: str
) -> None:
    oak = desk.provider("oak", years=YEARS, dfe_number=ELM)
    sent = desk.send(oak, csv(core(LAESTAB=OAK)), "core.csv.pgp")
    desk.process()
    assert desk.codes(sent) == ["policy:other-school"]
    numbers, why = ("--dfe-number", OAK), ("--why", "the register says so")
    if door == "import":
        listed = tmp_path / "schools.csv"
        listed.write_text(f"id,name,kind,dfe_number\noak,The oak,school,{OAK}\n")
        desk.gateway("providers", "import", str(listed), "--dry-run")
        assert desk.state(sent) == "held"
        desk.gateway("providers", "import", str(listed))
    else:
        kind = ("--kind", "academy") if door == "convert" else ()
        assert "1 file decided anew" in desk.gateway("providers", door, "oak", *kind, *numbers, *why)
    assert (desk.state(sent), desk.codes(sent)) == ("accepted", ["policy:allowed"])


@pytest.mark.parametrize("door", ["set", "import"])
def test_what_a_fault_left_held_under_a_new_number_goes_on_when_the_number_is_given_again(
    desk: Desk, tmp_path: Path, door: str
) -> None:
    oak = desk.provider("oak", years=YEARS, dfe_number=ELM)
    sent = desk.send(oak, csv(core(LAESTAB=OAK)), "core.csv.pgp")
    desk.process()
    with desk.registry.write() as session:
        providers.provider_row(session, "oak").dfe_number = OAK
    if door == "import":
        listed = tmp_path / "schools.csv"
        listed.write_text(f"id,name,kind,dfe_number\noak,The oak,school,{OAK}\n")
        desk.gateway("providers", "import", str(listed))
    else:
        said = desk.gateway("providers", "set", "oak", "--dfe-number", OAK)
        assert "oak is on record so already\n1 file decided anew" in said
    assert desk.state(sent) == "accepted"


def test_a_closed_school_owes_nothing_keeps_its_receipts_and_what_it_sends_waits(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS, dfe_number=OAK)
    desk.provider("elm", years=YEARS, dfe_number=ELM)
    sent = desk.send(oak, csv(core(LAESTAB=OAK)), "core.csv.pgp")
    desk.process()
    day = (desk.now - timedelta(days=1)).date().isoformat()
    desk.gateway("providers", "merge", "oak", "elm", "--on", day, "--why", "amalgamated")
    states = json.loads(desk.gateway("flows", "status", "--provider", "oak", "--json"))
    assert {each["state"] for each in states} == {"not-expected"}
    assert "oak" not in desk.gateway("agreement", "status")
    folder = desk.home.published.provider("oak")
    assert list((folder / "receipts").glob(f"*{sent}.txt"))
    assert (folder / "authorized_keys").read_text()
    late = desk.send(oak, csv(core(LAESTAB=OAK)), "late.csv.pgp")
    desk.process()
    assert (desk.state(late), desk.codes(late)[0]) == ("held", "policy:closed")
    assert "has closed" in desk.gateway("providers", "merge", "elm", "oak", "--why", "no", code=1)
    desk.gateway("providers", "reopen", "oak", "--why", "it was another one")
    assert json.loads(desk.gateway("providers", "show", "oak", "--json"))["succeeded_by"] is None
    assert desk.state(late) == "accepted"


def test_what_a_school_sent_before_it_closed_goes_on_when_its_day_comes(desk: Desk) -> None:
    oak = desk.provider("oak", dfe_number=OAK)
    sent = desk.send(oak, csv(core(LAESTAB=OAK)), "core.csv.pgp")
    desk.process()
    assert desk.codes(sent) == ["policy:agreement-not-ratified"]
    desk.pass_time(days=2)
    with desk.registry.write() as session:
        providers.close(session, "oak", desk.now.date(), desk.now)
    late = desk.send(oak, csv(core(LAESTAB=OAK)), "late.csv.pgp")
    desk.process()
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert desk.state(sent) == "accepted"
    assert (desk.state(late), "policy:closed" in desk.codes(late)) == ("held", True)


def test_a_day_that_is_still_to_come_closes_nobody(desk: Desk) -> None:
    desk.provider("oak")
    said = desk.gateway("providers", "close", "oak", "--on", "2099-08-31", "--why", "soon", code=1)
    assert "still to come" in said


def test_who_has_sent_cannot_be_removed(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    desk.send(oak, core_data())
    assert "1 file of oak landed" in desk.gateway("providers", "remove", "oak", "--why", "x", code=1)
    desk.process()
    assert "oak has transfers" in desk.gateway("providers", "remove", "oak", "--why", "x", code=1)


def test_the_pupils_of_a_closed_school_are_on_its_roll_no_more(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS, dfe_number=OAK)
    elm = desk.provider("elm", years=YEARS, dfe_number=ELM)
    desk.send(oak, csv(core(LAESTAB=OAK)), "oak.csv.pgp")
    desk.process()
    with desk.registry.write() as session:
        assert session.exec(select(PupilRow)).first() is not None
        providers.close(session, "oak", desk.now.date(), desk.now + timedelta(seconds=1))
    desk.pass_time(hours=1)
    desk.send(elm, csv(core(LAESTAB=ELM)), "elm.csv.pgp")
    desk.process()
    assert desk.gateway("discrepancies", "list", "--json").strip() == "[]"


def test_the_pupils_of_a_school_that_was_closed_by_mistake_are_on_its_roll_again(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS, dfe_number="9994001")
    complete = desk.send(oak, census())
    desk.process()
    assert desk.state(complete) == "accepted", desk.codes(complete)

    def on_roll() -> tuple[int, dict[str, datetime]]:
        with desk.registry.read() as session:
            return rolls.count_on_rolls(session, ["oak"])["oak"], rolls.full_rolls(session, ["oak"])

    before = on_roll()
    desk.gateway("providers", "close", "oak", "--why", "closed")
    assert on_roll()[0] == 0
    desk.gateway("providers", "reopen", "oak", "--why", "it was another one")
    assert on_roll() == before


def test_contacts_are_checked_by_their_shape() -> None:
    providers.check_contact(
        ContactRow(provider="oak", role="data manager", email="a.b@c.example", telephone="+44 1823 5")
    )
