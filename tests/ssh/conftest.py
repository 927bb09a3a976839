"""A running intake for the tests of this folder."""

from tests.intake.conftest import intake

__all__ = ["intake"]
