"""Who has signed the agreement for a provider, in which role and under which text."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.errors import GatewayError
from gateway.model import Provider
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.small_schemas import Signatory
from gateway.registry import agreements, log, providers
from gateway.registry.database import Registry
from gateway.registry.tables import RatificationRow
from tests.policies import POLICIES
from tests.registry.test_deliveries import NOW, registry

__all__ = ["registry"]
YEAR = "2026-27"
HEAD = Signatory(role="head", name="Head", by_copy=True)
CHAIR = Signatory(role="chair", name="Chair of Governors")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """One by whose agreement two people sign."""
    found = load_catalogue(POLICIES)
    two = found.agreement.model_copy(update={"signatory": (HEAD, CHAIR)})
    return found.model_copy(update={"agreement": two})


def signed_by(signatory: str, provider: str = "school-a", year: str = YEAR) -> RatificationRow:
    return RatificationRow(
        provider=provider, academic_year=year, signatory=signatory, ratified_on=NOW.date(),
        ends_on=NOW.date() + timedelta(days=365), recorded_at=NOW, recorded_by="admin", text_sha256="",
    )  # fmt: skip


def sign(registry: Registry, catalogue: Catalogue, role: str | None, signatory: str) -> tuple[str, ...]:
    """Who is still to sign."""
    with registry.write() as session:
        return agreements.sign(session, catalogue, signed_by(signatory), role, actor="admin")


def test_the_agreement_is_ratified_once_each_role_has_signed_the_same_text(
    registry: Registry, catalogue: Catalogue
) -> None:
    before = catalogue.model_copy(update={"text_sha256": "0" * 64})
    assert sign(registry, before, "head", "The former Head") == ("Chair of Governors",)
    assert sign(registry, catalogue, "chair", "The Chair") == ("Head",)
    with registry.read() as session:
        assert agreements.ratifications(session, "school-a") == []
    assert sign(registry, catalogue, "head", "The Head") == ()
    with registry.read() as session:
        (ratified,) = agreements.ratifications(session, "school-a")
        signed = agreements.signatures(session, "school-a", YEAR, catalogue.text_sha256)
        assert agreements.signatures(session, "school-a", YEAR, "0" * 64) == []
        assert agreements.signatures(session, "school-a", "2025-26", catalogue.text_sha256) == []
        assert agreements.signatures(session, "school-b", YEAR, catalogue.text_sha256) == []
        told = [(event.kind, event.actor) for event in log.events(session, "school-a")]
    assert told == [*[("signed-in-part", "admin")] * 3, ("ratified", "admin")]
    assert (ratified.signatory, ratified.text_sha256) == ("The Chair; The Head", catalogue.text_sha256)
    assert [(one.role, one.signatory, one.signed_on) for one in signed] == [
        ("chair", "The Chair", NOW.date()), ("head", "The Head", NOW.date()),
    ]  # fmt: skip


def test_of_a_year_those_open_parties_are_counted_who_ratified_for_it(registry: Registry) -> None:
    with registry.write() as session:
        for name, kind in (("ash", "school"), ("elm", "school"), ("fir", "school"), ("yew", "academy")):
            providers.add_provider(session, Provider(id=name, name=name, kind=kind), NOW)
        providers.close(session, "fir", NOW.date(), NOW)
        signed = (("school-a", YEAR), ("ash", YEAR), ("elm", "2025-26"), ("fir", YEAR), ("yew", YEAR))
        for name, year in signed:
            agreements.ratify(session, signed_by("The Head", name, year), instead=False)
        assert agreements.year_counts(session, YEAR, ["school"]) == {
            "education_providers": 3, "ratified": 2, "expectations": 0,
        }  # fmt: skip


def test_nobody_signs_twice_nor_in_no_role_nor_in_one_that_is_not_asked_for(
    registry: Registry, catalogue: Catalogue
) -> None:
    sign(registry, catalogue, "head", "The Head")
    for role, told in (
        ("head", "the head of school-a has signed for 2026-27 already"),
        (None, "say as which role they signed: one of head, chair"),
        ("char", "asks for no signature of char"),
    ):
        with pytest.raises(GatewayError, match=told):
            sign(registry, catalogue, role, "Somebody")


def test_a_notice_ends_what_was_signed_for_its_year_and_for_later_ones(
    registry: Registry, catalogue: Catalogue
) -> None:
    day, years = NOW.date(), ("2025-26", YEAR, "2027-28")
    with registry.write() as session:
        for year, roles in zip(years, (("head", "chair"), ("head", "chair"), ("head",)), strict=True):
            for role in roles:
                row = signed_by(role, year=year)
                row.ends_on = day if year == years[0] else None
                agreements.sign(session, catalogue, row, role, actor="admin")
        assert agreements.end(session, "school-a", day + timedelta(days=10), day) == (YEAR,)
        text = catalogue.text_sha256
        left = [len(agreements.signatures(session, "school-a", year, text)) for year in years]
        assert left == [2, 0, 0]
