"""The rows of every list that a program is given are of the types that the description of the API tells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from gateway.acts.breaches import KeptBreach
from gateway.acts.fields import every_act
from gateway.acts.listing import ListingAct
from gateway.acts.openapi import openapi_document, path_of
from gateway.registry import hosts, keys, log, roles
from gateway.registry.hosts import Host
from gateway.registry.log import Entry
from gateway.registry.roles import Role
from gateway.registry.tables import (
    AuthorityNoticeRow,
    ContactRow,
    DeclarationRow,
    DiscrepancyPartyRow,
    DiscrepancyRow,
    ExpectationRow,
    HandOnBatchRow,
    HarmlessRow,
    HoldRow,
    HookRow,
    LetterRow,
    MarkerPersonRow,
    MarkerRow,
    NilReturnRow,
    RatificationRow,
    SavedFilterRow,
    StaffRow,
)
from gateway.reports.breach import BreachStatement
from gateway.reports.document import Document
from gateway.zones.penalty_files import Listed, seen_inside
from tests.classify.made import as_csv, core_rows
from tests.console.pages import console_of
from tests.console.test_api import TEAM, Api
from tests.console.through_the_api import console_api_of
from tests.mailboxes.mailroom import NOW, PROVIDER, Mailroom

LISTS = sorted(name for name, act in every_act().items() if act.by_program and issubclass(act, ListingAct))
ASKED = {"mailbox list": {"team": TEAM}, "letters preview": {"on": "2026-11-24"}}
ON = {"at": NOW, "by": "ann"}
checks = FormatChecker(())
checks.checks("date-time", ValueError)(lambda value: value is None or datetime.fromisoformat(value))
checks.checks("date", ValueError)(lambda value: value is None or date.fromisoformat(value))


def fill(room: Mailroom) -> None:
    """At least one row of each list, with and without what may be left out."""
    room.staff("ann", TEAM)
    room.staff("bob")
    held, sent = room.hold(b"held"), room.deliver(b"sent", TEAM)
    head, *children = core_rows(12)
    room.hold_as_read(as_csv([[*head, "NHS Number"], *([*row, "9434765919"] for row in children)]).encode())
    with room.registry.write() as session:
        roles.grant(session, "bob", Role.AUDITOR, by="ann", at=NOW)
        roles.bind(session, "bob-there", "bob", by="ann", at=NOW)
        key = keys.list_keys(session, "staff", "bob")[0]
        keys.end_key(session, key, "revoked", at=NOW, by="ann", why="lost")
        told = {"recorded_at": NOW, "recorded_by": "ann"}
        of_it = {"provider": PROVIDER, **told}
        listed = {"listed_at": NOW, "listed_by": "ann"}
        letter = {"event": "late:x", "kind": "late", "subject": "s", "text": "t", "owed_at": NOW}
        session.add(StaffRow(name="program typed", added_at=NOW))  # A marker names people alone.
        session.add_all([
            ContactRow(role="office", email="office@example.invalid", **of_it),
            RatificationRow(academic_year="2026-27", signatory="A. Head", ratified_on=NOW.date(), **of_it),
            ExpectationRow(data_type="ks2-results", expected=True, why="it does", **of_it),
            NilReturnRow(data_type="exclusions", period="2026", why="none", **of_it),
            HarmlessRow(name="a", provider="", header="A", why="w", **listed),
            HarmlessRow(name="b", provider=PROVIDER, header="B", why="w", **listed),
            HarmlessRow(name="c", provider=PROVIDER, header="C", why=f"{held}: w", field="", **listed),
            LetterRow(recipient="a@x.invalid", message_id="1", **letter),
            LetterRow(
                recipient="b@x.invalid", message_id="2", provider=PROVIDER, sent_at=NOW, bounced_at=NOW,
                bounced_by="ann", bounced_why="gone", refused="no", **letter,
            ),
            HoldRow(reference=held, placed_at=NOW, placed_by="ann", why="w"),
            HoldRow(reference="", provider=PROVIDER, placed_at=NOW, placed_by="ann", why="w"),
            HoldRow(reference="", persons=b"1" * 16, placed_at=NOW, placed_by="ann", why="w"),
            AuthorityNoticeRow(reference=sent, subject="s", text="t", created_at=NOW),
            AuthorityNoticeRow(
                reference=sent, subject="s", text="t", created_at=NOW, read_at=NOW, read_by="ann"
            ),
            DeclarationRow(
                reference="261124-x-AAAAA", provider=PROVIDER, method="post", data="x", data_types="",
                goes_at=NOW, safeguards="", circumstances="", state="accepted", reasons="[]", declared_at=NOW,
                declared_by="ann",
            ),
            DiscrepancyRow(number=1, kind="two-rolls", key="k", state="open", opened_at=NOW),
            HandOnBatchRow(hand_on="cases", number=1, team=TEAM, target="t", owed_at=NOW),
            HandOnBatchRow(
                hand_on="cases", number=2, team=TEAM, target="t", owed_at=NOW, made_at=NOW, sent_at=NOW,
                acknowledged_at=NOW, acknowledged_by="ann",
            ),
            HookRow(
                name="new", address="https://a.invalid/x", events="file.held", teams="", made_at=NOW,
                made_by="ann", entry=0, looked_at=NOW,
            ),
            HookRow(
                name="told", address="https://a.invalid/x", events="file.accepted", teams=TEAM, made_at=NOW,
                made_by="ann", entry=0, looked_at=NOW, told_at=NOW, trouble="503",
            ),
            MarkerRow(number=1, kind="named", persons=b"1" * 16, placed_at=NOW, placed_by="ann", why="w"),
            SavedFilterRow(staff="program typed", listing="held list", name="x", query="mine=yes"),
        ])  # fmt: skip
        session.flush()
        session.add(MarkerPersonRow(marker=1, staff="program typed"))
        session.add(
            DiscrepancyPartyRow(discrepancy=1, ordinal=0, provider=PROVIDER, pupil=b"1", transfer=1, record=1)
        )
        for statement in (BreachStatement(aware_at=NOW, natures=()), None):
            kept = KeptBreach(told=statement, document=Document("Breach", "", ()))
            fields: dict[str, str | int] = {"number": 1 if statement else 2}
            entry = Entry(
                kind="breach-recorded", subject="breach", fields=fields, actor="ann",
                note=kept.model_dump_json(),
            )  # fmt: skip
            log.append(session, [entry], NOW)
    until = datetime.now(UTC) + timedelta(hours=1)
    for files in seen_inside(room.home).values():
        files.write_listed(Listed(until={"192.0.2.7": until}))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, list[dict[str, Any]]]]:
    room, host = (
        Mailroom(tmp_path_factory.mktemp("rows")),
        Host("a", None, 0, 1, 2, 0, frozenset(), None, True),
    )
    fill(room)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hosts, "known", lambda _: [host])  # SQLite has none.
        with console_api_of(room) as console, console_of(console) as origin:
            with Api(room, origin).program("typed", *LISTS) as client:
                told = {
                    name: client.get(
                        path_of(every_act()[name]), params={"limit": "500", **ASKED.get(name, {})}
                    )
                    for name in LISTS
                }
            yield {name: answer.json().get("rows", [answer.text]) for name, answer in told.items()}


@pytest.mark.parametrize("name", LISTS)
def test_the_rows_of_a_list_are_of_the_described_types(name: str, rows: Mapping[str, list[Any]]) -> None:
    described = json.loads(openapi_document())["paths"][path_of(every_act()[name])]["get"]
    page = described["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["rows"]
    assert rows[name]
    Draft202012Validator(page, format_checker=checks).validate(rows[name])
    assert all(page["items"]["properties"].values())
