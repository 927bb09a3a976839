"""Reads the oracles: tables typed from the agreement, one TSV file each."""

import csv
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.model import Classified, Decision, Facts, Provider, ProviderKind
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import Declaration, decide_method

HERE = Path(__file__).parent


def table(name: str) -> list[dict[str, str]]:
    """The rows of NAME.tsv by column."""
    with (HERE / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def words(cell: str) -> tuple[str, ...]:
    return tuple(cell.split())


def london(text: str) -> datetime:
    """A moment by the clock in Somerset."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/London"))


def provider(kind: ProviderKind = "school", *, ratified: bool = True, **more: object) -> Provider:
    return Provider(**({"id": "oak", "name": "Oak", "kind": kind, "ratified": ratified} | more))  # type: ignore[arg-type]


def classified(
    data_type: str, *, facts: Facts | None = None, pupils: int | None = 30, **more: object
) -> Classified:
    fields = {
        "data_type": data_type,
        "level": "certain",
        "evidence": (),
        "format": "ctf",
        "extension": "xml",
        "pupils": pupils,
        "facts": facts or Facts(),
    }
    return Classified(**(fields | more))  # type: ignore[arg-type]


def with_safeguards(declaration: Declaration, catalogue: Catalogue) -> Decision:
    """The decision on a declared transfer, if every safeguard is confirmed."""
    everything = frozenset(catalogue.methods.safeguards())
    return decide_method(replace(declaration, safeguards=everything), catalogue)
