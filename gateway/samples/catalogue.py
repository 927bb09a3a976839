"""Every layout that can be drawn, gathered from one module for each family."""

from __future__ import annotations

from gateway.samples.layout import Layout
from gateway.samples.layouts_attendance import ATTENDANCE
from gateway.samples.layouts_census import CENSUS
from gateway.samples.layouts_core import CORE

LAYOUTS: tuple[Layout, ...] = (*CORE, *ATTENDANCE, *CENSUS)
