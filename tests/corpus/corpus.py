"""Reading the tables of the corpus, and asking the gateway about one line of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.classify import Rules, classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused, Decision, Provider, ProviderKind, Refused
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.decide import decide

HERE = Path(__file__).parent
POLICIES = HERE.parents[1] / "policies"
LIMITS = ClassifyLimits()
COLUMNS = ["file", "sender", "on", "type", "outcome", "reasons", "teams", "why"]

# Senders whose numbers, or whose schools, are on record; others are known by their kind alone.
SENDERS: Mapping[str, Provider] = {
    "oak": Provider(id="oak", name="Oak", kind="school", dfe_number="9992001", urn="120001", ratified=True),
    "elm": Provider(id="elm", name="Elm", kind="school", dfe_number="9992002", ratified=True),
    "trust": Provider(
        id="trust", name="Trust", kind="academy", schools=("9992001", "9992002", "120003"), ratified=True
    ),
}

Files = Mapping[str, Callable[[], bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a table: a file, who sends it when, and what must become of it."""

    table: str
    file: str
    sender: ProviderKind
    on: datetime
    type: str
    outcome: str
    reasons: frozenset[str]
    teams: frozenset[str]

    def __str__(self) -> str:
        return f"{self.table}: {self.file} from {self.sender} on {self.on:%Y-%m-%d}"


def tables() -> list[str]:
    """The names of all tables."""
    return sorted(path.stem for path in HERE.glob("*.tsv"))


@cache
def files(table: str) -> Files:
    """The files of a table, by name."""
    found: Files = import_module(f"tests.corpus.{table}").FILES
    return found


def lines(table: str) -> list[Line]:
    """The lines of a table, in its order."""
    with (HERE / f"{table}.tsv").open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [_line(table, row) for row in rows]


def _line(table: str, row: dict[str, str]) -> Line:
    if list(row) != COLUMNS or None in row.values():
        raise AssertionError(f"{table}.tsv: a line with other columns than {COLUMNS}: {row}")
    return Line(
        table=table,
        file=row["file"],
        sender=row["sender"],  # type: ignore[arg-type] - decide() would refuse any other
        on=datetime.fromisoformat(row["on"]).replace(tzinfo=ZoneInfo("Europe/London")),
        type=row["type"],
        outcome=row["outcome"],
        reasons=frozenset(row["reasons"].split()),
        teams=frozenset(row["teams"].split()) - {"-"},
    )


@cache
def shipped() -> tuple[Rules, Catalogue]:
    """The policies as shipped."""
    return load_rules(POLICIES), load_catalogue(POLICIES)


def verdict(content: bytes, name: str, sender: ProviderKind, on: datetime) -> tuple[str, Decision]:
    """The data type (or the code of a refusal) and the decision on a file of a provider that has ratified."""
    found, decision = judged(content, name, sender, on)
    return kind_of(found), decision


def judged(
    content: bytes, name: str, sender: ProviderKind, on: datetime
) -> tuple[Classified | ContentRefused, Decision]:
    """What a file of a provider that has ratified is, and the decision on it."""
    rules, catalogue = shipped()
    found = classify(io.BytesIO(content), name, LIMITS, rules, today=on.date())
    provider = SENDERS.get(sender) or Provider(id="oak", name="Oak", kind=sender, ratified=True)
    return found, decide(found, catalogue, provider, on)


def kind_of(found: Classified | ContentRefused) -> str:
    """The data type, or the code of the refusal."""
    return found.data_type if isinstance(found, Classified) else found.code


def teams_of(decision: Decision) -> frozenset[str]:
    """The teams of a decision; a refused file has none."""
    return frozenset() if isinstance(decision, Refused) else frozenset(decision.teams)
