"""Layouts of GCSE and A level results: result files (also mixed ones) and spreadsheets."""

from __future__ import annotations

from functools import partial

from gateway.samples import exams
from gateway.samples.exams import GCE, GCSE, Qualification
from gateway.samples.faults import CHECK_LETTER, TEMPORARY, UNKNOWN_CODE
from gateway.samples.layouts.layout import Layout

_CODES = (UNKNOWN_CODE,)
_UPNS_AND_CODES = (CHECK_LETTER, TEMPORARY, UNKNOWN_CODE)


def _layouts(data_type: str, kind: Qualification, years: tuple[str, ...], body: str) -> tuple[Layout, ...]:
    """Return the layouts of one qualification: a result file of awarding body `body`, four spreadsheets."""
    whole = partial(exams.result_file, kinds=((kind, 4),), body=body)
    return (
        Layout(
            data_type=data_type,
            variant="jcq",
            name="R{centre}" + f"{body}.X{body}",
            draw=whole,
            years=years,
            phase="secondary",
            faults=_UPNS_AND_CODES,
            main=True,
        ),
        Layout(
            data_type=data_type,
            variant="csv",
            name=f"{kind.series}" + "{yy}_{centre}_results.csv",
            draw=partial(exams.results_table, kind=kind),
            years=years,
            phase="secondary",
            faults=_UPNS_AND_CODES,
            records="row",
            main=True,
        ),
        Layout(
            data_type=data_type,
            variant="csv-accreditation",
            name="{centre}_" + f"{kind.code}_qan.csv",
            draw=partial(exams.accreditation_table, kind=kind),
            years=years,
            phase="secondary",
            faults=_CODES,
            records="row",
        ),
        Layout(
            data_type=data_type,
            variant="csv-collector",
            name="{dfe}_" + f"{kind.code}_template.csv",
            draw=partial(exams.collector_table, kind=kind),
            years=years,
            phase="secondary",
            faults=_CODES,
            records="row",
        ),
        Layout(
            data_type=data_type,
            variant="csv-syllabus",
            name="{centre}_" + f"{kind.code}_syllabus.csv",
            draw=partial(exams.syllabus_table, kind=kind),
            years=years,
            phase="secondary",
            faults=_CODES,
            records="row",
        ),
    )


EXAMS: tuple[Layout, ...] = (
    *_layouts("gcse-results", GCSE, ("11",), "70"),
    Layout(
        data_type="gcse-results",
        variant="jcq-mixed",
        name="R{centre}10.X10",
        draw=partial(exams.result_file, kinds=((GCSE, 4), (GCE, 1)), body="10"),
        years=("11", "12"),
        phase="secondary",
        faults=_UPNS_AND_CODES,
    ),
    *_layouts("a-level-results", GCE, ("13",), "01"),
    Layout(
        data_type="a-level-results",
        variant="jcq-mixed",
        name="R{centre}40.X40",
        draw=partial(exams.result_file, kinds=((GCE, 3), (GCSE, 1)), body="40"),
        years=("13",),
        phase="secondary",
        faults=_UPNS_AND_CODES,
    ),
)
