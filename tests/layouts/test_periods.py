"""A file is judged by the pack of the period that it is about: its codes, its items, its versions."""

import io
import random
import re
import shutil
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

import pytest

from gateway.classify import classify, load_rules
from gateway.classify.views.view import make_view
from gateway.errors import ConfigurationError
from gateway.home.settings import ClassifyLimits, read_toml
from gateway.law import LawPack, load_packs, pack_on, whole
from gateway.model import Accepted, Classified, Held, Provider
from gateway.policy.catalogue import load_catalogue
from gateway.policy.decide import decide
from gateway.policy.items import basis_for
from gateway.samples import people as made_up
from tests.classify import made
from tests.layouts.by_layout import draw, files_of
from tests.policies import POLICIES

OLD, NEW = load_packs(POLICIES)
RULES = load_rules(POLICIES)


@cache
def loaded(policies: Path):
    return load_rules(policies), load_catalogue(policies)


def judged(content: bytes, now: datetime, policies: Path = POLICIES, school: str = "9996900"):
    rules, catalogue = loaded(policies)
    what = classify(io.BytesIO(content), "x", ClassifyLimits(), rules, today=now.date())
    sender = Provider(id="oak", name="Oak", kind="school", dfe_number=school, ratified=True)
    return what, decide(what, catalogue, sender, now)


def after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=2), time(9), UTC)


def census(pack: LawPack, term: str) -> tuple[bytes, datetime]:
    return draw(pack, pack.layouts["census"], term), after(pack.dates.census[term])


def codes_of(decision) -> set[str]:
    return {reason.code for reason in decision.reasons}


def transfer(version: str, day: str) -> bytes:
    text = made.ctf([made.pupil(child, made.CORE_INSIDE) for child in made.children(4)], qualifier="full")
    return text.replace("25.0", version).replace("2026-06-20T", f"{day}T").encode()


VERSIONS = [
    ("26.0", "2026-10-02", None),
    ("25.0", "2026-10-02", None),
    ("24.0", "2026-10-02", "classify:version-old"),
    ("12.0", "2026-10-02", "classify:version-old"),
    ("99.9", "2026-10-02", "classify:version-unknown"),
    ("twenty", "2026-10-02", "classify:version-unknown"),
    ("25.0", "2026-06-20", None),
    ("24.0", "2026-06-20", None),
    ("23.0", "2026-06-20", "classify:version-old"),
    ("26.0", "2026-06-20", None),
]


@pytest.mark.parametrize(("version", "day", "code"), VERSIONS)
def test_a_version_is_judged_by_the_pack_of_the_day_on_which_the_file_was_written(version, day, code):
    _, decision = judged(transfer(version, day), datetime(2026, 10, 3, 9, tzinfo=UTC), school="9991234")
    told = {each for each in codes_of(decision) if each.startswith("classify:version")}
    assert told == ({code} if code else set())
    assert isinstance(decision, Held if code == "classify:version-unknown" else Accepted)


@pytest.mark.parametrize("version", [f"{number}.0" for number in range(17, 27)])
def test_a_transfer_file_of_each_version_has_what_that_version_was_the_first_to_have(version: str):
    content = draw(NEW, NEW.layouts["ctf"], version=version)
    assert (b"<RemovalGrounds>" in content) == (version >= "18.0")
    assert (b"<FSMCategory>" in content) == (version == "26.0")
    what, decision = judged(content, datetime(2026, 11, 3, 9, tzinfo=UTC))
    assert isinstance(decision, Accepted), decision.reasons
    assert (what.unlisted, what.findings) == ((), ())
    told = "classify:version-old" in codes_of(decision)
    assert told == (version not in {"25.0", "26.0"})


def test_an_item_that_the_law_asks_for_this_year_waits_in_a_return_about_the_last_one():
    this_year, now = census(NEW, "autumn")
    assert isinstance(judged(this_year, now)[1], Accepted)
    last_year = this_year.replace(b"2026-10-01", b"2025-10-02")
    assert "policy:sensitive" in codes_of(judged(last_year, now)[1])


def test_a_code_is_known_from_the_first_day_of_its_pack_on():
    this_year, now = census(NEW, "autumn")
    assert judged(this_year, now)[0].findings == ()
    last_year = this_year.replace(b"2026-10-01", b"2025-10-02")
    told = {(each.code, each.about) for each in judged(last_year, now)[0].findings}
    assert ("code:unknown", "Pupil: FSM Eligible/Date") in told


def test_the_days_after_the_last_pack_are_judged_by_it_and_those_before_the_first_by_that():
    packs = (OLD, NEW)
    assert [pack_on(packs, day) for day in (date(2020, 1, 1), NEW.first, date(2031, 1, 1))] == [OLD, NEW, NEW]
    assert pack_on((), date(2026, 1, 1)) is None


def test_a_pack_that_extends_none_that_is_there_is_a_fault(tmp_path: Path):
    policies = shutil.copytree(POLICIES, tmp_path / "policies")
    (policies / "law-2025-26.toml").unlink()
    with pytest.raises(ConfigurationError, match="there is no pack 2025-26 before it"):
        load_catalogue(policies)


def test_an_element_that_ends_has_been_there():
    whole([OLD, NEW.model_copy(update={"ended": {"census": (OLD.layouts["census"].elements[0].name,)}})])
    with pytest.raises(ConfigurationError, match="the layout census has no element Pupil/Nowhere to end"):
        whole([OLD, NEW.model_copy(update={"ended": {"census": ("Pupil/Nowhere",)}})])


def test_a_new_element_is_one_line_of_data_and_one_of_the_layout(tmp_path: Path):
    policies = shutil.copytree(POLICIES, tmp_path / "policies")
    items, pack = policies / "items.toml", policies / "law-2026-27.toml"
    items.write_text(
        items.read_text("utf-8").replace(
            'elements = ["TuitionHours", ', 'elements = ["HomeHours", "TuitionHours", '
        ),
        "utf-8",
    )
    line = '    { name = "PupilStatus/HomeHours", holds = "number" },\n'
    pack.write_text(
        pack.read_text("utf-8").replace("[more]\ncensus = [\n", f"[more]\ncensus = [\n{line}"), "utf-8"
    )
    own = load_packs(policies)[-1]
    content = draw(own, own.layouts["census"], "spring")
    assert b"<HomeHours>" in content
    what, decision = judged(content, after(own.dates.census["spring"]), policies)
    assert isinstance(decision, Accepted), decision.reasons
    assert (what.unlisted, what.findings) == ((), ())
    assert judged(content, after(own.dates.census["spring"]))[0].unlisted != ()


def test_the_single_unique_identifier_waits_until_the_day_of_the_pack_that_asks_for_it(tmp_path: Path):
    policies = shutil.copytree(POLICIES, tmp_path / "policies")
    (policies / "law-2027-28.toml").write_text(
        """academic_year = "2027-28"
first = 2027-09-01
last = 2028-08-31
extends = "2026-27"

[dates.census]
autumn = 2027-10-07

[[lawful]]
data_type = "school-census"
items = ["Single unique identifier"]
law = "Regulations under the Children Act 2004, s. 16LA"
""",
        "utf-8",
    )
    this_year, now = census(NEW, "autumn")
    inside = b"<PupilCharacteristics><SingleUniqueIdentifier>A1</SingleUniqueIdentifier>"
    asked = this_year.replace(b"<PupilCharacteristics>", inside)
    assert asked != this_year
    next_year = asked.replace(b"2026-10-01", b"2027-10-07")
    for content, on, given in (
        (asked, now, POLICIES), (asked, now, policies), (next_year, after(date(2027, 10, 7)), POLICIES)
    ):  # fmt: skip
        _, decision = judged(content, on, given)
        assert [reason.code for reason in decision.reasons] == ["policy:awaited"]
        assert isinstance(decision, Held)
        assert "Children Act 2004, ss. 16LA to 16LC" in decision.reasons[0].sentence
        assert "Take that out" not in decision.reasons[0].next_step
    _, decision = judged(next_year, after(date(2027, 10, 7)), policies)
    assert isinstance(decision, Accepted), decision.reasons


def test_a_new_code_is_one_line_of_the_pack(tmp_path: Path):
    policies = shutil.copytree(POLICIES, tmp_path / "policies")
    pack = policies / "law-2026-27.toml"
    pack.write_text(pack.read_text("utf-8").replace('"ND", "KF"', '"ND", "KX", "KF"'), "utf-8")
    own = load_packs(policies)[-1]
    content = draw(own, own.layouts["census"], "autumn")
    assert b"<KinshipCare>KX<" in content
    now = after(own.dates.census["autumn"])
    what, _ = judged(content, now, policies)
    assert what.findings == ()
    assert [each.code for each in judged(content, now)[0].findings] == ["code:unknown"]
    basis = basis_for(
        "central-data-team", "school-census", load_catalogue(policies), "school", form=what.format
    )
    shown = bytearray()
    make_view(io.BytesIO(content), basis, load_rules(policies), ClassifyLimits(), shown.extend)
    assert b"<KinshipCare>KX<" in shown


# --- a year of schools under one pack and under the next ---------------------------------------------------

SCHOOLS = 200


def seeded(content: bytes, error: str) -> bytes:
    text = content.decode()
    if error == "wrong code":
        return text.replace("<YoungCarer>N<", "<YoungCarer>Q<", 1).encode()
    if error == "missing element":
        return re.sub(r"<EnrolStatus>\w</EnrolStatus>", "", text, count=1).encode()
    return text.encode()


def entries_of_the_later_pack() -> set[str]:
    """The labels of what the later pack adds to layouts, as its file says and the earlier one does not."""
    own = read_toml(POLICIES / "law-2026-27.toml", LawPack)
    added = {
        RULES.element_field(*each.name.split("/")[-2:]) for elements in own.more.values() for each in elements
    }
    return {RULES.fields[key].label for key in added if key is not None}


def told_under_the_earlier(content: bytes, term: str, now: datetime, school: str) -> None:
    """Fail where a return is told anything under the earlier pack that no entry of the later one explains."""
    earlier = content.replace(str(NEW.dates.census[term]).encode(), str(OLD.dates.census[term]).encode())
    what, decision = judged(earlier, now, school=school)
    assert isinstance(what, Classified)
    assert {finding.about for finding in what.findings} <= entries_of_the_later_pack()
    dated = {item for each in NEW.lawful for item in each.items}
    asked = dated - {item for each in OLD.lawful for item in each.items}
    assert asked == {"Kinship care"}
    sensitive = [reason.sentence for reason in decision.reasons if reason.code == "policy:sensitive"]
    assert all(any(item in sentence for item in asked) for sentence in sensitive)


@pytest.mark.long
def test_each_seeded_error_of_a_year_of_schools_is_found_and_no_other():
    """Each school sends the spring census of its own pupils, and a transfer file; one in four has an error.

    Under the pack of the year before, each is told of what the later pack adds, and of nothing else.
    """
    rng = random.Random(29)
    now = after(NEW.dates.census["spring"])
    found = Counter()
    for number in range(SCHOOLS):
        of = made_up.school(rng, number)
        spring = draw(NEW, NEW.layouts["census"], "spring", of=of)
        error = rng.choice(["wrong code", "missing element", "old version", *[""] * 9])
        what, decision = judged(seeded(spring, error), now, school=of.dfe_number)
        assert isinstance(decision, Accepted), decision.reasons
        told = {each.code for each in what.findings}
        version = "23.0" if error == "old version" else "26.0"
        _, transferred = judged(transfer(version, "2027-01-20"), now, school="9991234")
        told |= {code for code in codes_of(transferred) if code.startswith("classify:version")}
        expected = {
            "wrong code": {"code:unknown"},
            "missing element": {"item:missing"},
            "old version": {"classify:version-old"},
        }
        assert told == expected.get(error, set()), (number, error)
        found[error] += 1
        if not error:
            told_under_the_earlier(spring, "spring", now, of.dfe_number)
    assert min(found[error] for error in ("wrong code", "missing element", "old version")) >= 5


@pytest.mark.parametrize("term", ["autumn", "spring", "summer"])
def test_every_difference_between_two_years_is_an_entry_of_the_later_pack(term: str):
    """What the later year's return is told under the earlier pack names what the later one adds, and
    nothing else.
    """
    content, now = census(NEW, term)
    assert judged(content, now)[0].findings == ()
    told_under_the_earlier(content, term, now, "9996900")


def by_one_pack(policies: Path, pack: LawPack) -> Path:
    """Policies by which one pack judges both years: the later begins after them, or with the earlier one."""
    later = policies / f"law-{NEW.academic_year}.toml"
    text = later.read_text("utf-8").replace(f"last = {NEW.last}", "last = 2029-08-31")
    first = date(2028, 9, 1) if pack is OLD else OLD.first
    later.write_text(text.replace(f"first = {NEW.first}", f"first = {first}"), "utf-8")
    return policies


def test_a_year_of_every_return_differs_between_two_packs_by_entries_of_the_later_one_alone(tmp_path: Path):
    """Each return of both years, of every layout and term, is decided by the one pack and by the other.

    What the later one adds is to the earlier one a code or a sensitive item that it does not know.
    """
    waits = {"policy:sensitive", "policy:sensitive-heading", "policy:items-outside-held"}
    earlier, later = (
        by_one_pack(shutil.copytree(POLICIES, tmp_path / pack.academic_year), pack) for pack in (OLD, NEW)
    )
    added = entries_of_the_later_pack()
    differing = set()
    for pack in (OLD, NEW):
        for name, layout, term, content in files_of(pack):
            if layout.data_type in {"ks2", "ks4"}:  # The DfE's own files.
                continue
            now = after(pack.dates.census.get(term, pack.last))
            by_earlier, by_later = (judged(content, now, each) for each in (earlier, later))
            assert by_later[0].findings == (), name
            about = {one.about for one in by_earlier[0].findings}
            codes = codes_of(by_earlier[1]) ^ codes_of(by_later[1])
            assert about <= added, (name, about)
            assert codes <= {"policy:allowed", *waits}, (name, codes)
            if about or codes:
                differing.add((pack.academic_year, layout.data_type))
    assert differing == {("2026-27", "school-census"), ("2026-27", "student-core")}
