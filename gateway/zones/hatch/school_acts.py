"""What is asked that changes a school: enrolling, keys, contacts, closing, converting, ratifying."""

from __future__ import annotations

from pydantic import Field

from gateway.zones.hatch import WeightyAct

_KEY = 65_536


class OfSchool(WeightyAct):
    """An act of weight on one provider, and why."""

    provider: str
    why: str = ""


class AddKey(OfSchool):
    """Enrol a further key of a provider; it counts once it is confirmed."""

    key: str = Field(max_length=_KEY)


class ConfirmKey(OfSchool):
    """Put a key in force: its owner was rung, and read out `read_out`, the fingerprint or its beginning."""

    read_out: str
