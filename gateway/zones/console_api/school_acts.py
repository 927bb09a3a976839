"""Acts on a school: enrolment, keys, contacts, closing, conversion, ratification."""

from pydantic import Field

from gateway.zones.console_api import WeightyAct

_KEY = 65_536


class OfSchool(WeightyAct):
    """An act on one provider needing confirmation, with a reason."""

    provider: str
    why: str = ""


class AddKey(OfSchool):
    """Enrol a further key of a provider, in force after confirmation."""

    key: str = Field(max_length=_KEY)


class ConfirmKey(OfSchool):
    """Put a key in force after its owner read out `read_out` (the fingerprint's beginning) by telephone."""

    read_out: str
