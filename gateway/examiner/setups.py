"""Setup of each kind of isolated child at its start, and nothing else: plain values."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from gateway.home.settings import ClassifyLimits, OpenLimits, ProcessorSettings
from gateway.openpgp.engines import ProgramFile


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenerSetup:
    """Setup of an opener: the gateway's OpenPGP secret keys by fingerprint, and no other secret.

    `proved`: the SOP program, where already proved to the service; otherwise the opener proves the program.
    """

    secrets: dict[str, str]
    settings: ProcessorSettings
    limits: OpenLimits
    proved: ProgramFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierSetup:
    """Setup of a classifier: rules, limits, memory."""

    rules: Path
    limits: ClassifyLimits
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSetup:
    """Setup of a judge: the limits for drops."""

    limits: OpenLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerSetup:
    """Setup of a viewer: rules, limits, memory, most bytes of a view."""

    rules: Path
    limits: ClassifyLimits
    memory_bytes: int
    most: int


OPENER_SETUP = TypeAdapter(OpenerSetup)
CLASSIFIER_SETUP = TypeAdapter(ClassifierSetup)
JUDGE_SETUP = TypeAdapter(JudgeSetup)
VIEWER_SETUP = TypeAdapter(ViewerSetup)
