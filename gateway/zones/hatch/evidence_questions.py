"""What is asked of evidence: breaches, one child, legal holds, deletions that are due, reviews, policies."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from gateway.zones.hatch import OfPerson, WeightyAct

_LINE = 400


class AskWatch(OfPerson):
    """How the gateway stands: services, queues, disks, faults, the last backup."""


class AskChild(WeightyAct):
    """All that is known of a child, as the document that answers a subject access request. It is logged.

    The child is named by a UPN, or by name and date of birth.
    """

    upn: str = Field(default="", max_length=_LINE)
    surname: str = Field(default="", max_length=_LINE)
    forename: str = Field(default="", max_length=_LINE)
    born: date | None = None
    why: str
    names: bool = False


class AskHolds(OfPerson):
    """The legal holds that are on; with `plan`, also what is due for deletion, which takes a while."""

    plan: bool = False


class AskPolicies(OfPerson):
    """Which policies are in force and proposed, and what differs between two versions.

    With `days`, also what would have become of the files of so many days. `before` and `after` are digests.
    """

    before: str | None = None
    after: str | None = None
    days: int | None = Field(default=None, ge=1, le=3_660)


class ApprovePolicies(WeightyAct):
    """Approve, as a second person, the policies of this digest."""

    digest: str


class WithdrawPolicies(WeightyAct):
    """Take back what is proposed."""

    why: str
