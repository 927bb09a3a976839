"""Every question that the console may ask."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from gateway.zones.hatch import HatchQuestion, OfPerson, WeightyAct


class AskSettings(HatchQuestion):
    """What the console has to know of the settings."""


class BeginLogin(HatchQuestion):
    """Somebody wants to log in; `browser` is a secret of this attempt, which their browser holds."""

    browser: str


class LogIn(HatchQuestion):
    """A passkey has signed. `assertion` is JSON as the browser gives it."""

    browser: str
    assertion: str


class BeginEnrolment(HatchQuestion):
    """Somebody has a one-time link; `code` is the secret in it."""

    browser: str
    code: str


class Enrol(HatchQuestion):
    """A passkey was made for it. `attestation` is JSON as the browser gives it."""

    browser: str
    code: str
    attestation: str


class BeginOpenId(HatchQuestion):
    """Somebody may want to log in at the provider; `code`, if any, is of a one-time link."""

    browser: str
    code: str = ""


class FinishOpenId(HatchQuestion):
    """They came back from it with `given`, the code of the provider, and the state that they went with."""

    browser: str
    code: str = ""
    given: str = Field(max_length=4_096)
    state: str = Field(max_length=200)


class ConfirmByOpenId(OfPerson):
    """Somebody logged in at the provider once more, for the act that they were asked to confirm."""

    given: str = Field(max_length=4_096)
    state: str = Field(max_length=200)


class AskMe(OfPerson):
    """Who is logged in, and from where else they are."""


class LogOut(OfPerson):
    """End this session; with `others`, the person's other ones instead."""

    others: bool = False


class AskToday(OfPerson):
    """The first page."""


class AskMailbox(OfPerson):
    """A page of a team's files, latest first: those that fit, of a sequence less than `before`.

    `removed`: what the team has dealt with and may put back.
    """

    team: str
    new: bool = False
    provider: str | None = None
    data_type: str | None = None
    period: str | None = None
    removed: bool = False
    before: int | None = None


class AskFile(OfPerson):
    """What is known of one file of a team, without opening it."""

    team: str
    reference: str
    removed: bool = False


class Collect(OfPerson):
    """The team's view of a file itself. The answer is not JSON but its bytes."""

    team: str
    reference: str


class DealWith(OfPerson):
    """Mark files of a team as dealt with; with `undo`, put them back."""

    team: str
    references: tuple[str, ...] = Field(max_length=100)
    undo: bool = False


class RecallFile(WeightyAct):
    """Take a file back out of every mailbox, at once."""

    reference: str
    why: str


class AskHeld(OfPerson):
    """A page of what is held, latest first, of a sequence less than `before`."""

    before: int | None = None


class AskHeldFile(OfPerson):
    """All that is known of a file that is held."""

    reference: str


class VerifyReceipt(OfPerson):
    """Whether a receipt is genuine: the text or JSON that somebody dropped on the page."""

    text: str = Field(max_length=262_144)


class AskOpenings(OfPerson):
    """The newest head of the log, and who opened files: the latest, before an entry of the log if given."""

    before: int | None = None


class AskSchools(OfPerson):
    """The matrix of schools and what is due of them, at the end of a day; `page` counts from 0.

    `late`: only those of which something is late or missing.
    """

    late: bool = False
    on: date | None = None
    page: int = Field(default=0, ge=0)


class AskSchool(OfPerson):
    """All that is known of a provider; its files latest first, of a sequence less than `before`."""

    provider: str
    before: int | None = None


class AskAgreement(OfPerson):
    """The agreement beside the rules that enforce it, and who has ratified it."""
