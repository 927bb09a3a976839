"""Clauses 7.3 and 8.2: a pupil on two rolls, other dates of birth, old numbers; and who is told what."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from typing import Any

import asyncssh
import pytest

from gateway.examiner.persons import RollCollector, digested, packed
from gateway.record import consequences
from gateway.registry.discrepancies import of_providers
from tests.classify import made
from tests.clock import THIS_YEAR
from tests.costs import statements
from tests.workshop import ON_POSTGRESQL, Desk

YEARS = THIS_YEAR
ON_ROLL, LEFT = made.CORE_INSIDE, made.CORE_INSIDE + made.HISTORY


def core(*pupils: str) -> bytes:
    return made.ctf(pupils).encode()


def child(number: int = 1, inside: str = ON_ROLL, *, upn: str | None = None, born: str | None = None) -> str:
    one = made.Child(number)
    text = made.pupil(one, inside, upn=upn)
    return text.replace(f"<DOB>{one.born}</DOB>", f"<DOB>{born}</DOB>") if born else text


def listed(desk: Desk, *options: str) -> list[dict[str, Any]]:
    found = json.loads(desk.gateway("discrepancies", "list", "--json", *options))
    assert isinstance(found, list)
    return found


def notices(desk: Desk, provider: str) -> list[str]:
    found = [
        path.read_text().partition("-----BEGIN PGP SIGNATURE")[0]
        for path in desk.receipts(provider, "NOTICE.*.txt")
    ]
    return [" ".join(text.split()) for text in found]


def test_one_pupil_on_two_rolls_is_one_discrepancy_and_two_notices_that_name_nobody(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    first = desk.send(oak, core(child(3), child(1)), "oak.xml.pgp")
    desk.process()
    second = desk.send(elm, core(child(1), child(2)), "elm.xml.pgp")
    desk.process()
    (found,) = listed(desk)
    assert (found["number"], found["kind"], found["providers"]) == (1, "two-rolls", ["elm", "oak"])
    assert found["records"] == [f"{second} record 1", f"{first} record 2"]
    (to_oak,), (to_elm,) = notices(desk, "oak"), notices(desk, "elm")
    assert f"Record 2 of your file {first} is of a pupil who is also on the roll of another school." in to_oak
    assert f"Record 1 of your file {second} is of a pupil who is also on the roll" in to_elm
    assert "send the leaving date" in to_oak
    assert "clause 7.3" in to_oak
    for told, other in ((to_oak, "elm"), (to_elm, "oak")):
        assert other not in told
        assert not [word for word in nobody() if word in told]
    (event,) = desk.events("discrepancies")
    opened = json.loads(event.leaf)["fields"]
    assert (event.kind, opened["number"], opened["cause"]) == ("discrepancy-opened", 1, "two-rolls")
    # The next day's files say the same: nobody is told twice.
    desk.pass_time(hours=1)
    desk.send(oak, core(child(1), child(3)), "oak again.xml.pgp")
    desk.process()
    assert len(listed(desk)) == len(notices(desk, "oak")) == len(notices(desk, "elm")) == 1


def test_no_school_is_told_that_a_protected_child_is_at_another_one(desk: Desk) -> None:
    """The school that a child has left would learn that the child is still in the county."""
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    key = desk.root / "jane.pub"
    key.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_public_key())
    desk.gateway("staff", "add", "jane", "--team", "central-data-team", "--ssh-key", str(key))
    desk.send(oak, core(child(1)), "oak.xml.pgp")
    desk.process()
    desk.gateway("pupils", "protect", *made.Child(1).asked, "--person", "jane", "--why", "police request")
    desk.send(elm, core(child(1)), "elm.xml.pgp")
    desk.process()
    assert [found["kind"] for found in listed(desk)] == ["two-rolls"]
    assert notices(desk, "oak") == notices(desk, "elm") == []


def nobody() -> list[str]:
    """What would name a child of these files."""
    some = [made.Child(number) for number in range(6)]
    return [word for one in some for word in (one.upn, one.surname, one.forename, one.born)]


def test_the_policy_may_let_a_notice_name_the_other_school(desk: Desk) -> None:
    policy = desk.home.policies / "agreement.toml"
    policy.write_text(policy.read_text().replace("name_other_school = false", "name_other_school = true"))
    for name in ("oak", "elm"):
        desk.send(desk.provider(name, years=YEARS), core(child()))
    desk.process()
    assert "on the roll of another school (elm)." in notices(desk, "oak")[0]


def test_a_leaver_and_a_joiner_are_no_discrepancy(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    desk.send(oak, core(child(1)))
    desk.process()
    desk.pass_time(hours=1)
    desk.send(oak, core(child(1, LEFT)))
    desk.process()
    desk.send(elm, core(child(1)))
    desk.process()
    assert listed(desk, "--all") == []
    assert notices(desk, "oak") == notices(desk, "elm") == []


def test_what_fits_again_is_settled_by_itself(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    desk.send(oak, core(child(1), child(2)))
    desk.send(elm, core(child(1), child(2)))
    desk.process()
    assert [each["number"] for each in listed(desk)] == [1, 2]
    desk.pass_time(hours=1)
    desk.send(oak, core(child(1, LEFT)))
    desk.process()
    (remaining,) = listed(desk)
    assert all(str(record).endswith("record 2") for record in remaining["records"])
    assert sorted(str(each["state"]) for each in listed(desk, "--all")) == ["open", "settled"]
    kinds = [event.kind for event in desk.events("discrepancies")]
    assert kinds == ["discrepancy-opened", "discrepancy-opened", "discrepancy-resolved"]
    # The pupil who comes back to the first school is a new discrepancy, told anew.
    desk.pass_time(hours=1)
    desk.send(oak, core(child(1)))
    desk.process()
    assert [each["number"] for each in listed(desk)] == [remaining["number"], 3]
    assert len(notices(desk, "oak")) == 2


def test_a_complete_roll_without_a_pupil_says_that_it_has_left(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    desk.send(oak, core(child(1), child(2)))
    desk.send(elm, core(child(1)))
    desk.process()
    assert len(listed(desk)) == 1
    desk.pass_time(hours=1)
    desk.send(oak, made.census_around([made.census_pupil(made.Child(2))]).encode())
    desk.process()
    assert listed(desk) == []


def test_other_dates_of_birth_and_old_numbers(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    renumbered = ON_ROLL.replace(
        "<BasicDetails>", f"<BasicDetails><FormerUPN>{made.Child(5).upn}</FormerUPN>"
    )
    desk.send(oak, core(child(1, LEFT, born="2017-01-31"), child(5)))
    desk.send(elm, core(child(1), child(2, renumbered)))
    desk.process()
    assert sorted(each["kind"] for each in listed(desk)) == ["birth-date", "former-upn"]
    (told,) = notices(desk, "oak")
    assert "gives a date of birth that differs from the one another school gave" in told
    assert "is of a pupil who is on a roll under an old and a new pupil number" in told


def test_a_person_resolves_one_and_it_is_not_raised_again(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    for party in (oak, elm):
        desk.send(party, core(child(1)))
    desk.process()
    assert "needs a reason" in desk.gateway("discrepancies", "resolve", "1", "--why", " ", code=2)
    desk.gateway("discrepancies", "resolve", "1", "--why", "dual registration, agreed by both")
    assert "resolved already" in desk.gateway("discrepancies", "resolve", "1", "--why", "again", code=1)
    shown = desk.gateway("discrepancies", "show", "1")
    assert "dual registration, agreed by both" in shown
    desk.pass_time(hours=1)
    desk.send(oak, core(child(1)))
    desk.process()
    assert listed(desk) == []
    assert json.loads(desk.gateway("discrepancies", "show", "1", "--json"))["state"] == "resolved"
    assert "no discrepancy 7" in desk.gateway("discrepancies", "show", "7", code=1)


def test_a_held_roll_counts_once_it_is_released(desk: Desk) -> None:
    oak, elm = desk.provider("oak"), desk.provider("elm", years=YEARS)
    desk.send(oak, core(child(1)))
    desk.send(elm, core(child(1)))
    desk.process()
    assert listed(desk) == []
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert [each["kind"] for each in listed(desk)] == ["two-rolls"]


def test_a_refused_roll_never_counts(desk: Desk) -> None:
    oak, elm = desk.provider("oak"), desk.provider("elm", years=YEARS)
    held = desk.send(oak, core(child(1)))
    desk.send(elm, core(child(1)))
    desk.process()
    desk.gateway("held", "refuse", held, "--why", "sent by mistake")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert listed(desk) == []


def test_what_names_nobody_across_schools_is_not_compared(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    for party in (oak, elm):
        desk.send(party, core(child(1, upn="UNKNOWN"), child(2)))
    desk.process()
    assert [each["records"] for each in listed(desk)] != []
    assert len(listed(desk)) == 1


@pytest.mark.parametrize("at_once", [1, 4 * 1024**2])
def test_files_decided_together_are_compared_with_each_other_and_with_what_is_known(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(consequences, "_COMPARED_BYTES", at_once)
    oak = desk.provider("oak", years=YEARS)
    desk.send(oak, core(child(1), child(2)))
    late = {name: desk.provider(name, years=()) for name in ("elm", "ash")}
    for name, pupils in (("elm", (1, 3)), ("ash", (2, 3)), ("elm", (4, 5)), ("ash", (5, 6))):
        desk.send(late[name], core(*map(child, pupils)))
    desk.process()
    assert listed(desk) == []
    with desk.registry.write() as session:
        for name in late:
            desk.ratify(session, name, *YEARS)
    desk.process()
    assert sorted(each["providers"] for each in listed(desk)) == [
        ["ash", "elm"], ["ash", "elm"], ["ash", "oak"], ["elm", "oak"],
    ]  # fmt: skip


@pytest.mark.skipif(ON_POSTGRESQL, reason="it reads the files of SQLite")
def test_the_registry_holds_digests_that_need_the_key(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    desk.send(oak, core(child(1)))
    desk.process()
    key = desk.home.keys / "pupil-index.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32
    raw = desk.home.registry.read_bytes() + desk.home.registry.with_name("registry.db-wal").read_bytes()
    assert made.Child(1).upn.encode() not in raw
    digests = {}
    for name, secret in (("ours", key.read_bytes()), ("another", bytes(32))):
        taker = RollCollector()
        taker([(made.Child(1).upn, None, None, True, 1, "")], {made.Child(1).upn})
        digests[name] = packed(digested(taker.pupils(), secret))[:16]
    assert digests["ours"] in raw
    assert digests["another"] not in raw


@pytest.mark.long
def test_a_thousand_pupils_on_two_rolls_take_hardly_more_statements_than_one(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    content = core(*(child(number) for number in range(1000)))
    desk.send(oak, content)
    desk.process()
    desk.send(elm, content)
    with statements() as asked:
        desk.process()
    assert len(asked) < 300
    with desk.registry.read() as session:
        found = of_providers(session, None, ["open"])
    assert len(found) == 1000
    assert {each.opened_at for each in found} == {desk.now}
    assert datetime.now(UTC) > desk.now
    (told,) = notices(desk, "oak")
    assert "There are 500 more. Ask the local authority for the list." in told
    desk.send(oak, core(*(child(number, LEFT) for number in range(1000))))
    with statements() as asked:
        desk.process()
    assert len(asked) < 300
    with desk.registry.read() as session:
        assert {each.state for each in of_providers(session, None, None)} == {"settled"}
    assert "everything fits" in desk.gateway("log", "verify")
