"""Make synthetic schools and pupils: invented names, impossible UPNs (LA 999) with valid check letters."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from types import SimpleNamespace
from typing import Any, Literal

from stdnum.gb.upn import calc_check_digit

MARKER = "GWSAMPLE"
LA = "999"


Phase = Literal["primary", "secondary"]


@cache
def data(name: str) -> dict[str, Any]:
    """Return the content of a TOML file of this package, by name without the suffix."""
    return tomllib.loads(files("gateway.samples").joinpath(f"{name}.toml").read_text("utf-8"))


_WORDS: dict[str, list[str]] = data("records")["words"]
_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """An invented school. `dfe_number` is LA + establishment, 7 digits; the LA is always 999."""

    name: str
    la: str = LA
    establishment: str
    urn: str
    phase: Phase
    centre: str

    @property
    def dfe_number(self) -> str:
        """LA + establishment, 7 digits."""
        return self.la + self.establishment


class Pupil(SimpleNamespace):
    """An invented pupil, as a school's system records one; `fault` is the quality fault planted, or ""."""

    @property
    def has_needs(self) -> bool:
        """True for a pupil with special educational needs."""
        return bool(self.sen_provision != "N")

    @property
    def has_learner_number(self) -> bool:
        """True for a pupil in year 9 or above, whose ULN a census includes."""
        return bool(self.year.isdigit() and int(self.year) >= 9)


def school(rng: Random, n: int, *, phase: Phase | None = None) -> School:
    """Return the `n`th invented school, 0 <= n < 900. If `phase` is None, primary and secondary schools
    alternate.
    """
    kind: Phase = phase or ("primary" if n % 2 == 0 else "secondary")
    title = "Primary School" if kind == "primary" else "Academy"
    base = 2000 if kind == "primary" else 4000
    return School(
        name=f"{rng.choice(_WORDS['schools'])} {rng.choice(('Hill', 'Green', 'Park', 'Road'))} {title}",
        establishment=f"{base + n:04d}",
        urn=f"{990000 + n:06d}",
        phase=kind,
        centre=f"{99001 + n:05d}",
    )


def upn(establishment: str, year_of_entry: int, serial: int) -> str:
    """Return a permanent UPN of LA 999 with the check letter. `serial` is 0 to 999."""
    digits = f"{LA}{establishment}{year_of_entry % 100:02d}{serial:03d}"
    return calc_check_digit(digits) + digits


def temporary_upn(permanent: str) -> str:
    """Return a temporary UPN made from `permanent`: last digit as a letter, with a matching check letter."""
    rest = permanent[1:-1] + _LETTERS[int(permanent[-1])]
    return calc_check_digit(rest) + rest


def wrong_upn(permanent: str) -> str:
    """Return `permanent` with a wrong check letter."""
    other = _LETTERS[(_LETTERS.index(permanent[0]) + 7) % len(_LETTERS)]
    return other + permanent[1:]


def academic_year(on: date) -> int:
    """Return the year in which the academic year of the day `on` began (1 September)."""
    return on.year if on >= date(on.year, 9, 1) else on.year - 1


def pupils(
    rng: Random, of: School, count: int, *, years: Sequence[str], today: date, narrow: bool = False
) -> list[Pupil]:
    """Return `count` invented pupils with distinct UPNs. `years`: the year groups, "R" or "1" to "13".
    `narrow`: every name has only characters of Windows-1252.
    """
    return [_pupil(rng, of, n, rng.choice(years), today, narrow=narrow) for n in range(count)]


def _pupil(rng: Random, of: School, n: int, year: str, today: date, *, narrow: bool) -> Pupil:
    # A date of birth for a child in year group `year` in the academic year of `today`.
    age_on_31_august = 4 if year == "R" else 4 + int(year)
    latest = date(academic_year(today) - age_on_31_august, 8, 31)
    born = latest - timedelta(days=rng.randrange(365))
    started = date(academic_year(born) + 5, 9, 4)
    first_school = of.establishment if n < 1000 else f"{int(of.establishment) + 100 * (n // 1000):04d}"
    wide = not narrow and rng.random() < 0.1
    which = "wide_" if wide else ""
    forename, surname = rng.choice(_WORDS[f"{which}forenames"]), rng.choice(_WORDS[f"{which}surnames"])
    known = {
        "upn": upn(first_school, started.year, n % 1000),
        "former_upn": upn("2999", started.year, n % 1000) if rng.random() < 0.05 else "",
        "uln": _checked(rng, "", 10),
        "uci": f"{of.centre}0{today.year % 100:02d}{n:04d}{rng.choice(_LETTERS)}",
        "candidate": f"{1001 + n:04d}",
        "nhs_number": _checked(rng, "999", 0),  # of the test range
        "surname": surname,
        "forename": forename,
        "middle_names": MARKER,
        "dob": born,
        "year": year,
        "boarder": "N",
        "entry_date": min(started, today),
        "fault": "",
    }
    drawn = {name: _drawn(rng, way, started, today) for name, way in data("records")["pupil"].items()}
    return Pupil(
        **known,
        **drawn,
        registration_group=f"{year}{drawn['group']}",
        postcode=f"ZZ{drawn['district']} {drawn['unit']}ZZ",
        guardian=f"{rng.choice(_WORDS['forenames'][:6])} {surname}",
    )


def _drawn(rng: Random, way: Mapping[str, Any], came: date, today: date) -> object:
    """Return a random value by a recipe (`way`) of records.toml, for a child who joined on the day `came`."""
    match way:
        case {"of": values}:
            return rng.choice(_WORDS[values] if isinstance(values, str) else values)
        case {"weights": weights}:
            return rng.choices([*weights], weights=[*weights.values()])[0]
        case {"chance": odds}:
            return rng.random() < odds
        case {"days": most}:
            return min(came + timedelta(days=rng.randrange(most)), today)
        case _:
            return rng.randint(*way["between"])


def _checked(rng: Random, start: str, base: int) -> str:
    """Return ten digits with the check digit of a ULN (`base` 10) or an NHS number (0), modulo 11."""
    while True:
        first = [int(digit) for digit in start or str(rng.randrange(1, 10))]
        first += [rng.randrange(10) for _ in range(9 - len(first))]
        check = (base - sum(d * w for d, w in zip(first, range(10, 1, -1), strict=True))) % 11
        if check < 10:
            return "".join(map(str, [*first, check]))


# Plant quality faults: choose the pupils, and count what the receipt should report. A fault sits in exactly
# one pupil, and at most a fifth of the pupils have any, so that a file with faults keeps its type.
# `upn:duplicate` repeats a whole record: the number of distinct pupils stays the same, and each repetition
# counts once.

DUPLICATE = "upn:duplicate"
RECORD_FAULTS = (
    "upn:check-letter", "upn:temporary", DUPLICATE, "item:missing", "code:unknown", "date:future",
)  # fmt: skip

MissingItem = Literal["surname", "upn"]
PupilCode = Literal["ethnicity", "sex", "enrol_status", "sen_provision"]
CodeField = PupilCode | Literal["result"]
_UNKNOWN_CODES = {"ethnicity": "QQQQ", "sex": "Q", "enrol_status": "Q", "sen_provision": "W"}


def plant(
    rng: Random,
    pupils: Sequence[Pupil],
    faults: Sequence[str],
    *,
    code: CodeField,
    missing: MissingItem,
    today: date,
) -> tuple[list[Pupil], dict[str, int]]:
    """Return pupils of whom some have faults planted, and the number of pupils with each kind of fault.
    `faults`: the kinds to plant. `code`: the field to get an unknown code; for "result", only the pupil's
    `fault` is set, and the layout writes an unknown code. `missing`: the item left empty. The fault
    date:future is in the date of birth.
    """
    # A fault for each pupil to spoil: all kinds in turn, at least one, at most a fifth of `count`.
    count = len(pupils)
    order = rng.sample(list(faults), len(faults))
    budget = min(max(1, count // 5), len(faults) * max(1, count // 60))
    chosen = [order[n % len(order)] for n in range(budget)] if order else []
    victims = rng.sample(range(len(pupils)), len(chosen))
    planted = list(pupils)
    for index, fault in zip(victims, chosen, strict=True):
        pupil = pupils[index]
        changes: dict[str, Any] = {"fault": fault}
        match fault:
            case "upn:check-letter":
                changes["upn"] = wrong_upn(pupil.upn)
            case "upn:temporary":
                changes["upn"] = temporary_upn(pupil.upn)
            case "item:missing":
                changes[missing] = ""
            case "date:future":
                changes["dob"] = date(today.year + 20, 1, 15)
            case "code:unknown" if code != "result":
                changes = {code: _UNKNOWN_CODES[code]}
        planted[index] = Pupil(**vars(pupil) | changes)
        if fault == DUPLICATE:
            planted.append(planted[index])
    return planted, {fault: chosen.count(fault) for fault in dict.fromkeys(chosen)}
