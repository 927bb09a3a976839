"""Count the pupils in a file for teams without access to records (clause 2.4.2); withhold small numbers.

The output has only numbers, codes of the gateway, and postcode sectors of the right form: no other text of
the file. Subtracting one figure from another, of one table or of two files, must not reveal a number of
pupils, or a change of one, below the threshold. So:

- In each table every pupil is in one line only, and the sum of the lines shown is the only total.
- A count is shown if it reaches the threshold plus a margin, which is between 0 and the base less one.
- A figure is rounded to a multiple of the base, up or down at random, and so right on average (random
  rounding, as census offices use it).
- Margin and rounding are drawn from a secret seed of one file: reading the file again reveals nothing more,
  and another file draws anew, so a figure may change where no pupil moved, and stay where some did.
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO, Literal

from gateway.classify.identifiers import name_keys
from gateway.classify.rules import Rules
from gateway.classify.sensitive import WORDS
from gateway.classify.tally import MAIN
from gateway.classify.value_kinds import read_date
from gateway.classify.views.walk import RecordWalk, Values, Write
from gateway.home.settings import ClassifyLimits
from gateway.model import Counting


@dataclass(frozen=True, slots=True)
class SmallNumbers:
    """Rule for hiding a file's small counts: `threshold` and rounding `base` in pupils, secret `seed`."""

    threshold: int
    base: int
    seed: bytes

    def published(self, cell: str, count: int) -> int | None:
        """Return the rounded figure to publish for a count, or None to withhold the count.
        `cell`: the figure's name. A name always gets the same margin and rounding, drawn from the seed.
        """
        if count < self.threshold + self._drawn("margin", cell):
            return None
        return (count + self._drawn("rounding", cell)) // self.base * self.base

    @property
    def most_withheld(self) -> int:
        """The largest count possibly withheld."""
        return self.threshold + self.base - 2

    @property
    def slack(self) -> int:
        """The largest difference between a published figure and its count."""
        return self.base - 1

    def _drawn(self, what: Literal["margin", "rounding"], cell: str) -> int:
        """Draw a pseudo-random number below `base`, always the same for one seed, `what` and `cell`."""
        digest = hashlib.blake2b(f"{what}\0{cell}".encode(), key=self.seed, digest_size=16).digest()
        return int.from_bytes(digest) % self.base


PublishedLine = tuple[str, str, int]
"""A published line of a table: a year group or sector, a sex ("" for both), and the figure."""
OTHER = "other"
"""Line for the year groups withheld one by one, and for pupils without a year group."""


def year_lines(
    years: Mapping[str, Mapping[str, int]], rule: SmallNumbers
) -> tuple[tuple[PublishedLine, ...], int]:
    """Return the lines to publish by year group and sex, and the highest number of pupils these lines allow.
    `years`: by year group, the number of pupils by sex ("" for unknown). A year group is split by sex where
    the figures of both sexes may be published.
    """
    lines: list[PublishedLine] = []
    at_most, rest = 0, 0
    for year, sexes in years.items():
        each = {sex: rule.published(f"year {year} {sex}", sexes.get(sex, 0)) for sex in ("F", "M")}
        told = [(year, sex, figure) for sex, figure in each.items() if figure is not None]
        count, is_split = sum(sexes.values()), len(told) > 1 and sexes.get("", 0) <= rule.most_withheld
        if not is_split:
            figure = rule.published(f"year {year}", count)
            told = [] if figure is None else [(year, "", figure)]
        if not year or not told:
            rest += count
            continue
        lines += told
        at_most += sum(figure + rule.slack for _, _, figure in told)
        at_most += rule.most_withheld if is_split else 0  # pupils without a known sex
    figure = rule.published(f"year {OTHER}", rest)
    if figure is not None:
        lines.append((OTHER, "", figure))
    at_most += rule.most_withheld if figure is None else figure + rule.slack
    return tuple(lines), at_most


def division_lines(
    counts: Mapping[str, int], what: str, rule: SmallNumbers, at_most: int
) -> tuple[PublishedLine, ...]:
    """Return the lines to publish for counts of pupils divided by `what`, such as the postcode sector.
    `at_most`: the highest number of pupils that the published year groups allow. The smallest figures are
    withheld until nobody can narrow down a figure by comparing the sum of the lines with `at_most`.
    `what` is also the name by which margin and rounding are drawn.
    """
    lines = [
        (part, "", figure)
        for part, count in sorted(counts.items())
        if (figure := rule.published(f"{what} {part}", count)) is not None
    ]
    lines.sort(key=lambda line: (-line[2], line[0]))
    while lines:
        at_least = sum(max(figure - rule.slack, rule.threshold) for _, _, figure in lines)
        if at_most - at_least >= 2 * rule.slack:
            break
        lines.pop()
    return tuple(sorted(lines))


HEADER = ("School", "Period", "Table", "Group", "Sex", "Pupils")
LOW = "low"
"""Text in place of a withheld number."""

_WANTED = frozenset((
    "upn", "surname", "forename", "full-name", "birth-date", "sex", "year-group", "address", "postcode",
    "entry-date", "start-date", "leaving-date", "end-date", "enrolment-status",
))  # fmt: skip
_POSTCODE = re.compile(r"(?P<district>[A-Z]{1,2}[0-9][0-9A-Z]?) ?(?P<sector>[0-9])[A-Z]{2}", re.ASCII)
_YEAR = re.compile(r"(?:(?:CURRICULUM )?YEAR(?: GROUP)? |Y)?0?(?P<year>1[0-4]|[1-9])", re.ASCII)
_SEXES = {"F": "F", "FEMALE": "F", "2": "F", "M": "M", "MALE": "M", "1": "M"}


@dataclass(slots=True)
class PupilCounts:
    """Counts of one file's pupils: on roll, by year group and sex, and by postcode sector; arrived; left."""

    years: dict[str, Counter[str]] = field(default_factory=dict)
    sectors: Counter[str] = field(default_factory=Counter)
    arrived: int = 0
    left: int = 0


def write_counts(
    content: BinaryIO, asked: Counting, rules: Rules, limits: ClassifyLimits, write: Write
) -> None:
    """Write all counts of a classified file as one CSV in UTF-8. Raises Unreadable for faulty content."""
    counts, met = PupilCounts(), set[str]()
    for values in RecordWalk(rules, limits, _WANTED).walk(content):
        # A pupil is known in the file by UPN or name.
        born = read_date(_one(values, "birth-date"))
        surname, forename, full = (_one(values, key) for key in ("surname", "forename", "full-name"))
        who = _one(values, "upn").upper() or min(name_keys(surname, forename, full, born), default=None)
        if who is not None and who not in met:
            met.add(who)
            _count(counts, values, asked.since)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(table(counts, asked))
    write(text.getvalue().encode())


def table(counts: PupilCounts, asked: Counting) -> list[Sequence[str]]:
    """Return the header, then the rows of all tables, for one CSV."""
    rule = SmallNumbers(asked.threshold, asked.rounding, bytes.fromhex(asked.seed))
    order = ["N", "R", *map(str, range(1, 15)), ""]
    years, at_most = year_lines({year: counts.years[year] for year in order if year in counts.years}, rule)
    sectors = division_lines(counts.sectors, "sector", rule, at_most)
    arrived = division_lines({"": counts.arrived}, "arrived", rule, at_most)
    left = rule.published("left", counts.left)
    about = asked.school, asked.period
    return [
        HEADER,
        *((*about, "on roll by year group", group, sex, str(figure)) for group, sex, figure in years),
        *((*about, "on roll by postcode sector", group, "", str(figure)) for group, _, figure in sectors),
        (*about, "arrived", "", "", next((str(figure) for _, _, figure in arrived), LOW)),
        (*about, "left", "", "", LOW if left is None else str(left)),
    ]


def _count(counts: PupilCounts, values: Values, since: date | None) -> None:
    """Count a pupil as left or as on roll, and also as arrived if on roll and entered on or after `since`.
    A pupil who left before `since`, or who has no main enrolment, is not counted. If `since` is None, all
    pupils who left are counted, and nobody counts as arrived.
    """
    came, gone = _last(values, "entry-date", "start-date"), _last(values, "leaving-date", "end-date")
    if gone is not None and (came is None or gone >= came):
        counts.left += since is None or gone >= since
        return
    if _one(values, "enrolment-status").upper() not in MAIN:
        return
    said = " ".join(_one(values, "year-group").upper().split())
    found = _YEAR.fullmatch(said)
    year = found["year"] if found else ""
    year = "R" if said in WORDS["reception"] else "N" if said in WORDS["nursery"] else year
    counts.years.setdefault(year, Counter())[_SEXES.get(_one(values, "sex").upper(), "")] += 1
    counts.arrived += came is not None and since is not None and came >= since
    # Policies of before have postcodes among the lines of an address.
    texts = (*values.get("postcode", ()), *values.get("address", ()))
    postcodes = (" ".join(text.upper().split()) for text in texts)
    if (found := next(filter(None, map(_POSTCODE.fullmatch, postcodes)), None)) is not None:
        counts.sectors[f"{found['district']} {found['sector']}"] += 1


def _last(values: Values, *keys: str) -> date | None:
    """Return the latest date found in the first field of `keys` that has a value; None without a date."""
    texts: Sequence[str] = next((values[key] for key in keys if key in values), ())
    return max(filter(None, map(read_date, texts)), default=None)


def _one(values: Values, key: str) -> str:
    return values.get(key, [""])[0]
