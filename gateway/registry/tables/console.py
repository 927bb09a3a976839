"""Rows for logins to the console and the API: one-time links, current sessions, and programs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field

from gateway.registry.tables.row import Row, UtcDateTime


class InvitationRow(Row, table=True):
    """A one-time link for enrolling a passkey. `digest` is the SHA-256 of the secret in the link."""

    __tablename__ = "staff_invitation"
    digest: str = Field(primary_key=True, max_length=64)
    staff: str = Field(foreign_key="staff.name", index=True)
    made_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    made_by: str


class ConsoleSessionRow(Row, table=True):
    """A current login to the console. `digest` is the SHA-256 of the browser's secret.

    `passkey` is the fingerprint of the passkey or OpenID account used, `address` the browser's address;
    `seen_at`, the time of the last use, is updated every few minutes.
    """

    digest: str = Field(primary_key=True, max_length=64)
    staff: str = Field(foreign_key="staff.name", index=True)
    passkey: str
    address: str
    begun_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)

    @property
    def number(self) -> str:
        """The beginning of the digest: a name for the session in lists, which is no secret."""
        return self.digest[:12]


class ConsoleChallengeRow(Row, table=True):
    """A challenge to a browser, still to be signed; stored for any of several hosts to check the answer.

    `holder` is the SHA-256 of the secret of the browser or session, `purpose` the SHA-256 of a text that says
    what the signature is for. `about` is a text given back with the challenge.
    """

    holder: str = Field(primary_key=True, max_length=64)
    purpose: str = Field(primary_key=True, max_length=64)
    challenge: bytes
    about: str = Field(sa_type=Text)
    ends_at: datetime = Field(sa_type=UtcDateTime)


class SavedFilterRow(Row, table=True):
    """A filter of a list in the console or the API, saved under a name by a person or program (`staff`).

    `query` is the filter as in a web address, without the text searched for and other personal data.
    """

    staff: str = Field(primary_key=True)
    listing: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    query: str = Field(sa_type=Text)


class ProgramRow(Row, table=True):
    """A program that may use the API. `digest` is the SHA-256 of its secret.

    `acts` lists the commands of the acts allowed to the program, `teams` the teams whose files the program
    collects; both are separated by commas.
    """

    digest: str = Field(primary_key=True, max_length=64)
    name: str = Field(index=True)
    acts: str = Field(sa_type=Text)
    teams: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    made_by: str
    ends_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_by: str | None = None
    why: str | None = None

    @property
    def collects(self) -> tuple[str, ...]:
        """The teams whose files the program collects."""
        return tuple(filter(None, self.teams.split(",")))


class ProgramRequestRow(Row, table=True):
    """A program's request for a change, and the answer, once there is one.

    `key` is the program's Idempotency-Key, `asked` the SHA-256 of the request.
    """

    program: str = Field(primary_key=True, max_length=64)
    key: str = Field(primary_key=True, max_length=255)
    asked: str
    at: datetime = Field(sa_type=UtcDateTime)
    answer: str | None = Field(default=None, sa_type=Text)
