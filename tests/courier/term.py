"""The letters of a term for 300 schools, laid out for a courier day after day, and what a relay must get.

Some files are held besides: their letters are about what must not be told.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from math import inf
from pathlib import Path

from gateway.courier import service
from gateway.home import Letters
from gateway.home.settings import load_settings
from gateway.publish.letters_out import pass_letters
from gateway.record.letters import owe_by_calendar
from gateway.registry import letters, providers
from gateway.registry.tables import ContactRow
from gateway.samples import MARKER
from gateway.zones.places import grant_lease
from tests.clock import Clock
from tests.courier.mime import opened
from tests.workshop import Desk, fresh

SCHOOLS, DAYS, HELD = 300, 50, 3
BEGINS = datetime(2026, 11, 26, 12, tzinfo=UTC)
NAME, HOLDING = "Robin-Testperson", "oak@schools.invalid"
_SCHOOL = re.compile(r"School \d{3}")


class Term:
    """A desk that owes the letters, and the folder that a courier takes them from."""

    def __init__(self, root: Path, relay: str, place: Letters | None = None) -> None:
        """`relay` is [letters] of gateway.toml; `place`, where the courier is that of another home."""
        self.desk = Desk(root, clock=Clock())
        self.place = place or self.desk.home.letters
        with self.desk.home.settings.open("a") as settings:
            settings.write(f"\n{relay}")
        schools = root / "schools.csv"
        lines = [
            f"s{n},School {n:03},school,{9991000 + n},office,s{n}@schools.invalid" for n in range(SCHOOLS)
        ]
        schools.write_text("\n".join(["id,name,kind,dfe_number,contact_role,contact_email", *lines, ""]))
        self.held = self._hold()
        self.desk.gateway("providers", "import", str(schools))
        self.desk.now = BEGINS
        days = ("--on", f"{BEGINS:%Y-%m-%d}", "--days", str(DAYS))
        foreseen = json.loads(self.desk.gateway("letters", "preview", *days, "--json"))
        # To this one the processor also wrote what the true day asks for.
        self.foreseen = [(one["to"], one["subject"]) for one in foreseen if one["to"] != HOLDING]

    def _hold(self) -> list[str]:
        """References of files of a school that has not ratified, which it is written to about."""
        oak = self.desk.provider("oak", dfe_number="9992000")
        with self.desk.registry.write() as session:
            office = ContactRow(
                provider="oak",
                role="office",
                email=HOLDING,
                recorded_at=self.desk.now,
                recorded_by="admin",
            )
            providers.keep_contact(session, office)
        files = [fresh() for _ in range(HELD)]
        assert all(MARKER.encode() in file for file in files)
        sent = [self.desk.send(oak, file, f"{NAME}-{n}.xml.pgp") for n, file in enumerate(files)]
        self.desk.process()
        return sent

    def days(self) -> Iterator[datetime]:
        """Each day on which letters are laid out, once they are."""
        for number in range(DAYS):
            self.desk.now = BEGINS + timedelta(days=number)
            with self.desk.registrar() as registrar:
                owe_by_calendar(registrar, self.desk.now)
            if self.left():
                yield self.desk.now

    def left(self) -> list[Path]:
        """Take back what the courier has noted, lay out what is owed; the letters that wait for it."""
        settings = load_settings(self.desk.home).letters
        pass_letters(self.desk.registry, self.place, settings, self.desk.now)
        return service.waiting(self.place)

    def waiting(self) -> list[Path]:
        """The letters that wait for the courier, which may send them as by a processor at work."""
        grant_lease(self.place.settings, inf)
        return service.waiting(self.place)

    def check(self, taken: Sequence[EmailMessage], kills: int) -> None:
        """What was foreseen came, and what is held was told; a kill has doubled at most one letter."""
        got = Counter(str(one["Message-ID"]) for one in taken)
        once = {str(one["Message-ID"]): one for one in taken}
        with self.desk.registry.read() as session:
            owed = {row.message_id: (row.recipient, row.subject) for row in letters.listed(session)}
        assert {key: (str(one["To"]), str(one["Subject"])) for key, one in once.items()} == owed
        told = Counter(one for one in self.held for _, subject in owed.values() if one in subject)
        assert told == Counter(self.held)
        assert Counter(said for said in owed.values() if said[0] != HOLDING) == Counter(self.foreseen)
        assert len(self.foreseen) > SCHOOLS
        assert got.total() - len(got) <= kills
        for one in taken:
            whole = "\n".join([one.as_string(), *opened(one, self.desk.certificate.encode())])
            assert MARKER not in whole
            assert NAME not in whole
            sender = str(one["To"]).partition("@")[0]
            own = {f"School {int(sender[1:]):03}"} if sender != "oak" else set()
            assert set(_SCHOOL.findall(whole)) <= own, sender
