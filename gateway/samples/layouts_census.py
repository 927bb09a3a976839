"""Layouts of the School Census: the XML return of each term."""

from __future__ import annotations

from functools import partial

from gateway.samples.census import Return, draw_census
from gateway.samples.layout import SECONDARY, Layout

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
)
