"""Convert files and findings to answers of the console API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticUseDefault

from gateway.acts.act import columns_of
from gateway.classify.findings import FINDINGS, describe
from gateway.mailboxes.names import file_name
from gateway.model import Classified, ContentRefused, Finding
from gateway.policy.catalogue import Catalogue
from gateway.registry.deliveries import Delivery
from gateway.zones.console_api import Named, Shown
from gateway.zones.http_paths import BEYOND_ROWS


def _or_default(given: object, checked: ValidatorFunctionWrapHandler) -> object:
    try:
        return checked(given)
    except ValidationError:
        raise PydanticUseDefault from None


OR_DEFAULT = WrapValidator(_or_default)
"""A part of an address that makes no sense is as if it was not given: nobody is led away from the page."""
Before = Annotated[int | None, Field(ge=0, lt=BEYOND_ROWS), OR_DEFAULT]
"""The number of a row, below which a page of a list begins; whatever is no number is the first page."""


def type_named(catalogue: Catalogue, data_type: str | None) -> Named | None:
    """Return a data type's id with its name on receipts; None without a data type."""
    if data_type is None:
        return None
    name = catalogue.wording.name(data_type)
    unnamed = f"{data_type[:1].upper()}{data_type[1:].replace('-', ' ')}"
    return Named(id=data_type, name=unnamed if name == data_type else name)


def team_named(catalogue: Catalogue, team: str) -> Named:
    """Return a team's id with its name, or with the id again if no such team is known."""
    found = catalogue.team(team)
    return Named(id=team, name=team if found is None else found.name)


def file_row(delivery: Delivery) -> Shown:
    """Convert a delivery to a list row: ids, times, and the size of a whole file."""
    names = ("reference", "sequence", "provider", "data_type", "period", "landed_at")
    return columns_of([delivery], *names)[0] | {
        "size": delivery.content_size if delivery.whole else None,
        "new": not delivery.collected,
        "name": file_name(delivery),
    }


def file_seen(delivery: Delivery, catalogue: Catalogue, names: Mapping[str, str]) -> Shown:
    """Convert a delivery to a list row, with the names of school and kind of data."""
    return file_row(delivery) | {
        "provider": Named(id=delivery.provider, name=names.get(delivery.provider, delivery.provider)),
        "data_type": type_named(catalogue, delivery.data_type),
    }


def findings_seen(content: Classified | ContentRefused | None) -> tuple[Shown, ...]:
    """Return the findings about a file, except codes that this version has no words for."""
    found: tuple[Finding, ...] = content.findings if isinstance(content, Classified) else ()
    return tuple(
        {"sentence": describe(each), "count": each.count, "rows": each.rows}
        for each in found
        if each.code in FINDINGS
    )
