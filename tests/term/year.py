"""The script of the year: what schools send, what goes wrong, and what the office does about it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from gateway.homes.demo.parties import Party
from gateway.policy.catalogue import load_catalogue
from gateway.policy.dates import school_days
from tests.term.clock import put_forward
from tests.term.office import Office
from tests.term.schools import PRIMARY, SECONDARY, Schools, Sender

YEAR = "2025-26"
JULY, SEPTEMBER, END = date(2025, 7, 7), date(2025, 9, 1), date(2026, 8, 28)
_DAY = timedelta(days=1)
_FRIDAY = 4
_TURNS = 12  # So many weeks until each school's turn to send comes again, after the first.
_CENSUS_DAYS = (date(2025, 10, 8), date(2026, 1, 21), date(2026, 5, 27))
_RESULTS = {"a-level-results": date(2026, 8, 11), "gcse-results": date(2026, 8, 18)}
_OTHERS = {
    "ks2": ("dfe", 7, 9),
    "ks4": ("dfe", 10, 16),
    "fft-aspire": ("fft", 11, 4),
    "alps-lpuk": ("alps", 11, 5),
}
_TEAMS = (
    "central-data-team", "education-welfare", "sen", "exclusions", "admissions-and-entitlements",
    "early-years",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """How large the year is: schools, staff, how many weeks of lessons; the whole of it, or a short form."""

    schools: int = 200
    staff: int = 30
    weeks: int = 39
    all_send_for: int = 1
    by_paper: int = 30


SHORT = Size(schools=8, staff=3, weeks=2, all_send_for=1, by_paper=2)


@dataclass
class Year:
    """One run of the year. `day` is the day that it is."""

    office: Office
    schools: Schools
    size: Size
    folder: Path
    rng: random.Random = field(default_factory=lambda: random.Random(17))
    staff: list[Party] = field(default_factory=list)
    next_day: date = SEPTEMBER

    # Before it begins.

    def prepare(self) -> None:
        """July: the gateway is made, the schools and the staff are enrolled, the year is opened."""
        put_forward(JULY)
        with self.office.task("Enrol all schools of a list"):
            listed = self.schools.list_of(
                [*self.schools.schools, *self.schools.others], self.folder / "list.csv"
            )
            self.office.type("providers", "import", str(listed), "--dry-run")
            self.office.type("providers", "import", str(listed))
        for one in (*self.schools.schools, *self.schools.others):
            with self.office.task("Record a telephone call about a school's keys"):
                self.office.type("keys", "confirm", one.id, one.login, one.certificate)
        for number in range(self.size.staff):
            party = Party(f"person-{number}", self.folder / "staff" / str(number))
            self.staff.append(party)
            with self.office.task("Enrol a member of staff"):
                team = _TEAMS[number % len(_TEAMS)]
                self.office.type(
                    "staff", "add", party.name, "--team", team, "--ssh-key", str(party.ssh_public)
                )
        with self.office.task("Open the school year"):
            self.office.type("year", "open", YEAR, "--why", "the coming year")
            self.office.type("year", "show", YEAR)

    def ratify(self) -> None:
        """September: most sign the text themselves; some send paper, and the office records it."""
        put_forward(SEPTEMBER)
        text = load_catalogue(self.office.home / "policies").agreement_text.encode()
        on_paper, by_key = (
            self.schools.schools[: self.size.by_paper],
            self.schools.schools[self.size.by_paper :],
        )
        for one in by_key:
            self.schools.land(one, one.signed(text), "agreement.txt", "agreement")
        self.process()
        for one in on_paper:
            with self.office.task("Record a ratification that came on paper"):
                self.office.type("agreement", "ratify", one.id, "--signatory", "The Head")
        with self.office.task("See who has not ratified"):
            self.office.type("agreement", "status")
            self.office.type("year", "show")

    # Day by day.

    def days(self) -> Iterator[date]:
        """Every day that is left from 1 September on, as far as the year goes."""
        last = END if self.size.weeks > SHORT.weeks else SEPTEMBER + timedelta(weeks=self.size.weeks)
        while self.next_day <= last:
            self.next_day += _DAY
            yield self.next_day - _DAY

    def live(
        self, events: Mapping[date, Callable[[Year], None]], told: Callable[[str], None]
    ) -> Iterator[date]:
        """Put the clock forward day by day, with what happens on single days; each day, once it is over."""
        calendar = load_catalogue(self.office.home / "policies").calendar
        lessons = set(school_days(calendar, frozenset()))
        for day in self.days():
            put_forward(day, "15:30")
            sent = self.lessons(day) if day in lessons and day.weekday() == _FRIDAY else 0
            if sent + self.yearly(day):
                self.schools.landed()
                self.process()  # By the same clock: when a file landed, the kernel says.
                self.triage()
            if day in events:
                put_forward(day, "18:00")
                events[day](self)
            if day.day == 1:
                self.month()
                told(f"it is {day}: {self.sent} files")
            yield day
        self.process()
        self.triage()

    def lessons(self, day: date) -> int:
        """What schools send at the end of a week with lessons: how many files."""
        before, week = self.sent, (day - SEPTEMBER).days // 7
        for one in self.schools.schools[week % _TURNS :: _TURNS]:
            self._send(one, "student-core", day, errors=self.rng.random() < 0.2)
        all_of_them = week < self.size.all_send_for
        for one in self.schools.schools if all_of_them else self.schools.schools[week % _TURNS :: _TURNS]:
            self._send(one, "attendance", day, errors=self.rng.random() < 0.1)
        for one in self.rng.sample(self.schools.schools, max(1, len(self.schools.schools) // 75)):
            self._send(one, "exclusions", day)
        self.mistakes(day)
        return self.sent - before

    def yearly(self, day: date) -> int:
        """Census returns, assessments and results, on their days: how many files."""
        before = self.sent
        if day in _CENSUS_DAYS:
            for one in self.schools.schools:
                self._send(one, "school-census", day, errors=self.rng.random() < 0.3)
        if (day.month, day.day) in {(6, 17), (7, 1), (7, 2)}:
            kind = PRIMARY[((6, 17), (7, 1), (7, 2)).index((day.month, day.day))]
            for one in (one for one in self.schools.schools if one.is_primary):
                self._send(one, kind, day)
        for kind in (kind for kind in SECONDARY if _RESULTS[kind] == day):
            for one in (one for one in self.schools.schools if not one.is_primary):
                self._send(one, kind, day)
        for kind, (of, month, number) in _OTHERS.items():
            if (day.month, day.day) == (month, number):
                self._send(self.schools.body(of), kind, day)
        return self.sent - before

    sent: int = 0

    def _send(self, sender: Sender, data_type: str, day: date, *, errors: bool = False) -> str:
        self.sent += 1
        content = sender.file(data_type, day, day, errors=errors)
        return self.schools.send(sender, content, f"{data_type}-{day}.pgp")

    def mistakes(self, day: date) -> None:
        """What goes wrong in a week: a file in the clear, one cut off, a letter, another school's pupils."""
        plain, cut, twice, letter, other = self.rng.sample(self.schools.schools, 5)
        self.schools.land(plain, plain.file("attendance", day, "plain"), "attendance.csv")
        self.schools.land(cut, b"-----BEGIN PGP MESSAGE-----\n\nhQEM", "cut.pgp")
        content = twice.file("student-core", day, "twice")
        self.schools.send(twice, content, "once.pgp")
        self.schools.send(letter, f"Dear colleagues, week {day}: no data.\n".encode(), "letter.pgp")
        self.schools.send(other, plain.file("student-core", day, "moved"), "moved.pgp")
        self.sent += 5

    # What the office does.

    def process(self) -> None:
        """The processor's work: what a busy machine did not examine in time has landed still."""
        self.office.run("process", "--once", tries=3)

    def triage(self) -> None:
        """Look at what waits for a person, and decide each."""
        with self.office.task("See what waits"):
            self.office.type("held", "list", "--limit", "0")
        for one in self.office.ask("held", "list"):
            codes = {reason["code"] for reason in one["reasons"]}
            if "classify:unknown" in codes:
                with self.office.task("Return a file that nobody can place"):
                    self.office.type("transfers", "show", one["reference"])
                    self.office.type(
                        "held", "return", one["reference"], "--advice", "Send the export, no letter."
                    )
            elif "policy:other-school" in codes:
                with self.office.task("Refuse a file of another school's pupils"):
                    self.office.type("transfers", "show", one["reference"])
                    self.office.type("held", "refuse", one["reference"], "--why", "another school's pupils")

    def month(self) -> None:
        """The first of a month: chase, keep a head elsewhere, delete what is due."""
        with self.office.task("See which returns are missing"):
            self.office.type("flows", "status", "--state", "missing")
        with self.office.task("See what is weak or due"):
            self.office.ask("doctor")
            self.office.type("log", "head")
        self.office.run("retention", "run")
