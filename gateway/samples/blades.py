"""The School Census as CSV: the tables ("blades") exported by COLLECT, and the DfE's download.

Column names come from public code reading such files; for blades without public columns, the names of the
census's own elements are used, in the blades' lower case.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.samples.core import Column, table
from gateway.samples.drawing import Cell, Cohort, SampleTable
from gateway.samples.people import Pupil

_TERM = {"AUT": "Autumn", "SPR": "Spring", "SUM": "Summer"}
_ABSENCE = ("I", "M", "O", "U", "E")


def _keys(pupil: Pupil, number: int) -> list[Cell]:
    """Return the key of the pupil's row in the first blade, and the marker with the key of COLLECT."""
    return [number, f"{pupil.middle_names}-{pupil.candidate}"]


def pupils_on_roll(cohort: Cohort) -> SampleTable:
    """Return pupilonroll: one row for each pupil, with identifiers and characteristics."""
    return _pupil_blade(cohort, "pupilonrolltableid", [])


def pupils_no_longer_on_roll(cohort: Cohort) -> SampleTable:
    """Return pupilnolongeronroll: the same, with the day of leaving."""
    left: list[Column] = [("leavingdate", lambda _: cohort.today)]
    return _pupil_blade(cohort, "pupilnolongeronrolltableid", left)


def _pupil_blade(cohort: Cohort, key: str, more: list[Column]) -> SampleTable:
    columns = [*_PUPIL, *more]
    rows = [
        [*_keys(pupil, n), *(cell(pupil) for _, cell in columns)] for n, pupil in enumerate(cohort.pupils, 1)
    ]
    return SampleTable(header=[key, "NativeId", *(heading for heading, _ in columns)], rows=rows)


def addresses(cohort: Cohort) -> SampleTable:
    """Return addressesonroll: the address of each pupil, by the key of the first blade."""
    return _side_blade(cohort, ["addresstableid", "paon", "street", "town", "postcode"], _address)


def _address(pupil: Pupil, number: int, _cohort: Cohort) -> list[Cell]:
    return [number, pupil.house, pupil.street, pupil.town, pupil.postcode]


def meal_periods(cohort: Cohort) -> SampleTable:
    """Return fsmperiodsonroll: the start of each pupil's eligibility for free school meals."""
    header = ["fsmperiodtableid", "fsmstartdate", "fsmenddate", "ukcountry"]
    return _side_blade(cohort, header, lambda p, n, _: [n, p.fsm_start, None, "ENG"])


def needs(cohort: Cohort) -> SampleTable:
    """Return senneeds: the need of each pupil."""
    header = ["senneedstableid", "sentyperank", "sentype"]
    return _side_blade(cohort, header, lambda p, n, _: [n, 1, p.sen_need])


def termly_sessions(cohort: Cohort) -> SampleTable:
    """Return termlysessiondetailsonroll: the sessions possible, and the absences for one reason."""
    return _sessions(cohort, "termly")


def summer_sessions(cohort: Cohort) -> SampleTable:
    """Return summerhalfterm2sessiondetailsonroll: the same for the second half of the summer term."""
    return _sessions(cohort, "summerhalfterm2")


def _sessions(cohort: Cohort, period: str) -> SampleTable:
    header = ["sessiondetailstableid", f"{period}sessionspossible", "attendancereason", "absencesessions"]
    return _side_blade(cohort, header, _absence)


def _absence(_pupil: Pupil, number: int, cohort: Cohort) -> list[Cell]:
    return [number, 120, cohort.rng.choice(_ABSENCE), cohort.rng.randrange(1, 9)]


def termly_exclusions(cohort: Cohort) -> SampleTable:
    """Return termlyexclusionsonroll: an exclusion of each pupil."""
    header = ["termlyexclusiontableid", "category", "reason", "startdate", "sessions"]
    return _side_blade(cohort, header, _exclusion)


def _exclusion(_pupil: Pupil, number: int, cohort: Cohort) -> list[Cell]:
    reason, day = cohort.rng.choice(("PP", "VA", "DB")), cohort.rng.choice(cohort.school_days(20))
    return [number, "SUSP", reason, day, cohort.rng.randrange(1, 11)]


def _side_blade(
    cohort: Cohort, header: list[str], cells: Callable[[Pupil, int, Cohort], list[Cell]]
) -> SampleTable:
    rows = [[*_keys(pupil, n), *cells(pupil, n, cohort)] for n, pupil in enumerate(cohort.pupils, 1)]
    return SampleTable(header=["pupilonrolltableid", "NativeId", *header], rows=rows)


def download(cohort: Cohort, *, term: str) -> SampleTable:
    """Return the census of one term as offered by the DfE for download."""
    school = cohort.school
    columns: list[Column] = [
        ("PupilMatchingRef", lambda p: f"PMR{p.candidate}"),
        ("AcademicYear", lambda _: f"{cohort.year}/{cohort.year + 1}"),
        ("CensusTerm", lambda _: _TERM[term]),
        ("LA", lambda _: school.la),
        ("Estab", lambda _: school.establishment),
        ("LAEstab", lambda _: school.dfe_number),
        ("URN", lambda _: school.urn),
        ("PHASE", lambda _: "PS" if school.phase == "primary" else "SS"),
    ]
    return table(cohort, [*columns, *_DOWNLOAD])


download_autumn = partial(download, term="AUT")

_PUPIL: list[Column] = [
    ("upn", lambda p: p.upn),
    ("formerupn", lambda p: p.former_upn),
    ("surname", lambda p: p.surname),
    ("forename", lambda p: p.forename),
    ("middlenames", lambda p: p.middle_names),
    ("dob", lambda p: p.dob),
    ("sex", lambda p: p.sex),
    ("ethnicity", lambda p: p.ethnicity),
    ("language", lambda p: p.language),
    ("enrolstatus", lambda p: p.enrol_status),
    ("entrydate", lambda p: p.entry_date),
    ("ncyearactual", lambda p: p.year),
    ("boarder", lambda p: p.boarder),
    ("senprovision", lambda p: p.sen_provision),
]
_DOWNLOAD: list[Column] = [
    ("UPN", lambda p: p.upn),
    ("FormerUPN", lambda p: p.former_upn),
    ("Surname", lambda p: p.surname),
    ("Forename", lambda p: p.forename),
    ("MiddleNames", lambda p: p.middle_names),
    ("PreferredSurname", lambda p: p.surname),
    ("Sex", lambda p: p.sex),
    ("DOB", lambda p: p.dob),
    ("FSMeligible", lambda p: int(p.fsm)),
    ("FSM_protected", lambda _: 0),
    ("EVERFSM_6", lambda p: int(p.fsm)),
    ("EVERFSM_6_P", lambda p: int(p.fsm)),
    ("Language", lambda p: p.language),
    ("HoursAtSetting", lambda _: None),
    ("FundedHours", lambda _: None),
    ("EnrolStatus", lambda p: p.enrol_status),
    ("EntryDate", lambda p: p.entry_date),
    ("NCyearActual", lambda p: p.year),
    ("SENProvision", lambda p: p.sen_provision),
    ("PrimarySENeedsType", lambda p: p.sen_need),
    ("IDACI_S", lambda _: 0.123),
    ("IDACI_R", lambda _: 12345),
]
