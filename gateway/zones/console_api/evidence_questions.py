"""Questions about the watch and the policies."""

from datetime import date

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


class AskPolicyEdit(OfPerson):
    """Ask for a file of the policies in force; with `content`, for the effects of another content of it."""

    file: str = ""
    content: str | None = None
    days: int = Field(default=180, ge=1, le=3_660)


class ProposePolicies(WeightyAct):
    """Propose the policies in force with another content of one file, from a day on."""

    file: str
    content: str
    on: date | None = None
    why: str


class ApprovePolicies(WeightyAct):
    """Approve, as a second person, the policies with a digest."""

    digest: str


class WithdrawPolicies(WeightyAct):
    """Withdraw the proposal."""

    why: str
