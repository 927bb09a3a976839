"""Layouts of the School Census: the XML return of each term, COLLECT's blades, the DfE's download."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateway.samples import blades
from gateway.samples.census import Return, draw_census
from gateway.samples.drawing import Cohort, Document
from gateway.samples.layouts.layout import SECONDARY, Layout


def _side(variant: str, name: str, draw: Callable[[Cohort], Document]) -> Layout:
    """Return a blade identifying pupils by key only, and so without visible faults."""
    return Layout(
        data_type="school-census",
        variant=f"csv-blade-{variant}",
        name=f"school_census_{name}.csv",
        draw=draw,
        faults=(),
    )


CENSUS: tuple[Layout, ...] = (
    Layout(
        data_type="school-census",
        variant="xml-summer",
        name="{dfe}_SC2_{la}LL{yy}_001.XML",
        draw=partial(draw_census, of=Return(term="SUM")),
        code="ethnicity",
        main=True,
    ),
    Layout(
        data_type="school-census",
        variant="xml-autumn",
        name="{dfe}_SC3_{la}LL{yy}_001.XML",
        draw=partial(draw_census, of=Return(term="AUT", sex_tag="Gender", software="Arbor")),
        code="enrol_status",
    ),
    Layout(
        data_type="school-census",
        variant="xml-spring",
        name="{dfe}_SC1_{la}LL{yy}_001.XML",
        draw=partial(draw_census, of=Return(term="SPR", leavers=False)),
        years=SECONDARY,
        phase="secondary",
        code="sen_provision",
    ),
    Layout(
        data_type="school-census",
        variant="csv-blade-pupils",
        name="school_census_pupilonroll.csv",
        draw=blades.pupils_on_roll,
        code="ethnicity",
        main=True,
    ),
    Layout(
        data_type="school-census",
        variant="csv-blade-leavers",
        name="school_census_pupilnolongeronroll.csv",
        draw=blades.pupils_no_longer_on_roll,
        code="enrol_status",
    ),
    _side("addresses", "addressesonroll", blades.addresses),
    _side("meals", "fsmperiodsonroll", blades.meal_periods),
    _side("needs", "senneeds", blades.needs),
    _side("sessions", "termlysessiondetailsonroll", blades.termly_sessions),
    _side("summer-sessions", "summerhalfterm2sessiondetailsonroll", blades.summer_sessions),
    _side("exclusions", "termlyexclusionsonroll", blades.termly_exclusions),
    Layout(
        data_type="school-census",
        variant="csv-download",
        name="Census_{dfe}_autumn.csv",
        draw=blades.download_autumn,
        code="enrol_status",
    ),
)
