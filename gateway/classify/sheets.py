"""Workbooks and single-member archives."""

from __future__ import annotations

from typing import BinaryIO

from gateway.classify.content import unknown
from gateway.classify.rules import Rules
from gateway.classify.tally import Tally
from gateway.classify.verdict import Verdict
from gateway.settings import ClassifyLimits


def recognise(_content: BinaryIO, _tally: Tally, _rules: Rules, _limits: ClassifyLimits) -> Verdict:
    """Which type the table in a workbook, or the one file in an archive, is."""
    raise unknown("an archive", format="ZIP")
