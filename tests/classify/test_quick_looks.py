"""What is asked of the parser, or looked at many together, says what a look at each by itself says."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.classify import Rules, classify, markup
from gateway.classify.content import Source, Unreadable
from gateway.classify.inventory import SAMPLE, Disclosure, Part
from gateway.classify.sensitive import WORDS
from gateway.classify.value_kinds import QUERIES, Judge
from gateway.home.settings import ClassifyLimits
from gateway.samples import make, variants
from tests.classify.hostile import HOSTILE

NAMES = ("Pupil", "a", "b")
FEW = ClassifyLimits(xml_attributes=3)

texts = st.sampled_from(["", " ", "\n", "text", "\u00a0", "<!-- said -->", "<?said it?>", "&lt;"])
attributes = st.lists(
    st.sampled_from(['x="1"', 'y=""', 'z="2"', 'w="3"', 'xml:lang="en"', 'xmlns:p="urn:p"', 'xmlns:q="urn:q"',
                     'xmlns:r="urn:r"', 'xmlns:s="urn:s"', 'xmlns="urn:d"']), max_size=5, unique=True,
)  # fmt: skip


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    inside = "".join(draw(elements(depth - 1)) for _ in range(draw(st.integers(0, 3)))) if depth else ""
    name, said = draw(st.sampled_from(NAMES)), draw(attributes)
    start, end, inner = " ".join([name, *said]), draw(texts), draw(texts)
    return f"<{start}>{inner}{inside}</{name}>{end}"


def told(content: bytes, limits: ClassifyLimits) -> list[tuple[str, ...]] | str:
    """All that is told beside the records of a document, and the records; or why it cannot be read."""
    found: list[tuple[str, ...]] = []
    source = Source(io.BytesIO(content), "utf-8", limits)
    try:
        records = markup.records(source, ("Pupil",), lambda *said: found.append(said))
        found.extend(("record", etree.tostring(each, with_tail=False).decode()) for each in records)
    except Unreadable as error:
        return " ".join(error.evidence)
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(elements(), min_size=1, max_size=5), attributes)
def test_a_record_is_passed_over_only_where_a_close_look_finds_nothing(
    inside: list[str], said: list[str]
) -> None:
    content = f"<{' '.join(['r', *said])}>{''.join(inside)}</r>".encode()
    for limits in (ClassifyLimits(), FEW):
        quick = told(content, limits)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(markup, "_asks_for_a_closer_look", lambda *_: True)
            patch.setattr(markup, "_SPACES", b"<")  # As if every element declared a namespace.
            assert quick == told(content, limits)


@pytest.mark.parametrize("aside", [None, lambda *_: None])
def test_too_many_attributes_are_refused_whether_or_not_anybody_is_told_of_them(aside) -> None:
    for words in (" ".join(f'a{n}="x"' for n in range(4)), " ".join(f'xmlns:a{n}="u"' for n in range(4))):
        content = f"<r><Pupil><b {words}/></Pupil></r>".encode()
        with pytest.raises(Unreadable, match="malformed"):
            list(markup.records(Source(io.BytesIO(content), "utf-8", FEW), ("Pupil",), aside))


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(1, 600)), max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_sample_is_of_the_first_values_and_bounded_while_every_value_is_counted(
    sizes: list[tuple[int, int]],
) -> None:
    shape, count = Part("", None, Disclosure(None)), 0
    for number, distinct in sizes:
        values = ["", *(f"{n * 31 % distinct}" * 90 for n in range(number))]
        shape.add(values, number)
        count += number
        if count == number:
            assert set(shape.counts) >= {value[:200] for value in values[1:SAMPLE]}
    assert shape.filled == count
    assert len(shape.counts) < 2 * SAMPLE
    assert "" not in shape.counts


SAID = (
    "Ann|SMITH|O'Neill|McDonald|Świątek|Zoë|de|del|la|van|der|of|the|adoption|Adopted|refuge|Police|Grace|Hope"
    "|social|worker|care|looked after|Taunton|Flat|Road|TA1 1AA|N999100020000|C999100020001|X999100020001|999"
    "|2016-01-02|2016-02-30|2036-01-02|01/02/2016|07700 900001|Y|N/A|12.5|09:30|12|123|1a|²|\u017f|ß|e\u0301"
    "|YC|Full|Lac|B & B|\u01c5|\u0660|AB 12 34 56 C|Ref|uge|Re|Fu|Ge|Réf|İuge|ĳ|S47|Section|47|Phq9|Ng|RĖFUGE"
)
PIECES = st.one_of(
    st.sampled_from(SAID.split("|")), st.text("ab Aś1-'\u2019.,:/&+(\n\t\x1f\xa0\xd7", max_size=4)
)
TOGETHER = st.lists(
    st.builds(
        "".join, st.lists(st.one_of(PIECES, st.sampled_from([" ", " ", "-", ", ", ",\n", "."])), max_size=20)
    ),
    max_size=12,
)


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(first=TOGETHER, second=TOGETHER)
def test_values_looked_at_together_are_judged_as_each_by_itself(
    first: list[str], second: list[str], rules: Rules
) -> None:
    parts = WORDS["parts_of_names"]
    kinds = {(rule.values, rule.identifier, key in parts): key for key, rule in rules.fields.items()}
    for key in kinds.values():
        check = rules.check(key)
        for with_queries in (True, False):
            judge = Judge(check, rules.quick(key, with_queries=with_queries))
            for values in (first, tuple(second), set(first), first + second):
                alone = {text: fault for text in values if text and check and (fault := check(text))}
                said = judge.faults(values)
                assert {t: f for t, f in said.items() if f not in QUERIES} == {
                    t: f for t, f in alone.items() if f not in QUERIES
                }, (key, values)
                assert with_queries or said == alone, (key, values)


ALL = {
    **{f"{data_type} {variant}": (data_type, variant) for data_type, variant in variants()},
    **dict.fromkeys(HOSTILE),
}


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
def test_every_sample_and_every_hostile_file_is_the_same_by_either_look(
    name: str, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = HOSTILE[name]() if ALL[name] is None else make(*ALL[name], pupils=8)

    def judged() -> str:
        return repr(classify(io.BytesIO(content), "file", ClassifyLimits(), rules))

    quick = judged()
    monkeypatch.setattr(markup, "_asks_for_a_closer_look", lambda *_: True)
    assert quick == judged()
