"""Layouts of FFT Aspire, ALPS and Learning Plus UK."""

from __future__ import annotations

from gateway.samples import trackers
from gateway.samples.faults import CHECK_LETTER, DUPLICATE, TEMPORARY, UNKNOWN_CODE
from gateway.samples.layouts.layout import Layout

_FAULTS = (CHECK_LETTER, TEMPORARY, DUPLICATE, UNKNOWN_CODE)
_EACH_SUBJECT = (CHECK_LETTER, TEMPORARY, UNKNOWN_CODE)

TRACKERS: tuple[Layout, ...] = (
    Layout(
        data_type="fft-aspire",
        variant="csv-estimates",
        name="FFT_{dfe}_estimates.csv",
        draw=trackers.fft_estimates,
        years=("10", "11"),
        phase="secondary",
        faults=_FAULTS,
        code="sex",
        main=True,
    ),
    Layout(
        data_type="fft-aspire",
        variant="csv-chances",
        name="Aspire_{dfe}_chances.csv",
        draw=trackers.fft_chances,
        years=("10", "11"),
        phase="secondary",
        faults=_FAULTS,
        code="sex",
    ),
    Layout(
        data_type="alps-lpuk",
        variant="csv-alps",
        name="ALPS_{dfe}.csv",
        draw=trackers.alps,
        years=("12", "13"),
        phase="secondary",
        faults=_EACH_SUBJECT,
        code="sex",
        records="row",
        main=True,
    ),
    Layout(
        data_type="alps-lpuk",
        variant="csv-lpuk",
        name="LPUK_{dfe}.csv",
        draw=trackers.learning_plus,
        years=("12", "13"),
        phase="secondary",
        faults=_EACH_SUBJECT,
        code="sex",
        records="row",
    ),
)
