"""Counts of a roll, against an attacker who knows the rule and subtracts whatever can be subtracted."""

import csv
import io
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from io import BytesIO

import pytest

from gateway.classify.views.counts import (
    OTHER,
    PupilCounts,
    SmallNumbers,
    division_lines,
    table,
    write_counts,
    year_lines,
)
from gateway.model import Counting
from gateway.samples import make, school
from tests.views.making import LIMITS, RULES

THRESHOLD, BASE = 5, 5
SMALL = range(1, THRESHOLD)
Interval = tuple[int, int]


def rule(seed: int = 0, threshold: int = THRESHOLD, base: int = BASE) -> SmallNumbers:
    return SmallNumbers(threshold, base, seed.to_bytes(32))


def asked(seed: str = "ab" * 32, since: date | None = date(2026, 1, 16)) -> Counting:
    return Counting(
        threshold=THRESHOLD, rounding=BASE, seed=seed, since=since, school="oak", period="2025-26-summer"
    )


def counted(data: bytes, how: Counting | None = None) -> list[dict[str, str]]:
    out = bytearray()
    write_counts(BytesIO(data), how or asked(), RULES, LIMITS, out.extend)
    return list(csv.DictReader(io.StringIO(bytes(out).decode(), newline="")))


# What the attacker may conclude of one number from what is told of it.


def possible(told: int | None) -> Interval:
    """The counts that may be behind a figure, or behind one that is withheld, by the published rule."""
    if told is None:
        return 0, THRESHOLD + BASE - 2
    return max(THRESHOLD, told - BASE + 1), told + BASE - 1


def narrowed(cells: dict[str, Interval], totals: list[tuple[set[str], set[str]]]) -> dict[str, Interval]:
    """What follows from all together: the first cells of each pair add up to no more than the second."""
    changed = True
    while changed:
        changed = False
        for less, more in totals:
            low = sum(cells[name][0] for name in less)
            high = sum(cells[name][1] for name in more)
            for name in less:
                top = high - (low - cells[name][0])
                changed |= top < cells[name][1]
                cells[name] = cells[name][0], min(cells[name][1], top)
            for name in more:
                bottom = low - (high - cells[name][1])
                changed |= bottom > cells[name][0]
                cells[name] = max(cells[name][0], bottom), cells[name][1]
    return cells


def concludes(interval: Interval) -> bool:
    """Whether this says for certain that there is a number below the threshold which is not zero."""
    low, high = interval
    return low > high or (low >= 1 and high < THRESHOLD) or (high <= -1 and low > -THRESHOLD)


def attack(counts: PupilCounts, how: SmallNumbers) -> dict[str, Interval]:
    """What the attacker knows of each group of one file, from all its tables together."""
    years, at_most = year_lines(counts.years, how)
    sectors = division_lines(counts.sectors, "sector", how, at_most)
    arrived = division_lines({"": counts.arrived}, "arrived", how, at_most)
    cells: dict[str, Interval] = {}
    shown = {(group, sex): figure for group, sex, figure in years}
    for year in {*counts.years, OTHER}:
        for sex in ("F", "M", ""):
            if (year, sex) in shown:
                cells[f"{year} {sex}"] = possible(shown[year, sex])
        if (year, "F") in shown:
            cells[f"{year} unknown"] = possible(None)
    if (OTHER, "") not in shown:
        cells[f"{OTHER} "] = possible(None)
    on_roll = set(cells)
    lived = {f"sector {group}": possible(figure) for group, _, figure in sectors}
    came = dict.fromkeys(("arrived",) if arrived else (), possible(arrived[0][2]) if arrived else (0, 0))
    alone = {**cells, **lived, **came}
    together = narrowed(dict(alone), [(set(lived), on_roll), (set(came), on_roll)])
    assert together == alone, "one table narrows down what another tells"
    return together


def roll(rng: random.Random, size: int) -> PupilCounts:
    """A roll of some size, with small and lopsided year groups, hamlets and newcomers."""
    years = ["R", "1", "2", "3", "4", "5", "6", ""][: rng.randint(1, 8)]
    sectors = [f"TA{n} {n}" for n in range(1, rng.randint(2, 7))]
    years = [""] if rng.random() < 0.1 else years
    sectors = sectors if rng.random() < 0.8 else sectors[:1]
    counts = PupilCounts()
    boys = rng.choice([0.05, 0.5, 1.0])
    for _ in range(size):
        sex = rng.choices(["M", "F", ""], [boys, 1.02 - boys, 0.02])[0]
        counts.years.setdefault(rng.choice(years), Counter())[sex] += 1
        counts.sectors[rng.choice(sectors)] += rng.random() < 0.97
        counts.arrived += rng.random() < 0.2
    return counts


def moved(rng: random.Random, counts: PupilCounts) -> PupilCounts:
    """The same roll some time later: a few pupils have come, left, or moved house."""
    after = PupilCounts({year: sexes.copy() for year, sexes in counts.years.items()}, counts.sectors.copy())
    for _ in range(rng.randint(0, 3)):
        year = rng.choice(list(after.years))
        sex = rng.choice(["M", "F"])
        step = rng.choice([1, -1]) if after.years[year][sex] else 1
        after.years[year][sex] += step
        sector = rng.choice(list(after.sectors) or ["TA1 1"])
        after.sectors[sector] = max(0, after.sectors[sector] + step)
        after.arrived += step > 0
    return after


@pytest.mark.parametrize("start", range(8))
def test_no_small_number_follows_from_all_tables_of_a_school_nor_from_two_files_of_it(start: int):
    rng = random.Random(start)
    for number in range(60):
        before = roll(rng, rng.choice([3, 9, 12, 25, 40, 90, 210]))
        first = attack(before, rule(2 * number))
        second = attack(moved(rng, before), rule(2 * number + 1))
        assert not any(map(concludes, first.values())), first
        for name in first.keys() & second.keys():
            (low, high), (lowest, highest) = second[name], first[name]
            assert not concludes((low - highest, high - lowest)), (name, first[name], second[name])


@pytest.mark.parametrize(("threshold", "base"), [(3, 3), (5, 5), (5, 10), (10, 10)])
def test_whatever_is_told_of_two_counts_no_small_difference_follows(threshold: int, base: int):
    told: dict[int | None, set[int]] = {}
    for count in range(4 * base + threshold):
        for seed in range(12 * base):
            told.setdefault(rule(seed, threshold, base).published("x", count), set()).add(count)
    # The last figures could come of counts that were not tried.
    figures = [each for each in told if each is None or each <= 3 * base]
    for before, after in itertools.product(figures, repeat=2):
        changes = {b - a for a in told[before] for b in told[after]}
        assert not changes <= set(range(1, threshold))
        assert not changes <= set(range(1 - threshold, 0))
    assert told[None] == set(range(threshold + base - 1))
    assert all(
        count >= threshold for figure, counts in told.items() if figure is not None for count in counts
    )


def test_a_figure_flips_where_nobody_moved_and_stays_where_somebody_did():
    pairs = [
        (rule(2 * seed).published("x", 23), rule(2 * seed + 1).published("x", 23 + step))
        for seed in range(100)
        for step in (0, 1)
    ]
    unmoved, one_more = pairs[::2], pairs[1::2]
    for seen in (unmoved, one_more):
        assert any(before == after for before, after in seen)
        assert any(before != after for before, after in seen)


def test_figures_are_right_on_average():
    figures = [rule(seed).published("x", 23) or 0 for seed in range(2000)]
    assert abs(sum(figures) / len(figures) - 23) < 0.3


def test_nothing_is_told_of_a_year_group_or_a_sector_in_which_few_are():
    counts = PupilCounts({"1": Counter(F=4), "2": Counter(M=30, F=2), "3": Counter(M=30, F=28)})
    counts.sectors = Counter({"TA1 1": 4, "TA2 2": 60})
    for seed in range(50):
        rows = table(counts, asked(seed.to_bytes(32).hex()))
        groups = {(row[3], row[4]) for row in rows}
        assert "1" not in {group for group, _ in groups}
        assert {("2", "M"), ("2", "F")}.isdisjoint(groups)
        assert "TA1 1" not in {group for group, _ in groups}
        assert {("2", ""), ("3", "M"), ("3", "F")} <= groups
        assert all(int(row[5]) % BASE == 0 for row in rows[1:] if row[5] != "low")


# From real files.


FORMATS = [
    ("school-census", "xml-autumn"),
    ("school-census", "xml-summer-zip"),
    ("school-census", "csv-blade-pupils"),
    ("student-core", "csv-core"),
    ("student-core", "xlsx-core"),
    ("student-core", "ctf-full"),
    ("student-core", "csv-aliases-utf16"),
]


def sample(data_type: str, variant: str, pupils: int = 120) -> bytes:
    rng = random.Random(5)
    return make(data_type, variant, rng=rng, school=school(rng, 1), pupils=pupils)


@pytest.mark.parametrize(("data_type", "variant"), FORMATS)
def test_a_roll_is_counted_in_each_format(data_type: str, variant: str):
    rows = counted(sample(data_type, variant))
    on_roll = [row for row in rows if row["Table"] == "on roll by year group"]
    assert 80 <= sum(int(row["Pupils"]) for row in on_roll) <= 150
    assert {row["Group"] for row in on_roll} <= {"N", "R", *map(str, range(1, 15)), OTHER}
    assert {row["Table"] for row in rows} >= {"on roll by year group", "arrived", "left"}
    assert {(row["School"], row["Period"]) for row in rows} == {("oak", "2025-26-summer")}


@pytest.mark.parametrize(("data_type", "variant"), FORMATS)
def test_two_readings_give_the_same_tables_and_another_file_draws_anew(data_type: str, variant: str):
    data = sample(data_type, variant)
    assert counted(data) == counted(data)
    others = [counted(data, asked(f"{seed:064x}")) for seed in range(4)]
    assert any(each != others[0] for each in others)


@pytest.mark.parametrize(("data_type", "variant"), FORMATS)
def test_no_text_of_the_file_is_in_its_tables(data_type: str, variant: str):
    data = sample(data_type, variant, pupils=400)
    said = {value for row in counted(data) for name, value in row.items() if name not in {"School", "Period"}}
    tables = {"on roll by year group", "on roll by postcode sector", "arrived", "left"}
    allowed = {*tables, "", "F", "M", OTHER, "N", "R", "low"}
    assert all(value in allowed or value.isdigit() or _is_sector(value) for value in said), said


def _is_sector(value: str) -> bool:
    district, _, sector = value.partition(" ")
    return district[:2].isalpha() and sector.isdigit() and len(sector) == 1


def test_who_came_and_who_left_since_the_census_before_is_counted():
    header = "UPN,Surname,Forename,Date of Birth,Gender,NCY,Entry Date,Leaving Date,Enrolment Status,Postcode"
    rows = [header, *_pupils(30, "2026-02-01", ""), *_pupils(40, "2020-09-01", "", first=30)]
    rows += _pupils(25, "2020-09-01", "2026-03-01", first=70)
    rows += _pupils(25, "2020-09-01", "2025-03-01", first=95)
    rows += [row.replace(",C,", ",S,") for row in _pupils(50, "2026-02-01", "", first=120)]
    by_table: dict[str, int] = Counter()
    for row in counted("\r\n".join(rows).encode()):
        by_table[row["Table"]] += int(row["Pupils"])
    assert abs(by_table["arrived"] - 30) < BASE
    assert abs(by_table["left"] - 25) < BASE
    assert abs(by_table["on roll by year group"] - 70) < 2 * BASE
    assert abs(by_table["on roll by postcode sector"] - 70) < BASE


def test_year_0_is_counted_as_reception():
    header = "UPN,Surname,Forename,Date of Birth,Gender,NCY,Entry Date,Leaving Date,Enrolment Status,Postcode"
    pupils = (row.replace(",4,", ",Year 0,") for row in _pupils(40, "", ""))
    rows = counted("\r\n".join([header, *pupils]).encode())
    assert {row["Group"] for row in rows if row["Table"] == "on roll by year group"} == {"R"}


def test_who_came_back_is_on_roll_and_who_left_has_left_whether_or_not_a_day_of_entry_is_told():
    header = "UPN,Surname,Forename,Date of Birth,Gender,NCY,Entry Date,Leaving Date,Enrolment Status,Postcode"
    came_back = _pupils(40, "2026-02-01", "2026-01-20")
    left = _pupils(25, "", "2026-03-01", first=40)
    by_table: dict[str, int] = Counter()
    for row in counted("\r\n".join([header, *came_back, *left]).encode()):
        by_table[row["Table"]] += int(row["Pupils"])
    assert abs(by_table["on roll by year group"] - 40) < 2 * BASE
    assert abs(by_table["arrived"] - 40) < BASE
    assert abs(by_table["left"] - 25) < BASE


def _pupils(count: int, came: str, left: str, first: int = 0) -> Iterator[str]:
    for number in range(first, first + count):
        sex = "FM"[number % 2]
        name = f"Sample{chr(97 + number // 26)}{chr(97 + number % 26)}"
        yield f",{name},A,2016-01-{number % 28 + 1:02},{sex},4,{came},{left},C,TA1 1AA"
