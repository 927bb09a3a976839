"""Layouts of attendance: rows, strings, weekly exports, totals, XML and CTF."""

from __future__ import annotations

from functools import partial

from gateway.samples import attendance, ctf
from gateway.samples.ctf import CtfHeader, draw_ctf
from gateway.samples.faults import CHECK_LETTER, FUTURE, TEMPORARY, UNKNOWN_CODE
from gateway.samples.layouts.layout import SECONDARY, Layout

# A pupil may have several rows in a file of attendance (one a session, a week, a term), so that a UPN
# that comes again is no fault.
_FAULTS = (CHECK_LETTER, TEMPORARY, UNKNOWN_CODE, FUTURE)
_WEEKLY = CtfHeader(bare=True, qualifier="partial", descriptor="Partial CTF containing attendance data")

ATTENDANCE: tuple[Layout, ...] = (
    Layout(
        data_type="attendance",
        variant="csv-sessions",
        name="attendance_{dfe}_sessions.csv",
        draw=attendance.sessions,
        faults=_FAULTS,
        records="row",
        main=True,
    ),
    Layout(
        data_type="attendance",
        variant="csv-sessions-old-codes",
        name="attendance_{dfe}_2023.csv",
        draw=attendance.sessions_old_codes,
        faults=_FAULTS,
        records="row",
    ),
    Layout(
        data_type="attendance",
        variant="csv-days",
        name="attendance_{dfe}_days.csv",
        draw=attendance.days,
        faults=_FAULTS,
        records="row",
    ),
    Layout(
        data_type="attendance",
        variant="csv-strings",
        name="marks_{dfe}.csv",
        draw=attendance.mark_strings,
        faults=_FAULTS,
    ),
    Layout(
        data_type="attendance",
        variant="csv-strings-2024",
        name="marks_{dfe}_2024_codes.csv",
        draw=attendance.mark_strings_2024,
        faults=_FAULTS,
    ),
    Layout(
        data_type="attendance",
        variant="csv-weekly",
        name="weekly_{dfe}.csv",
        draw=attendance.weekly,
        faults=(CHECK_LETTER, TEMPORARY, UNKNOWN_CODE),
        main=True,
    ),
    Layout(
        data_type="attendance",
        variant="csv-totals",
        name="attendance_{dfe}_totals.csv",
        draw=attendance.totals,
        faults=(CHECK_LETTER, TEMPORARY, FUTURE),
    ),
    Layout(
        data_type="attendance",
        variant="xml-strings",
        name="attendance_{dfe}.xml",
        draw=attendance.xml_strings,
        years=SECONDARY,
        phase="secondary",
        faults=_FAULTS,
        main=True,
    ),
    Layout(
        data_type="attendance",
        variant="xml-sessions",
        name="attendance_{dfe}_reasons.xml",
        draw=attendance.xml_sessions,
        faults=(CHECK_LETTER, TEMPORARY, UNKNOWN_CODE),
    ),
    Layout(
        data_type="attendance",
        variant="ctf-marks",
        name="{dfe}_CTF_{la}LLLL_010.xml",
        draw=partial(draw_ctf, envelope=_WEEKLY, modules=(ctf.attendance_marks,)),
        faults=(CHECK_LETTER, TEMPORARY, UNKNOWN_CODE),
    ),
)
