"""The retention plan: what is due and when, what a hold keeps, and the certificate."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.log.leaf import Event
from gateway.registry.retention import deletion_certificate
from gateway.registry.tables import DeletionRow
from gateway.reports.retention import (
    WHATS,
    Due,
    Keep,
    KeepNotices,
    KeepSealed,
    Retained,
    Retention,
    load_retention,
    plan,
)
from tests.receipts.test_privacy import ROOT

DECIDED = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
FOR_EVER = Keep(accepted="for ever", refused="for ever")
RULES = Retention(
    sealed=KeepSealed(accepted=400, refused=90, unopened=60, by_data_type={"ks2": 800, "attendance": 30}),
    receipts=FOR_EVER,
    index=Keep(accepted=2557, refused=2557),
    people=Keep(accepted=2557, refused=90),
    notices=KeepNotices(keys=2557, discrepancies=800),
    declarations=Keep(accepted=2557, refused=400, by_data_type={"attendance": 30}),
)


def row(**changes: Any) -> Retained:
    given: dict[str, Any] = {
        "reference": "260131-marsh-lane-00001",
        "state": "accepted",
        "at": DECIDED,
    }
    return Retained(**given | changes)


def due_after(days: float, **changes: Any) -> list[tuple[str, str]]:
    due, on_hold = plan(RULES, [row(**changes)], DECIDED + timedelta(days=days))
    assert not on_hold
    return [(one.what, one.rule) for one in due]


@pytest.mark.parametrize(
    ("days", "changes", "expected"),
    [
        (399.99, {}, []),
        (400, {}, [("sealed", "sealed-accepted")]),
        (400, {"data_type": "ks2"}, []),
        (800, {"data_type": "ks2"}, [("sealed", "sealed-ks2")]),
        (30, {"data_type": "attendance"}, [("sealed", "sealed-attendance")]),
        (30, {"data_type": "attendance", "state": "refused"}, []),
        (90, {"state": "refused"}, [("sealed", "sealed-refused"), ("people", "people-refused")]),
        (400, {"data_type": "phonics"}, [("sealed", "sealed-accepted")]),
        (400, {"deleted": frozenset({"sealed"})}, []),
        (
            2557,
            {},
            [("sealed", "sealed-accepted"), ("index", "index-accepted"), ("people", "people-accepted")],
        ),
    ],
)
def test_what_is_due(days: float, changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert due_after(days, **changes) == expected


@pytest.mark.parametrize("changes", [{"state": "landed", "at": None}, {"state": "held"}, {"at": None}])
def test_what_is_not_decided_is_never_deleted(changes: dict[str, Any]) -> None:
    assert plan(RULES, [row(**changes)], DECIDED + timedelta(days=36_500)) == ([], [])


def test_a_legal_hold_keeps_everything_and_is_shown() -> None:
    due, on_hold = plan(RULES, [row(kept_back=True)], DECIDED + timedelta(days=3_000))
    assert due == []
    assert [one.what for one in on_hold] == ["sealed", "index", "people"]


def paper(**changes: Any) -> Retained:
    given: dict[str, Any] = {"reference": "260131-marsh-lane-00002", "at": DECIDED}
    return Retained(**given | changes)


@pytest.mark.parametrize(
    ("days", "changes", "rule"),
    [
        (800, {"what": "notices", "state": "discrepancies"}, "notices-discrepancies"),
        (2557, {"what": "notices", "state": "keys"}, "notices-keys"),
        (2557, {"what": "declarations", "state": "accepted"}, "declarations-accepted"),
        (
            400,
            {"what": "declarations", "state": "refused", "data_type": "attendance"},
            "declarations-refused",
        ),
        (
            30,
            {"what": "declarations", "state": "accepted", "data_type": "attendance"},
            "declarations-attendance",
        ),
    ],
)
def test_what_belongs_to_no_file_is_due_by_its_own_rule(
    days: int, changes: dict[str, Any], rule: str
) -> None:
    def planned(after: float, **more: Any) -> tuple[list[str], list[str]]:
        due, on_hold = plan(RULES, [paper(**changes, **more)], DECIDED + timedelta(days=after))
        return [one.rule for one in due], [one.rule for one in on_hold]

    assert planned(days - 0.01) == ([], [])
    assert planned(days) == ([rule], [])
    assert planned(days, kept_back=True) == ([], [rule])


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"state": "refused", "unopened": True}, "sealed-unopened"),
        ({"state": "refused"}, None),
        ({"state": "accepted", "unopened": True}, None),
        ({"state": "held", "unopened": True}, None),
        ({"state": "refused", "unopened": True, "kept_back": True}, None),
        ({"state": "refused", "unopened": True, "deleted": frozenset({"sealed"})}, None),
    ],
)
def test_what_nobody_could_open_goes_by_a_rule_of_its_own(changes: dict[str, Any], rule: str | None) -> None:
    row = Retained(reference="260131-marsh-lane-00002", at=DECIDED, **changes)
    due, _ = plan(RULES, [row], DECIDED + timedelta(days=61))
    assert [one.rule for one in due] == ([rule] if rule else [])
    assert plan(RULES, [row], DECIDED + timedelta(days=59)) == ([], [])


def test_it_is_never_kept_for_longer_than_what_is_refused_otherwise() -> None:
    rules = RULES.model_copy(update={"sealed": KeepSealed(accepted=400, refused=5, unopened=60)})
    row = Retained(reference="260131-marsh-lane-00002", at=DECIDED, state="refused", unopened=True)
    ((due,), _) = plan(rules, [row], DECIDED + timedelta(days=6))
    assert due.rule == "sealed-refused"


def test_the_shortest_time_is_of_any_rule() -> None:
    assert RULES.shortest("accepted") == timedelta(days=30)
    assert RULES.shortest("refused") == timedelta(days=60)  # What nobody can open.
    changed = RULES.model_copy(update={"notices": KeepNotices(keys=7, discrepancies=9)})
    assert changed.shortest_of_notices().days == 7


rows = st.builds(
    Retained,
    reference=st.from_regex(r"260131-marsh-lane-0000[0-9]", fullmatch=True),
    state=st.sampled_from(["landed", "accepted", "held", "refused"]),
    data_type=st.sampled_from([None, "ks2", "attendance", "phonics"]),
    at=st.none() | st.integers(0, 3_000).map(lambda days: DECIDED + timedelta(days=days - 2_000)),
    kept_back=st.booleans(),
    deleted=st.frozensets(st.sampled_from(WHATS)),
)


@given(
    st.lists(rows, max_size=8),
    st.integers(0, 7_000),
)
def test_nothing_is_deleted_that_must_stay(kept: list[Retained], days: int) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=days)
    due, _ = plan(RULES, kept, now)
    assert due == sorted(due, key=lambda one: (one.since, one.reference, WHATS.index(one.what)))
    for one in due:
        sources = [it for it in kept if it.reference == one.reference]
        assert one.since <= now
        assert one.what != "receipts"
        assert any(
            it.state in {"accepted", "refused"} and not it.kept_back and one.what not in it.deleted
            for it in sources
        )
    later, _ = plan(RULES, kept, now + timedelta(days=1))
    assert set(due) <= set(later)


def test_the_shipped_policy_loads_and_names_known_data_types(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    shutil.copy(ROOT / "policies" / "retention.toml", tmp_path / "policies")
    retention = load_retention(Home(tmp_path))
    known = set(tomllib.loads((ROOT / "policies" / "data_types.toml").read_text("utf-8"))["types"])
    for keep in (getattr(retention, what) for what in WHATS if what != "notices"):
        assert set(keep.by_data_type) <= known


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("accepted = 400", "accepted = 0", "sealed.accepted"),
        ("accepted = 400", 'accepted = "never"', "sealed.accepted"),
        ("accepted = 400", "keep = 400", "sealed.accepted"),
        ("refused = 90", "refused = 90\nother = 1", "sealed.other"),
        ("[people]", "[persons]", "people"),
        ("ks2 = 800", "ks2 = 9999", "receipts of ks2"),
        ("accepted = 400", 'accepted = "for ever"', "receipts of accepted"),
    ],
)
def test_a_wrong_policy_names_its_fault(tmp_path: Path, old: str, new: str, names: str) -> None:
    (tmp_path / "policies").mkdir()
    text = (ROOT / "policies" / "retention.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "policies" / "retention.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigurationError, match=r"retention\.toml") as fault:
        load_retention(Home(tmp_path))
    assert names in str(fault.value)


def test_a_deletion_can_be_logged_as_it_is_planned() -> None:
    ((due, *_), _) = plan(RULES, [row(data_type="ks2")], DECIDED + timedelta(days=800))
    Event(
        sequence=1,
        at=DECIDED,
        kind="deleted",
        subject=due.reference,
        fields={"what": due.what, "data_type": due.data_type or "", "rule": due.rule, "sha256": "0f" * 32},
    )


def certified(*deleted: DeletionRow) -> str:
    return deletion_certificate(
        deleted, organisation="Somerset County Council", policy_sha256="ab" * 32, at=DECIDED
    )


def test_a_certificate_names_each_deletion_its_rule_and_digest() -> None:
    ((due, *_), _) = plan(RULES, [row()], DECIDED + timedelta(days=401))
    other = Due(
        reference="260131-hill-top-00001", what="people", data_type=None, rule="people-refused", since=DECIDED
    )
    gone = DECIDED + timedelta(days=401)
    text = certified(
        DeletionRow(**asdict(due), deleted_at=gone, sha256="0f" * 32, size=88_888),
        DeletionRow(**asdict(other), deleted_at=gone),
    )
    for part in (
        "Deletions  2",
        due.reference,
        "sealed-accepted, due since 2027-03-07T12:00:00Z",
        "Deleted  2027-03-08T12:00:00Z",
        "0f" * 16,
        "88888 bytes",
        other.reference,
        "ab" * 16,
    ):
        assert part in text
    assert text.isascii()
    assert all(
        len(line) <= 74 and not line.startswith("-") and line == line.rstrip() for line in text.split("\n")
    )
    assert text.index(other.reference) < text.index(due.reference)


def test_an_empty_certificate_certifies_nothing() -> None:
    with pytest.raises(ValueError, match="nothing was deleted"):
        certified()
