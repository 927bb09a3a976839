"""Numbers and kinds of providers as they are typed on a command line."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import typer

from gateway.errors import GatewayError
from gateway.model import Provider, ProviderKind
from gateway.policy.bodies_schema import DFE_NUMBER, URN, BodiesFile

_DFE_DIGITS, _URN_DIGITS = 7, 6


def provider_kind(given: str, bodies: BodiesFile) -> ProviderKind:
    """A kind of provider that the policies know. BadParameter where it is none."""
    if given not in bodies.kinds():
        raise typer.BadParameter(f"one of {', '.join(bodies.kinds())}", param_hint="--kind")
    return given


def own_number(given: str | None, kind: ProviderKind, bodies: BodiesFile) -> str | None:
    """The number by which a kind of body is known, such as an ODS code. GatewayError for any other text."""
    if given is None:
        return None
    identifier = bodies.identifier_of(kind)
    if identifier is None:
        raise GatewayError(f"bodies.toml names no number of {kind}")
    number = given.strip()
    if not identifier.fits(number):
        raise GatewayError(f"{given} is no {identifier.name}")
    return number


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


def dfe_number(given: str | None) -> str | None:
    """LA and establishment number, written 9991234 or 999/1234. GatewayError where it is not 7 digits."""
    number = None if given is None else given.replace("/", "").replace(" ", "")
    if number is not None and not (len(number) == _DFE_DIGITS and number.isdecimal()):
        raise GatewayError("a DfE number is 7 digits: the LA's 3 and the establishment's 4")
    return number


def urn(given: str | None) -> str | None:
    """A unique reference number. GatewayError where it is not 6 digits."""
    if given is not None and not (len(given) == _URN_DIGITS and given.isdecimal()):
        raise GatewayError("a URN is 6 digits")
    return given


def schools(given: str | None) -> str | None:
    """Numbers of schools, by commas, as the registry keeps them: each once, with blanks between."""
    if given is None:
        return None
    numbers = [one.strip() for one in given.split(",") if one.strip()]
    whole = [urn(one) if len(one) == _URN_DIGITS else dfe_number(one) for one in numbers]
    return " ".join(dict.fromkeys(filter(None, whole)))
