"""Tables (CSV, tab-separated text, worksheets), told apart by signatures in policies/data_types.toml."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import BinaryIO

from gateway.classify.content import Unreadable, unknown
from gateway.classify.delimited import Table, read_table
from gateway.classify.identifiers import is_establishment, is_la, is_urn
from gateway.classify.rules import Rules, Signature
from gateway.classify.tally import Tally
from gateway.classify.verdict import Verdict
from gateway.model import Facts, Level
from gateway.settings import ClassifyLimits

_WEIGHT: dict[Level, int] = {"certain": 3, "strong": 2, "moderate": 1}
_NAMING = ("upn", "birth-date", "former-upn", "enrolment-status", "leaving-date")


def recognise(
    content: BinaryIO, encoding: str, tally: Tally, rules: Rules, limits: ClassifyLimits
) -> Verdict:
    """Which type a delimited text is. Raises Unreadable where it is none, or more than one."""
    return judge(read_table(content, encoding, rules, limits), tally, rules, format="CSV", extension="csv")


def judge(table: Table, tally: Tally, rules: Rules, *, format: str, extension: str) -> Verdict:  # noqa: A002
    """Count the table into the tally, and say which type it is."""
    columns = _field_columns(table.header, rules)
    facts: dict[str, str] = {}
    for batch in table.batches:
        if batch:
            _count(batch, columns, tally, facts)
    if not tally.records:
        raise unknown("a table without rows", format=format)
    verdict = _decide(set(columns), tally, rules, format)
    verdict.extension = extension
    verdict.facts = _facts(facts)
    return verdict


def _field_columns(header: Iterable[str], rules: Rules) -> dict[str, list[int]]:
    columns: dict[str, list[int]] = {}
    for index, name in enumerate(header):
        key = rules.column_field(name)
        if key is not None:
            columns.setdefault(key, []).append(index)
    return columns


def _count(
    batch: list[list[str]], columns: dict[str, list[int]], tally: Tally, facts: dict[str, str]
) -> None:
    values = list(zip_longest(*batch, fillvalue=""))
    first = tally.records + 1
    tally.records += len(batch)
    blank = ("",) * len(batch)
    for key, indexes in columns.items():
        for index in indexes:
            tally.field(key).add_column(values[index] if index < len(values) else blank, first)
    for key in ("la", "establishment", "la-establishment", "urn", "academic-year", "census-term"):
        if key in columns and columns[key][0] < len(values):
            facts.setdefault(key, values[columns[key][0]][0])
    naming = [(key, columns[key][0]) for key in _NAMING if key in columns and columns[key][0] < len(values)]
    for row in range(len(batch)):
        tally.pupil({key: values[index][row] for key, index in naming}, first + row)


def _decide(present: set[str], tally: Tally, rules: Rules, format: str) -> Verdict:  # noqa: A002
    matching = [s for s in rules.data_types.tables if _fits(s, present, tally)]
    if not matching:
        raise unknown("a table whose columns fit no kind of data that is known", format=format)
    best = max(_WEIGHT[s.level] for s in matching)
    top = [s for s in matching if _WEIGHT[s.level] == best]
    types = list(dict.fromkeys(s.type for s in top))
    if len(types) > 1:
        raise Unreadable("classify:ambiguous", *(s.because for s in top), format=format)
    others = [s.type for s in matching if s.type != types[0]]
    why = [s.because for s in top] + [f"{len(present)} known columns"]
    return Verdict(types[0], top[0].level, why, format, "", runner_up=next(iter(others), None))


def _fits(signature: Signature, present: set[str], tally: Tally) -> bool:
    return (
        present.issuperset(signature.needs)
        and not present.intersection(signature.never)
        and all(present.intersection(group) for group in signature.any)
        and len(present.intersection(signature.of)) >= signature.at_least
        and all(tally.field(key).share_good() >= share for key, share in signature.share.items())
    )


def _facts(said: dict[str, str]) -> Facts:
    both = said.get("la-establishment", "").strip().replace("/", "")
    la = said.get("la", "").strip() or both[:3]
    establishment = said.get("establishment", "").strip() or both[3:]
    urn = said.get("urn", "").strip()
    return Facts(
        la=la if is_la(la) else None,
        establishment=establishment if is_establishment(establishment) else None,
        urn=urn if is_urn(urn) else None,
    )
