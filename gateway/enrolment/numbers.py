"""Check the numbers of providers, as typed by people."""

import re
from typing import Literal

from gateway.errors import GatewayError
from gateway.model import ProviderKind
from gateway.policy.small_schemas import DFE_NUMBER, URN, BodiesFile

_URN_DIGITS = 6


def own_number(given: str | None, kind: ProviderKind, bodies: BodiesFile) -> str | None:
    """Return the number of a body, such as an ODS code, as typed by a person; None for None.
    GatewayError if the number does not have the form that `bodies` gives for the kind of provider.
    """
    if given is None:
        return None
    identifier = bodies.identifier_of(kind)
    if identifier is None:
        raise GatewayError(f"bodies.toml names no number of {kind}")
    number = given.strip()
    if not identifier.fits(number):
        raise GatewayError(f"{given} is no {identifier.name}")
    return number


def dfe_number(given: str | None) -> str | None:
    """Return a DfE number as 7 digits, from 9991234 or 999/1234; None for None. GatewayError otherwise."""
    number = None if given is None else given.replace("/", "").replace(" ", "")
    if number is not None and not re.fullmatch(r"[0-9]{7}", number):
        raise GatewayError("a DfE number is 7 digits: the LA's 3 and the establishment's 4")
    return number


def urn(given: str | None) -> str | None:
    """Return a unique reference number (URN), or None for None. GatewayError if it is not 6 digits."""
    if given is not None and not re.fullmatch(rf"[0-9]{{{_URN_DIGITS}}}", given):
        raise GatewayError("a URN is 6 digits")
    return given


def schools(given: str | None) -> str | None:
    """Convert school numbers typed with commas to the registry's form: each once, separated by spaces.
    None for None. GatewayError for a number that is neither a URN (6 digits) nor a DfE number (7 digits).
    """
    if given is None:
        return None
    numbers = [one.strip() for one in given.split(",") if one.strip()]
    whole = [urn(one) if len(one) == _URN_DIGITS else dfe_number(one) for one in numbers]
    return " ".join(dict.fromkeys(filter(None, whole)))


def column_of(kind: ProviderKind, bodies: BodiesFile) -> Literal["dfe_number", "urn", "number"]:
    """Return the column of the registry with the number that identifies a kind of provider."""
    identifier = bodies.identifier_of(kind)
    if identifier is not None and identifier.id == DFE_NUMBER:
        return "dfe_number"
    return "urn" if identifier is not None and identifier.id == URN else "number"
