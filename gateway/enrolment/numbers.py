"""Check the numbers of providers, as typed by people."""

import re
from typing import Literal

from gateway.errors import GatewayError
from gateway.model import ProviderKind
from gateway.policy.small_schemas import DFE_NUMBER, URN, BodiesFile

_URN_DIGITS = 6


def own_number(given: str | None, kind: ProviderKind, bodies: BodiesFile) -> str | None:
    """Return the number of a body as typed, such as an ODS code; None if no number was typed.

    GatewayError if `bodies`, the policies on bodies, has no number for this kind of provider, or another
    form.
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
    """Return a DfE number as 7 digits, typed as 9991234 or 999/1234; None if no number was typed.

    GatewayError for any other form.
    """
    number = None if given is None else given.replace("/", "").replace(" ", "")
    if number is not None and not re.fullmatch(r"[0-9]{7}", number):
        raise GatewayError("a DfE number is 7 digits: the LA's 3 and the establishment's 4")
    return number


def urn(given: str | None) -> str | None:
    """Return a unique reference number (URN) as typed; None if no number was typed.

    GatewayError unless the number has 6 digits.
    """
    if given is not None and not re.fullmatch(rf"[0-9]{{{_URN_DIGITS}}}", given):
        raise GatewayError("a URN is 6 digits")
    return given


def schools(given: str | None) -> str | None:
    """Return school numbers, typed with commas between, as the registry stores them: with spaces between.

    A number typed twice is stored once. None if nothing was typed. GatewayError for a number that is neither
    a URN (6 digits) nor a DfE number (7 digits).
    """
    if given is None:
        return None
    numbers = [one.strip() for one in given.split(",") if one.strip()]
    whole = [urn(one) if len(one) == _URN_DIGITS else dfe_number(one) for one in numbers]
    return " ".join(dict.fromkeys(filter(None, whole)))


def column_of(kind: ProviderKind, bodies: BodiesFile) -> Literal["dfe_number", "urn", "number"]:
    """Return the column of the registry that holds the identifying number of a kind of provider.

    `bodies` are the policies on bodies, which name the number.
    """
    identifier = bodies.identifier_of(kind)
    if identifier is not None and identifier.id == DFE_NUMBER:
        return "dfe_number"
    return "urn" if identifier is not None and identifier.id == URN else "number"
