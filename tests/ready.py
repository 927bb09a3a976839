"""What isolated children make at first use, made once before tests have any of them forked."""

from __future__ import annotations

from gateway.classify import load_rules
from gateway.examiner.classifier import rehearse
from gateway.examiner.confinement import libseccomp
from gateway.home.settings import ClassifyLimits, ProcessorSettings
from gateway.openpgp.engines import prove_program
from gateway.policy.shipped import shipped_policies
from tests import compiled  # noqa: F401 - the texts of policies stay read


def for_children() -> None:
    """Have the SOP program prove itself, find libseccomp, and classify a text of each kind."""
    prove_program(ProcessorSettings())
    libseccomp()
    rehearse(load_rules(shipped_policies()), ClassifyLimits())
