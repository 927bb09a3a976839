"""docs/clauses.md: every numbered clause of the agreement is in it, and every place it names exists."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from gateway.policy.catalogue import Catalogue
from gateway.reasons import REASONS
from tests.policy.conftest import POLICIES
from tests.policy.enforced import CLAUSES
from tests.policy.tables import table

ROOT = POLICIES.parent
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in (ROOT / "docs" / "clauses.md").read_text("utf-8").splitlines()
    if re.match(r"\| \d", line)
]


def numbered_clauses() -> list[str]:
    """Sections, clauses and sub-clauses as the agreement prints them, and the parts of its appendices."""
    text = (POLICIES / "agreement.txt").read_text("utf-8")
    printed = re.findall(r"^(?: ?- )?(\d+(?:\.\d+)*)\.? \S", text, re.MULTILINE)
    groups = list(dict.fromkeys(row["group"] for row in table("appendix_a")))
    parts = [f"11.{n + 1}" for n in range(len(groups))] + [f"12.{row['row']}" for row in table("appendix_b")]
    return sorted({*printed, *parts}, key=lambda clause: tuple(map(int, clause.split("."))))


def test_the_agreement_has_the_clauses_that_are_counted_here() -> None:
    clauses = numbered_clauses()
    assert {"1.1", "2.2.1", "5.5.5", "10.8.3", "11", "11.5", "12", "12.11"} <= set(clauses)
    assert len(clauses) == 114


def test_every_clause_is_in_the_map_once_and_in_order() -> None:
    assert [row[0] for row in ROWS] == numbered_clauses()


def test_every_clause_has_short_words_in_the_policy(catalogue: Catalogue) -> None:
    assert list(catalogue.agreement.clauses) == numbered_clauses()
    assert all(catalogue.agreement.clauses.values())


def test_every_reason_rests_on_a_clause_that_exists(catalogue: Catalogue) -> None:
    of_their_own = {code for code, each in REASONS.items() if each.rests_on == "the code"}
    assert of_their_own == set(catalogue.reasons.clauses)
    assert set(catalogue.reasons.clauses.values()) <= set(numbered_clauses())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_clause_says_who_keeps_it_and_what_is_enforced_names_its_test(row: tuple[str, ...]) -> None:
    clause, _, kept, where = row
    enforced = f"**enforced**: `test_enforced[{clause}]`"
    assert kept in {enforced, "**told**", "**a person's duty**"}
    assert (kept == enforced) is (clause in {scenario.clause for scenario in CLAUSES})
    assert kept != "**a person's duty**" or "uty of people" in where


def test_every_question_that_is_cited_is_asked() -> None:
    texts = [(ROOT / name).read_text("utf-8") for name in ("docs/clauses.md", "policies/rights.toml")]
    asked = re.findall(r"^\| (Q\d+) \|", texts[0], re.MULTILINE)
    assert asked == [f"Q{n}" for n in range(1, len(asked) + 1)]
    cited = {name for text in texts for name in re.findall(r"\bQ\d+\b", text)}
    assert cited == set(asked)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_clause_leads_somewhere(row: tuple[str, ...]) -> None:
    _, asked, _, where = row
    assert asked
    targets = re.findall(r"`([\w./-]+/[\w./-]*)(?:#([\w.]+))?`", where)
    duty = re.search(r"duty of people[:;] ?\S", where)
    assert targets or duty or re.fullmatch(r"The clauses? below it", where)
    for path, name in targets:
        if path == "/agreement":
            continue
        assert (ROOT / path).exists(), path
        if name:
            assert _has(ROOT / path, name), f"{path}#{name}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_entry_named_in_brackets_exists(row: tuple[str, ...]) -> None:
    for path, name, named in re.findall(r"`(policies/[\w.]+)#([\w.]+)` \(([^)]*)\)", row[3]):
        entries = tomllib.loads((ROOT / path).read_text("utf-8"))[name.split(".")[0]]
        known = {value for entry in entries for value in _names(entry)}
        assert {each.strip() for each in named.split(",")} <= known


def _names(entry: dict[str, object]) -> list[object]:
    inner = entry.get("data_type", [])
    nested = [each["id"] for each in inner] if isinstance(inner, list) else []
    return [entry.get("id"), entry.get("label"), entry.get("team"), *nested]


def _has(path: Path, name: str) -> bool:
    text = path.read_text("utf-8")
    if path.suffix == ".toml":
        return _has_key([tomllib.loads(text)], name.split("."))
    bodies = ast.parse(text).body
    targets = [t for node in bodies if isinstance(node, ast.AnnAssign) for t in [node.target]]
    defined = {node.name for node in bodies if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return name in defined | {target.id for target in targets if isinstance(target, ast.Name)}


def _has_key(tables: list[dict[str, object]], keys: list[str]) -> bool:
    found = [each[keys[0]] for each in tables if keys[0] in each]
    if len(keys) == 1:
        return bool(found)
    inner = [each for value in found for each in (value if isinstance(value, list) else [value])]
    return _has_key([each for each in inner if isinstance(each, dict)], keys[1:])
