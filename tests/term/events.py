"""What happens once in the year: keys, people and schools change; a laptop is stolen; a parent asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

import asyncssh

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.homes.demo.parties import Party
from gateway.mailboxes.mailbox_access import Person
from gateway.processor.service import open_registrar
from gateway.record.registrar import Registrar
from gateway.registry.database import Registry
from tests.term.schools import Sender
from tests.term.year import Year
from tests.whole import collect

NEXT = "2026-27"


@dataclass(frozen=True, slots=True)
class Desk:
    """What `collect` wants to know of a gateway."""

    home: Home
    registry: Registry

    @property
    def now(self) -> datetime:
        """By the clock of the year."""
        return datetime.now(UTC)

    def registrar(self) -> AbstractContextManager[Registrar]:
        """As for a command."""
        return open_registrar(self.home, lambda: self.now)


@contextmanager
def desk_of(year: Year) -> Iterator[Desk]:
    """The mailboxes' end of the home."""
    home = Home(year.office.home)
    registry = Registry(load_settings(home).database_url(home))
    try:
        yield Desk(home, registry)
    finally:
        registry.close()


def collects(year: Year, party: Party, team: str, most: int) -> int:
    """A member of staff opens the latest files of their team; how many."""
    key = asyncssh.read_public_key(str(party.ssh_public)).get_fingerprint()
    listed = year.office.ask(
        "transfers", "list", "--team", team, "--state", "accepted", "--data-type", "attendance"
    )
    with desk_of(year) as desk:
        for one in listed[-most:]:
            collect(desk, Person(party.name, key), team, one["reference"])  # type: ignore[arg-type]
    return len(listed[-most:])


def a_new_key(year: Year) -> None:
    """A school drops a new key, and reads its fingerprint out."""
    one = year.schools.schools[0]
    fresh = Party(one.id, year.folder / "fresh")
    year.schools.send(one, fresh.certificate.read_bytes(), "new.asc", "keys")
    year.process()
    fingerprint = str(fresh.openpgp.extract_certificate().fingerprint)
    with year.office.task("Confirm a new key that a school dropped"):
        year.office.type("keys", "list", one.id)
        year.office.type("keys", "confirm", one.id, fingerprint)


def a_move_of_staff(year: Year) -> None:
    """One changes teams, one leaves."""
    moved, left = year.staff[-1], year.staff[0]
    with year.office.task("Move a member of staff to another team"):
        year.office.type(
            "staff", "set", moved.name, "--team", "admissions-and-entitlements", "--why", "a new team"
        )
    with year.office.task("Take a member of staff out"):
        year.office.type("staff", "remove", left.name, "--why", "left the authority")


def a_parcel(year: Year) -> None:
    """Something goes by post."""
    with year.office.task("Record what went another way"):
        year.office.type(
            "declarations", "add", "--method", "post", "--provider", year.schools.schools[1].id,
            "--data", "safeguarding", "--safeguard", "special-delivery", "--safeguard", "return-address",
            "--safeguard", "addressee-only",
        )  # fmt: skip


def a_stolen_laptop(year: Year) -> None:
    """What one person had opened is concerned; the record is made, amended, shown."""
    person = year.staff[1]  # Of education welfare.
    opened = collects(year, person, "education-welfare", 60)
    assert opened
    (key,) = year.office.ask("keys", "list", person.name, "--staff")
    now = datetime.now(UTC)
    with year.office.task("Deal with a stolen laptop"):
        year.office.type("keys", "revoke", person.name, key["fingerprint"], "--staff", "--why", "stolen")
        year.office.type(
            "breach", "record", "--aware-at", f"{now:%Y-%m-%dT%H:%M+00:00}", "--person", person.name,
            "--nature", "confidentiality", "--what", "A laptop was stolen.",
            "--measure", "Its key was revoked.",
        )  # fmt: skip
        year.office.type("breach", "record", "--amend", "1", "--notified-at", f"{now:%Y-%m-%dT%H:%M+00:00}")
        year.office.type("breach", "show", "1", "--annex", "--html", str(year.folder / "breach.html"))


def a_parent_asks(year: Year) -> None:
    """A subject access request: found, reported."""
    one = year.schools.schools[0]
    upn = _upn_in(one, year)
    with year.office.task("Answer a subject access request"):
        year.office.type(
            "pupils", "report", "--upn", upn, "--why", "request 1", "--html", str(year.folder / "sar.html")
        )


def _upn_in(one: Sender, year: Year) -> str:
    """A UPN that is in a file which the school sends now."""
    content = one.file("student-core", datetime.now(UTC).date(), "asked")
    year.schools.send(one, content, "asked.pgp")
    year.process()
    return content.partition(b"<UPN>")[2].partition(b"</UPN>")[0].decode()


def a_file_too_many(year: Year) -> None:
    """A school regrets: the file is taken back, and a second person confirms it."""
    one = year.schools.schools[2]
    reference = year.schools.send(
        one, one.file("student-core", datetime.now(UTC).date(), "regretted"), "core.pgp"
    )
    year.process()
    with year.office.task("Take back a file that was passed on"):
        year.office.type("transfers", "withdraw", reference, "--why", "sent by mistake")
        year.office.type("notices", "list")
        year.office.type("transfers", "confirm", reference, "--why", "oak confirms it", by="robin")


def an_academy(year: Year) -> None:
    """A school converts, and stays the provider that it is."""
    one = next(each for each in year.schools.schools if each.is_primary)
    with year.office.task("Convert a school to an academy"):
        year.office.type(
            "providers", "convert", one.id, "--kind", "academy", "--urn", "100777", "--why", "converted"
        )


def a_merger_and_a_closure(year: Year) -> None:
    """Of three schools, one remains."""
    stays, merges, closes = year.schools.schools[-1], year.schools.schools[-3], year.schools.schools[-5]
    with year.office.task("Merge two schools"):
        year.office.type("providers", "merge", merges.id, stays.id, "--why", "amalgamated")
    with year.office.task("Close a school"):
        year.office.type("providers", "close", closes.id, "--why", "closed by the council")
    year.schools.schools = [one for one in year.schools.schools if one.id not in {merges.id, closes.id}]


def a_newcomer(year: Year) -> None:
    """A school opens in January."""
    new = year.schools.newcomer(800)
    with year.office.task("Enrol a single school"):
        listed = year.schools.list_of([new], year.folder / "new.csv")
        year.office.type("providers", "import", str(listed))
        waiting = [key["fingerprint"] for key in year.office.ask("keys", "list", new.id)]
        year.office.type("keys", "confirm", new.id, *waiting)
        year.office.type("agreement", "ratify", new.id, "--signatory", "The Head")
    year.schools.schools.append(new)


def discrepancies(year: Year) -> None:
    """Pupils on two rolls are asked about, and one case is closed by hand."""
    with year.office.task("Settle a pupil on two rolls"):
        year.office.type("discrepancies", "list")
        found = year.office.ask("discrepancies", "list")
        if found:
            year.office.type("discrepancies", "show", str(found[0]["number"]))
            year.office.type(
                "discrepancies", "resolve", str(found[0]["number"]), "--why", "dual registration"
            )


def the_coming_year(year: Year) -> None:
    """July again."""
    with year.office.task("Open the school year"):
        year.office.type("year", "open", NEXT, "--why", "the coming year")
        year.office.type("year", "show", NEXT)


EVENTS: dict[date, Callable[[Year], None]] = {
    date(2025, 9, 9): a_new_key,
    date(2025, 9, 10): a_move_of_staff,
    date(2025, 9, 11): a_parcel,
    date(2025, 9, 13): a_stolen_laptop,
    date(2025, 9, 14): a_parent_asks,
    date(2025, 9, 15): a_file_too_many,
    date(2026, 1, 5): an_academy,
    date(2026, 1, 6): a_newcomer,
    date(2026, 2, 16): discrepancies,
    date(2026, 4, 13): a_merger_and_a_closure,
    date(2026, 7, 6): the_coming_year,
}
