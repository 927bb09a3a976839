"""The models of hand_ons.toml: which team's files are handed on to which system, laid out how, and when."""

from __future__ import annotations

import base64
import hashlib
from datetime import date
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from gateway.policy.schema import PolicyTable, Slug, check_blanks

BLANKS = frozenset({"reference", "provider", "dfe", "urn", "landed"})
"""The names allowed between braces: of the file, its sender, the sender's numbers, the day of arrival."""
Word = Annotated[str, Field(min_length=1, max_length=100)]


class HandOnColumn(PolicyTable):
    """One column of an output file.

    It is filled from a field of items.toml (`from`), from the first of some `headings` of the view that has a
    value, or with one `value`, which may hold blanks.
    """

    name: Word
    field: str = Field(default="", alias="from")
    headings: tuple[Word, ...] = ()
    value: str = Field(default="", max_length=100)

    @field_validator("value")
    @classmethod
    def _can_be_filled(cls, value: str) -> str:
        return check_blanks(value, BLANKS)

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> HandOnColumn:
        if [bool(self.field), bool(self.headings), bool(self.value)].count(True) != 1:
            raise ValueError("write one of from, headings and value")
        return self


class HandOnFile(PolicyTable):
    """One output file of each file handed on; with `each`, a row for each such part of a record."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9{][A-Za-z0-9._{}-]{0,99}$")]
    each: str = Field(default="", pattern=r"^[A-Za-z]*$")
    column: tuple[HandOnColumn, ...] = Field(min_length=1)

    @field_validator("name")
    @classmethod
    def _is_of_one_file(cls, name: str) -> str:
        if "{reference}" not in check_blanks(name, BLANKS):
            raise ValueError("write {reference} into the name, so that no file takes another's place")
        return name


class SftpTarget(PolicyTable):
    """The system's SFTP server. `host_key` is its public key, as in a known_hosts file: type and base64."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
    port: int = Field(default=22, ge=1, le=65535)
    user: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
    folder: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,200}$")] = "."
    host_key: Annotated[
        str, Field(pattern=r"^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+=*$")
    ]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 fingerprint of the host key, as SSH programs show it."""
        digest = hashlib.sha256(base64.b64decode(self.host_key.partition(" ")[2])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


class HandOn(PolicyTable):
    """A team's files handed on to one system, as the team's view shows them.

    - `data_types`: those whose files are handed on. `since`: the day from which deliveries count.
    - `at`: the hour of the night by the authority's clocks, or "at-once".
    - `sftp`: where the files are pushed; without it the system fetches them from a folder of the home.
    - `acknowledge_hours`: until then the system acknowledges, or it is told.
    """

    id: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=32)]
    team: Slug
    data_types: tuple[Slug, ...] = Field(min_length=1)
    since: date
    at: Annotated[str, Field(pattern=r"^(at-once|([01]\d|2[0-3]):[0-5]\d)$")]
    acknowledge_hours: int = Field(default=24, ge=1, le=720)
    sftp: SftpTarget | None = None
    file: tuple[HandOnFile, ...] = Field(min_length=1)


class HandOnsFile(PolicyTable):
    """hand_ons.toml. Nothing is handed on that it does not list."""

    hand_on: tuple[HandOn, ...] = ()
