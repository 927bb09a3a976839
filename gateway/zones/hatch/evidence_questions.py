"""Questions about the watch and the policies."""

from __future__ import annotations

from pydantic import Field

from gateway.zones.hatch import OfPerson, WeightyAct


class AskWatch(OfPerson):
    """How the gateway stands: services, queues, disks, faults, the last backup."""


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
