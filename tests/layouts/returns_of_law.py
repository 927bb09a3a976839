"""Returns that a law asks of schools, drawn from what the law names and not from the rules of the product."""

from __future__ import annotations

from tests.classify import made

WELFARE = frozenset({"education-welfare"})
DUTY_OF_SUSPENSIONS = frozenset({"exclusions", "education-welfare"})
FLOWS = ("attendance-returns", "children-missing", "home-education", "suspension-notices")


def _table(*columns: tuple[str, str]) -> bytes:
    header = ["UPN", "Surname", "Forename", "Date of Birth", *(name for name, _ in columns)]
    rows = [[c.upn, c.surname, c.forename, c.born, *(v for _, v in columns)] for c in made.children(3)]
    return made.as_csv([header, *rows]).encode()


def _message(of: str, document: str) -> bytes:
    inside = made.CORE_INSIDE + (
        "<SchoolHistory><School><RemovalGrounds>I</RemovalGrounds></School></SchoolHistory>"
        if of == "CML"
        else ""
    )
    text = made.ctf([made.pupil(child, inside) for child in made.children(3)], qualifier="full")
    if document == "root":
        text = text.replace("CTfile>", f"{of}file>")
    else:
        text = text.replace("Common Transfer File", f"Children Missing Education {of}")
    return text.encode()


RETURNS: dict[str, tuple[str, frozenset[str], bytes]] = {
    "leavers.xml": ("children-missing", WELFARE, _message("CML", "root")),
    "joiners.xml": ("children-missing", WELFARE, _message("CMJ", "name")),
    "starters.csv": (
        "register-entry",
        WELFARE,
        _table(("Date Added to Register", "2026-11-20"), ("New Starter", "Y")),
    ),
    "deletions.csv": (
        "register-deletion",
        WELFARE,
        _table(("Date of Deletion", "2026-11-20"), ("Ground for Deletion", "D"), ("Post Code", "TA1 1AA")),
    ),
    "ten-days.csv": (
        "continuous-absence",
        WELFARE,
        _table(("Continuous Absence", "12"), ("Consecutive Days Absent", "12")),
    ),
    "sickness.csv": (
        "sickness-return",
        WELFARE,
        _table(("Days of Sickness", "15"), ("Expected Days of Sickness", "20")),
    ),
    "ten-days-from.csv": (
        "continuous-absence",
        WELFARE,
        _table(("10 Day Absence Start", "2026-11-09"), ("Last Date Attended", "2026-11-06")),
    ),
    "illness.csv": (
        "sickness-return",
        WELFARE,
        _table(("Number of Days Absent due to Illness", "16"), ("First Day of Illness", "2026-11-02")),
    ),
    "part-time.csv": (
        "part-time-timetable",
        WELFARE,
        _table(
            ("Part-time Timetable Start", "2026-11-02"),
            ("Part-time Timetable End", "2026-12-04"),
            ("Part-time Timetable Review", "2026-11-20"),
        ),
    ),
    "home-written.csv": (
        "home-education",
        WELFARE,
        _table(("Date Parent Notified", "2026-11-02"), ("Date Off Roll", "2026-11-06")),
    ),
    "suspensions.csv": (
        "suspension-notice",
        DUTY_OF_SUSPENSIONS,
        _table(
            ("Exclusion Category", "SUSP"),
            ("Suspension Reason", "DB"),
            ("Suspension Start", "2026-11-20"),
            ("Suspension Length", "2.5"),
            ("Date LA Notified", "2026-11-20"),
            ("Date Parents Notified", "2026-11-20"),
        ),
    ),
    "one-date.csv": (
        "suspension-notice",
        DUTY_OF_SUSPENSIONS,
        _table(
            ("Exclusion Category", "SUSP"),
            ("Suspension Reason", "DB"),
            ("Suspension Start", "2026-11-20"),
            ("Suspension Length", "2.5"),
            ("Date LA Notified", "2026-11-20"),
        ),
    ),
    "plain-headings.csv": (
        "suspension-notice",
        DUTY_OF_SUSPENSIONS,
        _table(
            ("Category", "SUSP"),
            ("Reason", "DB"),
            ("Start Date", "2026-11-20"),
            ("Date Parents Notified", "2026-11-20"),
        ),
    ),
    "home.csv": (
        "home-education",
        WELFARE,
        _table(("Elective Home Education", "Y"), ("Date EHE Notified", "2026-11-20")),
    ),
}
"""By file name: the data type, exactly the teams that may have it, the content."""
