"""A held file goes on, comes back, or is refused: in one person's name, or in two, and always on record."""

from __future__ import annotations

import getpass
import json
import re
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from gateway.access import EVERYTHING
from gateway.acts import held_decisions
from gateway.acts.act import ActContext, Recording
from gateway.acts.held_decisions import RatifyForHeldFiles, ReleaseHeldFile, ReleaseHeldFiles
from gateway.errors import GatewayError
from gateway.keys.changes import clerk_of, sign_head
from gateway.policy.dates import academic_year
from gateway.policy.decide import judge_release as judge
from gateway.registry import keys, transfer_lists
from gateway.registry.tables import DeliveryRow
from tests.clock import THIS_YEAR
from tests.content import core_data, gcse_results, next_results_day
from tests.corpus.books import zipped
from tests.corpus.containers import core, text
from tests.workshop import Desk


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)


def unknown(desk: Desk) -> str:
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), b"nothing that anybody knows\n", "notes.txt.pgp")
    desk.process()
    assert desk.codes(sent) == ["classify:unknown"]
    return sent


def listed(desk: Desk, *asked: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(desk.gateway("held", "list", "--json", *asked))
    return rows


def test_how_long_a_receipt_took_says_nothing_of_how_long_a_person_took(desk: Desk) -> None:
    sent = unknown(desk)
    desk.pass_time(hours=50)
    desk.gateway(
        "held", "release", sent, "--as", "attendance", "--team", "central-data-team", "--why", "rang"
    )
    assert desk.state(sent) == "accepted"
    with desk.registry.read() as session:
        (took,) = transfer_lists.times_to_decision(session, 200)
    assert took < timedelta(hours=1)


def test_a_release_against_the_agreement_takes_two_named_people(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = desk.send(desk.provider("oak"), core_data())  # It has not ratified.
    desk.process()
    refused = desk.gateway("held", "release", sent, "--why", "they rang", code=1)
    assert "speaks against this release: The sender has not ratified" in " ".join(refused.split())
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    desk.gateway("held", "release", sent, "--why", "needed for a tribunal", "--override")
    assert desk.state(sent) == "held"
    shown = " ".join(desk.gateway("transfers", "show", sent).split())  # By whoever is to say yes or no to it.
    assert re.search(r"arrived \d{4}-\d\d-\d\d \d\d:\d\d ", shown)
    assert "proposed to release it as Student core data to Central Data Team, Admissions" in shown
    said = desk.gateway("held", "confirm", sent, "--why", "x", code=1)
    assert "somebody else must confirm" in said
    assert "(docs/roles.md)" in said
    monkeypatch.setenv("GATEWAY_ADMIN", "sam")
    desk.gateway("held", "confirm", sent, "--why", "read the order")
    assert desk.state(sent) == "accepted"
    assert desk.codes(sent) == ["person:released-against-policy", "policy:agreement-not-ratified"]
    (receipt,) = desk.receipts("oak", f"*{sent}.txt")
    told = " ".join(receipt.read_text().split())
    assert "Two named persons" in told
    # What the agreement asks of the school is said, and not asked any more.
    assert "has not ratified" in told.partition("What to do next")[0]
    assert "ratify" not in told.partition("What to do next")[2].partition("Please note")[0].casefold()
    (machine,) = desk.receipts("oak", f"*{sent}.json")
    stated = json.loads(machine.read_text())["receipt"]
    assert len({reason["next_step"] for reason in stated["reasons"]}) == 1
    with desk.registry.read() as session:  # It is the sender that it speaks against, not what is in it.
        assert not any(row.whole for row in session.exec(select(DeliveryRow)))


@pytest.mark.parametrize(("kind", "code"), [("openpgp", "key:not-approved"), ("ssh", "open:unknown-login")])
def test_what_a_suspended_key_signed_or_brought_is_released_by_two_people_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str, code: str
) -> None:
    sent = desk.send(desk.provider("oak", years=THIS_YEAR, dfe_number="9994002"), core_data())
    desk.process()
    assert desk.codes(sent) == ["policy:other-school"]
    with desk.registry.write() as session:
        clerk = clerk_of(session, desk.home, desk.now, "jane")
        (key,) = (one for one in keys.list_keys(session, "provider", "oak") if one.kind == kind)
        clerk.suspend(key, why="laptop stolen")
        sign_head(clerk)
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    release = ("held", "release", sent, "--team", "central-data-team", "--why", "they rang")
    assert f"{sent}: the agreement speaks against this release" in desk.gateway(*release, code=1)
    desk.gateway(*release, "--override")
    assert "somebody else must confirm" in desk.gateway("held", "confirm", sent, "--why", "x", code=1)
    monkeypatch.setenv("GATEWAY_ADMIN", "sam")
    desk.gateway("held", "confirm", sent, "--why", "the school made this file")
    assert desk.codes(sent) == ["person:released-against-policy", code]


def test_what_is_released_as_another_kind_is_about_a_period_of_that_kind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = desk.send(desk.provider("oak"), core_data())  # As of 15 June 2026.
    desk.process()
    for person, *asked in (("jane", "release", "--as", "attendance", "--override"), ("sam", "confirm")):
        monkeypatch.setenv("GATEWAY_ADMIN", person)
        desk.gateway("held", asked[0], sent, *asked[1:], "--why", "x")
    assert (desk.transfer(sent).data_type, desk.transfer(sent).period) == ("attendance", "2026-W25")


def test_of_several_files_none_is_returned_where_one_cannot_be_and_each_once(desk: Desk) -> None:
    oak = desk.provider("oak")  # It has not ratified.
    sent = [desk.send(oak, core_data(seed=seed)) for seed in (1, 2)]
    desk.process()
    desk.gateway("held", "refuse", sent[1], "--why", "x")
    for asked in (("return-many", *sent, "--advice", "x"), ("release-many", *sent, "--why", "x")):
        desk.gateway("held", *asked, code=1)
        assert [desk.state(one) for one in sent] == ["held", "refused"]
    assert "1 file returned" in desk.gateway("held", "return-many", sent[0], sent[0], "--advice", "x")
    assert desk.state(sent[0]) == "refused"


def test_of_several_files_none_is_returned_where_the_command_ends_between_two(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak, rule, ruled = desk.provider("oak"), held_decisions.rule, list[object]()
    sent = [desk.send(oak, core_data(seed=seed)) for seed in (1, 2)]
    desk.process()

    def once(*arguments: Any, **more: Any) -> None:
        ruled.append(arguments)
        if len(ruled) == len(sent):
            raise GatewayError("cut off")
        rule(*arguments, **more)

    with monkeypatch.context() as cut:
        cut.setattr(held_decisions, "rule", once)
        desk.gateway("held", "return-many", *sent, "--advice", "x", code=1)
    assert [desk.state(one) for one in sent] == ["held", "held"]
    assert "2 files returned" in desk.gateway("held", "return-many", *sent, "--advice", "x")
    assert all("refused" in desk.receipt(one).casefold() for one in sent)


def test_of_several_schools_none_is_ratified_for_where_one_cannot_be(desk: Desk) -> None:
    oak, elm = desk.provider("oak"), desk.provider("elm")
    sent = [desk.send(one, core_data(seed)) for seed, one in enumerate((oak, elm))]
    desk.process()
    with desk.registry.write() as session:  # As another person does meanwhile.
        desk.ratify(session, "elm", THIS_YEAR[0])
    signed = ("held", "ratify-many", *sent, "--signatory", "The Head")
    assert "ratified the agreement" in desk.gateway(*signed, code=1)
    ratified = {one["id"]: one["ratified"] for one in json.loads(desk.gateway("providers", "list", "--json"))}
    assert ratified["oak"] is False
    assert desk.state(sent[0]) == "held"


def test_who_ratifies_for_held_files_is_told_for_whom_and_which_files_go_on(desk: Desk) -> None:
    sent = [desk.send(desk.provider(name), core_data(seed)) for seed, name in enumerate(("oak", "elm"))]
    desk.process()
    assert RatifyForHeldFiles(reference=(*sent, sent[0]), signatory="The Head").reference == tuple(sent)
    told = desk.gateway("held", "ratify-many", *sent, "--signatory", "The Head")
    year = THIS_YEAR[0]
    assert told.splitlines() == [
        *(f"{name} has ratified the agreement for {year}" for name in ("oak", "elm")),
        "2 held files were decided again",
    ]
    assert [desk.state(one) for one in sent] == ["accepted"] * 2


def test_of_several_files_each_is_judged_once_and_none_is_released_where_one_may_not_be(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, oak = list[Any](), desk.provider("oak", years=THIS_YEAR)
    monkeypatch.setattr(held_decisions, "judge_release", lambda *a, **b: judged.append(a) or judge(*a, **b))
    version = re.compile(rb"(?<=<CTFversion>)[0-9.]+")
    sent = [desk.send(oak, version.sub(b"99.0", core_data(seed))) for seed in (1, 2, 3)]
    against = desk.send(desk.provider("elm"), core_data())  # It has not ratified.
    desk.process()
    assert [desk.codes(one) for one in sent] == [["classify:version-unknown"]] * 3
    told = desk.gateway("held", "release-many", *sent, against, "--why", "x", code=1)
    assert "to a second person instead: decide on it by itself" in " ".join(told.split())
    assert "--override" not in told, "the act has no such option"
    assert [desk.state(one) for one in (*sent, against)] == ["held"] * 4
    context = ActContext(
        home=desk.home,
        person="ann",
        clock=lambda: desk.now,
        open_registry=lambda: nullcontext(desk.registry),
        open_registrar=desk.registrar,
        sight=lambda _: EVERYTHING,
    )
    asked = ReleaseHeldFiles(reference=tuple(sent), why="x").effect(context)
    assert asked.startswith(f"3 files: {', '.join(sent)}. Released as Student core data, it goes to ")
    assert "Central Data Team" in asked
    judged.clear()
    assert "3 files released" in desk.gateway("held", "release-many", *sent, sent[0].lower(), "--why", "x")
    assert [desk.state(one) for one in sent] == ["accepted"] * 3
    assert len(judged) == 3
    assert all("person:released" in desk.receipt(one) for one in sent)


def test_a_second_person_says_no(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = desk.send(desk.provider("oak"), core_data())
    desk.process()
    assert "nobody has proposed" in desk.gateway("held", "decline", sent, "--why", "no", code=1)
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    desk.gateway("held", "release", sent, "--why", "needed for a tribunal", "--override")
    waiting = listed(desk)[0]
    assert (waiting["waits_for"], waiting["owner"]) == ("a second person", None)
    monkeypatch.setenv("GATEWAY_ADMIN", "sam")
    told = desk.gateway("held", "decline", sent, "--why", "there is no tribunal")
    assert f"{sent} goes on waiting" in told
    assert listed(desk)[0]["waits_for"] == "the school"
    assert "nobody has proposed" in desk.gateway("held", "confirm", sent, "--why", "x", code=1)
    declined = desk.events(sent)[-1]
    assert (declined.kind, declined.note) == ("release-declined", "there is no tribunal")
    assert b"tribunal" not in declined.leaf
    # Proposed once more, it can be confirmed.
    desk.gateway("held", "release", sent, "--why", "there is one", "--override")
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    desk.gateway("held", "confirm", sent, "--why", "read the order")
    assert desk.state(sent) == "accepted"


def test_a_release_against_more_than_was_proposed_is_proposed_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = desk.send(desk.provider("oak"), core_data())  # It has not ratified.
    desk.process()
    propose = ("held", "release", sent, "--why", "needed for a tribunal", "--override")
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    desk.gateway(*propose)
    desk.gateway("providers", "suspend", "oak", "--why", "an incident")
    monkeypatch.setenv("GATEWAY_ADMIN", "sam")
    said = " ".join(desk.gateway("held", "confirm", sent, "--why", "read the order", code=1).split())
    assert "more speaks against it than when jane" in said
    assert "suspended" in said
    assert desk.state(sent) == "held"
    assert "before another is proposed" in " ".join(desk.gateway(*propose, code=1).split())
    desk.gateway("held", "decline", sent, "--why", "more speaks against it")
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    desk.gateway(*propose)
    monkeypatch.setenv("GATEWAY_ADMIN", "sam")
    desk.gateway("held", "confirm", sent, "--why", "read the order")
    assert {"policy:agreement-not-ratified", "policy:suspended"} < set(desk.codes(sent))


def test_a_held_file_is_somebodys(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = unknown(desk)
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    assert f"{sent} is for jane to decide" in desk.gateway("held", "assign", sent)
    assert listed(desk)[0]["owner"] == "jane"
    desk.gateway("staff", "add", "sam", "--team", "central-data-team")
    desk.gateway("held", "assign", sent, "--to", "sam", "--text", "Rang them.")
    assert [one.kind for one in desk.events(sent)][-2:] == ["noted", "assigned"]
    (row,) = listed(desk, "--where", "owner=sam")
    assert (row["why"], row["waits_for"], row["days"]) == (
        "Not recognised as any kind of data", "a person", 0,
    )  # fmt: skip
    assert listed(desk, "--where", "owner=jane") == []
    assert not any(b"sam" in event.leaf for event in desk.events(sent))
    desk.gateway("held", "refuse", sent, "--why", "nobody knows it")
    assert "is not held" in desk.gateway("held", "assign", sent, code=1)


def test_a_file_that_landed_before_the_clock_was_put_right_has_waited_for_no_day(desk: Desk) -> None:
    desk.pass_time(days=2)
    unknown(desk)
    assert listed(desk)[0]["days"] == 0


def test_a_held_file_is_given_to_whoever_may_decide(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = unknown(desk)
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    for name in ("jane", "tom"):
        desk.gateway("staff", "add", name, "--team", "central-data-team")
    desk.gateway(
        "roles", "grant", "jane", "administrator", "--account", getpass.getuser(), "--why", "she runs it"
    )
    assert "has no role that decides" in desk.gateway("held", "assign", sent, "--to", "tom", code=1)
    desk.gateway("held", "assign", sent, "--to", "jane")


def test_a_person_says_what_it_is_about_where_the_file_does_not(desk: Desk) -> None:
    sent = unknown(desk)
    release = ("held", "release", sent, "--as", "eyfs-profile", "--why", "the profile, as a note")
    desk.gateway(*release, "--on", "2026-06-15")
    assert desk.transfer(sent).period == "2025-26"
    desk.gateway("log", "verify")


def test_a_period_is_one_of_the_kind_that_it_is_said_to_be(desk: Desk) -> None:
    sent = unknown(desk)
    release = ("held", "release", sent, "--as", "fft-aspire", "--why", "x", "--on", "2026-06-15")
    assert "no set time" in desk.gateway(*release, code=1) or desk.state(sent) == "held"


def test_the_first_reason_and_every_why_stay_visible(desk: Desk) -> None:
    sent = unknown(desk)
    desk.gateway("held", "release", sent, "--as", "eyfs-profile", "--why", "the profile, as a note")
    shown = json.loads(desk.gateway("transfers", "show", sent, "--json"))
    assert (shown["data_type"], shown["flow"]) == ("eyfs-profile", "eyfs-profile")
    assert desk.transfer(sent).period is None  # It does not say what it is about, and nobody did.
    assert "Until then it was held:" in desk.receipt(sent)
    assert "(classify:unknown)" in desk.receipt(sent).partition("Please note")[2].partition("Sent by")[0]
    told = {event["kind"]: (event["reasons"], event["why"]) for event in shown["events"]}
    assert told["decided"] == ("classify:unknown", None)
    assert told["released"] == ("person:released", "the profile, as a note")
    for said in (desk.gateway("transfers", "show", sent), desk.gateway("report", "transfer", sent)):
        assert "classify:unknown" in said
        assert "the profile, as a note" in " ".join(said.split())
    assert "has said what it is: Early Years Foundation Stage" in desk.receipt(sent)
    assert "recognised, by its content" not in desk.receipt(sent)


def test_what_nobody_named_is_not_released(desk: Desk) -> None:
    sent = unknown(desk)
    assert "say its kind: --as" in desk.gateway("held", "release", sent, "--why", "x", code=1)
    assert "whoever allows it" in desk.gateway(
        "held",
        "release",
        sent,
        "--as",
        "student-core",
        "--team",
        "school-place-planning",
        "--why",
        "x",
        code=1,
    )
    assert desk.state(sent) == "held"


def test_results_are_not_released_before_their_day_by_one_person(desk: Desk) -> None:
    desk.now = next_results_day(desk).replace(hour=0)
    oak = desk.provider("oak", years=(academic_year(desk.now.date(), "09-01"),))
    sent = desk.send(oak, gcse_results())
    desk.process()
    assert "policy:embargo" in desk.codes(sent)
    with desk.registrar() as registrar:
        asked = ReleaseHeldFile(reference=sent, why="the head asks", as_="student-core")
        with registrar.registry.write() as session:
            record = Recording(registrar, session, "jane", registrar.clock())
            with pytest.raises(GatewayError, match="speaks against"):
                asked.decide(record)
    assert desk.state(sent) == "held"


def test_an_archive_is_released_as_no_more_than_each_of_its_files_allows(desk: Desk) -> None:
    day = next_results_day(desk)
    archive = zipped({"core.csv": text(core()), "results.csv": gcse_results()})
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), archive, "both.zip.pgp")
    desk.process()
    assert set(desk.codes(sent)) == {"classify:several-kinds", "policy:embargo"}
    release = ("held", "release", sent, "--as", "student-core", "--why", "they rang")
    early = desk.gateway(*release, "--team", "sen", code=1)
    assert f"before 08:00 on {day.day} " in early
    assert "no basis for everything in the file" in early
    assert "(12.8)" in early
    desk.gateway(*release, "--override")
    assert desk.state(sent) == "held"
    proposed = next(event for event in desk.events(sent) if event.kind == "release-proposed")
    assert json.loads(proposed.leaf)["fields"]["teams"] == "central-data-team"


def test_a_file_goes_back_with_advice_on_its_receipt(desk: Desk) -> None:
    sent = unknown(desk)
    assert "names no child" in desk.gateway("held", "return", sent, "--advice", " ", code=1)
    desk.gateway("held", "return", sent, "--advice", "Export it as CTF and send it again.")
    assert (desk.state(sent), desk.codes(sent)) == ("refused", ["person:returned"])
    (receipt,) = desk.receipts("oak", f"*{sent}.txt")
    assert "Export it as CTF and send it again." in " ".join(receipt.read_text().split())


def test_nothing_is_confirmed_that_nobody_proposed(desk: Desk) -> None:
    sent = unknown(desk)
    assert "nobody has proposed" in desk.gateway("held", "confirm", sent, "--why", "x", code=1)


def test_a_note_on_a_held_file_is_for_colleagues_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = unknown(desk)
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    assert f"noted on {sent}" in desk.gateway("held", "note", sent, "The office rings back on Monday.")
    assert "noted: The office rings back on Monday." in desk.gateway("transfers", "show", sent)
    noted = desk.events(sent)[-1]
    assert (noted.kind, str(noted.actor).split()[0]) == ("noted", "jane")
    assert b"Monday" not in noted.leaf
    assert "needs a reason" in desk.gateway("held", "note", sent, " ", code=2)
    desk.gateway("held", "refuse", sent, "--why", "nobody knows it")
    assert not any("Monday" in receipt.read_text() for receipt in desk.receipts("oak", f"*{sent}*"))
    assert "is not held" in desk.gateway("held", "note", sent, "too late", code=1)
