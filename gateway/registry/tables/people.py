"""Rows for providers, staff, keys, and the data expected of providers."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Text, UniqueConstraint
from sqlmodel import Field

from gateway.registry.tables.row import Row, UtcDateTime


class ProviderRow(Row, table=True):
    """A body that sends files: `schools` are the numbers of schools for which it sends, separated by spaces.

    `closed_on` is the last day, None while open; `succeeded_by` is the id of the successor.
    """

    id: str = Field(primary_key=True, max_length=32)
    name: str
    kind: str
    dfe_number: str | None = None
    urn: str | None = None
    suspended: bool = False
    added_at: datetime = Field(sa_type=UtcDateTime)
    schools: str | None = None
    closed_on: date | None = None
    succeeded_by: str | None = None
    number: str | None = None


class ContactRow(Row, table=True):
    """A contact of a provider: the address of a role such as "data manager", never a person's name."""

    provider: str = Field(primary_key=True, foreign_key="provider.id")
    role: str = Field(primary_key=True)
    email: str | None = None
    telephone: str | None = None
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str


class StaffRow(Row, table=True):
    """A member of staff. `knows_pages` is True after the person has dismissed the console's first steps."""

    name: str = Field(primary_key=True, max_length=32)
    added_at: datetime = Field(sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    knows_pages: bool | None = None


class StaffTeamRow(Row, table=True):
    """One person's membership of one team."""

    staff: str = Field(primary_key=True, foreign_key="staff.name")
    team: str = Field(primary_key=True)


class RoleRow(Row, table=True):
    """A person's role: triage, administrator, data-protection or auditor."""

    __tablename__ = "person_role"
    staff: str = Field(primary_key=True, foreign_key="staff.name")
    role: str = Field(primary_key=True)


class AccountRow(Row, table=True):
    """An account of the operating system used by one person alone."""

    __tablename__ = "person_account"
    account: str = Field(primary_key=True)
    staff: str = Field(foreign_key="staff.name", index=True)


class GivingRow(Row, table=True):
    """The record that the person `by` gave a member of staff a key, role or account, or confirmed one.

    `what` is "key", "role" or "account"; `mark` is the key's fingerprint, or the name of the role or account.
    """

    id: int | None = Field(default=None, primary_key=True)
    staff: str = Field(index=True)
    what: str
    mark: str
    by: str
    at: datetime = Field(sa_type=UtcDateTime)


class KeyRow(Row, table=True):
    """A key of a provider, a member of staff or the gateway: SSH, OpenPGP, passkey or OpenID account.

    `material` is public: an OpenSSH line, an armored certificate, or JSON of a passkey's key. `not_after` is
    the limit set by the gateway, `expires_at` the certificate's own expiry. `revocation` is "soft" or "hard".
    `warned_days` is the last step of warning given to the owner, in days before expiry. `dropped_as` is the
    reference of the upload with the key, and `sign_count` the passkey's last count of signatures.
    `unconfirmed` is True until a person has confirmed the key as the owner's.
    """

    __table_args__ = (UniqueConstraint("owner_kind", "owner", "kind", "fingerprint"),)
    id: int | None = Field(default=None, primary_key=True)
    owner_kind: str = Field(index=True)
    owner: str = Field(index=True)
    kind: str
    fingerprint: str = Field(index=True)
    material: str = Field(sa_type=Text)
    state: str
    added_at: datetime = Field(sa_type=UtcDateTime)
    added_by: str
    algorithm: str = ""
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    not_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str | None = None
    end_reason: str | None = None
    revocation: str | None = None
    warned_days: int | None = None
    dropped_as: str | None = None
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    uses: int = 0
    sign_count: int | None = Field(default=None, sa_type=BigInteger)
    unconfirmed: bool | None = None


class RatificationRow(Row, table=True):
    """A provider's ratification of the agreement for one academic year.

    `reference` and `certificate` belong to the signed copy of the text, if the provider uploaded one.
    `ends_on` is the first day on which the ratification no longer counts, if the provider gave notice.
    """

    provider: str = Field(primary_key=True, foreign_key="provider.id")
    academic_year: str = Field(primary_key=True)
    signatory: str
    ratified_on: date
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str
    text_sha256: str | None = None
    reference: str | None = None
    certificate: str | None = None
    ends_on: date | None = None


class AgreementSignatureRow(Row, table=True):
    """One person's signature under the agreement for one year, where a ratification needs several."""

    provider: str = Field(primary_key=True, foreign_key="provider.id")
    academic_year: str = Field(primary_key=True)
    role: str = Field(primary_key=True)
    signatory: str
    signed_on: date
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str
    text_sha256: str
    reference: str | None = None
    certificate: str | None = None


class ExpectationRow(Row, table=True):
    """A person's statement that a provider has to send a data type (`expected`), or need not."""

    provider: str = Field(primary_key=True, foreign_key="provider.id")
    data_type: str = Field(primary_key=True)
    expected: bool
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str
    why: str = Field(sa_type=Text)


class HarmlessRow(Row, table=True):
    """A column that an administrator has listed as harmless: from one `provider` or, with "", from all.
    `name` is the header of the column without case, blanks and punctuation. A row with a `field` is no
    harmless column, but a heading that a provider has explained: `field` is the key of the field that the
    heading means, or "" for no known field.
    """

    name: str = Field(primary_key=True)
    provider: str = Field(primary_key=True)
    header: str
    listed_at: datetime = Field(sa_type=UtcDateTime)
    listed_by: str
    why: str = Field(sa_type=Text)
    field: str | None = None


class NilReturnRow(Row, table=True):
    """A nil return: a provider has nothing to send for a period."""

    provider: str = Field(primary_key=True, foreign_key="provider.id")
    data_type: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    recorded_at: datetime = Field(sa_type=UtcDateTime)
    recorded_by: str
    why: str = Field(sa_type=Text)


class RegisterVersionRow(Row, table=True):
    """The register's version: one row; no row before the first change."""

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int = Field(sa_type=BigInteger)
