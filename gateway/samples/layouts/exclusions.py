"""Layouts of exclusions: XML in both shapes, and spreadsheets."""

from __future__ import annotations

from gateway.samples import exclusions
from gateway.samples.faults import CHECK_LETTER, FUTURE, TEMPORARY, UNKNOWN_CODE
from gateway.samples.layouts.layout import SECONDARY, Layout

# A pupil may be excluded more than once, so a repeated UPN is no fault.
_FAULTS = (CHECK_LETTER, TEMPORARY, UNKNOWN_CODE, FUTURE)

EXCLUSIONS: tuple[Layout, ...] = (
    Layout(
        data_type="exclusions",
        variant="xml-one-reason",
        name="exclusions_{dfe}_371.xml",
        draw=exclusions.xml_one_reason,
        years=SECONDARY,
        phase="secondary",
        faults=_FAULTS,
        records="row",
    ),
    Layout(
        data_type="exclusions",
        variant="xml-many-reasons",
        name="exclusions_{dfe}.xml",
        draw=exclusions.xml_many_reasons,
        years=SECONDARY,
        phase="secondary",
        faults=_FAULTS,
        records="row",
        main=True,
    ),
    Layout(
        data_type="exclusions",
        variant="csv",
        name="suspensions_{dfe}.csv",
        draw=exclusions.csv_current,
        years=SECONDARY,
        phase="secondary",
        faults=_FAULTS,
        records="row",
        main=True,
    ),
    Layout(
        data_type="exclusions",
        variant="csv-legacy",
        name="exclusions_{dfe}_2021.csv",
        draw=exclusions.csv_legacy,
        years=SECONDARY,
        phase="secondary",
        faults=_FAULTS,
        records="row",
    ),
    Layout(
        data_type="exclusions",
        variant="csv-national",
        name="exclusions_{dfe}_national.csv",
        draw=exclusions.csv_national,
        years=SECONDARY,
        phase="secondary",
        faults=_FAULTS,
    ),
)
