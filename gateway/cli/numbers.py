"""Numbers and kinds of providers as they are typed on a command line."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import typer

from gateway.enrolment.numbers import dfe_number, own_number, schools, urn
from gateway.model import Provider, ProviderKind
from gateway.policy.bodies_schema import DFE_NUMBER, URN, BodiesFile

__all__ = ["column_of", "dfe_number", "own_number", "provider_kind", "schools", "urn", "with_own_number"]


def provider_kind(given: str, bodies: BodiesFile) -> ProviderKind:
    """A kind of provider that the policies know. BadParameter where it is none."""
    if given not in bodies.kinds():
        raise typer.BadParameter(f"one of {', '.join(bodies.kinds())}", param_hint="--kind")
    return given


def with_own_number(provider: Provider, given: str | None, bodies: BodiesFile) -> Provider:
    """A provider with the number by which its kind is known, where files name providers by that, too.

    GatewayError where it is no such number.
    """
    number = own_number(given, provider.kind, bodies)
    match column_of(provider.kind, bodies):
        case _ if number is None:
            return provider
        case "dfe_number":
            return replace(provider, dfe_number=provider.dfe_number or dfe_number(number))
        case "urn":
            return replace(provider, urn=provider.urn or urn(number))
        case _:
            return replace(provider, number=number)


def column_of(kind: ProviderKind, bodies: BodiesFile) -> Literal["dfe_number", "urn", "number"]:
    """Where the number by which a kind of body is known stands on record."""
    identifier = bodies.identifier_of(kind)
    if identifier is not None and identifier.id == DFE_NUMBER:
        return "dfe_number"
    return "urn" if identifier is not None and identifier.id == URN else "number"
