"""Reports of transfers, providers and breaches: complete, right, and without pupils' data."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.model import Facts, Finding, LogStep, Provider
from gateway.policy.catalogue_schema import Wording
from gateway.reports.breach import TO_FILL, Breach, BreachStatement, breach_report
from gateway.reports.document import Document, as_text
from gateway.reports.page import as_html
from gateway.reports.report import TransferAccount, transfer_report
from gateway.words import plain
from tests.log.made import FACTS, LANDED, Log, landed, with_parts
from tests.policies import shipped, why
from tests.receipts.test_privacy import FROM_FILES, MARKERS, TELLING, planted

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SSH_KEY = "SHA256:" + "A" * 43
STEPS = (
    LogStep(number=40, at=LANDED, kind="landed"),
    LogStep(number=41, at=LANDED, kind="decided"),
    LogStep(number=42, at=LANDED, kind="delivered", team="central-data"),
    LogStep(number=60, at=NOW - timedelta(hours=20), kind="collected", by="j.smith", team="central-data"),
)
HILL_TOP = Provider(id="hill-top", name="Hill Top School", kind="school")
ACCOUNT = TransferAccount(facts=FACTS, ssh_key=SSH_KEY, steps=STEPS)
HELD = TransferAccount(
    facts=with_parts(
        FACTS,
        reference="261125-marsh-lane-00002",
        state="held",
        data_type=None,
        teams=(),
        flow=None,
        pupils=None,
        items=(),
        landed_at=LANDED + timedelta(days=1),
        reasons=(why("policy:other-school", found="9992002", expected="9992001", count=3),),
    ),
    ssh_key=SSH_KEY,
)
REFUSED = TransferAccount(
    facts=with_parts(
        FACTS,
        reference="261125-marsh-lane-00003",
        state="refused",
        data_type=None,
        level=None,
        evidence=(),
        facts=Facts(),
        findings=(),
        content_size=None,
        content_sha256=None,
        signature=None,
        pupils=None,
        items=(),
        flow=None,
        teams=(),
        reasons=(why("open:not-signed"),),
    ),
    ssh_key=SSH_KEY,
)
BREACH = Breach(
    number=3,
    organisation="Somerset County Council",
    told=BreachStatement(aware_at=NOW - timedelta(hours=5, minutes=30)),
    accounts=(ACCOUNT,),
)


def told(**said: Any) -> BreachStatement:
    return BREACH.told.model_copy(update=said)


def both(document: Document) -> list[str]:
    return [" ".join(as_text(document).split()), " ".join(as_html(document).split())]


FULL_BREACH = replace(
    BREACH,
    told=told(
        natures=("confidentiality", "availability"),
        what="A mailbox was opened from an unknown address.",
        since=LANDED,
        until=NOW - timedelta(hours=6),
        staff=("j.smith",),
        measures=("The mailbox was closed.",),
        contact="Data Protection Officer, dpo@la.example",
        governance="governance@la.example",
    ),
    accounts=(
        replace(
            ACCOUNT, facts=with_parts(FACTS, items=(*FACTS.found.items, "SEN: SEN Need", "Pupil: Address"))
        ),
        HELD,
        replace(ACCOUNT, facts=with_parts(FACTS, reference="261125-marsh-lane-00009", pupils=200), steps=()),
    ),
    keys=(
        ("marsh-lane", "ssh", SSH_KEY, "revoked"),
        ("j.smith", "ssh", SSH_KEY[:-1] + "B", "active"),
    ),
)
BREACHES = shipped().breach
EXPECTED = Path(__file__).parent / "expected"


DOCUMENTS = {
    "transfer-accepted": lambda: transfer_report(ACCOUNT, NOW, head="log.example\n61\nroot\n\n"),
    "transfer-held": lambda: transfer_report(HELD, NOW),
    "transfer-refused": lambda: transfer_report(REFUSED, NOW),
    "breach": lambda: breach_report(FULL_BREACH, BREACHES, NOW),
    "breach-unknown": lambda: breach_report(replace(BREACH, accounts=()), BREACHES, NOW),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_report_reads_as_expected(name: str) -> None:
    """The whole text stands in expected/. Where a change is meant, read it and replace the file."""
    assert as_text(DOCUMENTS[name]()) == (EXPECTED / f"{name}.txt").read_text("utf-8")


def test_a_breach_is_told_in_the_names_of_the_agreement_and_in_words() -> None:
    names = {"central-data": "Central Data Team", "ks2-results": "Key Stage 2 results"}
    facts = with_parts(FACTS, data_type="ks2-results", wording=Wording(names=names))
    breach = replace(BREACH, accounts=(replace(ACCOUNT, facts=facts),))
    for shown in both(breach_report(breach, BREACHES, NOW)):
        for part in ("Central Data Team", "Key Stage 2 results", "arrived: 1", "delivered to a team: 1"):
            assert part in shown
        for code in ("central-data", "ks2-results", "landed"):
            assert code not in shown
    facts = with_parts(facts, state="refused", reasons=(why("person:withdrawn-for-good", opened="x"),))
    gone = breach_report(replace(BREACH, accounts=(replace(ACCOUNT, facts=facts),)), BREACHES, NOW)
    for shown in both(gone):
        assert "withdrawn for good" in shown, "somebody had it"


def test_a_transfer_is_told_from_landing_to_collection() -> None:
    log = Log()
    log.add("policy-loaded", "policies")
    for shown in both(transfer_report(ACCOUNT, NOW, head=log.head())):
        for part in (
            FACTS.transfer.upload.reference,
            "Marsh Lane Primary School",
            FACTS.transfer.upload.name,
            FACTS.transfer.upload.sha256,
            SSH_KEY,
            "d4" * 20,
            "12.2 (policy:allowed)",
            "24 November 2026 at 14:03:22 UTC",
            "j.smith",
            "central-data",
            "60",
            "gateway.example/log",
        ):
            assert part in shown


def test_a_transfer_that_nobody_took_says_so() -> None:
    shown = as_text(transfer_report(replace(ACCOUNT, steps=()), NOW))
    assert "Nobody has collected it yet." in " ".join(shown.split())
    assert re.search(r"central-data +nobody yet", shown)


def test_teams_that_have_not_collected_it_are_told_beside_those_that_have() -> None:
    facts = with_parts(FACTS, teams=("central-data", "early-years"))
    shown = as_text(transfer_report(replace(ACCOUNT, facts=facts), NOW))
    told = shown.partition("WHO WAS GIVEN IT")[2].partition("EVERY STEP")[0]
    assert re.search(r"central-data +j\.smith +25 November", told)
    assert re.search(r"early-years +nobody yet", told)


def test_who_only_looked_at_a_held_file_has_collected_nothing() -> None:
    looked = LogStep(number=41, at=LANDED, kind="collected", by="j.smith", team="central-data")
    later = STEPS[2]._replace(number=43)
    for account in (replace(REFUSED, steps=(looked,)), replace(ACCOUNT, steps=(STEPS[0], looked, later))):
        shown = " ".join(as_text(transfer_report(account, NOW)).split())
        assert "first collected" not in shown
        assert "Looked at, but not collected" in shown
    assert "Nobody has collected it yet." in shown


def test_a_file_has_one_time_of_arrival_however_late_its_entry_was_written() -> None:
    late = STEPS[0]._replace(at=LANDED + timedelta(minutes=1))
    shown = " ".join(as_text(transfer_report(replace(ACCOUNT, steps=(late,)), NOW)).split())
    assert "On record since 24 November 2026 at 14:04:22 UTC" in shown
    assert "Arrived, on 24 November 2026 at 14:03:22 UTC" in shown


def test_what_was_sent_back_with_advice_is_not_told_as_refused() -> None:
    back = replace(
        REFUSED, facts=with_parts(REFUSED.facts, reasons=(why("person:returned", advice="Sign it."),))
    )
    assert "It is sent back with advice." in as_text(transfer_report(back, NOW))


@pytest.mark.parametrize("account", [HELD, REFUSED, TransferAccount(facts=landed(), ssh_key=SSH_KEY)])
def test_every_state_has_a_report(account: TransferAccount) -> None:
    for shown in both(transfer_report(account, NOW)):
        assert account.facts.transfer.upload.reference in shown


@pytest.mark.parametrize(
    ("aware", "words"),
    [
        (NOW, "72 hours 0 minutes left"),
        (NOW - timedelta(hours=5, minutes=30), "66 hours 30 minutes left"),
        (NOW - timedelta(hours=72), "0 hours 0 minutes left"),
        (NOW - timedelta(hours=73), "Overdue by 1 hour 0 minutes"),
    ],
)
def test_the_clock_runs_72_hours_from_awareness(aware: datetime, words: str) -> None:
    breach = replace(BREACH, told=told(aware_at=aware))
    assert breach.told.notify_by == aware + timedelta(hours=72)
    assert words in as_text(breach_report(breach, BREACHES, NOW))


def test_the_clock_counts_week_ends_and_the_change_of_clocks() -> None:
    friday = datetime.fromisoformat("2026-10-23T17:00:00+01:00")
    assert told(aware_at=friday).notify_by == datetime(2026, 10, 26, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(("after", "words"), [(71, "in time"), (73, "must give the reasons")])
def test_a_notification_is_in_time_or_late(after: int, words: str) -> None:
    breach = replace(BREACH, told=told(notified_at=BREACH.told.aware_at + timedelta(hours=after)))
    shown = " ".join(as_text(breach_report(breach, BREACHES, NOW)).split())
    assert words in shown
    assert "left;" not in shown


def test_everything_that_article_33_asks_for_has_its_place() -> None:
    shown = as_text(breach_report(replace(BREACH, accounts=()), BREACHES, NOW))
    for letter in "abcd":
        assert f"(ARTICLE 33(3)({letter.upper()})" in shown
    assert shown.count(TO_FILL) >= 8


def test_pupils_are_counted_between_the_least_and_the_most() -> None:
    second = replace(ACCOUNT, facts=with_parts(FACTS, reference="261125-marsh-lane-00009", pupils=200))
    elsewhere = replace(ACCOUNT, facts=with_parts(FACTS, provider=HILL_TOP, pupils=50))
    shown = as_text(
        breach_report(replace(BREACH, accounts=(ACCOUNT, second, elsewhere, HELD)), BREACHES, NOW)
    )
    assert "between 262 and 462" in shown
    assert "Pupil records            462" in shown
    assert "Files not counted        1" in shown
    one = as_text(breach_report(BREACH, BREACHES, NOW))
    assert "Pupils, about            212" in one


def test_those_who_must_be_told_are_named_with_their_clause() -> None:
    elsewhere = replace(ACCOUNT, facts=with_parts(FACTS, provider=HILL_TOP))
    for shown in both(breach_report(replace(BREACH, accounts=(ACCOUNT, elsewhere)), BREACHES, NOW)):
        for part in (
            "Marsh Lane Primary School (marsh-lane)",
            "Hill Top School (hill-top)",
            "10.8.1",
            "10.8.2",
            "10.8.3",
            "Governors and Head",
        ):
            assert part in shown


def test_grave_items_are_pointed_out_with_the_clause() -> None:
    items = ("SEN: NHS Number (Proposed)", "Pupil: Religion", "Pupil: NCY")
    shown = " ".join(
        as_text(
            breach_report(
                replace(BREACH, accounts=(replace(ACCOUNT, facts=with_parts(FACTS, items=items)),)),
                BREACHES,
                NOW,
            )
        ).split()
    )
    assert "10.5.1" in shown
    assert "religious belief (Article 9)" in shown
    assert "identity theft or fraud" in shown


def test_the_labels_of_grave_items_are_words_of_ours() -> None:
    assert BREACHES.grave
    assert all(plain(one.item) == one.item for one in BREACHES.grave)


def test_what_weighs_is_what_the_policies_say() -> None:
    none = BREACHES.model_copy(update={"grave": (), "consequence": ()})
    assert "Why it weighs more" not in as_text(breach_report(BREACH, none, NOW))


def test_access_keys_and_measures_are_listed() -> None:
    key = ("marsh-lane", "ssh", SSH_KEY, "revoked")
    breach = replace(BREACH, keys=(key,), told=told(staff=("j.smith",), measures=("Mailbox closed.",)))
    shown = as_text(breach_report(breach, BREACHES, NOW))
    assert "j.smith" in shown
    assert "Mailbox closed." in shown
    assert "is revoked" in " ".join(shown.split())
    none = as_text(breach_report(replace(BREACH, accounts=(HELD,)), BREACHES, NOW))
    assert "shows no opening" in none


@pytest.mark.parametrize("marker", MARKERS)
def test_no_pupils_data_reaches_the_record_of_a_breach(marker: str) -> None:
    """Not even the file's name, which a sender may have made of a pupil's name."""
    spoilt = [with_parts(FACTS, name=f"{marker}.csv")]
    spoilt += [facts for part in FROM_FILES for facts in planted(part, marker)]
    base = " ".join(both(breach_report(replace(BREACH, accounts=()), BREACHES, NOW)))
    clean = {found.casefold() for found in TELLING.findall(base)}
    for facts in spoilt:
        document = breach_report(
            replace(BREACH, accounts=(TransferAccount(facts=facts, ssh_key=SSH_KEY),)), BREACHES, NOW
        )
        for shown in both(document):
            assert {found.casefold() for found in TELLING.findall(shown)} <= clean


@pytest.mark.parametrize("part", sorted(FROM_FILES))
def test_no_pupils_data_reaches_a_transfers_report(part: str) -> None:
    for marker in MARKERS:
        for facts in planted(part, marker):
            for shown in both(transfer_report(TransferAccount(facts=facts, ssh_key=SSH_KEY), NOW)):
                assert not TELLING.search(shown.replace(SSH_KEY, "")), (part, marker)


def test_hostile_names_stay_text() -> None:
    hostile: Any = "<script>alert(1)</script>"
    facts = with_parts(
        FACTS,
        name=hostile,
        provider_name=hostile,
        facts=Facts(software=hostile),
        findings=(Finding(code=hostile, severity="error", count=1),),
    )
    step = LogStep(number=1, at=NOW, kind="collected", by=hostile, team=hostile)
    account = TransferAccount(facts=facts, ssh_key=hostile, steps=(step,))
    for document in (
        transfer_report(account, NOW),
        breach_report(replace(BREACH, accounts=(account,), told=told(what=hostile)), BREACHES, NOW),
    ):
        assert "<script" not in as_html(document)
