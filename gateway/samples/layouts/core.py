"""Layouts of student core data: CTF (full, partial, legacy, leavers, admissions) and spreadsheets."""

from __future__ import annotations

from functools import partial

from gateway.samples import core, ctf, results
from gateway.samples.ctf import CtfHeader, draw_ctf
from gateway.samples.layouts.layout import SECONDARY, Layout

_FULL = (
    ctf.basic_details,
    ctf.fsm_history,
    ctf.sen_history,
    ctf.address_lines,
    ctf.contacts,
    ctf.attendance_year,
    ctf.school_history,
)
_DAILY = (ctf.basic_details, ctf.sen_history, ctf.address_lines, ctf.school_history)
_LEAVER = (
    ctf.basic_details,
    ctf.sen_history,
    ctf.address_lines,
    ctf.attendance_marks,
    results.stage_assessments(results.history),
    ctf.leaver_history,
)
_LEGACY = CtfHeader(version="12.0", supplier="Arbor", sex_tag="Gender")
_CHANGES = CtfHeader(qualifier="partial", descriptor="Partial CTF containing pupil changes")
_DOWNLOADED = CtfHeader(supplier="GIAP", known_source=False)
_ADMISSIONS = CtfHeader(document="Admissions Data Transfer File", body="ATFpupilData", qualifier="full")

CORE: tuple[Layout, ...] = (
    Layout(
        data_type="student-core",
        variant="ctf-full",
        name="{dfe}_CTF_{la}LLLL_001.xml",
        draw=partial(draw_ctf, envelope=CtfHeader(), modules=_FULL),
        code="ethnicity",
        main=True,
    ),
    Layout(
        data_type="student-core",
        variant="ctf-partial",
        name="{dfe}_CTF_{la}LLLL_002.xml",
        draw=partial(draw_ctf, envelope=_CHANGES, modules=_DAILY),
        code="enrol_status",
    ),
    Layout(
        data_type="student-core",
        variant="ctf-legacy",
        name="{dfe}_CTF_{la}LLLL_003.xml",
        draw=partial(draw_ctf, envelope=_LEGACY, modules=(ctf.basic_details, ctf.address_parts)),
        years=SECONDARY,
        phase="secondary",
        code="ethnicity",
    ),
    Layout(
        data_type="student-core",
        variant="ctf-sen",
        name="{dfe}_CTF_{la}LLLL_004.xml",
        draw=partial(draw_ctf, envelope=_CHANGES, modules=(ctf.short_details, ctf.sen_history_plain)),
        code="sex",
    ),
    Layout(
        data_type="student-core",
        variant="ctf-school-history",
        name="{dfe}_CTF_{la}LLLL_005.xml",
        draw=partial(draw_ctf, envelope=_CHANGES, modules=(ctf.address_lines, ctf.school_history)),
        code="sex",
    ),
    Layout(
        data_type="student-core",
        variant="ctf-full-leaver",
        name="{dfe}_CTF_XXXXXXX_006.xml",
        draw=partial(draw_ctf, envelope=CtfHeader(), modules=_LEAVER),
        years=("6",),
        code="enrol_status",
    ),
    Layout(
        data_type="student-core",
        variant="ctf-downloaded",
        name="CTF.xml",
        draw=partial(draw_ctf, envelope=_DOWNLOADED, modules=(ctf.basic_details, ctf.fsm_history)),
        code="ethnicity",
    ),
    Layout(
        data_type="student-core",
        variant="atf",
        name="{la}LLLL_ATF_{dfe}_001.xml",
        draw=partial(
            draw_ctf,
            envelope=_ADMISSIONS,
            modules=(ctf.application, ctf.basic_details, ctf.address_lines, ctf.contacts),
        ),
        years=("R",),
        code="ethnicity",
    ),
    Layout(
        data_type="student-core",
        variant="csv-core",
        name="pupils_{dfe}.csv",
        draw=core.full_table,
        code="ethnicity",
        main=True,
    ),
    Layout(
        data_type="student-core",
        variant="csv-aliases",
        name="export_{dfe}.csv",
        draw=core.aliased_table,
        years=SECONDARY,
        phase="secondary",
        code="sen_provision",
        main=True,
    ),
    Layout(
        data_type="student-core",
        variant="csv-short",
        name="class list {estab}.csv",
        draw=core.short_table,
        code="sex",
    ),
    Layout(
        data_type="student-core",
        variant="csv-exam-office",
        name="students_{estab}.csv",
        draw=core.exam_office_table,
        years=("12", "13"),
        phase="secondary",
        code="sex",
    ),
    Layout(
        data_type="student-core",
        variant="csv-sen",
        name="SEN register {estab}.csv",
        draw=core.sen_table,
        code="sen_provision",
    ),
    Layout(
        data_type="student-core",
        variant="csv-school-history",
        name="starters and leavers {estab}.csv",
        draw=core.history_table,
        code="enrol_status",
    ),
)
