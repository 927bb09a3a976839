"""Synthetic contents for the end-to-end tests."""

from __future__ import annotations

import random

from gateway.samples import make, school


def core_data(seed: int = 1, pupils: int = 10) -> bytes:
    """A Common Transfer File of synthetic pupils; another seed gives other pupils."""
    rng = random.Random(seed)
    return make("student-core", "ctf-full", rng=rng, school=school(rng, 1), pupils=pupils)


def census(seed: int = 1, pupils: int = 10) -> bytes:
    """A school census return of synthetic pupils."""
    rng = random.Random(seed)
    return make("school-census", "xml-summer", rng=rng, school=school(rng, 1), pupils=pupils)
