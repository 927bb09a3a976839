"""Make and read invitations: signed texts that tell a provider's computer how to reach the gateway.

The signature shows that the holder of a key made the text. Six words, read out by telephone, show that the
key is the gateway's.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import GatewayError

# Six words to compare by telephone, in place of fingerprints. The list is that of BIP 39 (English, 2048
# words; SHA-256 2f5eed53…): six words carry 66 bits. Each guess of an attacker costs one run of scrypt with
# 32 MiB of memory, and a salt of the provider and the purpose, so that no guess serves against two
# providers. The words are no secret: what protects them is the telephone.

NUMBER = 6
_BITS = 11
_BYTES = 9
_LONGEST = 12
_COST, _BLOCK, _MEMORY = 2**15, 8, 64 * 1024**2


@cache
def known_words() -> tuple[str, ...]:
    """Return all 2048 possible words, in alphabetical order; no two begin with the same four letters."""
    return tuple(files("gateway.model").joinpath("read_aloud.txt").read_text("ascii").split())


def six_words(purpose: str, provider: str, facts: Iterable[str]) -> tuple[str, ...]:
    """Return six words that stand for `facts`, in their order, to be read out and compared by telephone.
    `purpose` and `provider` enter into the words: the words of another provider or purpose never fit.
    """
    told = hashlib.sha256()
    for fact in facts:
        told.update(hashlib.sha256(fact.encode()).digest())
    stretched = hashlib.scrypt(
        told.digest(), salt=f"{purpose}:{provider}".encode(), n=_COST, r=_BLOCK, p=1,
        maxmem=_MEMORY, dklen=_BYTES,
    )  # fmt: skip
    number = int.from_bytes(stretched, "big")
    words = known_words()
    return tuple(words[number >> (_BITS * place) & (len(words) - 1)] for place in range(NUMBER))


def keys_words(gateway_key: str, provider: str, ssh: str, openpgp: str) -> tuple[str, ...]:
    """Return the six words for three fingerprints: of the gateway's key, and a provider's two keys."""
    return six_words("keys", provider, (gateway_key, ssh, openpgp))


def are_words(heard: Sequence[str]) -> bool:
    """Return True if a person typed words (`heard`) that were read out; False for a fingerprint.

    A word has at most 12 letters, and is in lower, upper or title case; no fingerprint is like that.
    """
    said = [one.strip(",.;") for one in " ".join(heard).split()]
    return all(
        one.isalpha() and len(one) <= _LONGEST and (one.istitle() or one.islower() or one.isupper())
        for one in said
    )


def compare(heard: str | Sequence[str], words: Sequence[str]) -> None:
    """Raise GatewayError, naming the first wrong word, unless the words heard are the right six."""
    # Words as heard and typed, one by one, in lower case, without numbers and punctuation.
    text = heard if isinstance(heard, str) else " ".join(heard)
    typed = "".join(one if one.isalpha() else " " for one in text.lower()).split()
    if len(typed) != NUMBER:
        raise GatewayError(f"six words are read out, and these are {len(typed)}")
    for number, (one, right) in enumerate(zip(typed, words, strict=True), 1):
        if one == right:
            continue
        if one not in known_words():
            near = difflib.get_close_matches(one, known_words(), 1)
            hint = f": is it {near[0]}?" if near else ""
            raise GatewayError(f"word {number}, {one}, is not one of the list{hint}")
        raise GatewayError(f"word {number}, {one}, is another here")


_HEAD = "An invitation to the gateway, to be opened by: gateway send setup INVITATION\n\n"
_TEXT = re.compile(rf"{re.escape(_HEAD)}(?P<facts>\{{.+\}})\n*", re.DOTALL)
_LINE = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]{1,200}$"


class ProviderInvitation(BaseModel):
    """The facts of one provider's invitation.

    `host_keys`: SHA256 fingerprints. `gateway_key`: a fingerprint, of `certificate` (in ASCII armor).
    """

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
        """Return the invitation as a text for the gateway to sign."""
        return f"{_HEAD}{self.model_dump_json(indent=1)}\n"

    @classmethod
    def read(cls, text: str) -> ProviderInvitation:
        """Return the invitation in a text made by the method `text`. ValueError for any other text."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError("no invitation")
        return cls.model_validate_json(found["facts"])

    def words(self) -> tuple[str, ...]:
        """Return the six words by which provider and authority check that both have the same invitation."""
        return six_words("invitation", self.provider, (self.model_dump_json(),))


def place_of(address: str, port: int) -> tuple[str, int]:
    """Split an address HOST, HOST:PORT or [IPV6]:PORT into host and port (`port` without one)."""
    named = re.fullmatch(r"\[?([^\[\]]+)\]?:([0-9]{1,5})", address)
    if named is None or (":" in named[1] and not address.startswith("[")):
        return address.strip("[]"), port
    return named[1], int(named[2])
