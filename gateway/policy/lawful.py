"""Law packs: the pack in force on a day, and the requirements of coming returns. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.law import LawPack, Reference, pack_on
from gateway.policy.catalogue_schema import Catalogue

WARN_DAYS = 60
"""So many days before the last pack ends, somebody is to see to the next one."""


def standing_of(pack: LawPack, packs: tuple[LawPack, ...], day: date) -> str:
    """Return the standing of a pack on a day: past, in force, or coming."""
    if pack_on(packs, day) == pack:
        return "in force" if pack.first <= day <= pack.last else "in force beyond its days"
    return "coming" if pack.first > day else "past"


def ends_without_another(packs: tuple[LawPack, ...], day: date) -> date | None:
    """Return the last day of the last pack, if within 60 days and without a successor."""
    if not packs or packs[-1].last > day + timedelta(days=WARN_DAYS):
        return None
    return packs[-1].last


def names_today(catalogue: Catalogue, day: date | None, text: str | None = None) -> tuple[Reference, ...]:
    """Return the documents and systems cited under an old name by the agreement, with names of a day.

    Without a day, use the last pack. With a text, return only the names cited in the text.
    """
    pack = pack_on(catalogue.law, day)
    return tuple(each for each in (pack.references if pack else ()) if text is None or each.cited in text)


def told_today(found: Iterable[Reference]) -> Iterator[str]:
    """Yield a sentence with today's name for each cited name."""
    return (f"where the agreement says {each.cited}, it is today: {each.today}" for each in found)


@dataclass(frozen=True, slots=True)
class AskedSoon:
    """A new requirement of a coming return, and the day of the return."""

    data_type: str
    on: date | None
    says: str


def asked_soon(catalogue: Catalogue, day: date) -> tuple[AskedSoon, ...]:
    """Return the new requirements of returns in this pack's period, leaving out past days."""
    pack = pack_on(catalogue.law, day)
    if pack is None or not pack.first <= day <= pack.last:
        return ()
    found = (
        AskedSoon(each.data_type, pack.dates.census.get(each.term) if each.term else None, each.says)
        for each in pack.coming
    )
    return tuple(each for each in found if each.on is None or each.on >= day)
