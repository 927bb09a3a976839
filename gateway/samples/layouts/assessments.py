"""Layouts of stage results as spreadsheets: early years, phonics, key stages 1, 2 and 4."""

from __future__ import annotations

from gateway.samples import assessments
from gateway.samples.layouts.layout import Layout

ASSESSMENTS: tuple[Layout, ...] = (
    Layout(
        data_type="eyfs-profile",
        variant="csv",
        name="EYFSP_{estab}_{yy}.csv",
        draw=assessments.early_years_2021,
        years=("R",),
        main=True,
    ),
    Layout(
        data_type="eyfs-profile",
        variant="csv-old-goals",
        name="EYFSP_{estab}_19.csv",
        draw=assessments.early_years_2013,
        years=("R",),
    ),
    Layout(
        data_type="eyfs-profile",
        variant="csv-school",
        name="Reception profile {estab}.csv",
        draw=assessments.early_years_school,
        years=("R",),
    ),
    Layout(
        data_type="phonics",
        variant="csv",
        name="PHONICS_{estab}_{yy}.csv",
        draw=assessments.phonics_national,
        years=("1", "2"),
        main=True,
    ),
    Layout(
        data_type="phonics",
        variant="csv-school",
        name="Y1 phonics {estab}.csv",
        draw=assessments.phonics_school,
        years=("1",),
    ),
    Layout(
        data_type="ks1",
        variant="csv",
        name="KS1_{estab}_{yy}.csv",
        draw=assessments.key_stage_1_national,
        years=("2",),
        main=True,
    ),
    Layout(
        data_type="ks1",
        variant="csv-school",
        name="KS1_{urn}_{yy}.csv",
        draw=assessments.key_stage_1_school,
        years=("2",),
    ),
    Layout(
        data_type="ks2",
        variant="csv",
        name="KS2_{dfe}_{yyyy}.csv",
        draw=assessments.key_stage_2_national,
        years=("6",),
        code="sex",
        main=True,
    ),
    Layout(
        data_type="ks2",
        variant="csv-download",
        name="{dfe}KS2.dat",
        draw=assessments.key_stage_2_download,
        years=("6",),
        code="sex",
    ),
    Layout(
        data_type="ks4",
        variant="csv",
        name="KS4.csv",
        draw=assessments.key_stage_4_national,
        years=("11",),
        phase="secondary",
        code="sex",
        missing="upn",
        main=True,
    ),
    Layout(
        data_type="ks4",
        variant="csv-checking",
        name="KS4pu{yy}.csv",
        draw=assessments.key_stage_4_checking,
        years=("11",),
        phase="secondary",
        code="sex",
        missing="upn",
    ),
)
