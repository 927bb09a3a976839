"""The latest day that stands in a file of attendance becomes a fact of it, where that is sure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import pytest

from gateway.model import Classified
from tests.classify import made
from tests.classify.conftest import Classify
from tests.classify.test_archive import archive
from tests.corpus import books

# The day on which each of these files comes is Tuesday, 24 November 2026.
MARKS = ("/", "\\", "L", "I", "/")


def listed(days: Iterable[object], heading: str = "Date", pupils: int = 12) -> made.Rows:
    """Rows of a pupil, a day and a mark."""
    rows = [
        [child.upn, child.surname, child.forename, str(day), MARKS[number % 5]]
        for child in made.children(pupils)
        for number, day in enumerate(days)
    ]
    return [["UPN", "Surname", "Forename", heading, "Mark"], *rows]


def grid(headings: Sequence[str], value: str = "/") -> made.Rows:
    """A row for each pupil, with a column of marks for each heading."""
    rows = [[c.upn, c.surname, c.forename, *(value for _ in headings)] for c in made.children(12)]
    return [["UPN", "Surname", "Forename", *headings], *rows]


SUMMARY = ["Sessions Possible", "Sessions Attended", "Authorised Absences", "Unauthorised Absences"]


def totals(*above: str, heading: str = "") -> made.Rows:
    """Sessions possible and attended of each pupil; the first heading may end in `heading`."""
    first, *others = SUMMARY
    return [*([line] for line in above), *grid([first + heading, *others], "10")]


def latest(classify: Classify, rows: made.Rows | bytes) -> date | None:
    content = rows if isinstance(rows, bytes) else made.as_csv(rows).encode()
    found = classify(content)
    assert isinstance(found, Classified), found
    assert found.data_type == "attendance", found
    return found.facts.latest_day


def days(first: str, count: int, form: str = "%Y-%m-%d") -> list[str]:
    """The school days of a week or more, as texts."""
    found = (date.fromisoformat(first) + timedelta(days=n) for n in range(2 * count))
    return [day.strftime(form) for day in found if day.weekday() < 5][:count]


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        (days("2024-06-10", 5), "2024-06-14"),
        (days("2024-06-10", 5, "%d/%m/%Y"), "2024-06-14"),
        (days("2024-06-10", 5, "%d.%m.%y"), "2024-06-14"),
        (days("2024-06-10", 5, "%d %B %Y"), "2024-06-14"),
        (days("2024-06-10", 5, "%d-%b-%Y"), "2024-06-14"),
        (days("2024-06-10", 5, "%d/%m/%Y 08:51:00"), "2024-06-14"),
        (days("2024-06-10", 5, "%Y-%m-%dT00:00:00"), "2024-06-14"),
        (days("2024-06-10", 5, "%Y-%m-%d 00:00:00.000000"), "2024-06-14"),
        # A register of one day, a leap day, a whole term and year.
        (["2026-11-24"], "2026-11-24"),
        (["29/02/2024"], "2024-02-29"),
        (days("2026-09-03", 55), "2026-11-18"),
        (days("2025-09-01", 225), "2026-07-10"),
        # Of days to come none counts: a forecast, a week that goes on, a year that was mistyped.
        (["2026-11-20", "2026-11-27"], "2026-11-20"),
        (["2026-11-20", "2062-11-20"], "2026-11-20"),
        (["2026-11-25", "2026-11-26"], None),
        # A day or two that are none make the others no less sure.
        (["not known", *days("2026-09-03", 55)], "2026-11-18"),
    ],
)
def test_the_latest_day_in_a_column_of_days_is_taken(
    classify: Classify, texts: list[str], day: str | None
) -> None:
    assert latest(classify, listed(texts)) == (day and date.fromisoformat(day))


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        # Of the week of 2 November: with the month first these read as 11 February to 11 June.
        (days("2026-11-02", 5, "%m/%d/%Y"), None),
        (["11/06/2026"], None),
        # Of the last days of a term, sent after the holiday.
        (days("2026-09-09", 3, "%m/%d/%Y"), None),
        # A week of June reads as such, though each of its days may be a month.
        (days("2026-06-08", 5, "%d/%m/%Y"), "2026-06-12"),
        (days("2026-06-01", 5, "%d/%m/%Y"), "2026-06-05"),
        (days("2024-06-03", 5, "%d/%m/%Y"), "2024-06-07"),
        (["05/06/2026"], "2026-06-05"),
        (["2026-06-11"], "2026-06-11"),
        (["11 June 2026"], "2026-06-11"),
    ],
)
def test_no_day_is_taken_where_the_month_may_stand_first(
    classify: Classify, texts: list[str], day: str | None
) -> None:
    assert latest(classify, listed(texts)) == (day and date.fromisoformat(day))


@pytest.mark.parametrize(
    ("heading", "marks", "day"),
    [
        ("Week Commencing", 10, "2024-06-10"),
        ("Week Ending", 10, "2024-06-10"),
        ("Week Start Date", 120, "2024-06-10"),
        ("Attendance Start Date", 10, "2024-06-10"),
        ("Marks Start Date", 14, "2024-06-10"),
        # Where a string of marks of a whole term begins is not where it ends.
        ("Attendance Start Date", 120, None),
        ("Marks Start Date", 20, None),
    ],
)
def test_the_first_day_of_a_week_is_taken_and_that_of_a_longer_string_of_marks_is_not(
    classify: Classify, heading: str, marks: int, day: str | None
) -> None:
    rows = listed(["10/06/2024"], heading)
    for row in rows:
        row[-1] = "Marks" if row is rows[0] else "/\\" * (marks // 2)
    assert latest(classify, rows) == (day and date.fromisoformat(day))


@pytest.mark.parametrize(
    ("headings", "values", "day"),
    [
        (["Attendance Start Date", *SUMMARY], ["01/09/2026"], None),
        (["Registration Date", *SUMMARY], ["01/09/2026"], None),
        (["Registration Date", "Code"], ["13/10/2026"], "2026-10-13"),
        (["Attendance Start Date", "End Date", *SUMMARY], ["01/09/2026", "20/11/2026"], "2026-11-20"),
        (["Marks Start Date", "Report Date", *SUMMARY], ["01/09/2026", "23/11/2026"], "2026-11-23"),
        (["Marks Start Date", *(f"Mark {n}" for n in range(1, 31))], ["01/09/2026"], None),
    ],
)
def test_where_counts_or_the_marks_of_a_term_begin_says_not_where_they_end(
    classify: Classify, headings: list[str], values: list[str], day: str | None
) -> None:
    rows = grid(headings, "10" if "Sessions Possible" in headings else "/")
    for row in rows[1:]:
        row[3 : 3 + len(values)] = values
    assert latest(classify, rows) == (day and date.fromisoformat(day))


def test_dates_of_birth_of_joining_and_of_leaving_are_not_those_of_sessions(classify: Classify) -> None:
    rows = listed(days("2024-06-10", 5))
    for extra, value in (("DOB", "2016-01-02"), ("Admission Date", "2025-09-01"), ("Leaving Date", "")):
        rows = [[*row, extra if row is rows[0] else value] for row in rows]
    assert latest(classify, rows) == date(2024, 6, 14)


@pytest.mark.parametrize(
    ("headings", "day"),
    [
        ([f"{day} AM" for day in days("2024-06-10", 5, "%d/%m/%Y")], "2024-06-14"),
        ([f"{day} PM" for day in days("2024-06-10", 5)], "2024-06-14"),
        ([f"Mon {day}" for day in days("2024-06-10", 5, "%d/%m/%y")], "2024-06-14"),
        ([f"{day} AM" for day in days("2024-06-10", 5, "%d %b %Y")], "2024-06-14"),
        # The columns of this week's days are there before the days are.
        ([f"{day} AM" for day in days("2026-11-23", 5, "%d/%m/%Y")], None),
        (["Mon AM", "Mon PM", "Tue AM", "Tue PM"], None),
        (["20240613AM", "20240614AM"], "2024-06-14"),
        # Without a year: the last one in which it was that day of the week.
        (["Mon 10 Jun", "Tue 11 Jun", "Fri 14 Jun"], "2024-06-14"),
        (["Thu 13/06 AM", "Fri 14/06 PM"], "2024-06-14"),
        (["Thurs 29 Feb AM", "Fri 1 March AM"], "2024-03-01"),
        (["12 Jun AM", "13 Jun AM"], "2026-06-13"),
        (["Fri 20 Nov", "Mon 23 Nov"], "2026-11-23"),
        (["Mon 23 Nov", "Tue 24 Nov", "Wed 25 Nov"], None),
        (["Fri 18 Dec"], None),
        (["10/06/2024", "11/06/2024"], "2024-06-11"),
        (["2024-06-10", "2024-06-11"], "2024-06-11"),
        (["10 June 2024", "11 Jun 24"], "2024-06-11"),
        (["Mark 1", "Mark 2", "Session 3"], None),
    ],
)
def test_the_days_at_the_heads_of_columns_of_marks_are_taken(
    classify: Classify, headings: list[str], day: str | None
) -> None:
    assert latest(classify, grid(headings)) == (day and date.fromisoformat(day))


@pytest.mark.parametrize(
    ("rows", "day"),
    [
        (totals(heading=" (01 Sep 2023 - 14 Jun 2024)"), "2024-06-14"),
        (totals(heading=" (as at 14/06/2024)"), "2024-06-14"),
        (totals(heading=" (02 Sep 2026 - 18 Dec 2026)"), None),
        (totals("Attendance from 01/09/2023 to 14/06/2024"), "2024-06-14"),
        (totals("01/09/2023 AM to 14/06/2024 PM", "Printed 24/11/2026"), "2026-11-24"),
        (totals("Week commencing 10 June 2024"), "2024-06-10"),
        (totals("Week ending: 14/06/2024"), "2024-06-14"),
        (totals("Attendance on 14/06/2024"), "2024-06-14"),
        (totals("Report date: 14 June 2024"), "2024-06-14"),
        # Where something began or happened is not up to where the contents go.
        (totals(heading=" (since 02/09/2026)"), None),
        (totals(heading=" (Since 02 Sep 2026)"), None),
        (totals(heading=" (from 01/09/2023 to 14/06/2024)"), "2024-06-14"),
        (totals("Weekly attendance, term beginning 02/09/2026"), None),
        (totals("Attendance by week, 02/09/2026 to date"), None),
        (totals("Attendance, year to date 14/06/2024"), "2024-06-14"),
        (totals("Attendance, week start 10/06/2024"), "2024-06-10"),
        (totals("Effective date: 01/09/2026"), None),
        (totals("Inspection date: 12/03/2025"), None),
        (totals("Attendance, week beginning 10/06/2024"), "2024-06-10"),
        (totals("Attendance since 02/09/2026"), None),
        (totals("Pupils on roll from 02/09/2026"), None),
        (totals("Intake 02/09/2026"), None),
        (totals("Autumn term: 02/09/2026 to 18/12/2026"), None),
        (totals("Autumn term 2026"), None),
        (totals(), None),
    ],
)
def test_the_days_of_totals_are_those_of_their_heading_or_title(
    classify: Classify, rows: made.Rows, day: str | None
) -> None:
    assert latest(classify, rows) == (day and date.fromisoformat(day))


def test_days_of_a_workbook_are_taken_from_its_cells(classify: Classify) -> None:
    rows: list[list[object]] = [*listed(["x"])]
    for row in rows[1:]:
        row[3] = date(2024, 6, 14)
    assert latest(classify, books.xlsx(books.Page(rows))) == date(2024, 6, 14)


def test_of_several_tables_the_latest_day_counts(classify: Classify) -> None:
    early, late = (made.as_csv(listed(days(first, 5))).encode() for first in ("2024-06-10", "2026-11-16"))
    undated = made.as_csv(totals()).encode()
    for parts in ((early, late), (late, early), (undated, early, late)):
        content = archive(*((f"{n}.csv", part) for n, part in enumerate(parts)))
        assert latest(classify, content) == date(2026, 11, 20)


def test_a_register_in_xml_has_its_latest_day(classify: Classify) -> None:
    text = made.attendance_around(made.attendance_pupil(made.Child(n)) for n in range(9))
    assert "StartDate" in text
    assert latest(classify, text.encode()) == date(2026, 9, 7)
    longer = text.replace("<AttendanceMarks>", "<AttendanceMarks>" + "/\\" * 20)
    assert latest(classify, longer.encode()) is None
    assert latest(classify, longer.replace("StartDate", "EndDate").encode()) == date(2026, 9, 7)


def with_column(rows: made.Rows, heading: str, *values: str) -> bytes:
    """The rows with a column more, in which these values follow one another."""
    added = ([*row, values[n % len(values)] if n else heading] for n, row in enumerate(rows))
    return made.as_csv(added).encode()


@pytest.mark.parametrize(
    ("heading", "values", "day"),
    [
        ("End Date", ("14/06/2024",), "2024-06-14"),
        ("Date To", ("2024-06-14",), "2024-06-14"),
        ("End Date", ("18/12/2026",), None),
        # Of the pupils, and not of the file: when some of them left, and when each was written down.
        ("End Date", ("14/06/2024", "21/06/2024"), None),
        ("End Date", ("14/06/2024", ""), None),
        ("Last Modified", ("14/06/2024",), None),
        ("As At", ("14/06/2024",), "2024-06-14"),
        ("Report Date", ("14/06/2024 08:30",), "2024-06-14"),
        ("Report Date", ("14/06/2024", "21/06/2024"), None),
        ("Leaving Date", ("14/06/2024",), None),
    ],
)
def test_a_day_that_all_rows_of_totals_share_is_that_of_the_file(
    classify: Classify, heading: str, values: tuple[str, ...], day: str | None
) -> None:
    found = latest(classify, with_column(totals(), heading, *values))
    assert found == (day and date.fromisoformat(day))


@pytest.mark.parametrize(
    ("heading", "day"),
    [
        ("As At", date(2024, 6, 14)),
        ("Export Date", date(2024, 6, 14)),
        ("Date", None),
        ("Date of Change", None),
        ("Census Date", None),
        ("End Date", None),
        ("Admission Date", None),
    ],
)
def test_core_data_states_the_day_of_its_export_alone(
    classify: Classify, heading: str, day: date | None
) -> None:
    found = classify(with_column(made.core_rows(), heading, "2024-06-14"))
    assert isinstance(found, Classified)
    assert (found.data_type, found.facts.latest_day) == ("student-core", day)


@pytest.mark.parametrize("day", ["2026-08-31", "2026-09-01"])
def test_the_day_as_at_which_ages_are_told_is_none_of_an_export(classify: Classify, day: str) -> None:
    found = classify(with_column(made.core_rows(), "As At", day))
    assert isinstance(found, Classified)
    assert (found.data_type, found.facts.latest_day) == ("student-core", None)


@pytest.mark.parametrize("heading", ["Date", "Start Date", "End Date", "Report Date"])
def test_suspensions_state_no_day_since_the_last_of_them_may_be_old(classify: Classify, heading: str) -> None:
    head = "UPN,Surname,Forename,Exclusion Category,Exclusion Reason,Exclusion Start Date"
    rows = made.table(head, lambda c: f"{c.upn},{c.surname},{c.forename},SUSP,PP,2024-06-14", 3)
    found = classify(with_column(rows, heading, "2024-06-14"))
    assert isinstance(found, Classified)
    assert (found.data_type, found.facts.latest_day) == ("exclusions", None)


def test_a_day_that_may_be_one_of_birth_is_not_kept_as_it_stands(classify: Classify) -> None:
    found = classify(with_column(made.core_rows(), "As At", "2015-03-04"))
    assert isinstance(found, Classified)
    assert found.facts.latest_day is not None
    assert found.facts.latest_day.year > 2020
