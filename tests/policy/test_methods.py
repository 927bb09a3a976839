"""Section 5: each safeguard given and missing (safeguards.tsv), what may not travel so at all.

safeguards.tsv: one line for each safeguard that a method needs for some data in some circumstances. With
all lines of that method, data and circumstances attested the transfer is allowed; without any one it is not.
"""

from collections.abc import Iterable

import pytest

from gateway.model import Decision, Held, ProviderKind, Refused, Settled
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import Declaration, decide_method
from tests.policy.tables import london, provider, table, with_safeguards, words

NOON = london("2026-11-24T12:00")
SAFEGUARDS = table("safeguards")
SENDERS: dict[str, ProviderKind] = {"ks2": "dfe", "fft-aspire": "fft"}


def _declare(
    catalogue: Catalogue, method: str, data: str, safeguards: Iterable[str] = (), circumstances: str = ""
) -> Decision:
    declared = Declaration(
        provider=provider(SENDERS.get(data, "school")),
        method=method,
        data=data,
        at=NOON,
        safeguards=frozenset(safeguards),
        circumstances=frozenset(words(circumstances)),
    )
    return decide_method(declared, catalogue)


def _needed(row: dict[str, str]) -> set[str]:
    same = ("method", "data", "circumstances")
    return {each["safeguard"] for each in SAFEGUARDS if all(each[key] == row[key] for key in same)}


@pytest.mark.parametrize("row", SAFEGUARDS, ids=lambda row: "-".join(row.values()))
def test_given(catalogue: Catalogue, row: dict[str, str]) -> None:
    needed = _needed(row)
    decision = _declare(catalogue, row["method"], row["data"], needed, row["circumstances"])
    assert isinstance(decision, Settled)
    assert decision.teams == ()
    codes = [reason.code for reason in decision.reasons]
    assert codes == ["policy:method-allowed", *["policy:safeguard-given"] * len(needed)]
    assert row["clause"] in {reason.clause for reason in decision.reasons}


@pytest.mark.parametrize("row", SAFEGUARDS, ids=lambda row: "-".join(row.values()))
def test_missing(catalogue: Catalogue, row: dict[str, str]) -> None:
    given = _needed(row) - {row["safeguard"]}
    decision = _declare(catalogue, row["method"], row["data"], given, row["circumstances"])
    assert isinstance(decision, Refused)
    told = [(reason.code, reason.clause) for reason in decision.reasons]
    assert told == [("policy:safeguard-missing", row["clause"])]


def test_every_safeguard_of_the_policy_is_in_the_table_or_stands_in_for_one(catalogue: Catalogue) -> None:
    tested = {row["safeguard"] for row in SAFEGUARDS}
    assert {each.id for each in catalogue.methods.safeguard} - tested == {"bonded-courier"}


@pytest.mark.parametrize(
    ("method", "data", "given"),
    [
        ("email", "student-core", ("egress-reply",)),
        ("post", "case-files", ("double-wrapped", "bonded-courier", "return-address", "addressee-only")),
        ("post", "finance", ("return-address", "addressee-only")),
        ("post", "safeguarding", ("tracked-special-delivery", "return-address", "addressee-only")),
        ("b2b", "attendance", ()),
        ("b2b", "exclusions", ()),
        ("b2b", "student-core", ()),
    ],
)
def test_another_safeguard_may_stand_in(
    catalogue: Catalogue, method: str, data: str, given: tuple[str, ...]
) -> None:
    assert isinstance(_declare(catalogue, method, data, given), Settled)


def test_a_bonded_courier_does_not_stand_in_for_special_delivery(catalogue: Catalogue) -> None:
    given = ("bonded-courier", "return-address", "addressee-only")
    decision = _declare(catalogue, "post", "health-or-social-care", given)
    assert [reason.clause for reason in decision.reasons] == ["5.4.1"]


@pytest.mark.parametrize(
    ("method", "data", "kind", "told"),
    [
        ("post", "exclusions", "school", ("policy:method-not-allowed", "2.5.1")),
        ("fax", "attendance", "school", ("policy:method-not-allowed", "2.4.3")),
        ("fax", "phonics", "academy", ("policy:method-not-allowed", "7.5.1")),
        ("b2b", "case-files", "school", ("policy:method-not-allowed", "5.2.1")),
        ("b2b", "ks2", "dfe", ("policy:method-not-allowed", "5.2.1")),
        ("portal", "phonics", "school", ("policy:method-not-allowed", "12")),
        ("s2s", "ks2", "dfe", ("policy:method-not-allowed", "5.3.3")),
        ("pigeon", "student-core", "school", ("policy:method-not-allowed", "5.1")),
        ("sftp", "student-core", "school", ("policy:method-not-declared", "5.1")),
        ("post", "student-core", "dfe", ("policy:sender-not-in-flow", "12.1")),
        ("post", "case-files", "fft", ("policy:no-flow", "12")),
        ("post", "staff-list", "school", ("policy:no-flow", "12")),
    ],
)
def test_no_safeguard_mends_what_is_not_allowed(
    catalogue: Catalogue, method: str, data: str, kind: ProviderKind, told: tuple[str, str]
) -> None:
    declared = Declaration(provider=provider(kind), method=method, data=data, at=NOON)
    decision = with_safeguards(declared, catalogue)
    assert isinstance(decision, Refused)
    assert [(reason.code, reason.clause) for reason in decision.reasons] == [told]


def test_who_has_not_ratified_waits(catalogue: Catalogue) -> None:
    declared = Declaration(provider=provider(ratified=False), method="b2b", data="attendance", at=NOON)
    decision = decide_method(declared, catalogue)
    assert isinstance(decision, Held)
    assert [reason.code for reason in decision.reasons] == ["policy:agreement-not-ratified"]


@pytest.mark.parametrize(
    ("at", "waits"), [("2026-08-20T07:59", True), ("2026-08-20T08:00", False), ("2026-05-01T08:00", False)]
)
def test_results_do_not_travel_another_way_before_their_moment(
    catalogue: Catalogue, at: str, waits: bool
) -> None:
    declared = Declaration(provider=provider(), method="b2b", data="gcse-results", at=london(at))
    decision = decide_method(declared, catalogue)
    assert isinstance(decision, Held if waits else Settled)
    if isinstance(decision, Held):
        assert decision.until == london("2026-08-20T08:00")
