"""The layouts of each law pack: every element is drawn, known, and passes in the return that the law asks
for.
"""

import csv
import io
from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from functools import cache

import pytest
from lxml import etree

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.law import Element, LawPack, ReturnLayout, load_packs
from gateway.model import Accepted, Classified, Provider
from gateway.policy.catalogue import load_catalogue
from gateway.policy.decide import decide
from tests.layouts.by_layout import files_of
from tests.policies import POLICIES

PACKS = load_packs(POLICIES)
RULES, CATALOGUE = load_rules(POLICIES), load_catalogue(POLICIES)
SENDERS = {"ks2": "dfe", "ks4": "dfe"}
FILES = [(pack, *drawn) for pack in PACKS for drawn in files_of(pack)]


def name_of(case) -> str:
    pack, name, _, term, _ = case
    return f"{pack.academic_year} {name} {term or ''}"


def drawn(content: bytes, layout: ReturnLayout) -> dict[str, set[str]]:
    """What stands in a file, by heading or by path below the record."""
    found = defaultdict(set)
    if layout.format == "CSV":
        for row in csv.DictReader(io.StringIO(content.decode())):
            for heading, value in row.items():
                found[heading].add(value)
        return found
    root = etree.fromstring(content)
    for path in filter(None, (layout.record, layout.left_record)):
        for record in root.iterfind(path):
            for each in record.iter():
                if each.text and len(each) == 0:
                    above = [a.tag for a in each.iterancestors()]
                    inside = above[: above.index(record.tag)]
                    found["/".join([*reversed(inside), each.tag])].add(each.text)
    return found


@pytest.mark.parametrize("case", FILES, ids=name_of)
def test_every_element_and_every_code_of_a_layout_stands_in_a_sample(case):
    pack, _, layout, term, content = case
    there = drawn(content, layout)
    for each in layout.of_term(term):
        if each.holds != "nothing":
            assert each.name in there, each
        if each.codes and "Result" not in each.name:
            assert set(pack.code_sets[each.codes].codes) <= there[each.name], each
    for row in layout.assessments:
        results = {
            one.findtext("Result")
            for one in etree.fromstring(content).iter("StageAssessment")
            if (one.findtext("Component"), one.findtext("ResultQualifier"))
            == (row["Component"], row["ResultQualifier"])
        }
        assert results == set(pack.code_sets[row["codes"]].codes)


def is_known(layout: ReturnLayout, element: Element) -> bool:
    if layout.format == "CSV":
        return RULES.column_field(element.name) is not None
    path = f"{layout.record}/{element.name}".split("/")
    return RULES.element_field(path[-2], path[-1]) is not None


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.academic_year)
def test_items_toml_knows_every_element_of_every_layout(pack: LawPack):
    unknown = [
        f"{name}: {each.name}"
        for name, layout in pack.layouts.items()
        for each in layout.elements
        if not is_known(layout, each) and "StageAssessment" not in each.name
    ]
    assert unknown == []


@cache
def decided(content: bytes, data_type: str, now: datetime):
    what = classify(io.BytesIO(content), "x", ClassifyLimits(), RULES, today=now.date())
    kind = SENDERS.get(data_type, "school")
    number = "9996900" if kind == "school" else None
    sender = Provider(id="oak", name="Oak", kind=kind, dfe_number=number, urn="990000", ratified=True)
    return what, decide(what, CATALOGUE, sender, now)


def after(pack: LawPack, term: str | None) -> datetime:
    day = pack.dates.census.get(term, pack.last) + timedelta(days=2)
    return datetime.combine(day, time(9), UTC)


@pytest.mark.parametrize("case", FILES, ids=name_of)
def test_what_the_law_asks_for_passes_whole_on_its_day(case):
    pack, _, layout, term, content = case
    what, decision = decided(content, layout.data_type, after(pack, term))
    assert isinstance(what, Classified), what
    assert what.data_type == layout.data_type
    assert [(one.header, one.topic, one.kind) for one in what.unlisted] == []
    assert [(one.code, one.about) for one in what.findings] == []
    if (
        layout.data_type != "ks2" or layout.format == "CSV"
    ):  # A school's own assessments of KS2 wait for a person.
        assert isinstance(decision, Accepted), decision.reasons
        if layout.data_type == "school-census":  # Nobody is told to take out what a statute asks for.
            told = {reason.code for reason in decision.reasons}
            assert told - (set() if term else {"policy:out-of-season"}) == {"policy:allowed"}
