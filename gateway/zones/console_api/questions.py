"""Every question of the console."""

from datetime import date
from typing import Annotated

from pydantic import Field

from gateway.zones.console_api import ConsoleQuestion, OfPerson, WeightyAct
from gateway.zones.http_paths import BEYOND_ROWS

Number = Annotated[int, Field(ge=0, lt=BEYOND_ROWS)]
"""The number of a row."""


class AskSettings(ConsoleQuestion):
    """Ask for the settings needed by the console."""


class BeginLogin(ConsoleQuestion):
    """Begin a login; `browser` is the attempt's secret in the person's browser."""

    browser: str


class LogIn(ConsoleQuestion):
    """Log in by a passkey. `assertion` is JSON from the browser."""

    browser: str
    assertion: str


class BeginEnrolment(ConsoleQuestion):
    """Begin an enrolment by a one-time link; `code` is the link's secret."""

    browser: str
    code: str


class Enrol(ConsoleQuestion):
    """Enrol a new passkey. `attestation` is JSON from the browser."""

    browser: str
    code: str
    attestation: str


class BeginOpenId(ConsoleQuestion):
    """Begin a login at the provider; `code`, if any, is from a one-time link."""

    browser: str
    code: str = ""


class FinishOpenId(ConsoleQuestion):
    """Finish an OpenID login with `given`, the provider's code, and the state sent along."""

    browser: str
    code: str = ""
    given: str = Field(max_length=4_096)
    state: str = Field(max_length=200)


class ConfirmByOpenId(OfPerson):
    """Confirm an act by the new login at the provider."""

    given: str = Field(max_length=4_096)
    state: str = Field(max_length=200)


class AskMe(OfPerson):
    """Ask for the logged-in person, and the person's other sessions."""


class LogOut(OfPerson):
    """End this session; with `others`, the person's other sessions instead."""

    others: bool = False


class LeaveFirstSteps(OfPerson):
    """Say that the first steps need not be shown on the first page any more."""


class AskToday(OfPerson):
    """Ask for the first page."""


class AskMailbox(OfPerson):
    """Ask for a page of a team's matching files, latest first, with sequences below `before`.

    `removed`: files dealt with by the team, still restorable.
    """

    team: str
    new: bool = False
    provider: str | None = None
    data_type: str | None = None
    period: str | None = None
    removed: bool = False
    before: Number | None = None


class AskFile(OfPerson):
    """Ask for the facts about one file of a team, without opening it."""

    team: str
    reference: str
    removed: bool = False


class Collect(OfPerson):
    """Ask for the team's view of a file. The answer is its bytes, not JSON."""

    team: str
    reference: str


class DealWith(OfPerson):
    """Mark files of a team as dealt with; with `undo`, put them back."""

    team: str
    references: tuple[str, ...] = Field(max_length=100)
    undo: bool = False


class RecallFile(WeightyAct):
    """Recall a file from every mailbox, at once."""

    reference: str
    why: str


class AskHeldFile(OfPerson):
    """Ask for the details of a held file."""

    reference: str


class VerifyReceipt(OfPerson):
    """Verify a receipt: the text or JSON pasted or uploaded on the page."""

    text: str = Field(max_length=262_144)


class AskOpenings(OfPerson):
    """Ask for the newest log head, and the latest openings of files, before a log entry if given."""

    before: Number | None = None


class AskSchools(OfPerson):
    """Ask for the matrix of schools and due files, at the end of a day; `page` counts from 0.

    `late`: only schools from which something has not come.
    """

    late: bool = False
    on: date | None = None
    page: int = Field(default=0, ge=0)


class AskSchool(OfPerson):
    """Ask for the details of a provider; files latest first, with sequences below `before`."""

    provider: str
    before: Number | None = None


class AskAgreement(OfPerson):
    """Ask for the agreement beside the rules enforcing its clauses, and the ratifications."""


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
