"""Making views for tests, as a viewer makes them."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from pathlib import Path

from gateway.classify import classify, load_rules
from gateway.classify.views.view import make_view
from gateway.home.settings import ClassifyLimits
from gateway.model import Basis, Classified, ContentRefused
from gateway.policy.catalogue import load_catalogue
from gateway.policy.items import basis_for

POLICIES = Path(__file__).parents[2] / "policies"
RULES = load_rules(POLICIES)
CATALOGUE = load_catalogue(POLICIES)
LIMITS = ClassifyLimits()
TODAY = date(2026, 6, 16)


def found(data: bytes) -> Classified | ContentRefused:
    """What a content is."""
    return classify(BytesIO(data), "x", LIMITS, RULES, today=TODAY)


def recognised(data: bytes) -> Classified:
    """What a content is, which is of some type."""
    what = found(data)
    assert isinstance(what, Classified), what
    return what


def view_of(data: bytes, basis: Basis) -> tuple[bytes, tuple[str, ...]]:
    """The view of a content, and what was left out of it."""
    out = bytearray()
    left_out, whole = make_view(BytesIO(data), basis, RULES, LIMITS, out.extend)
    return data if whole else bytes(out), left_out


def view_for(team: str, data: bytes, sender: str = "school") -> tuple[bytes, tuple[str, ...]]:
    """A team's view of a content by the policies as shipped."""
    return view_of_type(team, data, recognised(data), sender)


def view_of_type(team: str, data: bytes, what: Classified, sender: str) -> tuple[bytes, tuple[str, ...]]:
    """The same where it is known what the content is."""
    told, form = what.unlisted, what.format
    basis = basis_for(team, what.data_type, CATALOGUE, sender, told, form=form)  # type: ignore[arg-type]
    return view_of(data, basis)
