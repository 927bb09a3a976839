"""Numbers and kinds of providers as they are typed on a command line."""

from __future__ import annotations

import typer

from gateway.enrolment.numbers import dfe_number, own_number, schools, urn
from gateway.model import ProviderKind
from gateway.policy.bodies_schema import BodiesFile

__all__ = ["dfe_number", "own_number", "provider_kind", "schools", "urn"]


def provider_kind(given: str, bodies: BodiesFile) -> ProviderKind:
    """A kind of provider that the policies know. BadParameter where it is none."""
    if given not in bodies.kinds():
        raise typer.BadParameter(f"one of {', '.join(bodies.kinds())}", param_hint="--kind")
    return given
