"""Clause 1.4 in use: ratifying by command and by a signed copy, what waits meanwhile, and the reminders."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import sleep

import pysequoia
import pytest

from gateway.homes.demo.parties import Party
from gateway.policy.dates import academic_year_from, first_year
from gateway.registry import agreements
from gateway.registry.tables import RatificationRow
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.policies import confirm, enact
from tests.workshop import Desk

pytestmark = pytest.mark.long


def text_of(desk: Desk) -> str:
    return (desk.home.published.common / "agreement" / "agreement.txt").read_text("utf-8")


def clearsigned(party: Party, text: str) -> bytes:
    mode = pysequoia.SignatureMode.CLEAR
    return pysequoia.sign(party.openpgp.signer(), text.encode(), mode=mode)


def ratified(desk: Desk, provider: str) -> dict[str, RatificationRow]:
    with desk.registry.read() as session:
        return {row.academic_year: row for row in agreements.ratifications(session, provider)}


def test_a_signed_copy_ratifies_and_releases_what_waited(desk: Desk) -> None:
    oak = desk.provider("oak")
    waiting = desk.send(oak, core_data())
    desk.process()
    assert desk.state(waiting) == "held"
    assert desk.codes(waiting)[0] == "policy:agreement-not-ratified"
    receipt = desk.receipt(waiting)
    assert "has not ratified this year's data sharing agreement, so the file waits" in receipt
    assert "Ratify the agreement: sign the text in /agreement and drop it there" in receipt
    copy = desk.land(oak, clearsigned(oak, text_of(desk)), "agreement.txt.asc", "agreement")
    desk.process()
    assert (desk.state(copy), desk.codes(copy)) == ("accepted", ["agreement:ratified"])
    assert f"has ratified the data sharing agreement for {THIS_YEAR[0]}" in desk.receipt(copy)
    assert desk.state(waiting) == "accepted"
    assert desk.kinds(waiting).count("delivered") == len(desk.transfer(waiting).teams) > 0
    row = ratified(desk, "oak")[THIS_YEAR[0]]
    certificate = oak.openpgp.extract_certificate().fingerprint
    assert (row.certificate, row.reference) == (certificate, copy)
    assert certificate in row.signatory
    assert "ratified" in desk.kinds("oak")


@pytest.mark.needs("gpg")
def test_what_gpg_makes_of_the_published_text_counts(desk: Desk, gnupg: Path) -> None:
    oak = desk.provider("oak")
    secret = gnupg / "oak.asc"
    secret.write_text(str(oak.openpgp))
    (gnupg / "agreement.txt").write_text(text_of(desk).replace("\n", "\r\n"), newline="")
    gpg = ["gpg", "--homedir", str(gnupg), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*gpg, "--import", str(secret)], check=True, capture_output=True)
    subprocess.run([*gpg, "--clearsign", str(gnupg / "agreement.txt")], check=True, capture_output=True)
    copy = desk.land(oak, (gnupg / "agreement.txt.asc").read_bytes(), "agreement.txt.asc", "agreement")
    desk.process()
    assert desk.codes(copy) == ["agreement:ratified"]


def test_a_copy_that_is_signed_and_encrypted_counts_as_well(desk: Desk) -> None:
    oak = desk.provider("oak")
    sealed = desk.land(oak, oak.seal(text_of(desk).encode(), desk.certificate), "a.pgp", "agreement")
    again = desk.land(oak, clearsigned(oak, text_of(desk)), "a.asc", "agreement")
    desk.process()
    assert sorted(desk.codes(sealed) + desk.codes(again)) == [
        "agreement:already-ratified", "agreement:ratified",
    ]  # fmt: skip
    assert list(ratified(desk, "oak")) == [*THIS_YEAR]


def test_what_is_no_signed_copy_is_refused_with_the_next_step(desk: Desk) -> None:
    oak, elm, fft = desk.provider("oak"), desk.provider("elm"), desk.provider("fft", "fft")
    text = text_of(desk)
    cases = {
        "agreement:wrong-signer": clearsigned(elm, text),
        "agreement:other-text": clearsigned(oak, text.replace("2.4.2", "2.4.3", 1)),
        "agreement:not-signed": text.encode(),
    }
    refused = {
        code: desk.land(oak, data, f"{n}", "agreement") for n, (code, data) in enumerate(cases.items())
    }
    twice = clearsigned(oak, text) + b"\nand we send fewer files\n"
    refused["agreement:wrong-signer "] = desk.land(oak, twice, "more", "agreement")
    refused["agreement:not-a-party"] = desk.land(fft, clearsigned(fft, text), "fft", "agreement")
    refused["open:wrong-signer"] = desk.land(oak, elm.seal(text.encode(), desk.certificate), "s", "agreement")
    desk.process()
    for code, reference in refused.items():
        assert (desk.state(reference), desk.codes(reference)) == ("refused", [code.strip()])
        assert "What to do next" in desk.receipt(reference)
    assert not ratified(desk, "oak")
    assert not ratified(desk, "fft")


def test_a_copy_signed_last_year_does_not_ratify_this_one(desk: Desk) -> None:
    oak = desk.provider("oak", years=(academic_year_from(first_year(THIS_YEAR[0]) - 1),))
    old = clearsigned(oak, text_of(desk))
    next_day = f"{desk.now + timedelta(days=1):%m-%d}"
    desk.pass_time(days=91)
    late = desk.land(oak, old, "late", "agreement")
    desk.process()
    assert desk.codes(late) == ["agreement:signature-date"]
    # Young enough by the calendar of signatures, but made before the year of now could be ratified at all.
    policy = desk.home.policies / "agreement.toml"
    text = policy.read_text().replace('review = "07-01"', f'review = "{next_day}"')
    for key in ("starts", "lapses"):
        text = text.replace(f'{key} = "09-01"', f'{key} = "{next_day}"')
    policy.write_text(text)
    enact(desk.home.root)
    desk.pass_time(days=-80)
    early = desk.land(oak, old, "early", "agreement")
    desk.process()
    assert desk.codes(early) == ["agreement:signature-date"]


def test_the_command_ratifies_once_and_releases_what_waited(desk: Desk) -> None:
    oak = desk.provider("oak")
    desk.provider("fft", "fft")
    waiting = desk.send(oak, core_data())
    desk.process()
    said = desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert said == f"oak has ratified the agreement for {THIS_YEAR[0]}\n1 held file was decided again\n"
    assert desk.state(waiting) == "accepted"
    assert "already" in desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head", code=1)
    assert "is no party" in desk.gateway("agreement", "ratify", "fft", "--signatory", "X", code=1)
    future = f"{desk.now + timedelta(days=2):%Y-%m-%d}"
    assert "still to come" in desk.gateway(
        "agreement", "ratify", "oak", "--signatory", "X", "--on", future, code=1
    )
    assert ratified(desk, "oak")[THIS_YEAR[0]].signatory == "The Head"


def standing(desk: Desk, day: str) -> dict[str, object]:
    (row,) = json.loads(desk.gateway("agreement", "status", "--on", day, "--json"))
    assert isinstance(row, dict)
    return row


def test_status_warns_before_the_lapse(desk: Desk) -> None:
    desk.provider("oak", years=("2026-27",))
    desk.provider("dfe", "dfe")
    assert standing(desk, "2026-11-24")["standing"] == "ratified"
    assert standing(desk, "2026-11-24")["warning_days"] is None
    warned = {day: standing(desk, day)["warning_days"] for day in ("2027-07-03", "2027-08-02", "2027-08-25")}
    assert warned == {"2027-07-03": 60, "2027-08-02": 30, "2027-08-25": 7}
    lapsed = standing(desk, "2027-09-01")
    assert (lapsed["standing"], lapsed["ratified"], lapsed["lapses"]) == ("lapsed", False, "2027-09-01")
    assert "oak" in desk.gateway("agreement", "status")


def test_receipts_say_that_the_lapse_is_near(desk: Desk) -> None:
    lapses = desk.now + timedelta(days=30)
    ratified, renewed = (academic_year_from(lapses.year + number) for number in (-1, 0))
    oak = desk.provider("oak", years=(ratified,))
    policy = desk.home.policies / "agreement.toml"
    ends = policy.read_text().replace('lapses = "09-01"', f'lapses = "{lapses:%m-%d}"')
    # The review opens before the lapse, whatever day it is.
    policy.write_text(ends.replace('review = "07-01"', 'review = "01-01"'))
    sent = desk.send(oak, core_data())
    desk.process()
    assert desk.state(sent) == "accepted"
    receipt = desk.receipt(sent)
    assert f"counts until {lapses.day} {lapses:%B %Y}, for 30 more days. Ratify it for {renewed}" in receipt


def test_the_text_is_printed_as_it_is_published(desk: Desk) -> None:
    """Not as it is being edited: what is in force is what providers sign."""
    desk.process()
    edited = desk.home.policies / "agreement.txt"
    before = edited.read_text()
    edited.write_text(before.replace("the", "THE", 1))
    assert desk.gateway("agreement", "text") == text_of(desk) == before


def test_nothing_published_for_providers_says_who_has_ratified(desk: Desk) -> None:
    desk.provider("oak")
    elm = desk.provider("elm", years=THIS_YEAR)
    desk.land(elm, clearsigned(elm, text_of(desk)), "copy", "agreement")
    desk.process()
    others = [p for p in desk.home.published.root.rglob("*") if p.is_file() and "elm" not in p.parts]
    assert others
    assert not [path for path in others if re.search(rb"\belm\b", path.read_bytes())]


TWO_ROLES = """[[signatory]]
role = "head"
name = "Head"
by_copy = true

[[signatory]]
role = "chair"
name = "Chair of Governors"

[discrepancies]"""


def test_where_two_must_sign_a_copy_is_one_signature_and_the_command_the_other(desk: Desk) -> None:
    policy = desk.home.policies / "agreement.toml"
    policy.write_text(policy.read_text().replace("[discrepancies]", TWO_ROLES))
    oak = desk.provider("oak")
    waiting = desk.send(oak, core_data())
    desk.process()
    copy = desk.land(oak, clearsigned(oak, text_of(desk)), "copy", "agreement")
    desk.process()
    assert desk.codes(copy) == ["agreement:signed-in-part"]
    assert "Chair of Governors" in desk.receipt(copy)
    assert (desk.state(waiting), ratified(desk, "oak")) == ("held", {})
    again = desk.land(oak, clearsigned(oak, text_of(desk) + ""), "again", "agreement")
    desk.process()
    assert desk.codes(again) in (["agreement:already-ratified"], ["open:replayed"])
    ask = ("agreement", "ratify", "oak", "--signatory", "The Chair")
    assert "say as which role they signed" in desk.gateway(*ask, code=1)
    assert "no signature of cair; perhaps chair" in desk.gateway(*ask, "--role", "cair", code=1)
    assert f"has signed for {THIS_YEAR[0]} already" in desk.gateway(*ask, "--role", "head", code=1)
    assert "has ratified" in desk.gateway(*ask, "--role", "chair")
    assert "The Chair" in ratified(desk, "oak")[THIS_YEAR[0]].signatory
    assert desk.state(waiting) == "accepted"
    assert "everything fits" in desk.gateway("log", "verify")


def test_a_changed_text_is_signed_anew_where_the_agreement_says_so(desk: Desk) -> None:
    policy = desk.home.policies / "agreement.toml"
    policy.write_text(
        policy.read_text().replace("warn_days = [60, 30, 7]", 'warn_days = [60]\nnew_text = "needs-signing"')
    )
    oak = desk.provider("oak")
    desk.process()
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    first = desk.send(oak, core_data(1))
    desk.process()
    assert desk.state(first) == "accepted"
    text = desk.home.policies / "agreement.txt"
    text.write_text(text.read_text().replace("Version 2.0", "Version 2.1"))
    enact(desk.home.root)
    second = desk.send(oak, core_data(2))
    desk.process()
    assert desk.codes(second)[0] == "policy:agreement-not-ratified"
    page = desk.home.published.pages("oak") / "status.html"
    assert f"Not ratified for {THIS_YEAR[0]}" in page.read_text()
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert desk.state(second) == "accepted"
    desk.process()
    assert f"Ratified: {THIS_YEAR[0]}." in page.read_text()


def test_after_its_fixed_end_nobody_signs_it_and_what_was_signed_counts_no_more(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    policy, end = desk.home.policies / "agreement.toml", desk.now.date() - timedelta(days=1)
    policy.write_text(policy.read_text().replace("[year]", f"[year]\nends = {end}"))
    desk.process()
    sent = desk.send(oak, core_data())
    copy = desk.land(oak, clearsigned(oak, text_of(desk)), "copy", "agreement")
    desk.process()
    assert (desk.state(copy), desk.codes(copy)) == ("refused", ["agreement:ended"])
    assert "policy:agreement-not-ratified" in desk.codes(sent)
    told = desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head", code=1)
    assert f"the agreement ended on {end}" in told


NOTICE = """[[notice]]
id = "termination"
name = "Notice of termination"
clause = "1.4"
days = 10

[discrepancies]"""


def test_a_party_that_gave_notice_is_one_until_its_last_day_and_may_sign_again(desk: Desk) -> None:
    policy = desk.home.policies / "agreement.toml"
    policy.write_text(policy.read_text().replace("[discrepancies]", NOTICE))
    confirm(desk.home.policies)
    oak, today = desk.provider("oak", years=THIS_YEAR), desk.now.date()
    desk.provider("elm")
    desk.process()
    first = clearsigned(oak, text_of(desk))
    sleep(1)  # OpenPGP dates signatures to the second.
    ask = ("agreement", "notice", "oak", "--notice", "termination")
    assert "perhaps termination" in desk.gateway(*ask[:-1], "terminaton", code=1)
    assert "is still to come" in desk.gateway(*ask, "--given", str(today + timedelta(days=400)), code=1)
    last = today + timedelta(days=10)
    assert f"no longer counts for oak from {last + timedelta(days=1)} on" in desk.gateway(*ask)
    assert "notice-given" in desk.kinds("oak")
    again = desk.land(oak, first, "again", "agreement")
    desk.process()
    assert (desk.state(again), desk.codes(again)) == ("refused", ["agreement:signature-date"])
    assert ratified(desk, "oak")[THIS_YEAR[0]].ends_on is not None
    taken_back = desk.land(oak, clearsigned(oak, text_of(desk)), "taken back", "agreement")
    desk.process()
    assert desk.codes(taken_back) == ["agreement:ratified"]
    assert ratified(desk, "oak")[THIS_YEAR[0]].ends_on is None
    desk.gateway(*ask)
    assert desk.state(desk.send(oak, core_data(1))) == ""
    desk.now = datetime.combine(last, time(9), UTC)
    before = desk.send(oak, core_data(2))
    desk.process()
    assert desk.state(before) == "accepted"
    desk.pass_time(days=1)
    after = desk.send(oak, core_data(3))
    desk.process()
    assert (desk.state(after), desk.codes(after)[0]) == ("held", "policy:agreement-not-ratified")
    copy = desk.land(oak, clearsigned(oak, text_of(desk)), "copy", "agreement")
    desk.process()
    assert (desk.codes(copy), desk.state(after)) == (["agreement:ratified"], "accepted")
    assert "everything fits" in desk.gateway("log", "verify")
    assert "no ratification that a notice could end" in desk.gateway(
        "agreement", "notice", "elm", "--notice", "termination", code=1
    )


@pytest.mark.parametrize(("end", "undo", "days"), [("close", "reopen", 91), ("suspend", "resume", 0)])
def test_a_copy_of_a_school_that_was_ended_by_mistake_counts_once_it_is_back(
    desk: Desk, end: str, undo: str, days: int
) -> None:
    oak, why = desk.provider("oak"), ("--why", "it was another one")
    desk.gateway("providers", end, "oak", *why)
    copy = desk.land(oak, clearsigned(oak, text_of(desk)), "copy", "agreement")
    desk.process()
    assert desk.codes(copy) == [f"policy:{end}{'d' if end == 'close' else 'ed'}"]
    desk.pass_time(days=days)
    desk.gateway("providers", undo, "oak", *why)
    desk.process()
    assert (desk.codes(copy), [*ratified(desk, "oak")]) == (["agreement:ratified"], [THIS_YEAR[0]])


def test_no_copy_that_was_signed_before_takes_a_notice_back(desk: Desk) -> None:
    policy = desk.home.policies / "agreement.toml"
    policy.write_text(policy.read_text().replace("[discrepancies]", NOTICE))
    confirm(desk.home.policies)
    oak = desk.provider("oak")
    desk.process()
    signed = clearsigned(oak, text_of(desk))
    desk.pass_time(minutes=5)
    for outcome in ("agreement:ratified", "agreement:signature-date"):
        copy = desk.land(oak, signed, "copy", "agreement")
        desk.process()
        assert desk.codes(copy) == [outcome]
        if outcome == "agreement:ratified":
            sleep(1)  # OpenPGP dates signatures to the second.
            desk.gateway("agreement", "notice", "oak", "--notice", "termination")
    assert ratified(desk, "oak")[THIS_YEAR[0]].ends_on is not None


@pytest.mark.parametrize(("ago", "outcome"), [(0, "agreement:signature-date"), (3, "agreement:ratified")])
def test_a_copy_signed_after_a_notice_was_given_counts_though_the_notice_is_recorded_later(
    desk: Desk, ago: int, outcome: str
) -> None:
    policy = desk.home.policies / "agreement.toml"
    policy.write_text(policy.read_text().replace("[discrepancies]", NOTICE))
    confirm(desk.home.policies)
    oak, given = desk.provider("oak", years=THIS_YEAR), desk.now.date() - timedelta(days=ago)
    desk.process()
    signed = clearsigned(oak, text_of(desk))
    sleep(1)  # OpenPGP dates signatures to the second.
    desk.gateway("agreement", "notice", "oak", "--notice", "termination", "--given", str(given))
    copy = desk.land(oak, signed, "copy", "agreement")
    desk.process()
    assert desk.codes(copy) == [outcome]


def test_who_gave_notice_signs_again_in_every_role(desk: Desk) -> None:
    policy = desk.home.policies / "agreement.toml"
    for more in (TWO_ROLES, NOTICE):
        policy.write_text(policy.read_text().replace("[discrepancies]", more))
    confirm(desk.home.policies)
    desk.provider("oak")
    desk.process()
    for _ in range(2):
        ends = [one.ends_on for one in ratified(desk, "oak").values()]
        assert None not in ends
        for role in ("head", "chair"):
            desk.gateway("agreement", "ratify", "oak", "--signatory", role, "--role", role)
        assert [one.ends_on for one in ratified(desk, "oak").values()] == [None]
        desk.gateway("agreement", "notice", "oak", "--notice", "termination")


def test_reports_count_no_ratification_that_has_ended_or_is_of_another_text(desk: Desk) -> None:
    policy, text = desk.home.policies / "agreement.toml", desk.home.policies / "agreement.txt"
    anew = 'warn_days = [60]\nnew_text = "needs-signing"'
    policy.write_text(policy.read_text().replace("warn_days = [60, 30, 7]", anew))
    policy.write_text(policy.read_text().replace("[discrepancies]", NOTICE))
    confirm(desk.home.policies)
    enact(desk.home.root)
    for name in ("oak", "elm"):
        desk.provider(name)
        desk.gateway("agreement", "ratify", name, "--signatory", "The Head")
    for changed, counted in ((None, "2 of 2"), ("notice", "1 of 2"), ("text", "0 of 2")):
        if changed == "notice":
            long_ago = str(datetime.now(UTC).date() - timedelta(days=20))
            desk.gateway("agreement", "notice", "oak", "--notice", "termination", "--given", long_ago)
        elif changed == "text":
            text.write_text(text.read_text().replace("Version 2.0", "Version 2.1"))
            enact(desk.home.root)
        review = json.loads(desk.gateway("report", "review", "--json"))
        told = {one["label"]: one["value"] for one in review["sections"][0]["blocks"][0]["details"]}
        assert told["Ratified"] == counted
        number = counted.partition(" ")[0]
        assert f"2 enrolled, {number} of them ratified" in desk.gateway("report", "assurance", "--json")
