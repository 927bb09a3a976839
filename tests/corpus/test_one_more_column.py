"""A valid file of each type with one more column or element: none passes silently, none is shown to a team.

`headers.txt` has several hundred headers, each either sensitive, or unknown to every list. The suite tries
each in seven of the shapes, and each shape with a third of them; `make faults` tries them all everywhere.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from gateway.model import Accepted, ContentRefused, Held, ProviderKind
from gateway.samples import LAYOUTS
from gateway.samples.presentation import PLAIN
from tests.classify import made
from tests.confusion.cases import Case
from tests.corpus.corpus import HERE, judged, kind_of, verdict
from tests.views.making import view_of_type

ON = datetime(2026, 9, 30, 12, tzinfo=ZoneInfo("Europe/London"))
SENDERS: dict[str, ProviderKind] = {"ks2": "dfe", "ks4": "dfe", "fft-aspire": "fft", "alps-lpuk": "alps"}
# What is held is held for one of these, so that its reason says that there is one column too many.
NAMES_IT = {
    "sensitive": {"policy:sensitive"},
    "unknown": {"policy:unlisted-items", "classify:other-assessments", "policy:sensitive"},
}
TABLES: dict[str, tuple[str, Callable[[], made.Rows]]] = {
    "core": ("student-core", lambda: made.core_rows(4)),
    "marks": ("attendance", lambda: [row[:-1] for row in made.mark_rows(2)]),
    "weeks": ("attendance", lambda: made.week_rows(4)),
    "totals": ("attendance", lambda: made.totals_rows(4)),
    "exclusions": ("exclusions", made.exclusion_rows),
    "census": ("school-census", lambda: made.giap_census_rows(4)),
    "blade": ("school-census", lambda: made.blade_rows(4)),
    "eyfs": ("eyfs-profile", lambda: made.eyfs_rows(4)),
    "phonics": ("phonics", lambda: made.phonics_rows(4)),
    "ks1": ("ks1", lambda: made.ks1_rows(4)),
    "ks2": ("ks2", lambda: made.ks2_rows(4)),
    "ks4": ("ks4", lambda: made.ks4_rows(4)),
    "gcse": ("gcse-results", lambda: made.result_rows(["9", "4"], 4)),
    "a-level": ("a-level-results", lambda: made.result_rows(["A*", "B"], 4)),
    "fft": ("fft-aspire", lambda: made.fft_rows(4)),
    "alps": ("alps-lpuk", lambda: made.alps_rows(4)),
}
CHILDREN = made.children(3)
DOCUMENTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "ctf": (
        "student-core",
        lambda extra: made.ctf([made.pupil(c, made.CORE_INSIDE + extra) for c in CHILDREN]),
    ),
    "ctf-phonics": (
        "phonics",
        lambda extra: made.ctf([made.pupil(c, made.PHONICS + extra) for c in CHILDREN]),
    ),
    "census-xml": (
        "school-census",
        lambda extra: made.census_around(
            made.census_pupil(c).replace("</PupilOnRoll>", f"{extra}</PupilOnRoll>") for c in CHILDREN
        ),
    ),
    "attendance-xml": (
        "attendance",
        lambda extra: made.attendance_around(
            made.attendance_pupil(c).replace("</Pupil>", f"{extra}</Pupil>") for c in CHILDREN
        ),
    ),
    "exclusions-xml": (
        "exclusions",
        lambda extra: made.exclusions_around(
            made.exclusion_pupil(c).replace("<EndDate/>", f"<EndDate/>{extra}") for c in CHILDREN
        ),
    ),
}
# What the return of a type is asked for, whatever it says: it passes, with its wrong value told.
LAWFUL = {"school-census": {"Young Carer"}}
MARK = "maybe"
EXTRA = ("Y", "N", "Y", MARK)
LEFT_OUT = frozenset({"policy:unlisted-left-out", "policy:unlisted-take-out"})


@cache
def headers() -> list[tuple[str, str]]:
    with (HERE / "headers.txt").open(encoding="utf-8", newline="") as text:
        return [(kind, header) for kind, header in csv.reader(text, delimiter="\t")]


# Every so many-th header is tried in a shape: of each three shapes, every header is tried in one.
STEPS = (pytest.param(3, id="a-third"), pytest.param(1, id="all", marks=pytest.mark.faults))


def headers_for(place: int, step: int) -> list[tuple[str, str]]:
    """Those that are tried in the shape that has this place among the shapes."""
    return headers()[place % step :: step]


def wrong(kind: str, data_type: str, content: bytes) -> str | None:
    """What is wrong with the decision on a file with one thing too many; None where nothing is."""
    sender = SENDERS.get(data_type, "school")
    what, decision = judged(content, "file.dat", sender, ON)
    found = kind_of(what)
    codes = {reason.code for reason in decision.reasons}
    if found != data_type and not (isinstance(decision, Held) and "policy:sensitive" in codes):
        return f"became {found}"
    if isinstance(decision, Held):
        return None if codes & NAMES_IT[kind] else f"held, but for {codes}"
    if (
        kind == "sensitive"
        or LEFT_OUT.isdisjoint(codes)
        or not isinstance(decision, Accepted)
        or isinstance(what, ContentRefused)
    ):
        return f"{type(decision).__name__}: {codes}"
    view, _ = view_of_type("central-data-team", content, what, sender)
    return "shown to a team" if MARK.encode() in view else None


def test_there_are_enough_headers() -> None:
    kinds = [kind for kind, _ in headers()]
    assert len(set(headers())) == len(headers())
    assert kinds.count("sensitive") >= 200
    assert kinds.count("unknown") >= 100


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", TABLES)
def test_one_more_column_is_never_passed_over(name: str, step: int) -> None:
    data_type, rows = TABLES[name]
    table = rows()
    content = made.as_csv(table).encode()
    _, plain = verdict(content, "file.dat", SENDERS.get(data_type, "school"), ON)
    assert isinstance(plain, Accepted), plain
    told = {}
    for kind, header in headers_for([*TABLES].index(name), step):
        more = [[*row, header if n == 0 else EXTRA[n % len(EXTRA)]] for n, row in enumerate(table)]
        if header not in LAWFUL.get(data_type, ()):
            told[header] = wrong(kind, data_type, made.as_csv(more).encode())
    assert {header: what for header, what in told.items() if what} == {}


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_one_more_element_is_never_passed_over(name: str, step: int) -> None:
    data_type, document = DOCUMENTS[name]
    _, plain = verdict(document("").encode(), "file.dat", "school", ON)
    assert isinstance(plain, Accepted), plain
    told = {}
    for kind, header in headers_for([*DOCUMENTS].index(name), step):
        tag = "".join(c if c.isalnum() else "_" for c in header)
        content = document(f"<{tag}>{MARK}</{tag}>").encode()
        told[header] = wrong(kind, data_type, content)
    assert {header: what for header, what in told.items() if what} == {}


def samples() -> Iterator[Case]:
    """Every layout of the samples but those that hold something of another flow, which is to be told."""
    for layout in LAYOUTS:
        if layout.variant != "ctf-full-leaver":
            yield Case(layout, PLAIN, 24, errors=False, seed=5)


@pytest.mark.parametrize("case", list(samples()), ids=str)
def test_what_systems_write_is_not_stopped(case: Case) -> None:
    data_type = case.layout.data_type
    found, decision = verdict(case.build().content, "file.dat", SENDERS.get(data_type, "school"), ON)
    assert found == data_type
    assert isinstance(decision, Accepted), decision.reasons
