"""Every drawable layout, gathered from one module for each family."""

from __future__ import annotations

from gateway.samples.layouts.assessments import ASSESSMENTS
from gateway.samples.layouts.attendance import ATTENDANCE
from gateway.samples.layouts.census import CENSUS
from gateway.samples.layouts.core import CORE
from gateway.samples.layouts.exams import EXAMS
from gateway.samples.layouts.exclusions import EXCLUSIONS
from gateway.samples.layouts.layout import Layout
from gateway.samples.layouts.stages import STAGES
from gateway.samples.layouts.trackers import TRACKERS

LAYOUTS: tuple[Layout, ...] = (
    *CORE,
    *ATTENDANCE,
    *EXCLUSIONS,
    *CENSUS,
    *STAGES,
    *ASSESSMENTS,
    *EXAMS,
    *TRACKERS,
)
