"""The invitation of a provider: what its computer needs to know, in a text that the gateway signs.

The signature shows that the holder of the gateway's key made the text; that it is the gateway's key, the six
words show, which are read out by telephone.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.model.read_aloud import six_words

_HEAD = "An invitation to the gateway, to be opened by: gateway send setup INVITATION\n\n"
_TEXT = re.compile(rf"{re.escape(_HEAD)}(?P<facts>\{{.+\}})\n*", re.DOTALL)
_LINE = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]{1,200}$"


class ProviderInvitation(BaseModel):
    """One provider's invitation. `host_keys`: SHA256:…; `certificate`: in ASCII armor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: Literal["gateway invitation"] = "gateway invitation"
    provider: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    name: str = Field(pattern=_LINE)
    organisation: str = Field(pattern=_LINE)
    host: str = Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")
    port: int = Field(ge=1, le=65535)
    host_keys: tuple[str, ...] = Field(min_length=1, max_length=4)
    gateway_key: str = Field(pattern=r"^[0-9a-f]{40,64}$")
    certificate: str

    def text(self) -> str:
        """Return the text to be signed."""
        return f"{_HEAD}{self.model_dump_json(indent=1)}\n"

    @classmethod
    def read(cls, text: str) -> ProviderInvitation:
        """Return the invitation of a text. ValueError for any other text."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError("no invitation")
        return cls.model_validate_json(found["facts"])

    def words(self) -> tuple[str, ...]:
        """Return the six words by which both sides know that they have the same invitation."""
        return six_words("invitation", self.provider, (self.model_dump_json(),))


def place_of(address: str, port: int = 2222) -> tuple[str, int]:
    """Return host and port of an address HOST, HOST:PORT or [IPV6]:PORT; by default `port`."""
    named = re.fullmatch(r"\[?([^\[\]]+)\]?:([0-9]{1,5})", address)
    if named is None or (":" in named[1] and not address.startswith("[")):
        return address.strip("[]"), port
    return named[1], int(named[2])
