"""Every question of the console."""

from typing import Annotated

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticUseDefault

from gateway.zones.console_api import ConsoleQuestion, OfPerson
from gateway.zones.http_paths import BEYOND_ROWS


def _or_default(given: object, checked: ValidatorFunctionWrapHandler) -> object:
    try:
        return checked(given)
    except ValidationError:
        raise PydanticUseDefault from None


OR_DEFAULT = WrapValidator(_or_default)
"""A part of an address that makes no sense is as if it was not given: nobody is led away from the page."""
Before = Annotated[int | None, Field(ge=0, lt=BEYOND_ROWS), OR_DEFAULT]
"""The number of a row, below which a page of a list begins; whatever is no number is the first page."""
Given = str | int | bool | tuple[str, ...]
"""The value of one field of an act in a form, or of a page."""


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
    """Begin a login at the OpenID provider; `code`, if any, is from a one-time link."""

    browser: str
    code: str = ""


class FinishOpenId(ConsoleQuestion):
    """Finish an OpenID login; `given` is the provider's code, `state` the value sent along."""

    browser: str
    code: str = ""
    given: str = Field(max_length=4_096)
    state: str = Field(max_length=200)


class ConfirmByOpenId(OfPerson):
    """Confirm an act by the new login at the OpenID provider."""

    given: str = Field(max_length=4_096)
    state: str = Field(max_length=200)


class AskPage(OfPerson):
    """Ask for the contents of a page; the inside validates `fields` as the page declares them."""

    page: str
    fields: dict[str, Given]


class LogOut(OfPerson):
    """End this session; with `others`, the person's other sessions instead."""

    others: bool = False


class LeaveFirstSteps(OfPerson):
    """Hide the first steps on the first page from now on."""


class Collect(OfPerson):
    """Ask for the team's view of a file. The answer is its bytes, not JSON."""

    team: str
    reference: str
