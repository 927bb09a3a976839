"""What is told of a file of several parts is kept whole, and its decision names each part's reasons."""

from datetime import UTC, datetime

import pytest

from gateway.model import Classified, ContentRefused, Held, Provider, Refused
from gateway.policy.decide import decide
from gateway.registry.transfers import CONTENT
from tests.classify import made
from tests.classify.conftest import Classify
from tests.corpus.books import zipped
from tests.corpus.corpus import shipped

CORE = made.as_csv(made.core_rows()).encode()
MARKS = made.as_csv(made.mark_rows()).encode()
CUT_OFF = b"<CTfile><Pupil>"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def refused(found: Classified | ContentRefused) -> ContentRefused:
    assert isinstance(found, ContentRefused), found
    return found


def test_the_registry_keeps_every_part(classify: Classify) -> None:
    found = refused(classify(zipped({"a.csv": CORE, "b.csv": MARKS, "c.xml": CUT_OFF})))
    assert [type(part).__name__ for part in found.parts] == ["Classified", "Classified", "ContentRefused"]
    assert CONTENT.validate_json(CONTENT.dump_json(found)) == found


@pytest.mark.parametrize(
    ("members", "outcome", "codes"),
    [
        ([CORE, MARKS], Held, {"classify:several-kinds"}),
        ([CORE, CUT_OFF], Held, {"classify:several-kinds", "classify:malformed"}),
        (
            [CUT_OFF, b"MZ program"],
            Held,
            {"classify:several-kinds", "classify:malformed", "classify:document"},
        ),
        ([CUT_OFF, CUT_OFF], Refused, {"classify:malformed"}),
        (
            [CORE, made.as_csv(made.ks2_rows()).encode()],
            Held,
            {"classify:several-kinds", "policy:assessment", "policy:other-school"},
        ),
    ],
)
def test_each_part_is_decided(
    classify: Classify, members: list[bytes], outcome: type, codes: set[str]
) -> None:
    _, catalogue = shipped()
    found = classify(zipped({f"{n}.dat": content for n, content in enumerate(members)}))
    decision = decide(found, catalogue, Provider(id="oak", name="", kind="school", ratified=True), NOON)
    assert isinstance(decision, outcome)
    assert {reason.code for reason in decision.reasons} == codes
    assert getattr(decision, "teams", ()) == ()


def test_pupils_of_a_file_that_waits_for_its_parts_are_heard_of_by_nobody(classify: Classify) -> None:
    heard: list[str] = []
    classify(
        zipped({"a.csv": CORE, "b.csv": MARKS}),
        on_pupils=lambda said, _: heard.extend(one[0] for one in said),
    )
    assert heard == []


def test_pupils_of_several_files_of_one_kind_are_heard_of_once_a_record(classify: Classify) -> None:
    heard: list[tuple[str, int]] = []
    other = made.as_csv([made.core_rows()[0], *made.core_rows(20)[13:]]).encode()
    found = classify(
        zipped({"a.csv": CORE, "b.csv": other}),
        on_pupils=lambda said, _: heard.extend((one[0], one[4]) for one in said),
    )
    assert isinstance(found, Classified)
    assert found.pupils == len({upn for upn, _ in heard}) == 20
    assert [record for _, record in heard] == list(range(1, len(heard) + 1))


def test_a_pupil_in_two_files_is_told_of(classify: Classify) -> None:
    found = classify(zipped({"a.csv": CORE, "b.csv": CORE}))
    assert isinstance(found, Classified)
    assert found.pupils == 12
    assert [(f.code, f.count) for f in found.findings if f.code == "upn:duplicate"] == [("upn:duplicate", 12)]


RESULTS = made.as_csv(made.result_rows(["9", "5", "4"])).encode()
BY_SUBJECT = b"Subject,Entry Code\nMaths,8300H\nHistory,8145\n"


@pytest.mark.parametrize(
    ("members", "data_type"),
    [
        ([RESULTS, BY_SUBJECT], "gcse-results"),
        ([BY_SUBJECT, RESULTS], "gcse-results"),
        ([RESULTS, b"Subject,Entry Code,Zz\nMaths,8300H,sad\n"], None),
        ([RESULTS, b"Subject,Forename\nMaths,Bo\n"], None),
        ([RESULTS, b"Subject,Entry Code\n"], None),
        ([RESULTS, CUT_OFF], None),
        ([CORE, BY_SUBJECT], None),
    ],
    ids=[
        "behind",
        "before",
        "a column that nobody knows",
        "a name",
        "no row",
        "no table",
        "beside core data",
    ],
)
def test_a_table_that_says_of_nobody_may_stand_beside_results(
    classify: Classify, members: list[bytes], data_type: str | None
) -> None:
    found = classify(zipped({f"{n}.csv": content for n, content in enumerate(members)}))
    if data_type is None:
        assert refused(found).code == "classify:several-kinds"
    else:
        assert isinstance(found, Classified), found
        assert (found.data_type, found.pupils, found.evidence[0]) == (data_type, 12, "1 files of one kind")
