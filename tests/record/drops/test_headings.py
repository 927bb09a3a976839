"""What a provider says, signed, of its own headings; and what a file in the clear is refused for."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pysequoia
import pytest

from gateway.errors import Refusal
from gateway.examiner.protocol import HeadingsDrop
from gateway.model import Decision, Folder, LooksLike, Provider
from gateway.record.drops import Drop, settle_headings, withheld
from gateway.registry.tables import HarmlessRow
from gateway.registry.tables.row import rows
from gateway.zones import headings
from tests.record.made import CERTIFICATE, opened, upload
from tests.workshop import Desk

OAK = Provider(id="oak", name="Oak", kind="school")


def settled(desk: Desk, *stated: tuple[str, str], provider: Provider = OAK) -> Decision:
    """What is decided on a drop with these headings."""
    found = HeadingsDrop(reference="261124-oak-00001", stated=stated, signature=opened().signature)
    with desk.registrar() as registrar, desk.registry.write() as session:
        drop = Drop(
            registrar=registrar, session=session, reference=found.reference, provider=provider,
            landed_at=desk.now, now=desk.now,
        )  # fmt: skip
        decision = settle_headings(drop, found)
        registrar.sign_head(session, desk.now)
    return decision


def said(desk: Desk) -> list[tuple[str, str | None]]:
    """What is on record of the provider's headings."""
    with desk.registry.read() as session:
        return [(row.name, row.field) for row in rows(session, HarmlessRow, "name", provider="oak")]


def test_each_heading_is_on_record_with_what_it_means_and_who_signed(desk: Desk) -> None:
    decision = settled(desk, ("How Taken Here", "travel-mode"), ("Tutor-Group!", ""))
    assert (decision.state, [one.code for one in decision.reasons]) == ("accepted", ["key:headings-taken"])
    assert "(2)" in decision.reasons[0].sentence
    assert said(desk) == [("howtakenhere", "travel-mode"), ("tutorgroup", "")]
    with desk.registry.read() as session:
        row, _ = rows(session, HarmlessRow, "name", provider="oak")
    assert (row.header, row.listed_at, row.why) == ("How Taken Here", desk.now, "261124-oak-00001")
    assert row.listed_by == f"the key {CERTIFICATE}"
    listed = [event.note for event in desk.events("oak") if event.kind == "column-listed"]
    assert listed == ["How Taken Here = travel-mode", "Tutor-Group! = "]


@pytest.mark.parametrize(
    ("heading", "key"),
    [("-", ""), ("-", "travel-mode"), ("Pupil", "upn"), ("Taken", "no-item"), ("HIV status", "travel-mode")],
)
def test_one_bad_line_refuses_all_and_is_named(desk: Desk, heading: str, key: str) -> None:
    decision = settled(desk, ("How Taken Here", "travel-mode"), (heading, key))
    assert (decision.state, [one.code for one in decision.reasons]) == ("refused", ["key:headings-refused"])
    assert "these lines: 2." in decision.reasons[0].sentence
    assert said(desk) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"suspended": True}, "policy:suspended"),
        ({"closed_on": date(2026, 1, 1)}, "policy:closed"),
        ({"suspended": True, "closed_on": date(2026, 1, 1)}, "policy:suspended"),
    ],
)
def test_of_a_suspended_or_closed_provider_they_wait(
    desk: Desk, change: dict[str, object], code: str
) -> None:
    provider = replace(OAK, **change)  # type: ignore[arg-type]
    decision = settled(desk, ("How Taken Here", "travel-mode"), provider=provider)
    assert (decision.state, [one.code for one in decision.reasons]) == ("held", [code])
    assert said(desk) == []


@pytest.mark.parametrize(("before", "waited"), [(0, 91), (89.75, 0.5)])
def test_a_statement_that_waited_for_its_school_is_not_too_old(
    desk: Desk, before: float, waited: float
) -> None:
    oak, why = desk.provider("oak"), ("--why", "it was another one")
    desk.gateway("providers", "close", "oak", *why)
    text = headings.written([("How Taken Here", "travel-mode")]).encode()
    statement = pysequoia.sign(oak.openpgp.signer(), text, mode=pysequoia.SignatureMode.CLEAR)
    desk.now = max(desk.now, datetime.now(UTC) + timedelta(days=before))
    sent = desk.land(oak, statement, "headings", "keys")
    desk.process()
    assert desk.codes(sent) == ["policy:closed"]
    desk.pass_time(days=waited)
    desk.gateway("providers", "reopen", "oak", *why)
    desk.process()
    assert (desk.codes(sent), said(desk)) == (["key:headings-taken"], [("howtakenhere", "travel-mode")])


@pytest.mark.parametrize(("lines", "is_read"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_statement_has_from_one_to_a_hundred_lines(lines: int, is_read: bool) -> None:
    stated = tuple((f"Heading {number}", "upn") for number in range(lines))
    with nullcontext() if is_read else pytest.raises(Refusal, match="key:headings-malformed"):
        assert headings.read(headings.written(stated).encode()) == stated


@pytest.mark.parametrize(
    ("folder", "looks_like", "size", "code"),
    [
        ("in", None, 9, "open:not-encrypted"),
        ("in", "other-encryption", 9, "open:other-encryption"),
        ("in", "unknown", 9, "open:unreadable"),
        ("in", "public", 1_048_576, "key:not-data"),  # DROP_BYTES
        ("in", "public", 1_048_577, "open:not-encrypted"),
        ("in", "secret-key", 9, "key:secret"),
        ("keys", None, 9, "key:in-the-clear"),
        ("keys", "public", 9, "key:in-the-clear"),
        ("keys", "unknown", 9, "key:in-the-clear"),
        ("keys", "secret-key", 9, "key:secret"),
        ("agreement", "other-encryption", 9, "agreement:not-signed"),
    ],
)
def test_what_comes_in_the_clear_is_refused_by_its_folder_and_what_it_looks_like(
    folder: Folder, looks_like: LooksLike | None, size: int, code: str
) -> None:
    found = withheld(upload(folder=folder, looks_like=looks_like, size=size))
    assert (found.reference, found.why.code) == ("261124-oak-00001", code)
