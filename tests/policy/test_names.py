"""The names that policy files use: names.toml says where each stands, and check tells which do not fit."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from gateway.law import LawPack
from gateway.policy.catalogue import Catalogue
from gateway.policy.citations import citations, names, names_at
from gateway.policy.crosscheck import contradictions
from gateway.policy.schema import CLAUSE
from gateway.record.policy_check import SHAPES

SORTS, CITATIONS = [sort for sorts in names()[0].values() for sort in sorts], names()[1]
MODELS: dict[str, type[BaseModel]] = {**SHAPES, "law-*.toml": LawPack}
PLACES = [
    *CITATIONS,
    *(place for sort in SORTS for place in (*sort.defined, *sort.used_in, *sort.named_in)),
]
# Clauses that the files say something of, and rest nothing on.
NO_CITATIONS = {
    "agreement.toml clauses",
    "agreement.toml printed",
    "agreement.toml uncited",
    "confirmed.toml clauses",
}
OPTIONAL_FLOWS = "flows.toml optional."


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a field holds, however deep in lists, tables and choices."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in models_in(each)]


def fields_of(model: type[BaseModel], path: str = "") -> list[tuple[str, Any]]:
    """Every field of a file by its path, with what it holds."""
    found = []
    for name, field in model.model_fields.items():
        found.append((f"{path}{name}", (field.annotation, field.metadata)))
        for inner in models_in(field.annotation):
            found += fields_of(inner, f"{path}{name}.")
    return found


EVERY_FIELD = {f"{file} {path}": holds for file, model in MODELS.items() for path, holds in fields_of(model)}


@pytest.mark.parametrize("place", sorted(set(PLACES)))
def test_every_place_is_a_field_of_its_file(place: str) -> None:
    assert place.removesuffix(".*").replace(".*.", ".") in EVERY_FIELD


def test_every_field_that_holds_clauses_is_a_place_of_citations() -> None:
    """A file that begins to cite a clause cannot be forgotten: its type says that it is one."""
    clauses = {place for place, holds in EVERY_FIELD.items() if CLAUSE in repr(holds)}
    named = {place.removesuffix(".*") for place in CITATIONS}
    assert named >= {
        place
        for place in clauses - NO_CITATIONS
        if not place.startswith(OPTIONAL_FLOWS) and not any(place.startswith(f"{each}.") for each in named)
    }


def test_names_are_found_with_their_place_and_what_stands_around_them(catalogue: Catalogue) -> None:
    first = next(names_at(catalogue.files, "flows.toml flow.data_type.teams"))
    assert first.location == ("flow", 0, "data_type", 0, "teams")
    assert first.within["id"] == catalogue.flows.flow[0].data_type[0].id
    barred = [each.location for each in names_at(catalogue.files, "rights.toml right.not_from")]
    items = [each.location for each in names_at(catalogue.files, "rights.toml right.not_from.*")]
    assert set(items) == set(barred)
    assert barred[0][-1] in catalogue.bodies.kinds()


def test_a_citation_is_named_by_the_entry_that_cites(catalogue: Catalogue) -> None:
    found = {by for _, by in citations(catalogue)}
    assert {"data type attendance", "team sen", "reason policy:no-flow", "telling ico of a breach"} <= found


def test_shipped_policies_use_only_names_that_are_defined(catalogue: Catalogue) -> None:
    assert not list(contradictions(catalogue))
