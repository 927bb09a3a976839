"""Read what a file states about itself: its school, its period, and the system that wrote it."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date

from gateway.classify.identifiers import is_establishment, is_la, is_urn
from gateway.classify.tally import Tally
from gateway.model import Facts

_TWO_YEARS = re.compile(r"(20\d\d)\D?(?:20)?(\d\d)", re.ASCII)
_LA_AND_ESTABLISHMENT = re.compile(r"(\d{3})\W?(\d{4})", re.ASCII)
_VERSION = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?", re.ASCII)
_TERMS = {"AUT": "autumn", "SPR": "spring", "SUM": "summer"}
_SOFTWARE_LENGTH = 40
_ACADEMIC_YEAR_STARTS = 8  # August


def academic_year(text: str) -> str | None:
    """Return the academic year in a text such as 2025/26, 202526 or 2025-2026, as 2025/26."""
    found = _TWO_YEARS.fullmatch(text.strip())
    if found is None or (int(found[1]) + 1) % 100 != int(found[2]):
        return None
    return f"{found[1]}/{found[2]}"


def academic_year_from(start: str) -> str | None:
    """Return the academic year starting in the calendar year `start`."""
    return academic_year(f"{start}/{(int(start) + 1) % 100:02}") if re.fullmatch(r"20\d\d", start) else None


def academic_year_of(day: date | None) -> str | None:
    """Return the academic year of a day; years start in August."""
    if day is None:
        return None
    return academic_year_from(str(day.year if day.month >= _ACADEMIC_YEAR_STARTS else day.year - 1))


def term(text: str) -> str | None:
    """Return the term named by the first three letters of a text."""
    return _TERMS.get(text.strip().upper()[:3])


def software(name: str) -> str | None:
    """Return the name of the program that wrote a file, as safe text: ASCII, at most 40 characters."""
    kept = "".join(c for c in name if c.isascii() and (c.isalnum() or c in " .-_/"))
    return kept[:_SOFTWARE_LENGTH].strip() or None


def version(text: str) -> str | None:
    """Return a version number such as "26.0"; None for a blank text, "" for a text of another form."""
    found = _VERSION.fullmatch(text.strip())
    return f"{int(found[1])}.{int(found[2] or 0)}" if found else "" if text.strip() else None


def school(la: str, establishment: str, urn: str = "") -> Facts:
    """Return facts with these numbers of a school, leaving out malformed numbers."""
    return Facts(
        la=la.strip() if is_la(la) else None,
        establishment=establishment.strip() if is_establishment(establishment) else None,
        urn=urn.strip() if is_urn(urn) else None,
    )


def table_facts(tally: Tally) -> Facts:
    """Return the facts most rows of a table agree on."""
    numbers = _counts(tally, "school-number")
    both = [(found, n) for v, n in numbers if (found := _LA_AND_ESTABLISHMENT.fullmatch(v))]
    las = [*_counts(tally, "la-number"), *((found[1], n) for found, n in both)]
    establishments = [*numbers, *((found[2], n) for found, n in both)]
    years, terms = _counts(tally, "academic-year"), _counts(tally, "census-term")
    return Facts(
        la=_majority((v, n) for v, n in las if is_la(v)),
        establishment=_majority((v, n) for v, n in establishments if is_establishment(v)),
        urn=_majority((v, n) for v, n in numbers if is_urn(v)),
        academic_year=_majority((year, n) for v, n in years if (year := academic_year(v))),
        term=_majority((name, n) for v, n in terms if (name := term(v))),
    )


def _counts(tally: Tally, key: str) -> list[tuple[str, int]]:
    """Return the values of a field that is counted, each with its number of records."""
    known = tally.fields.get(key)
    return [(v.strip(), n) for v, n in (known.counts or Counter()).items()] if known else []


def _majority(pairs: Iterable[tuple[str, int]]) -> str | None:
    counts: Counter[str] = Counter()
    for value, count in pairs:
        counts[value] += count
    value, count = next(iter(counts.most_common(1)), ("", 0))
    return value if 2 * count > counts.total() else None
