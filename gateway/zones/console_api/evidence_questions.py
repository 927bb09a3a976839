"""Questions about the watch and the policies."""

from pydantic import Field

from gateway.zones.console_api import OfPerson, WeightyAct


class AskWatch(OfPerson):
    """Ask for the state of the gateway: services, queues, disks, faults, the last backup."""


class AskPolicies(OfPerson):
    """Ask for the policies in force and proposed, and the differences between two versions.

    With `days`, also the changed outcomes of that many past days. `before` and `after` are digests.
    """

    before: str | None = None
    after: str | None = None
    days: int | None = Field(default=None, ge=1, le=3_660)


class ApprovePolicies(WeightyAct):
    """Approve, as a second person, the policies with a digest."""

    digest: str


class WithdrawPolicies(WeightyAct):
    """Withdraw the proposal."""

    why: str
