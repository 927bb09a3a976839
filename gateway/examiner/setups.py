"""What each kind of isolated child is told when it starts, and nothing else: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from gateway.home.settings import ClassifyLimits, OpenLimits, ProcessorSettings
from gateway.openpgp.engines import ProgramFile


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenerSetup:
    """What an opener is told: the gateway's OpenPGP secret keys by fingerprint, and no other secret.

    `proved`: the SOP program, where it has proved itself to the service; else the opener asks it.
    """

    secrets: dict[str, str]
    settings: ProcessorSettings
    limits: OpenLimits
    proved: ProgramFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSetup:
    """What a classifier is told when it starts: its rules, the limits, its memory."""

    rules: Path
    limits: ClassifyLimits
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSetup:
    """What a judge is told when it starts: the limits for drops."""

    limits: OpenLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerSetup:
    """What a viewer is told when it starts: its rules, the limits, its memory, the most bytes of a view."""

    rules: Path
    limits: ClassifyLimits
    memory_bytes: int
    most: int


OPENER_SETUP = TypeAdapter(OpenerSetup)
CLASSIFIER_SETUP = TypeAdapter(ClassifierSetup)
JUDGE_SETUP = TypeAdapter(JudgeSetup)
VIEWER_SETUP = TypeAdapter(ViewerSetup)
