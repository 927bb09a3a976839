"""What does not matter: the order of pupils and columns, indentation, encoding, what is unknown."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.model import Classified, ContentRefused
from tests.classify import made
from tests.classify.cases import A_LEVEL_JCQ, GCSE_JCQ, MIXED_JCQ, TABLES, XML
from tests.classify.conftest import Classify

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")


def told(found: Classified | ContentRefused) -> tuple:
    """All that must not change; row numbers may, evidence is compared elsewhere."""
    assert isinstance(found, Classified), found
    findings = {(f.code, f.about, f.severity, f.count) for f in found.findings}
    return (
        found.data_type,
        found.mixed_with,
        found.level,
        found.pupils,
        found.facts,
        found.items,
        found.other_items,
        findings,
    )


def spoilt(text: str, number: int) -> str:
    """The record with a fault now and then, so that findings are compared too."""
    child = made.Child(number)
    faults = {
        1: (child.upn, "Q207000016049"),
        2: (child.born, "2027-01-01"),
        3: (f"<Surname>{child.surname}</Surname>", ""),
    }
    return text.replace(*faults.get(number % 5, ("", "")))


def spoilt_rows(rows: made.Rows) -> made.Rows:
    header, *records = rows
    for number, record in enumerate(records):
        if number == 1:
            record[0] = records[0][0]
        if number == 2 and "Ethnicity" in header:
            record[header.index("Ethnicity")] = "ZZZZ"
    return [header, *records]


@pytest.mark.parametrize("case", XML, ids=lambda case: case.name)
def test_xml_shuffled_and_indented(classify: Classify, case) -> None:
    records = [spoilt(case.record(child), child.number) for child in made.children(20)]
    plain = told(classify(case.around(records).encode()))
    shuffler = random.Random(7)
    for spaces in ("", "  ", "\t", "\n\n   "):
        shuffler.shuffle(records)
        document = etree.fromstring(case.around(records).encode())
        etree.indent(document, space=spaces)
        assert told(classify(etree.tostring(document))) == plain


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("case", XML, ids=lambda case: case.name)
def test_xml_in_any_encoding(classify: Classify, case, encoding: str) -> None:
    text = case.text().replace('encoding="UTF-8"', f'encoding="{_declared(encoding)}"')
    if not text.startswith("<?xml"):
        text = f'<?xml version="1.0" encoding="{_declared(encoding)}"?>' + text
    assert told(classify(text.encode(encoding, "xmlcharrefreplace"))) == told(classify(case.text().encode()))


def _declared(encoding: str) -> str:
    return {"cp1252": "Windows-1252", "utf-8-sig": "UTF-8"}.get(
        encoding, "UTF-16" if "16" in encoding else "UTF-8"
    )


@pytest.mark.parametrize("case", XML, ids=lambda case: case.name)
def test_unknown_elements_in_xml(classify: Classify, case) -> None:
    strange = "<Strange a='1'><Stranger>text</Stranger><!-- a comment --><?a thing?></Strange>"
    records = [
        case.record(child).replace("</UPN>", f"</UPN>{strange}") for child in made.children(case.count)
    ]
    assert told(classify(case.around(records).encode())) == told(classify(case.text().encode()))


@pytest.mark.long
@pytest.mark.parametrize("case", TABLES, ids=lambda case: case.name)
@QUICK
@given(seed=st.randoms(use_true_random=False))
def test_tables_shuffled(classify: Classify, case, seed: random.Random) -> None:
    header, *records = spoilt_rows(case.rows())
    plain = told(classify(made.as_csv([header, *records]).encode()))
    order = list(range(len(header)))
    seed.shuffle(order)
    seed.shuffle(records)
    rows = [[row[i] for i in order] for row in (header, *records)]
    place = seed.randrange(len(order) + 1)
    for row in rows:
        row.insert(place, "Anything else" if row is rows[0] else "x")
    delimiter, end = seed.choice(",;\t"), seed.choice(["\n", "\r\n", "\r"])
    text = made.as_csv([*_above(seed), *rows], delimiter, end)
    encoded = text.encode(seed.choice(ENCODINGS), "replace")
    assert told(classify(encoded)) == plain


def _above(seed: random.Random) -> made.Rows:
    return seed.choice(
        [[], [["A report of 20 November 2026"], []], [["School", "A School"], ["Sent by", "me"]]]
    )


@pytest.mark.parametrize("text", [GCSE_JCQ, A_LEVEL_JCQ, MIXED_JCQ], ids=["gcse", "a level", "mixed"])
@QUICK
@given(seed=st.randoms(use_true_random=False))
def test_candidates_shuffled(classify: Classify, text: str, seed: random.Random) -> None:
    lines = text.split("\r\n")
    candidates = lines[2:-3]
    seed.shuffle(candidates)
    shuffled = "\n".join([*lines[:2], *(line.rstrip() for line in candidates), *lines[-3:]])
    assert told(classify(shuffled.encode(seed.choice(["utf-8", "cp1252"])))) == told(classify(text.encode()))
