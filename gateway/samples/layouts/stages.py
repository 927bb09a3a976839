"""Layouts of stage results carried in a CTF: early years, phonics, key stages 1 and 2, tables check."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.samples import ctf, results
from gateway.samples.ctf import CtfHeader, draw_ctf
from gateway.samples.drawing import Cohort, Document
from gateway.samples.layouts.layout import Layout

_EYFS = "Partial CTF containing Early Years Foundation Stage data"
_PHONICS = "Partial CTF containing phonics check data"
_KS1 = "Partial CTF containing Key Stage 1 data"
_KS2 = "Partial CTF containing Key Stage 2 data"


def _sims(descriptor: str) -> CtfHeader:
    return CtfHeader(qualifier="partial", descriptor=descriptor)


def _arbor(descriptor: str) -> CtfHeader:
    return CtfHeader(
        qualifier="partial", descriptor=descriptor, version="22.0", supplier="Arbor", sex_tag="Gender"
    )


def _drawn(rows: results.Results, envelope: CtfHeader) -> Callable[[Cohort], Document]:
    modules = (ctf.short_details, results.stage_assessments(rows))
    return partial(draw_ctf, envelope=envelope, modules=modules)


STAGES: tuple[Layout, ...] = (
    Layout(
        data_type="eyfs-profile",
        variant="ctf",
        name="{dfe}_FSP_{la}LLLL_001.xml",
        draw=_drawn(results.early_years, _arbor(_EYFS)),
        years=("R",),
        main=True,
    ),
    Layout(
        data_type="eyfs-profile",
        variant="ctf-old-goals",
        name="{dfe}_FSP_{la}LLLL_002.xml",
        draw=_drawn(results.early_years_2013, _sims(_EYFS)),
        years=("R",),
    ),
    Layout(
        data_type="eyfs-profile",
        variant="ctf-to-dfe",
        name="{dfe}_FTF_{la}DfE_001.xml",
        draw=_drawn(results.early_years, CtfHeader(qualifier="partial", supplier="FSC")),
        years=("R",),
    ),
    Layout(
        data_type="phonics",
        variant="ctf",
        name="{dfe}_PHO_{la}LLLL_001.xml",
        draw=_drawn(results.phonics, _arbor(_PHONICS)),
        years=("1",),
        main=True,
    ),
    Layout(
        data_type="phonics",
        variant="ctf-other-component",
        name="{dfe}_CTF_{la}LLLL_021.xml",
        draw=_drawn(results.phonics_other_component, CtfHeader(qualifier="partial")),
        years=("1", "2"),
    ),
    Layout(
        data_type="ks1",
        variant="ctf",
        name="{dfe}_KS1_{la}LLLL_001.xml",
        draw=_drawn(results.key_stage_1, _arbor(_KS1)),
        years=("2",),
        main=True,
    ),
    Layout(
        data_type="ks1",
        variant="ctf-with-retakes",
        name="{dfe}_KS1_{la}LLLL_002.xml",
        draw=_drawn(results.key_stage_1_with_retakes, _sims(_KS1)),
        years=("2",),
    ),
    Layout(
        data_type="ks1",
        variant="ctf-with-retakes-undescribed",
        name="{dfe}_CTF_{la}LLLL_022.xml",
        draw=_drawn(results.key_stage_1_with_retakes, CtfHeader(qualifier="partial")),
        years=("2",),
    ),
    Layout(
        data_type="ks2",
        variant="ctf-teacher-assessment",
        name="{dfe}_KS2_{la}LLLL_001.xml",
        draw=_drawn(results.key_stage_2, _arbor(_KS2)),
        years=("6",),
    ),
    Layout(
        data_type="ks2",
        variant="ctf-tables-check",
        name="{dfe}_CTF_{la}LLLL_023.xml",
        draw=_drawn(
            results.tables_check, CtfHeader(qualifier="partial", supplier="Multiplication Tables Check")
        ),
        years=("4",),
    ),
)
