"""Confirm an act without a passkey: by a new login at the OpenID provider for the act alone."""

from datetime import datetime

from gateway.errors import GatewayError
from gateway.mailboxes.console_api.context import Caller, ConsoleContext, MayNotError
from gateway.mailboxes.console_api.openid import Attempt, NotProvedError, OpenIdProvider
from gateway.registry import staff
from gateway.zones.console_api import WeightyAct
from gateway.zones.console_api.answers import Done
from gateway.zones.console_api.questions import ConfirmByOpenId

LOGGED_IN_AGAIN = "logged-in-again"
"""The value in a form in place of a passkey's signature."""
_ACT, _CONFIRMED = "openid-act", " was confirmed"


class PasskeyAskedError(GatewayError):
    """The act needs the signature of a passkey. The text is the effect; `options` are for the browser.

    A person without a passkey logs in again at `again`.
    """

    def __init__(self, effect: str, options: str, again: str = "") -> None:
        super().__init__(effect)
        self.options = options
        self.again = again


def check_logged_in_again(console: ConsoleContext, caller: Caller, act: WeightyAct, effect: str) -> None:
    """Check that the person has logged in again for this act. PasskeyAskedError asks for that login."""
    purpose = act.signed_over()
    if act.assertion is not None:
        console.challenges.take(caller.session, purpose + _CONFIRMED)
        return
    provider = _provider(console)
    about = f"{console.clock().isoformat()} {purpose}"
    challenge = console.challenges.give(caller.session, _ACT, about)
    raise PasskeyAskedError(effect, "", provider.address(Attempt(challenge, act=True), act.origin))


def confirm(console: ConsoleContext, caller: Caller, question: ConfirmByOpenId) -> Done:
    """Accept a person's return from the provider: the act in question may be done once."""
    console.check_origin(question)
    provider, now = _provider(console), console.clock()
    challenge, about = console.challenges.take_about(caller.session, _ACT)
    begun, _, purpose = about.partition(" ")
    subject = provider.subject(
        Attempt(challenge, act=True),
        question.origin,
        code=question.given,
        state=question.state,
        now=now,
        since=datetime.fromisoformat(begun),
    )
    if staff.openid_fingerprint(provider.settings.issuer, subject) != caller.person.key:
        raise NotProvedError
    console.challenges.give(caller.session, purpose + _CONFIRMED)
    return Done(sentence="Confirmed. Go back to the page that you came from, and press Confirm.")


def _provider(console: ConsoleContext) -> OpenIdProvider:
    if console.openid is None:
        raise MayNotError("This takes a passkey, and you have none: ask for an invitation.")
    return console.openid
