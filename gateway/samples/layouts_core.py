"""Layouts of student core data as CTF: full, partial, legacy, admissions."""

from __future__ import annotations

from functools import partial

from gateway.samples import ctf
from gateway.samples.ctf import Envelope, draw_ctf
from gateway.samples.layout import PRIMARY, SECONDARY, Layout

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
_LEGACY = Envelope(version="12.0", supplier="Arbor", sex_tag="Gender")
_CHANGES = Envelope(qualifier="partial", descriptor="Partial CTF containing pupil changes")

CORE: tuple[Layout, ...] = (
    Layout(
        data_type="student-core",
        variant="ctf-full",
        name="{dfe}_CTF_{la}LLLL_001.xml",
        draw=partial(draw_ctf, envelope=Envelope(), modules=_FULL),
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
        draw=partial(draw_ctf, envelope=_CHANGES, modules=(ctf.short_details, ctf.sen_history)),
        years=PRIMARY,
        code="sex",
    ),
)
